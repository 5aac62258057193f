"""The HTTP API: which path reaches which function, and which of them are open."""

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct

from infra_cdk.constructs.access_log import access_log
from infra_cdk.constructs.edge_options import tls_name
from infra_cdk.constructs.function import PlatformFunction
from infra_cdk.constructs.web_options import origins_of_pages
from infra_cdk.findings import accept

REQUESTS_PER_SECOND = 200
REQUESTS_BURST = 400
AUTHORIZED_FOR = Duration.seconds(4)  # What was withdrawn is believed for no longer (decision 99).

RATE_LIMIT_HEADERS = tuple(f"ratelimit-{part}" for part in ("limit", "policy", "remaining", "reset"))

OPEN_ROUTES = frozenset(
    {
        *("POST /auth/sign-in", "POST /auth/refresh", "POST /auth/sign-out", "POST /oauth/token", "GET /health"),
        *("GET /acknowledgements/{token}", "POST /acknowledgements/{token}", "POST /telegram/webhook"),
    }
)

ROUTES = {
    "users": (
        "POST /auth/sign-in",
        "POST /auth/refresh",
        "POST /auth/sign-out",
        "GET /me",
        "GET /users/me/sessions",
        "POST /users/me/totp",
        "POST /users/me/totp/verify",
        "DELETE /users/{user_id}/totp",
        "DELETE /users/me/sessions/{session_id}",
        "GET /users",
        "POST /users",
        "GET /users/{user_id}",
        "PATCH /users/{user_id}",
        "POST /users/{user_id}/invitation",
        "GET /users/{user_id}/sessions",
        "DELETE /users/{user_id}/sessions/{session_id}",
        "PUT /users/{user_id}/accounts/{account_id}",
        "DELETE /users/{user_id}/accounts/{account_id}",
        "PUT /users/{user_id}/nodes/{node_id}",
        "DELETE /users/{user_id}/nodes/{node_id}",
        "GET /groups",
        "POST /groups",
        "GET /groups/{group_id}",
        "DELETE /groups/{group_id}",
        "PUT /groups/{group_id}/members/{user_id}",
        "DELETE /groups/{group_id}/members/{user_id}",
        "PUT /groups/{group_id}/accounts/{account_id}",
        "DELETE /groups/{group_id}/accounts/{account_id}",
        "GET /accounts",
        "POST /accounts",
        "GET /api-keys",
        "POST /api-keys",
        "DELETE /api-keys/{key_id}",
        "POST /api-keys/{key_id}/rotate",
        "POST /oauth/token",
        "GET /oauth-clients",
        "POST /oauth-clients",
        "DELETE /oauth-clients/{client_id}",
        "POST /oauth-clients/{client_id}/rotate",
        "GET /exchange-credentials",
        "POST /exchange-credentials",
        "POST /exchange-credentials/{credential_id}/rotate",
        "DELETE /exchange-credentials/{credential_id}",
        "PUT /exchange-credentials/{credential_id}/accounts/{account_id}",
        "DELETE /exchange-credentials/{credential_id}/accounts/{account_id}",
    ),
    "limits": (
        "POST /limits",
        "DELETE /limits/{limit_id}",
        "GET /limits/{limit_id}/history",
        "GET /limits/types",
        "GET /limits/tree",
        "GET /limits/usage",
        "GET /limits/reservations",
        "GET /limits/leases",
        "POST /limits/leases",
        "DELETE /limits/leases/{lease_id}",
        "GET /limits/breaches",
        "POST /limits/validate",
        "POST /limits/what-if",
        "GET /limits/overrides",
        "POST /limits/overrides",
        "POST /limits/overrides/{override_id}/approve",
        "POST /limits/overrides/{override_id}/end",
        "GET /limits/risk-terms",
        "PUT /limits/risk-terms",
        "GET /limits/nodes",
        "POST /limits/nodes",
        "PATCH /limits/nodes/{node_id}",
        "DELETE /limits/nodes/{node_id}",
        "POST /limits/external-fills",
        "POST /limits/kill",
        "POST /limits/brake",
        "POST /limits/rearm",
        "POST /limits/heartbeat",
    ),
    "orders": (
        "POST /orders",
        "POST /orders/preview",
        "GET /orders",
        "GET /orders/{order_id}",
        "GET /orders/{order_id}/execution",
        "PATCH /orders/{order_id}",
        "GET /orders/{order_id}/replaces",
        "GET /orders/{order_id}/saga",
        "DELETE /orders/{order_id}",
        "DELETE /orders",
    ),
    "queries": (
        "GET /trades",
        "GET /positions",
        "GET /portfolio",
        "GET /portfolio/history",
        "GET /events",
        "GET /instruments",
        "GET /health",
        "GET /health/history",
        "GET /engine",
        "GET /sagas",
    ),
    "alerting": (
        "GET /alerts",
        "GET /alerts/metrics",
        "GET /alerts/rules",
        "POST /alerts/rules",
        "PATCH /alerts/rules/{rule_id}",
        "DELETE /alerts/rules/{rule_id}",
        "GET /alerts/summary",
        "GET /alerts/{alert_id}",
        "GET /alerts/routes",
        "PUT /alerts/routes",
        "GET /alerts/channels",
        "POST /alerts/channels",
        "DELETE /alerts/channels/{channel_id}",
        "GET /alerts/suppressions",
        "POST /alerts/suppressions",
        "DELETE /alerts/suppressions/{suppression_id}",
        "GET /contacts/me",
        "PUT /contacts/me",
        "POST /contacts/me/phone",
        "POST /contacts/me/phone/verify",
        "DELETE /contacts/me/phone",
        "GET /contacts/me/telegram",
        "POST /contacts/me/telegram",
        "DELETE /contacts/me/telegram",
        "GET /contacts/me/push",
        "POST /contacts/me/push",
        "DELETE /contacts/me/push/{device_id}",
        "POST /alerts/acknowledge",
        "POST /alerts/{alert_id}/acknowledge",
        "GET /acknowledgements/{token}",
        "POST /acknowledgements/{token}",
        "GET /alerts/escalation",
        "PUT /alerts/escalation",
        "GET /alerts/rota",
        "PUT /alerts/rota",
        "POST /alerts/rota/overrides",
        "DELETE /alerts/rota/overrides/{override_id}",
        "GET /digests",
        "GET /digests/preferences",
        "PUT /digests/preferences",
        "POST /digests/preview",
        "GET /digests/{digest_id}",
    ),
    "webhooks": (
        "GET /webhooks",
        "POST /webhooks",
        "GET /webhooks/{endpoint_id}",
        "PATCH /webhooks/{endpoint_id}",
        "DELETE /webhooks/{endpoint_id}",
        "POST /webhooks/{endpoint_id}/rotate",
        "POST /webhooks/{endpoint_id}/pause",
        "POST /webhooks/{endpoint_id}/resume",
        "POST /webhooks/{endpoint_id}/ping",
        "POST /webhooks/{endpoint_id}/redeliver",
        "GET /webhooks/{endpoint_id}/deliveries",
        "GET /webhooks/{endpoint_id}/deliveries/{delivery_id}",
        "POST /webhooks/{endpoint_id}/deliveries/{delivery_id}/redeliver",
    ),
    "audit": (
        "GET /audit/records",
        "POST /audit/exports",
        "GET /audit/lines",
        "GET /audit/anchors",
        "GET /audit/activity",
        "GET /audit/gaps",
        "POST /audit/gaps",
        "POST /audit/gaps/{gap_id}/approval",
    ),
    "operations": (
        "GET /consumers",
        "GET /dead-letters",
        "GET /dead-letters/{queue}/{letter_id}",
        "POST /dead-letters/{queue}/redrive",
        "POST /replays",
        "GET /read-models",
        "POST /read-models/{account_id}/rebuild",
    ),
    "telegram": ("POST /telegram/webhook",),
}


class PublicHttpApi(Construct):
    """Every route stands in `ROUTES` and asks the authorizer unless it stands in `OPEN_ROUTES`.

    Pages of the web app and of the context `allowed_origins` may read the answers, without cookies; by default none.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        authorizer: PlatformFunction,
        functions: dict[str, PlatformFunction],
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.HttpApi(self, "Api", create_default_stage=False, cors_preflight=self._cors())
        self._authorizer = authorizers.HttpLambdaAuthorizer(
            "Authorizer",
            authorizer.function,
            response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
            identity_source=self._identity_source(),
            results_cache_ttl=AUTHORIZED_FOR,
        )
        for name, routes in ROUTES.items():
            self._add(name, functions[name], routes)
        self._add_stage()

    def _identity_source(self) -> list[str]:
        """What the gateway keeps answers by; who sends none of it gets 401 in its own words.

        With a front door its secret too, which only that adds: else whoever sends a key past it would have the key
        refused to all who send it rightly.
        """
        sources = ["$request.header.Authorization"]
        return sources if tls_name(self, "edge") is None else [*sources, "$request.header.x-breakwater-edge"]

    def _cors(self) -> apigateway.CorsPreflightOptions | None:
        origins = origins_of_pages(self)
        if not origins:
            return None
        return apigateway.CorsPreflightOptions(
            allow_origins=origins,
            allow_methods=[apigateway.CorsHttpMethod[name] for name in ("GET", "POST", "PUT", "PATCH", "DELETE")],
            allow_headers=["authorization", "content-type", "x-correlation-id"],
            expose_headers=["retry-after", "x-correlation-id", *RATE_LIMIT_HEADERS],
            allow_credentials=False,  # A token is a header that a page sets itself.
            max_age=Duration.minutes(10),
        )

    def _add(self, name: str, function: PlatformFunction, routes: tuple[str, ...]) -> None:
        integration = integrations.HttpLambdaIntegration(
            name,
            function.function,
            scope_permission_to_route=False,  # One permission for the API, or a policy of 20 KB is soon full.
        )
        for route in routes:
            method, path = route.split(" ")
            is_open = route in OPEN_ROUTES
            added = self.api.add_routes(
                path=path,
                methods=[apigateway.HttpMethod[method]],
                integration=integration,
                authorizer=apigateway.HttpNoneAuthorizer() if is_open else self._authorizer,
            )
            if is_open:
                accept(
                    added[0],
                    "APIG4",
                    "Signing in comes before a token, a link is one, Telegram shows its own, health tells no secrets.",
                )

    def _add_stage(self) -> None:
        self.stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=REQUESTS_PER_SECOND, burst_limit=REQUESTS_BURST),
            access_log_settings=access_log(self),
        )
