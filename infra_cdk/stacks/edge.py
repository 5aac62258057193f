from typing import Any

from aws_cdk import CfnOutput, CfnParameter, Duration, Environment, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from constructs import Construct

from infra_cdk.constructs.edge_options import TlsName
from infra_cdk.constructs.firewall import (
    REQUESTS_PER_ADDRESS,
    SIGN_INS_PER_ADDRESS,
    Firewall,
    body_rule,
    managed_rules,
    path_is,
    rate_rule,
)
from infra_cdk.findings import accept

REGION = "us-east-1"  # The one region where CloudFront takes firewalls and certificates from.
# The address that CloudFront saw, in a header of its own: whatever a client writes there is replaced.
VIEWER_FUNCTION = """
function handler(event) {
    var request = event.request;
    request.headers['x-breakwater-viewer'] = { value: event.viewer.ip };
    return request;
}
"""


class EdgeStack(Stack):
    """CloudFront with AWS WAF, in front of the HTTP API, which cannot carry a firewall itself (decision 101).

    It stands in a region of its own, so it is told the API's domain and the secret by parameters (`make deploy-edge`).
    """

    def __init__(self, scope: Construct, construct_id: str, *, name: TlsName, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, env=Environment(region=REGION), **kwargs)
        api_domain = CfnParameter(self, "ApiDomainName", description="Output ApiUrl without its scheme")
        secret = CfnParameter(self, "EdgeSecret", no_echo=True, min_length=40, description="What EdgeSecretArn holds")
        firewall = Firewall(
            self,
            "Firewall",
            scope_of="CLOUDFRONT",
            rules=[
                managed_rules()[0],
                rate_rule("RequestsOfOneAddress", REQUESTS_PER_ADDRESS),
                rate_rule("SignInsOfOneAddress", SIGN_INS_PER_ADDRESS, path_is("/auth/sign-in")),
                body_rule(),
                *managed_rules()[1:],
            ],
        )
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            domain_names=[name.domain_name],
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", name.certificate_arn),
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            web_acl_id=firewall.acl.attr_arn,
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.HttpOrigin(
                    api_domain.value_as_string,
                    protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
                    origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
                    custom_headers={"x-breakwater-edge": secret.value_as_string},
                ),
                allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
                response_headers_policy=self._headers(),
                function_associations=[self._viewer()],
            ),
        )
        accept(distribution, "CFR1", "Traders travel; who may trade is decided by who they are.")
        accept(distribution, "CFR3", "The API logs every request it gets, and the firewall each one it blocks.")
        CfnOutput(self, "DistributionDomainName", value=distribution.distribution_domain_name)

    def _viewer(self) -> cloudfront.FunctionAssociation:
        function = cloudfront.Function(
            self,
            "Viewer",
            code=cloudfront.FunctionCode.from_inline(VIEWER_FUNCTION),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
        )
        return cloudfront.FunctionAssociation(function=function, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST)

    def _headers(self) -> cloudfront.ResponseHeadersPolicy:
        """Of the answers that are not our functions': the gateway's own refusals, and the firewall's."""
        return cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy="default-src 'none'; frame-ancestors 'none'", override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.DENY, override=True
                ),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=Duration.days(730), include_subdomains=True, override=True
                ),
            ),
            custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
                custom_headers=[
                    cloudfront.ResponseCustomHeader(header="Cache-Control", value="no-store", override=True)
                ]
            ),
        )
