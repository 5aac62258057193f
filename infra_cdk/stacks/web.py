import re
from typing import Any

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra_cdk.constructs.edge_options import public_api_url, tls_name
from infra_cdk.constructs.engine_balancer import EngineBalancer
from infra_cdk.constructs.storage import TLS_VERSION_MIN
from infra_cdk.constructs.web_options import WebOptions
from infra_cdk.findings import accept
from infra_cdk.stacks.control import ControlStack
from infra_cdk.stacks.state import StateStack
from local_cloud.content_security_policy import SECURITY_HEADERS, content_security_policy

# All that a browser reaches of the engine, and only to read. Nothing else of it is on the internet.
ENGINE_PATHS = {"Channels": "/channels", "Bars": "/api/v3/klines"}
ENGINE_ANSWERS_WITHIN = Duration.seconds(60)  # Of channels: the engine sends a heartbeat long before.
# Every address that is not a file is the app, which knows its pages. An error stays an error: custom error responses
# would make pages of the engine's refusals, too.
PAGES_FUNCTION = """
function handler(event) {
    var request = event.request;
    if (!/\\.[a-z0-9]+$/.test(request.uri) && !request.uri.startsWith('/assets/')) request.uri = '/index.html';
    return request;
}
"""


def path_function(path: str) -> str:
    """Asks for this path whatever was asked for.

    CloudFront finds the behaviour by the tidied path and sends the origin the raw one: `/internal/../channels`, say.
    """
    return f"""
function handler(event) {{
    event.request.uri = '{path}';
    return event.request;
}}
"""


class WebStack(Stack):
    """The app's files in a private bucket, and CloudFront before it and before the engine's channels (decision 122).

    The files and `/config.json` are put there by `make deploy-web`: a deployment of files is a custom resource in CDK.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        options: WebOptions,
        state: StateStack,
        control: ControlStack,
        balancer: EngineBalancer,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._options = options
        bucket = self._bucket(state)
        headers = self._headers(state, control)
        name = options.name
        tls: dict[str, Any] = {}
        if name is not None:
            tls = {
                "domain_names": [name.domain_name],
                "certificate": acm.Certificate.from_certificate_arn(self, "Certificate", name.certificate_arn),
                "minimum_protocol_version": cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            }
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            web_acl_id=options.firewall_arn,
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(bucket),
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,  # As long as each file's own header says.
                compress=True,
                response_headers_policy=headers,
                function_associations=[self._function("Pages", PAGES_FUNCTION)],
            ),
            additional_behaviors=self._engine_behaviours(balancer),
            **tls,
        )
        self._accept(distribution)
        CfnOutput(self, "WebUrl", value=options.origin or f"https://{distribution.distribution_domain_name}")
        CfnOutput(self, "WebDistributionDomainName", value=distribution.distribution_domain_name)
        CfnOutput(self, "WebBucketName", value=bucket.bucket_name)

    def _bucket(self, state: StateStack) -> s3.Bucket:
        return s3.Bucket(
            self,
            "Files",
            encryption=s3.BucketEncryption.S3_MANAGED,  # What is in it, everybody may read.
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=TLS_VERSION_MIN,
            versioned=True,
            server_access_logs_bucket=state.storage.access_logs,
            server_access_logs_prefix="web/",
            lifecycle_rules=[s3.LifecycleRule(noncurrent_version_expiration=Duration.days(30))],
        )

    def _engine_behaviours(self, balancer: EngineBalancer) -> dict[str, cloudfront.BehaviorOptions]:
        origin = self._engine(balancer)
        return {
            path: cloudfront.BehaviorOptions(
                origin=origin,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
                cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                # Also what an upgrade to a WebSocket is asked by.
                origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
                function_associations=[self._function(name, path_function(path))],
            )
            for name, path in ENGINE_PATHS.items()
        }

    def _engine(self, balancer: EngineBalancer) -> origins.VpcOrigin:
        """By a way into the network that CloudFront keeps: the balancer stays internal."""
        name = tls_name(self, "engine_tls")
        secured: dict[str, Any] = {"protocol_policy": cloudfront.OriginProtocolPolicy.HTTP_ONLY}
        if name is not None:
            secured = {
                "protocol_policy": cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
                "origin_ssl_protocols": [cloudfront.OriginSslPolicy.TLS_V1_2],
                "domain_name": name.domain_name,
            }
        return origins.VpcOrigin.with_application_load_balancer(
            balancer.balancer, read_timeout=ENGINE_ANSWERS_WITHIN, **secured
        )

    def _headers(self, state: StateStack, control: ControlStack) -> cloudfront.ResponseHeadersPolicy:
        api = public_api_url(self)
        api_origin = _origin_of(api) if api is not None else control.http_api.api.api_endpoint
        channels = [] if self._options.origin is None else [self._options.origin.replace("https://", "wss://")]
        issuer = self._options.oidc["token_url"] if self._options.oidc is not None else state.identity.sign_in_url
        issuers = [] if issuer is None else [_origin_of(issuer)]
        policy = content_security_policy([api_origin, control.websocket_api.api.api_endpoint, *channels, *issuers])
        typed = {"X-Content-Type-Options", "Referrer-Policy"}
        return cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=policy, override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.DENY, override=True
                ),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=Duration.days(730), include_subdomains=False, override=True
                ),
            ),
            custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
                custom_headers=[
                    cloudfront.ResponseCustomHeader(header=header, value=value, override=True)
                    for header, value in SECURITY_HEADERS.items()
                    if header not in typed
                ]
            ),
        )

    def _function(self, construct_id: str, code: str) -> cloudfront.FunctionAssociation:
        function = cloudfront.Function(
            self,
            construct_id,
            code=cloudfront.FunctionCode.from_inline(code),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
        )
        return cloudfront.FunctionAssociation(function=function, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST)

    def _accept(self, distribution: cloudfront.Distribution) -> None:
        accept(distribution, "CFR1", "Traders travel; who may trade is decided by who they are.")
        accept(distribution, "CFR3", "A browser sends its token in the address of the channels: no log shall keep it.")
        if self._options.firewall_arn is None:
            accept(distribution, "CFR2", "The files are public, the engine bounds callers itself; a firm may name one.")
        if self._options.name is None:
            accept(distribution, "CFR4", "CloudFront's own name cannot ask for TLS 1.2; a firm's own name does.")


def _origin_of(url: str) -> str:
    return re.sub(r"^(https://[^/]+).*", r"\1", url)
