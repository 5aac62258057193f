from aws_cdk.assertions import Match, Template


def test_there_are_two_zones_with_three_kinds_of_subnets_and_egress_in_each(network: Template) -> None:
    network.resource_count_is("AWS::EC2::Subnet", 6)
    network.resource_count_is("AWS::EC2::NatGateway", 2)


def test_flow_logs_record_all_traffic(network: Template) -> None:
    network.has_resource_properties("AWS::EC2::FlowLog", {"TrafficType": "ALL"})


def test_s3_and_dynamodb_are_reached_without_the_nat_gateway(network: Template) -> None:
    network.resource_count_is("AWS::EC2::VPCEndpoint", 2)
    network.all_resources_properties("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Gateway"})


def test_no_security_group_lets_an_address_range_in(network: Template) -> None:
    for group in network.find_resources("AWS::EC2::SecurityGroup").values():
        assert "SecurityGroupIngress" not in group["Properties"]
    rules = network.find_resources("AWS::EC2::SecurityGroupIngress").values()
    assert len(rules) == 5
    assert all("SourceSecurityGroupId" in rule["Properties"] for rule in rules)


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
