"""What a deployment says of its edge in `cdk.json`, checked before anything is made of it."""

import re
from dataclasses import dataclass

from constructs import Construct

_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?")
_SECRET = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}")
_PUBLIC_URL = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*[A-Za-z0-9])?")
PUBLIC_URL_LENGTH_MAX = 100  # A text message of two segments has it, and more.
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]+")


@dataclass(frozen=True, slots=True)
class TlsName:
    """A name, and the certificate of it in ACM."""

    domain_name: str
    certificate_arn: str


@dataclass(frozen=True, slots=True)
class MutualTls:
    """The engine's name, and the secrets that hold what the engine shows and what those show who call it."""

    domain_name: str
    engine_certificate: str
    callers_certificate: str


def allowed_origins(scope: Construct) -> list[str]:
    """Whose pages may read answers in a browser (context `allowed_origins`). ValueError for a wildcard or a path.

    A list, or origins with commas between where a command line says them.
    """
    told: list[str] | str = scope.node.try_get_context("allowed_origins") or []
    origins = told.split(",") if isinstance(told, str) else told
    for origin in origins:
        if _ORIGIN.fullmatch(origin) is None:
            raise ValueError(f"allowed_origins: {origin!r} is no origin such as https://desk.example.com")
    return origins


def public_api_url(scope: Construct) -> str | None:
    """The context `public_api_url`, or the name of the `edge`; None where there is neither.

    Told and not looked up: the API depends on its functions, so that none of them can depend on it.
    """
    told = scope.node.try_get_context("public_api_url")
    if not told:
        edge = tls_name(scope, "edge")
        return None if edge is None else f"https://{edge.domain_name}"
    if len(str(told)) > PUBLIC_URL_LENGTH_MAX or _PUBLIC_URL.fullmatch(str(told)) is None:
        raise ValueError(f"public_api_url: {told!r} is no address such as https://api.example.com, without a / behind")
    return str(told)


def tls_name(scope: Construct, option: str) -> TlsName | None:
    """The context `edge` or `engine_tls`; None where it is not set. ValueError for one that is not whole."""
    told = scope.node.try_get_context(option)
    if not told:
        return None
    if told.keys() != {"domain_name", "certificate_arn"} or _CERTIFICATE.fullmatch(told["certificate_arn"]) is None:
        raise ValueError(f"{option}: it is a domain_name and the certificate_arn of its certificate in ACM")
    return TlsName(**told)


def mutual_tls(scope: Construct) -> MutualTls | None:
    """The context `engine_mutual_tls`; None where it is not set. ValueError for one that is not whole."""
    told = scope.node.try_get_context("engine_mutual_tls")
    if not told:
        return None
    if scope.node.try_get_context("engine_tls"):
        raise ValueError("engine_tls and engine_mutual_tls: it is one or the other")
    if not isinstance(told, dict) or told.keys() != {"domain_name", "engine_certificate", "callers_certificate"}:
        raise ValueError("engine_mutual_tls: it is a domain_name, an engine_certificate and a callers_certificate")
    if _DOMAIN.fullmatch(str(told["domain_name"])) is None:
        raise ValueError(f"engine_mutual_tls: {told['domain_name']!r} is no domain name such as engine.example.com")
    for name in ("engine_certificate", "callers_certificate"):
        if _SECRET.fullmatch(str(told[name])) is None:
            raise ValueError(f"engine_mutual_tls: {name} is the whole ARN of a secret, with its six characters")
    if told["engine_certificate"] == told["callers_certificate"]:
        raise ValueError("engine_mutual_tls: engine and callers have a certificate each, in a secret each")
    return MutualTls(**told)


def engine_speaks_tls(scope: Construct) -> bool:
    """Whether functions call it at https."""
    return mutual_tls(scope) is not None or tls_name(scope, "engine_tls") is not None
