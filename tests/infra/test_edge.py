"""The firewall, TLS and what is before the API; each control has a line here that fails without it."""

import json
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Match, Template
from constructs import Construct

from breakwater.domain.security_headers import SECURITY_HEADERS
from breakwater.runtime.edge import BODY_BYTES_MAX as FUNCTIONS_BODY_BYTES_MAX
from breakwater.runtime.front_door import SECRET_HEADER, VIEWER_HEADER
from infra_cdk.constructs.edge_options import allowed_origins, public_api_url, tls_name
from infra_cdk.constructs.firewall import BODY_BYTES_MAX
from infra_cdk.constructs.http_api import ROUTES
from infra_cdk.repository import ROOT
from infra_cdk.stacks.network import NetworkStack
from local_cloud.edge_parameters import edge_parameters
from tests.infra.conftest import CERTIFICATE, OPTIONS, Resources

MANAGED = {
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
}


def acl_of(template: Template) -> dict[str, Any]:
    (acl,) = template.find_resources("AWS::WAFv2::WebACL").values()
    properties: dict[str, Any] = acl["Properties"]
    return properties


def rules_of(template: Template) -> dict[str, dict[str, Any]]:
    return {rule["Name"]: rule for rule in acl_of(template)["Rules"]}


def distribution_of(edge: Template) -> dict[str, Any]:
    (distribution,) = edge.find_resources("AWS::CloudFront::Distribution").values()
    configuration: dict[str, Any] = distribution["Properties"]["DistributionConfig"]
    return configuration


@pytest.mark.parametrize("stack", ["BreakwaterEdge", "BreakwaterState"])
def test_every_firewall_has_amazons_rules_and_they_block(documents: dict[str, dict[str, Any]], stack: str) -> None:
    rules = rules_of(Template.from_json(documents[stack]))
    groups = {
        rule["Statement"]["ManagedRuleGroupStatement"]["Name"]: rule
        for rule in rules.values()
        if "ManagedRuleGroupStatement" in rule["Statement"]
    }
    assert groups.keys() == MANAGED
    counted = {
        name: rule["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"] for name, rule in groups.items()
    }
    assert all(rule["OverrideAction"] == {"None": {}} for rule in groups.values())
    # The bound on bodies alone is replaced by one of ours.
    assert counted.pop("AWSManagedRulesCommonRuleSet") == [
        {"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}
    ]
    assert all(overrides == [] for overrides in counted.values())


def test_one_address_has_a_rate_and_a_smaller_one_for_signing_in(edge: Template) -> None:
    rules = rules_of(edge)
    everything = rules["RequestsOfOneAddress"]["Statement"]["RateBasedStatement"]
    assert (everything["AggregateKeyType"], everything["Limit"], "ScopeDownStatement" in everything) == (
        "IP",
        30_000,
        False,
    )
    sign_ins = rules["SignInsOfOneAddress"]["Statement"]["RateBasedStatement"]
    matched = sign_ins["ScopeDownStatement"]["ByteMatchStatement"]
    assert (sign_ins["Limit"], matched["SearchString"]) == (100, "/auth/sign-in")
    assert "POST /auth/sign-in" in ROUTES["users"]
    for name in ("RequestsOfOneAddress", "SignInsOfOneAddress"):
        assert rules[name]["Action"]["Block"]["CustomResponse"]["ResponseCode"] == 429


def test_a_body_that_no_function_takes_ends_at_the_firewall(edge: Template) -> None:
    statement = rules_of(edge)["BodyTooLarge"]["Statement"]["SizeConstraintStatement"]
    assert BODY_BYTES_MAX == FUNCTIONS_BODY_BYTES_MAX
    assert (statement["Size"], statement["ComparisonOperator"]) == (FUNCTIONS_BODY_BYTES_MAX, "GT")
    assert statement["FieldToMatch"]["Body"]["OversizeHandling"] == "MATCH"
    assert acl_of(edge)["AssociationConfig"]["RequestBody"]["CLOUDFRONT"]["DefaultSizeInspectionLimit"] == "KB_64"


@pytest.mark.parametrize("stack", ["BreakwaterEdge", "BreakwaterState"])
def test_what_is_blocked_is_logged_without_tokens(documents: dict[str, dict[str, Any]], stack: str) -> None:
    template = Template.from_json(documents[stack])
    (logging,) = template.find_resources("AWS::WAFv2::LoggingConfiguration").values()
    redacted = {each["SingleHeader"]["Name"] for each in logging["Properties"]["RedactedFields"]}
    assert {"authorization", "cookie", "x-mbx-apikey", SECRET_HEADER} <= redacted
    names = [
        group["Properties"].get("LogGroupName", "") for group in template.find_resources("AWS::Logs::LogGroup").values()
    ]
    assert [name for name in names if name.startswith("aws-waf-logs-")]


def test_the_user_pool_is_behind_a_firewall_that_does_not_count_our_own_calls(state: Template) -> None:
    (association,) = state.find_resources("AWS::WAFv2::WebACLAssociation").values()
    assert "IdentityPool" in json.dumps(association["Properties"]["ResourceArn"])
    rate = rules_of(state)["CallsOfOneAddress"]["Statement"]["RateBasedStatement"]
    assert rate["Limit"] == 300
    assert "IPSetReferenceStatement" in rate["ScopeDownStatement"]["NotStatement"]["Statement"]
    (own,) = state.find_resources("AWS::WAFv2::IPSet").values()
    assert len(own["Properties"]["Addresses"]) == 2
    assert json.dumps(own).count("PublicIp") == 2


def test_the_api_is_reached_through_the_firewall_over_tls_1_2(edge: Template) -> None:
    distribution = distribution_of(edge)
    assert "FirewallAcl" in json.dumps(distribution["WebACLId"])
    assert distribution["Aliases"] == [OPTIONS["edge"]["domain_name"]]
    assert distribution["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert distribution["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"
    (origin,) = distribution["Origins"]
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert origin["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]


def test_nothing_is_cached_and_the_token_is_passed_on(edge: Template) -> None:
    behavior = distribution_of(edge)["DefaultCacheBehavior"]
    assert behavior["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CachingDisabled.
    assert behavior["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"  # AllViewerExceptHostHeader.


def test_cloudfront_shows_the_secret_and_the_address_under_the_names_that_functions_read(edge: Template) -> None:
    (origin,) = distribution_of(edge)["Origins"]
    assert origin["OriginCustomHeaders"] == [{"HeaderName": SECRET_HEADER, "HeaderValue": {"Ref": "EdgeSecret"}}]
    assert edge.to_json()["Parameters"]["EdgeSecret"]["NoEcho"] is True
    (function,) = edge.find_resources("AWS::CloudFront::Function").values()
    assert f"headers['{VIEWER_HEADER}'] = {{ value: event.viewer.ip }}" in function["Properties"]["FunctionCode"]
    (association,) = distribution_of(edge)["DefaultCacheBehavior"]["FunctionAssociations"]
    assert association["EventType"] == "viewer-request"


def test_answers_that_are_not_our_functions_have_the_same_headers(edge: Template) -> None:
    (policy,) = edge.find_resources("AWS::CloudFront::ResponseHeadersPolicy").values()
    told = policy["Properties"]["ResponseHeadersPolicyConfig"]
    security = told["SecurityHeadersConfig"]
    hsts = security["StrictTransportSecurity"]
    assert {
        "Cache-Control": told["CustomHeadersConfig"]["Items"][0]["Value"],
        "Content-Security-Policy": security["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        "Strict-Transport-Security": f"max-age={hsts['AccessControlMaxAgeSec']}; includeSubDomains",
        "X-Content-Type-Options": "nosniff" if security["ContentTypeOptions"]["Override"] else "",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
    } == SECURITY_HEADERS
    assert hsts["IncludeSubdomains"] is True


def test_every_function_of_the_api_insists_on_the_front_door(control: Template, functions: Resources) -> None:
    for name, function in functions.items():
        told = function["Properties"]["Environment"]["Variables"].get("EDGE_SECRET_ARN")
        assert (told is not None) == (name in {"authorizer", *ROUTES}), name


def test_the_edge_is_told_where_the_api_is_and_its_secret() -> None:
    class Secrets:
        def get_secret_value(self, **asked: str) -> dict[str, str]:
            assert asked == {"SecretId": "arn:secret"}
            return {"SecretString": '{"value": "s3cret"}'}

    outputs = {
        "BreakwaterState": {"EdgeSecretArn": "arn:secret"},
        "BreakwaterControl": {"ApiUrl": "https://abc.execute-api.eu-west-1.amazonaws.com/"},
    }
    assert edge_parameters(outputs, Secrets()) == [
        "--parameters",
        "ApiDomainName=abc.execute-api.eu-west-1.amazonaws.com",
        "--parameters",
        "EdgeSecret=s3cret",
    ]


def test_functions_reach_the_engine_over_tls_1_2_by_a_name_of_the_network(engine: Template) -> None:
    (listener,) = engine.find_resources("AWS::ElasticLoadBalancingV2::Listener").values()
    assert (listener["Properties"]["Port"], listener["Properties"]["Protocol"]) == (443, "HTTPS")
    assert listener["Properties"]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    assert listener["Properties"]["Certificates"] == [{"CertificateArn": CERTIFICATE}]
    engine.has_resource_properties(
        "AWS::SSM::Parameter", {"Name": "/breakwater/engine/url", "Value": "https://engine.example.com"}
    )
    engine.has_resource_properties(
        "AWS::Route53::HostedZone", {"Name": "engine.example.com.", "VPCs": Match.any_value()}
    )


def test_the_engine_is_told_whose_pages_may_read_its_answers(engine: Template) -> None:
    tasks = [t for n, t in engine.find_resources("AWS::ECS::TaskDefinition").items() if n.startswith("EngineTask")]
    (container,) = [c for c in tasks[0]["Properties"]["ContainerDefinitions"] if c["Name"] == "Engine"]
    environment = {each["Name"]: each["Value"] for each in container["Environment"]}
    assert environment["ALLOWED_ORIGINS"] == "https://app.example.com https://desk.example.com"


def test_the_database_takes_no_connection_in_clear(state: Template) -> None:
    (parameters,) = state.find_resources("AWS::RDS::DBClusterParameterGroup").items()
    assert parameters[1]["Properties"]["Parameters"] == {"rds.force_ssl": "1", "ssl_min_protocol_version": "TLSv1.2"}
    state.has_resource_properties("AWS::RDS::DBCluster", {"DBClusterParameterGroupName": {"Ref": parameters[0]}})


def test_buckets_queues_and_topics_refuse_what_is_not_tls(documents: dict[str, dict[str, Any]]) -> None:
    policies = {
        "AWS::S3::Bucket": "AWS::S3::BucketPolicy",
        "AWS::SQS::Queue": "AWS::SQS::QueuePolicy",
        "AWS::SNS::Topic": "AWS::SNS::TopicPolicy",
    }
    for document in documents.values():
        template = Template.from_json(document)
        for kind, policy in policies.items():
            found = [json.dumps(each) for each in template.find_resources(policy).values()]
            secure = [each for each in found if '"aws:SecureTransport": "false"' in each]
            assert len(secure) == len(template.find_resources(kind)), kind
            if kind == "AWS::S3::Bucket":
                assert all('"s3:TlsVersion": 1.2' in each for each in found)


def test_everything_that_keeps_data_is_encrypted(documents: dict[str, dict[str, Any]]) -> None:
    encrypted = {
        "AWS::DynamoDB::Table": lambda p: p["SSESpecification"]["SSEEnabled"] is True,
        "AWS::RDS::DBCluster": lambda p: p["StorageEncrypted"] is True and "KmsKeyId" in p,
        "AWS::S3::Bucket": lambda p: "BucketEncryption" in p,
        "AWS::SecretsManager::Secret": lambda p: "KmsKeyId" in p,
        "AWS::SNS::Topic": lambda p: "KmsMasterKeyId" in p,
        "AWS::SQS::Queue": lambda p: p["SqsManagedSseEnabled"] is True,
    }
    seen = set()
    for document in documents.values():
        for name, resource in document["Resources"].items():
            if resource["Type"] in encrypted:
                seen.add(resource["Type"])
                assert encrypted[resource["Type"]](resource["Properties"]), name
    assert seen == encrypted.keys()


def test_every_key_that_encrypts_rotates(documents: dict[str, dict[str, Any]]) -> None:
    keys = [
        r["Properties"] for d in documents.values() for r in d["Resources"].values() if r["Type"] == "AWS::KMS::Key"
    ]
    assert keys
    assert all(key["EnableKeyRotation"] is True for key in keys if key.get("KeyUsage") != "SIGN_VERIFY")


def scope(**context: Any) -> Construct:
    return Stack(App(context=context), "Stack")


@pytest.mark.parametrize(
    "origin", ["*", "https://*.example.com", "http://desk.example.com", "https://desk.example.com/", "null"]
)
def test_an_origin_that_is_none_fails_the_synthesis(origin: str) -> None:
    with pytest.raises(ValueError, match="allowed_origins"):
        allowed_origins(scope(allowed_origins=[origin]))


def test_what_we_ship_opens_nothing_to_a_browser_and_names_no_firm() -> None:
    shipped = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert shipped.keys() >= OPTIONS.keys()
    assert [name for name in OPTIONS if shipped[name]] == ["second_factor_roles"]  # Of our roles; it asks for more.


def test_by_default_there_is_no_page_no_edge_and_no_name() -> None:
    assert allowed_origins(scope()) == []
    assert tls_name(scope(edge=None), "edge") is None
    assert allowed_origins(scope(allowed_origins=["http://127.0.0.1:4503"])) == ["http://127.0.0.1:4503"]


@pytest.mark.parametrize(
    "told", [{"domain_name": "a.example.com"}, {"domain_name": "a", "certificate_arn": "arn"}, {"x": 1}]
)
def test_an_edge_without_a_certificate_fails_the_synthesis(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="edge: it is a domain_name"):
        tls_name(scope(edge=told), "edge")


def test_without_the_option_no_interface_endpoint_is_paid_for() -> None:
    template = Template.from_stack(NetworkStack(App(), "Network"))
    template.resource_count_is("AWS::EC2::VPCEndpoint", 2)
    template.resource_count_is("AWS::EC2::SecurityGroupIngress", 5)


def test_people_reach_the_api_at_its_told_address_or_at_the_edge() -> None:
    assert public_api_url(scope()) is None
    assert public_api_url(scope(edge=OPTIONS["edge"])) == "https://api.example.com"
    told = "https://abc.execute-api.eu-central-1.amazonaws.com"
    assert public_api_url(scope(edge=OPTIONS["edge"], public_api_url=told)) == told
    assert public_api_url(scope(public_api_url="https://example.com/api/v1")) == "https://example.com/api/v1"


@pytest.mark.parametrize(
    "told",
    ["http://api.example.com", "https://api.example.com/", "api.example.com", "https://a b", f"https://{'a' * 93}"],
)
def test_an_address_that_would_make_no_good_link_is_noticed_before_it_is_deployed(told: str) -> None:
    with pytest.raises(ValueError, match="public_api_url"):
        public_api_url(scope(public_api_url=told))
