"""What a deployment says of its edge in `cdk.json`, checked before anything is made of it."""

import re
from dataclasses import dataclass

from constructs import Construct

_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?")
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]+")


@dataclass(frozen=True, slots=True)
class TlsName:
    """A name, and the certificate of it in ACM."""

    domain_name: str
    certificate_arn: str


def allowed_origins(scope: Construct) -> list[str]:
    """Whose pages may read answers in a browser (context `allowed_origins`). ValueError for a wildcard or a path."""
    origins: list[str] = scope.node.try_get_context("allowed_origins") or []
    for origin in origins:
        if _ORIGIN.fullmatch(origin) is None:
            raise ValueError(f"allowed_origins: {origin!r} is no origin such as https://desk.example.com")
    return origins


def tls_name(scope: Construct, option: str) -> TlsName | None:
    """The context `edge` or `engine_tls`; None where it is not set. ValueError for one that is not whole."""
    told = scope.node.try_get_context(option)
    if not told:
        return None
    if told.keys() != {"domain_name", "certificate_arn"} or _CERTIFICATE.fullmatch(told["certificate_arn"]) is None:
        raise ValueError(f"{option}: it is a domain_name and the certificate_arn of its certificate in ACM")
    return TlsName(**told)
