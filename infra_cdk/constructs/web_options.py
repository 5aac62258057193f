"""What a deployment says of the web app in `cdk.json`, under `web`, checked before anything is made of it."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from constructs import Construct

from infra_cdk.constructs.edge_options import TlsName, allowed_origins, mutual_tls

_ORIGIN = re.compile(r"https://[a-z0-9.-]+")
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:us-east-1:[0-9]{12}:certificate/[0-9a-f-]+")
_PREFIX_LIST = re.compile(r"pl-[0-9a-f]{8,17}")
_FIREWALL = re.compile(r"arn:aws[a-z-]*:wafv2:us-east-1:[0-9]{12}:global/webacl/[A-Za-z0-9_-]+/[0-9a-f-]+")
_SIGN_IN_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_URL = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?/[A-Za-z0-9._~/-]*")
_WORDS = {"origin", "certificate_arn", "cloudfront_prefix_list", "firewall_arn", "sign_in_prefix", "oidc"}
_OIDC_WORDS = {"authorization_url", "token_url", "client_id", "scopes"}
SIGNED_IN_PATH = "/signed-in"


@dataclass(frozen=True, slots=True)
class WebOptions:
    """How the app is hosted. Without a certificate it has CloudFront's own name, which the first deployment tells."""

    cloudfront_prefix_list: str
    origin: str | None = None
    certificate_arn: str | None = None
    firewall_arn: str | None = None
    sign_in_prefix: str | None = None
    """Of the user pool's own sign-in page: the first part of its name."""
    oidc: dict[str, str] | None = None
    """The firm's issuer, as the app's `/config.json` names one."""

    @property
    def name(self) -> TlsName | None:
        """Of the firm's own, if it has one for the app."""
        if self.origin is None or self.certificate_arn is None:
            return None
        return TlsName(domain_name=urlsplit(self.origin).netloc, certificate_arn=self.certificate_arn)


def web_options(scope: Construct) -> WebOptions | None:
    """The context `web`; None where it is not set. ValueError for one that is not whole."""
    told = scope.node.try_get_context("web")
    if not told:
        return None
    if not isinstance(told, dict) or not told.keys() <= _WORDS:
        raise ValueError(f"web: it is an object with {', '.join(sorted(_WORDS))}")
    for word, pattern in (
        ("origin", _ORIGIN),
        ("certificate_arn", _CERTIFICATE),
        ("cloudfront_prefix_list", _PREFIX_LIST),
        ("firewall_arn", _FIREWALL),
        ("sign_in_prefix", _SIGN_IN_PREFIX),
    ):
        if told.get(word) is not None and pattern.fullmatch(str(told[word])) is None:
            raise ValueError(f"web: {told[word]!r} is no {word}, see docs/deploying.md")
    if told.get("cloudfront_prefix_list") is None:
        raise ValueError("web: cloudfront_prefix_list is missing, by which the engine's balancer knows CloudFront")
    if told.get("certificate_arn") is not None and told.get("origin") is None:
        raise ValueError("web: a certificate_arn is for an origin, as https://desk.example.com")
    if told.get("sign_in_prefix") is not None and told.get("origin") is None:
        raise ValueError("web: sign_in_prefix needs an origin, to which the user pool sends people back")
    if told.get("oidc") is not None:
        _check_oidc(told)
    if mutual_tls(scope) is not None:
        raise ValueError("web and engine_mutual_tls: the engine would ask browsers for a certificate")
    return WebOptions(**{word: value for word, value in told.items() if value is not None})


def _check_oidc(told: dict[str, Any]) -> None:
    oidc = told["oidc"]
    if told.get("sign_in_prefix") is not None:
        raise ValueError("web: people sign in at the user pool (sign_in_prefix) or at an issuer (oidc), not at both")
    if not isinstance(oidc, dict) or not _OIDC_WORDS <= oidc.keys() <= _OIDC_WORDS | {"end_session_url"}:
        raise ValueError(
            f"web: oidc is an object with {', '.join(sorted(_OIDC_WORDS))}, and end_session_url if it has one"
        )
    for word, value in oidc.items():
        if word.endswith("_url") and _URL.fullmatch(str(value)) is None:
            raise ValueError(f"web: oidc: {value!r} is no {word}")


def origins_of_pages(scope: Construct) -> list[str]:
    """Whose pages may read answers: those of the context `allowed_origins`, and the app's."""
    web = web_options(scope)
    own = [] if web is None or web.origin is None else [web.origin]
    return list(dict.fromkeys([*own, *allowed_origins(scope)]))
