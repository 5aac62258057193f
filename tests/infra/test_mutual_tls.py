"""The option `engine_mutual_tls`: mutual TLS through the balancer, and who may read which certificate."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from infra_cdk.constructs.edge_options import mutual_tls
from tests.infra.conftest import OPTIONS, synthesize
from tests.infra.test_least_privilege import role_of, statements_of, task_role_of

type Resources = dict[str, dict[str, Any]]

ENGINES = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:engine-certificate-Ab12Cd"
CALLERS = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:callers-certificate-Ab12Cd"
TLS = {"domain_name": "engine.example.com", "engine_certificate": ENGINES, "callers_certificate": CALLERS}


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    unbundled: dict[str, list[str]] = {"aws:cdk:bundling-stacks": []}  # Templates alone are looked at.
    options = OPTIONS | {"web": None, "engine_tls": None, "engine_mutual_tls": TLS} | unbundled
    output: Path = synthesize(tmp_path_factory.mktemp("mutual") / "cdk.out", options)
    stacks = ("Network", "Control", "Engine")
    return {
        each: Template.from_json(json.loads((output / f"Breakwater{each}.template.json").read_text()))
        for each in stacks
    }


def test_connections_pass_through_the_balancer_unopened(templates: dict[str, Template]) -> None:
    engine = templates["Engine"]
    engine.resource_count_is("AWS::ElasticLoadBalancingV2::LoadBalancer", 1)
    engine.has_resource_properties(
        "AWS::ElasticLoadBalancingV2::LoadBalancer", {"Type": "network", "Scheme": "internal"}
    )
    (listener,) = engine.find_resources("AWS::ElasticLoadBalancingV2::Listener").values()
    assert (listener["Properties"]["Port"], listener["Properties"]["Protocol"]) == (443, "TCP")
    assert "Certificates" not in listener["Properties"]
    engine.has_resource_properties(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {
            "Protocol": "TCP",
            "TargetType": "ip",
            "HealthCheckProtocol": "HTTPS",
            "HealthCheckPath": "/health/ready",
            "HealthCheckIntervalSeconds": 5,
        },
    )
    engine.has_resource_properties(
        "AWS::SSM::Parameter", {"Name": "/breakwater/engine/url", "Value": "https://engine.example.com"}
    )


def test_only_tls_leads_to_the_balancer(templates: dict[str, Template]) -> None:
    described = {"Properties": {"Description": "Functions call the engine"}}
    rules = templates["Network"].find_resources("AWS::EC2::SecurityGroupIngress", described)
    assert [(rule["Properties"]["FromPort"], rule["Properties"]["ToPort"]) for rule in rules.values()] == [(443, 443)]


def environment_of(engine: Template, task: str, container: str) -> dict[str, Any]:
    (found,) = [t for n, t in engine.find_resources("AWS::ECS::TaskDefinition").items() if n.startswith(task)]
    (told,) = [c for c in found["Properties"]["ContainerDefinitions"] if c["Name"] == container]
    return {each["Name"]: each["Value"] for each in told["Environment"]} | {"check": told.get("HealthCheck")}


def test_the_engine_shows_its_certificate_and_believes_no_header_of_a_balancer(templates: dict[str, Template]) -> None:
    told = environment_of(templates["Engine"], "EngineTask", "Engine")
    assert (told["ENGINE_CERTIFICATE_ARN"], told["ENGINE_NAME"]) == (ENGINES, "engine.example.com")
    assert told["IS_BEHIND_BALANCER"] == "false"
    command = told["check"]["Command"][-1]
    assert "https://127.0.0.1" in command
    compile(command, "the health check", "exec")


def test_each_side_reads_its_own_certificate_alone(templates: dict[str, Template]) -> None:
    engine, control = templates["Engine"], templates["Control"]
    functions = {
        resource["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: dict(resource)
        for resource in control.find_resources("AWS::Lambda::Function").values()
    }
    of_engine = json.dumps(statements_of(engine, task_role_of(engine, "Engine")))
    of_watch = json.dumps(statements_of(engine, task_role_of(engine, "Watch")))
    assert (ENGINES in of_engine, CALLERS in of_engine) == (True, False)
    assert (ENGINES in of_watch, CALLERS in of_watch) == (False, True)
    assert environment_of(engine, "WatchTask", "Watch")["ENGINE_CLIENT_CERTIFICATE_ARN"] == CALLERS
    callers = {
        "limits",
        "orders",
        "order_saga",
        "reconciler",
        "queries",
        "alerting",
        "digests",
        "telegram",
        "operations",
    }
    for name, function in functions.items():
        policies = json.dumps(statements_of(control, role_of(functions, name)))
        told = function["Properties"]["Environment"]["Variables"].get("ENGINE_CLIENT_CERTIFICATE_ARN")
        assert (told == CALLERS, CALLERS in policies) == (name in callers, name in callers), name
        assert ENGINES not in policies


def scope(**context: Any) -> Stack:
    return Stack(App(context=context))


def test_without_the_option_there_is_none() -> None:
    assert mutual_tls(scope()) is None
    assert mutual_tls(scope(engine_mutual_tls=None)) is None


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ({"domain_name": "engine.example.com"}, "it is a domain_name, an engine_certificate and a callers_certificate"),
        ("engine.example.com", "it is a domain_name"),
        (TLS | {"more": "x"}, "it is a domain_name"),
        (TLS | {"domain_name": "https://engine.example.com"}, "is no domain name"),
        (TLS | {"domain_name": "engine"}, "is no domain name"),
        (TLS | {"engine_certificate": "engine-certificate"}, "engine_certificate is the whole ARN"),
        (TLS | {"engine_certificate": ENGINES[:-7]}, "engine_certificate is the whole ARN"),
        (TLS | {"callers_certificate": OPTIONS["edge"]["certificate_arn"]}, "callers_certificate is the whole ARN"),
        (TLS | {"callers_certificate": ENGINES}, "a certificate each"),
    ],
)
def test_what_is_not_whole_fails_the_synthesis(told: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        mutual_tls(scope(engine_mutual_tls=told))


def test_it_is_mutual_tls_or_the_balancers_not_both() -> None:
    with pytest.raises(ValueError, match="one or the other"):
        mutual_tls(scope(engine_mutual_tls=TLS, engine_tls=OPTIONS["engine_tls"]))
