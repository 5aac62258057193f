"""Small AWS applications for the tests of the emulator."""

import io
import json
import uuid
import zipfile
from typing import Any

from local_cloud.deployment import aws_client
from local_cloud.platform import Platform

ROLE = "arn:aws:iam::000000000000:role/test"


def create_role(platform: Platform, *statements: dict[str, Any]) -> str:
    """A role that may do what the statements say; its ARN."""
    client, name = aws_client(platform, "iam"), f"test-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = client.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]
    client.put_role_policy(RoleName=name, PolicyName="its-own", PolicyDocument=_policy(*statements))
    return str(role["Arn"])


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def create_function(platform: Platform, source: str, role: str = ROLE, **environment: str) -> str:
    """A Python function whose module is `source`, with a `handler`; its ARN."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", source)
    created = aws_client(platform, "lambda").create_function(
        FunctionName=f"test-{uuid.uuid4().hex[:8]}",
        Runtime="python3.13",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": package.getvalue()},
        Timeout=20,
        Environment={"Variables": environment},
    )
    return str(created["FunctionArn"])


def invoke(platform: Platform, function_arn: str, event: Any) -> tuple[Any, str | None]:
    """What the function answered, and "Unhandled" if it failed."""
    answer = aws_client(platform, "lambda").invoke(FunctionName=function_arn, Payload=json.dumps(event).encode())
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def create_machine(platform: Platform, states: dict[str, Any]) -> str:
    """An Express machine that starts at the first of `states`; its ARN."""
    definition = {"StartAt": next(iter(states)), "States": states}
    created = aws_client(platform, "stepfunctions").create_state_machine(
        name=f"test-{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=ROLE, type="EXPRESS"
    )
    return str(created["stateMachineArn"])


def create_http_api(platform: Platform, function_arn: str, authorizer_arn: str | None = None) -> str:
    """An HTTP API with one route, `GET /`; its URL on this machine."""
    client = aws_client(platform, "apigatewayv2")
    api_id = client.create_api(Name="test", ProtocolType="HTTP")["ApiId"]
    integration = client.create_integration(
        ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=function_arn, PayloadFormatVersion="2.0"
    )
    authorization: dict[str, str] = {}
    if authorizer_arn is not None:
        authorizer = client.create_authorizer(
            ApiId=api_id,
            AuthorizerType="REQUEST",
            Name="test",
            AuthorizerUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{authorizer_arn}/invocations",
            IdentitySource=["$request.header.Authorization"],
            AuthorizerPayloadFormatVersion="2.0",
            EnableSimpleResponses=True,
            AuthorizerResultTtlInSeconds=300,
        )
        authorization = {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizer["AuthorizerId"]}
    client.create_route(
        ApiId=api_id, RouteKey="GET /", Target=f"integrations/{integration['IntegrationId']}", **authorization
    )
    client.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
    return f"{platform.aws_url}/_aws/execute-api/{api_id}/$default/"
