import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from fargate_engine.target_group import registered, task_address


@pytest.fixture
def balancer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield boto3.client("elbv2", region_name="eu-west-1")


@pytest.fixture
def group_arn(balancer: Any) -> str:
    vpc = boto3.client("ec2", region_name="eu-west-1").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = balancer.create_target_group(Name="engine", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip")
    arn: str = group["TargetGroups"][0]["TargetGroupArn"]
    return arn


def targets(balancer: Any, group_arn: str) -> list[tuple[str, int]]:
    health = balancer.describe_target_health(TargetGroupArn=group_arn)["TargetHealthDescriptions"]
    return [(found["Target"]["Id"], found["Target"]["Port"]) for found in health]


def test_a_task_is_registered_while_it_runs(balancer: Any, group_arn: str) -> None:
    with registered(balancer, group_arn, "10.0.0.7", 8080):
        assert targets(balancer, group_arn) == [("10.0.0.7", 8080)]
    assert targets(balancer, group_arn) == []


def test_a_task_that_fails_is_taken_out_too(balancer: Any, group_arn: str) -> None:
    with pytest.raises(RuntimeError), registered(balancer, group_arn, "10.0.0.7", 8080):
        raise RuntimeError
    assert targets(balancer, group_arn) == []


def test_the_address_is_what_ecs_says() -> None:
    class Metadata(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.0.7"]}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    with http.server.HTTPServer(("127.0.0.1", 0), Metadata) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert task_address(f"http://127.0.0.1:{server.server_port}/v4") == "10.0.0.7"
        thread.join(timeout=5)
