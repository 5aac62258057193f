"""The web app on AWS: files from a private bucket, one path of the engine, and what a page may do."""

import json
import re
import subprocess
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template
from constructs import Construct

from infra_cdk.constructs.web_options import origins_of_pages, web_options
from infra_cdk.stacks.web import PAGES_FUNCTION, path_function
from tests.infra.conftest import CERTIFICATE, FIREWALL, OPTIONS, Resources

OIDC = {
    "authorization_url": "https://issuer.example/authorize",
    "token_url": "https://issuer.example/token",
    "client_id": "desk",
    "scopes": "openid",
}
PREFIX_LIST = "pl-0123456789abcdef0"


def configuration_of(web: Template) -> dict[str, Any]:
    (distribution,) = web.find_resources("AWS::CloudFront::Distribution").values()
    configuration: dict[str, Any] = distribution["Properties"]["DistributionConfig"]
    return configuration


def scope(**context: Any) -> Construct:
    return Stack(App(context=context))


def test_nobody_but_this_distribution_reads_the_bucket(web: Template) -> None:
    (bucket,) = web.find_resources("AWS::S3::Bucket").values()
    blocked = bucket["Properties"]["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4
    assert all(blocked.values())
    (control,) = web.find_resources("AWS::CloudFront::OriginAccessControl").values()
    assert control["Properties"]["OriginAccessControlConfig"]["SigningBehavior"] == "always"
    (policy,) = web.find_resources("AWS::S3::BucketPolicy").values()
    (allowed,) = [each for each in policy["Properties"]["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    assert allowed["Action"] == "s3:GetObject"
    assert allowed["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert "AWS:SourceArn" in allowed["Condition"]["StringEquals"]


def test_of_the_engine_channels_and_bars_alone_are_reached_and_only_read(web: Template) -> None:
    configuration = configuration_of(web)
    behaviours = configuration["CacheBehaviors"]
    assert {each["PathPattern"] for each in behaviours} == {"/channels", "/api/v3/klines"}
    (engine,) = [each for each in configuration["Origins"] if "VpcOriginConfig" in each]
    for behaviour in behaviours:
        assert (behaviour["TargetOriginId"], behaviour["AllowedMethods"]) == (engine["Id"], ["GET", "HEAD"])
        # The managed one that sends all a browser says, and with it the upgrade.
        assert behaviour["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    assert engine["DomainName"] == OPTIONS["engine_tls"]["domain_name"]
    (origin,) = web.find_resources("AWS::CloudFront::VpcOrigin").values()
    endpoint = origin["Properties"]["VpcOriginEndpointConfig"]
    assert (endpoint["OriginProtocolPolicy"], endpoint["OriginSSLProtocols"]) == ("https-only", ["TLSv1.2"])


def test_the_balancer_hears_functions_and_cloudfront_and_nobody_else(documents: dict[str, dict[str, Any]]) -> None:
    resources = documents["BreakwaterNetwork"]["Resources"].values()
    groups = [each["Properties"] for each in resources if each["Type"] == "AWS::EC2::SecurityGroup"]
    (balancer,) = [each for each in groups if "balancer of the engine" in each["GroupDescription"]]
    (rule,) = balancer.get("SecurityGroupIngress", []) or [
        each["Properties"]
        for each in resources
        if each["Type"] == "AWS::EC2::SecurityGroupIngress" and "SourcePrefixListId" in each["Properties"]
    ]
    assert (rule["SourcePrefixListId"], rule["FromPort"], rule["ToPort"]) == (PREFIX_LIST, 443, 443)
    assert "0.0.0.0/0" not in json.dumps(balancer)


def test_an_error_stays_an_error(web: Template) -> None:
    assert "CustomErrorResponses" not in configuration_of(web)


def run(code: str, uri: str) -> str:
    """What CloudFront would ask the origin for."""
    script = f"{code}; console.log(handler({{ request: {{ uri: {json.dumps(uri)} }} }}).uri)"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("/", "/index.html"),
        ("/orders", "/index.html"),
        ("/orders/4b0f-1", "/index.html"),
        ("/config.json", "/config.json"),
        ("/manifest.webmanifest", "/manifest.webmanifest"),
        ("/assets/index-abc.js", "/assets/index-abc.js"),
        ("/assets/gone", "/assets/gone"),
    ],
)
def test_an_address_that_is_no_file_is_the_app(asked: str, answered: str) -> None:
    assert run(PAGES_FUNCTION, asked) == answered


@pytest.mark.parametrize("asked", ["/channels", "/internal/../channels", "/channels/../internal/orders"])
def test_the_engine_is_asked_for_its_channels_whatever_the_raw_path_is(asked: str) -> None:
    assert run(path_function("/channels"), asked) == "/channels"


def test_a_page_runs_scripts_of_its_own_and_talks_to_the_platform_alone(web: Template) -> None:
    (headers,) = web.find_resources("AWS::CloudFront::ResponseHeadersPolicy").values()
    security = headers["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    policy = json.dumps(security["ContentSecurityPolicy"]["ContentSecurityPolicy"])
    assert "script-src 'self';" in policy
    (connections,) = re.findall(r"connect-src ([^;]*);", policy)
    assert "https://api.example.com" in connections
    assert "wss://app.example.com" in connections
    assert re.search(r"IdentityPoolSignIn.*\.auth\..*\.amazoncognito\.com", connections)  # A code becomes tokens there.
    assert "*" not in connections
    assert security["ContentSecurityPolicy"]["Override"] is True


def test_the_app_is_let_by_api_and_engine(functions: Resources, engine: Template, control: Template) -> None:
    (api,) = [
        each["Properties"]
        for each in control.find_resources("AWS::ApiGatewayV2::Api").values()
        if each["Properties"]["ProtocolType"] == "HTTP"
    ]
    assert OPTIONS["web"]["origin"] in api["CorsConfiguration"]["AllowOrigins"]
    assert f"{OPTIONS['web']['origin']} https://desk.example.com" in json.dumps(
        list(engine.find_resources("AWS::ECS::TaskDefinition").values())
    )


def test_a_name_of_the_firms_own_asks_for_tls_1_2_and_a_firewall_can_be_named(web: Template) -> None:
    configuration = configuration_of(web)
    assert configuration["Aliases"] == ["app.example.com"]
    assert configuration["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert configuration["WebACLId"] == FIREWALL


def test_the_user_pool_sends_people_back_to_the_app_alone_and_with_a_code(state: Template) -> None:
    (client,) = [each["Properties"] for each in state.find_resources("AWS::Cognito::UserPoolClient").values()]
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["CallbackURLs"] == ["https://app.example.com/signed-in"]
    assert client["LogoutURLs"] == ["https://app.example.com/"]
    assert client["GenerateSecret"] is False
    state.has_resource_properties("AWS::Cognito::UserPoolDomain", {"Domain": "harbour-trading"})


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"cloudfront_prefix_list": PREFIX_LIST, "sign_in_prefix": "harbour"},
        {"cloudfront_prefix_list": PREFIX_LIST, "oidc": {"token_url": "https://issuer.example/token"}},
        {"cloudfront_prefix_list": PREFIX_LIST, "oidc": OIDC | {"token_url": "http://issuer.example/token"}},
        {
            "cloudfront_prefix_list": PREFIX_LIST,
            "origin": "https://app.example.com",
            "sign_in_prefix": "harbour",
            "oidc": OIDC,
        },
        {"origin": "https://app.example.com"},
        {"cloudfront_prefix_list": "sg-1"},
        {"cloudfront_prefix_list": PREFIX_LIST, "origin": "https://app.example.com/"},
        {"cloudfront_prefix_list": PREFIX_LIST, "certificate_arn": CERTIFICATE},
        {"cloudfront_prefix_list": PREFIX_LIST, "origin": "https://a.example", "certificate_arn": "of eu-west-1"},
        {"cloudfront_prefix_list": PREFIX_LIST, "domain": "app.example.com"},
    ],
)
def test_options_that_are_not_whole_are_refused(told: dict[str, str]) -> None:
    if told:
        with pytest.raises(ValueError, match="web:"):
            web_options(scope(web=told))
    else:
        assert web_options(scope(web=told)) is None


def test_without_the_app_only_the_origins_that_are_told_may_read() -> None:
    told = {"web": None, "allowed_origins": ["https://desk.example.com"]}
    assert origins_of_pages(scope(**told)) == ["https://desk.example.com"]
    web = {"cloudfront_prefix_list": PREFIX_LIST, "origin": "https://desk.example.com"}
    assert origins_of_pages(scope(**told | {"web": web})) == ["https://desk.example.com"]


def test_mutual_tls_of_the_engine_and_a_browser_do_not_go_together() -> None:
    secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret"
    mutual = {
        "domain_name": "engine.example.com",
        "engine_certificate": f"{secret}:engine-Ab12Cd",
        "callers_certificate": f"{secret}:callers-Ab12Cd",
    }
    with pytest.raises(ValueError, match="would ask browsers for a certificate"):
        web_options(scope(web={"cloudfront_prefix_list": PREFIX_LIST}, engine_mutual_tls=mutual))
