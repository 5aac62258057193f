import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Match, Template

from infra_cdk.constructs.layer import uv
from infra_cdk.repository import ROOT
from tests.infra.conftest import STORED_VENUE, VENUE


@pytest.fixture(scope="session")
def containers(engine: Template) -> dict[str, dict[str, Any]]:
    tasks = engine.find_resources("AWS::ECS::TaskDefinition")
    task = next(task for name, task in tasks.items() if name.startswith("EngineTask"))
    return {container["Name"]: container for container in task["Properties"]["ContainerDefinitions"]}


def test_the_engine_cannot_be_reached_from_outside(engine: Template) -> None:
    engine.has_resource_properties("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Scheme": "internal"})
    engine.has_resource_properties(
        "AWS::ECS::Service",
        {"NetworkConfiguration": {"AwsvpcConfiguration": Match.object_like({"AssignPublicIp": "DISABLED"})}},
    )


def test_the_balancer_asks_which_tasks_serve(engine: Template) -> None:
    engine.has_resource_properties(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {"HealthCheckPath": "/health/ready", "HealthCheckIntervalSeconds": 5, "TargetType": "ip", "Port": 8080},
    )


def test_a_second_task_follows_and_ecs_does_not_take_it_for_broken(engine: Template) -> None:
    engine.has_resource_properties(
        "AWS::ECS::Service",
        {
            "DesiredCount": 2,
            "EnableExecuteCommand": False,
            "LoadBalancers": Match.absent(),
            "DeploymentConfiguration": {
                "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
                "MinimumHealthyPercent": 100,
                "MaximumPercent": 200,
            },
        },
    )


def test_the_engine_is_told_its_venues_and_may_read_their_keys(
    engine: Template, containers: dict[str, dict[str, Any]]
) -> None:
    environment = {each["Name"]: each["Value"] for each in containers["Engine"]["Environment"]}
    assert json.loads(environment["VENUES"]) == [VENUE, STORED_VENUE]
    assert "store:" not in json.dumps(engine.find_resources("AWS::IAM::Policy"))
    engine.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": "secretsmanager:GetSecretValue",
                                "Resource": Match.array_with([VENUE["credentials"]]),
                            }
                        )
                    ]
                )
            }
        },
    )


def test_the_watch_is_one_small_task_of_the_engines_image(
    engine: Template, containers: dict[str, dict[str, Any]]
) -> None:
    tasks = engine.find_resources("AWS::ECS::TaskDefinition")
    (watch,) = [task["Properties"] for name, task in tasks.items() if name.startswith("WatchTask")]
    (container,) = watch["ContainerDefinitions"]
    assert container["Image"] == containers["Engine"]["Image"]
    assert container["Command"] == ["python", "-m", "breakwater.runtime.watch"]
    assert (watch["Cpu"], watch["Memory"], container["ReadonlyRootFilesystem"]) == ("256", "512", True)
    engine.has_resource_properties("AWS::ECS::Service", {"DesiredCount": 1, "EnableExecuteCommand": False})


def test_the_watch_looks_at_every_queue_and_where_its_messages_end(engine: Template) -> None:
    tasks = engine.find_resources("AWS::ECS::TaskDefinition")
    (watch,) = [task["Properties"] for name, task in tasks.items() if name.startswith("WatchTask")]
    told = {each["Name"]: json.dumps(each["Value"]) for each in watch["ContainerDefinitions"][0]["Environment"]}
    for queue in ("TradeEvents", "Alerts", "Notifications"):
        assert f"{queue}Queue" in told["WATCHED_QUEUES"]
        assert f"{queue}DeadLetters" in told["WATCHED_QUEUES"]
    assert "AlertsQueue" in told["ALERTS_QUEUE_URL"]


def test_no_queue_of_events_is_overlooked_by_the_watch(engine: Template, control: Template) -> None:
    queues = control.find_resources("AWS::SQS::Queue")
    with_dead_letters = [name for name, queue in queues.items() if "RedrivePolicy" in queue["Properties"]]
    (output,) = control.find_outputs("WatchedQueues").values()
    told = json.dumps(output["Value"])
    assert [name for name in with_dead_letters if name not in told] == []


def test_it_is_not_autoscaled(engine: Template) -> None:
    engine.resource_count_is("AWS::ApplicationAutoScaling::ScalableTarget", 0)


def test_the_cluster_has_insights_and_a_private_name(engine: Template) -> None:
    engine.has_resource_properties(
        "AWS::ECS::Cluster", {"ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}]}
    )
    engine.has_resource_properties("AWS::ServiceDiscovery::PrivateDnsNamespace", {"Name": "breakwater.internal"})


def test_tasks_are_arm_and_cannot_write_their_own_files(
    engine: Template, containers: dict[str, dict[str, Any]]
) -> None:
    engine.has_resource_properties(
        "AWS::ECS::TaskDefinition", {"RuntimePlatform": {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}}
    )
    assert all(container["ReadonlyRootFilesystem"] for container in containers.values())


def test_no_container_is_root_or_writes_or_has_a_mount_or_a_capability(engine: Template) -> None:
    tasks = [task["Properties"] for task in engine.find_resources("AWS::ECS::TaskDefinition").values()]
    containers = [container for task in tasks for container in task["ContainerDefinitions"]]
    assert len(containers) == 3
    for container in containers:
        assert container["User"] == "10001"
        assert container["ReadonlyRootFilesystem"] is True
        assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
        assert "MountPoints" not in container
        assert not container.get("Privileged", False)
    assert not [task for task in tasks if task.get("Volumes")]


def test_both_containers_end_together_and_the_engine_is_watched(containers: dict[str, dict[str, Any]]) -> None:
    assert containers.keys() == {"Engine", "Registrar"}
    assert all(container["Essential"] for container in containers.values())
    assert "/health'" in " ".join(containers["Engine"]["HealthCheck"]["Command"])


def test_the_engine_is_told_what_it_needs(containers: dict[str, dict[str, Any]]) -> None:
    assert {variable["Name"] for variable in containers["Engine"]["Environment"]} == {
        "ENGINE_HOST",
        "ENGINE_PORT",
        "DATABASE_SECRET_ARN",
        "TRADE_EVENTS_QUEUE_URL",
        "EVENT_BUS_NAME",
        "SERVICE_TOKEN_KEY_ID",
        "SNAPSHOT_BUCKET",
        "API_KEY_ENCRYPTION_KEY_ID",
        "ORDERS_FUNCTION",
        "QUERIES_FUNCTION",
        "IS_BEHIND_BALANCER",
        "VENUES",
        "ALLOWED_ORIGINS",
        "USER_POOL_ID",
        "USER_POOL_CLIENT_ID",
        "OIDC_PROVIDER",
        "SECOND_FACTOR_ROLES",
    }
    assert "Secrets" not in containers["Engine"]


def test_functions_find_the_engine_by_a_parameter(engine: Template) -> None:
    engine.has_resource_properties("AWS::SSM::Parameter", {"Name": "/breakwater/engine/url", "Type": "String"})


def test_the_image_holds_only_what_the_engine_runs(engine: Template) -> None:
    lines = (ROOT / "fargate_engine" / "Dockerfile").read_text().splitlines()
    assert "USER 10001" in lines
    installs = [line for line in lines if "pip install" in line]
    assert all("--no-index" in line or {"--require-hashes", "--only-binary"} <= set(line.split()) for line in installs)
    assert sum(line.startswith("FROM ") for line in lines) == 2  # The compiler stays in the first.
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"  # Everything, then what is let in again.


def test_the_engine_imports_with_nothing_but_what_its_image_holds(assembly: Path, tmp_path: Path) -> None:
    # The Dockerfile's own steps, without Docker: the core and locked wheels, then what the build context lets in.
    context = next(path.parents[1] for path in assembly.glob("asset.*/fargate_engine/Dockerfile"))
    source, built = context / "fargate_engine" / "core", tmp_path / "wheels"
    build = [uv(), "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    build += ["-C", f"build-dir={tmp_path / 'build'}", "--out-dir", str(built), str(source)]
    subprocess.run(build, check=True, timeout=100)
    image = tmp_path / "image"
    install = [uv(), "pip", "install", "--quiet", "--target", str(image), "--python-version", "3.13"]
    requirements = str(context / "requirements" / "engine.txt")
    wheels = ["--only-binary", ":all:", "--require-hashes", "-r", requirements]
    subprocess.run([*install, *wheels], check=True, timeout=100)
    subprocess.run([*install, "--no-deps", *map(str, built.glob("*.whl"))], check=True, timeout=100)
    for folder in ("events", "layers/breakwater", "fargate_engine"):
        shutil.copytree(context / folder, image / Path(folder).name)
    program = f"import sys; sys.path.append({str(image)!r}); import fargate_engine.app, fargate_engine.target_group"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{program}, matching_core"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
