import json
import re
from typing import Any

from aws_cdk.assertions import Match, Template

from infra_cdk.constructs.network import INTERFACE_ENDPOINTS
from tests.infra.conftest import OPTIONS


def test_there_are_two_zones_with_three_kinds_of_subnets_and_egress_in_each(network: Template) -> None:
    network.resource_count_is("AWS::EC2::Subnet", 6)
    network.resource_count_is("AWS::EC2::NatGateway", 2)


def test_flow_logs_record_all_traffic(network: Template) -> None:
    network.has_resource_properties("AWS::EC2::FlowLog", {"TrafficType": "ALL"})


def test_s3_and_dynamodb_are_reached_without_the_nat_gateway(network: Template) -> None:
    endpoints = network.find_resources("AWS::EC2::VPCEndpoint", {"Properties": {"VpcEndpointType": "Gateway"}})
    assert len(endpoints) == 2
    for endpoint in endpoints.values():
        assert len(endpoint["Properties"]["RouteTableIds"]) == 6


def test_with_the_option_every_other_service_is_reached_without_it_too(network: Template) -> None:
    endpoints = network.find_resources("AWS::EC2::VPCEndpoint", {"Properties": {"VpcEndpointType": "Interface"}})
    services = {"".join(map(str, each["Properties"]["ServiceName"]["Fn::Join"][1])) for each in endpoints.values()}
    assert {service.partition("'}.")[2] for service in services} == set(INTERFACE_ENDPOINTS)
    for endpoint in endpoints.values():
        assert endpoint["Properties"]["PrivateDnsEnabled"] is True
        assert len(endpoint["Properties"]["SubnetIds"]) == 2
        assert len(endpoint["Properties"]["SecurityGroupIds"]) == 1


def test_with_tls_before_the_engine_the_plain_port_is_closed(network: Template) -> None:
    rules = network.find_resources(
        "AWS::EC2::SecurityGroupIngress", {"Properties": {"Description": "Functions call the engine"}}
    )
    assert [(rule["Properties"]["FromPort"], rule["Properties"]["ToPort"]) for rule in rules.values()] == [(443, 443)]


def test_no_endpoint_takes_the_name_of_our_own_apis_with_it() -> None:
    # An endpoint of `execute-api` serves private REST APIs alone: posts to the WebSocket API would fail with 403.
    assert "execute-api" not in INTERFACE_ENDPOINTS


def test_only_the_nat_gateways_stand_in_public_subnets(documents: dict[str, dict[str, Any]]) -> None:
    inside = {
        resource["Type"]
        for document in documents.values()
        for resource in document["Resources"].values()
        if re.search(r"[pP]ublicSubnet\d+Subnet", json.dumps(resource["Properties"]))
    }
    assert inside == {"AWS::EC2::NatGateway", "AWS::EC2::SubnetRouteTableAssociation"}


def test_no_security_group_lets_an_address_range_in(network: Template) -> None:
    for group in network.find_resources("AWS::EC2::SecurityGroup").values():
        assert "SecurityGroupIngress" not in group["Properties"]
    rules = network.find_resources("AWS::EC2::SecurityGroupIngress").values()
    assert len(rules) == 8
    others = [rule["Properties"] for rule in rules if "SourceSecurityGroupId" not in rule["Properties"]]
    # Where there is a web app: CloudFront's own, as AWS keeps them.
    assert [each["SourcePrefixListId"] for each in others] == [OPTIONS["web"]["cloudfront_prefix_list"]]


def test_only_functions_and_engine_reach_the_database(network: Template) -> None:
    rules = network.find_resources("AWS::EC2::SecurityGroupIngress", {"Properties": {"ToPort": 5432}}).values()
    assert {rule["Properties"]["Description"] for rule in rules} == {
        "Functions use the database",
        "The engine uses the database",
    }


def test_the_database_group_may_open_no_connection(network: Template) -> None:
    network.has_resource_properties(
        "AWS::EC2::SecurityGroup",
        {
            "GroupDescription": "Aurora",
            "SecurityGroupEgress": [Match.object_like({"CidrIp": "255.255.255.255/32"})],
        },
    )


def test_engines_reach_each_other_on_their_port_alone(network: Template) -> None:
    rules = network.find_resources(
        "AWS::EC2::SecurityGroupIngress", {"Properties": {"Description": Match.string_like_regexp("An engine asks")}}
    )
    (rule,) = rules.values()
    properties = rule["Properties"]
    assert (properties["FromPort"], properties["ToPort"]) == (8080, 8080)
    assert properties["GroupId"] == properties["SourceSecurityGroupId"]
