"""IAM in the emulator: who has a role may do what its policies say and nothing else, once it is enforced."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_cloud import iam
from local_cloud.deployment import aws_client
from local_cloud.emulator_process import LocalEmulator
from local_cloud.iam import Call, Grant, unused, why_never_asked
from local_cloud.platform import REGION, Platform

from .aws_objects import create_function, create_role, invoke
from .conftest import free_port_base

READS_A_SECRET = """
import boto3
client = boto3.client("secretsmanager")
def handler(event, context):
    return client.get_secret_value(SecretId=event["secret"])["SecretString"]
"""


def allow(*actions: str, on: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on}


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(folder=tmp_path_factory.mktemp("iam"), port_base=free_port_base())
    process = LocalEmulator(platform)
    process.start()
    warm = create_function(platform, READS_A_SECRET, create_role(platform, allow("logs:PutLogEvents", on="*")))
    secret = aws_client(platform, "secretsmanager").create_secret(Name="warm", SecretString="told")["ARN"]
    assert invoke(platform, warm, {"secret": secret}) == ("told", None)  # Nobody is judged yet.
    process.enforce_iam()
    answer, error = invoke(platform, warm, {"secret": secret})
    assert (answer["errorType"], error) == ("ClientError", "Unhandled")  # Its environment of before is gone.
    yield platform
    process.stop()


def as_role(platform: Platform, service: str, *statements: dict[str, Any]) -> tuple[Any, str]:
    """A client with a role's credentials, and the role's name."""
    arn = create_role(
        platform,
        *statements,
    )
    caller = _caller(platform, arn)
    client = boto3.client(
        service,
        endpoint_url=platform.aws_url,
        region_name=REGION,
        aws_access_key_id=caller["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=caller["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=caller["AWS_SESSION_TOKEN"],
    )
    return client, arn.rpartition("/")[2]


def _caller(platform: Platform, role: str) -> dict[str, str]:
    """The credentials that Lambda gives a function of that role."""
    tells = "import os\ndef handler(event, context): return dict(os.environ)\n"
    told, error = invoke(platform, create_function(platform, tells, role), {})
    assert error is None
    return dict(told)


def test_a_function_reads_the_secret_of_its_policy_and_no_other(enforcing: Platform) -> None:
    owner = aws_client(enforcing, "secretsmanager")
    own, other = (owner.create_secret(Name=name, SecretString=name)["ARN"] for name in ("own", "other"))
    role = create_role(enforcing, allow("secretsmanager:GetSecretValue", on=own))
    function = create_function(enforcing, READS_A_SECRET, role)
    assert invoke(enforcing, function, {"secret": own}) == ("own", None)
    refused, error = invoke(enforcing, function, {"secret": other})
    assert error == "Unhandled"
    assert "AccessDenied" in refused["errorMessage"]
    name = role.rpartition("/")[2]
    judged = {(call.resource, call.allowed) for call in iam.calls_of(enforcing) if call.role == name}
    assert judged == {(own, True), (other, False)}


def test_a_policy_names_the_secrets_of_a_stack_by_their_ref(enforcing: Platform) -> None:
    cloudformation = aws_client(enforcing, "cloudformation")
    template: dict[str, Any] = {
        "Resources": {"Told": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "told"}}},
        "Outputs": {"Ref": {"Value": {"Ref": "Told"}}},
    }
    stack = {"StackName": "secrets", "TemplateBody": json.dumps(template)}
    cloudformation.create_stack(**stack)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="secrets", WaiterConfig={"Delay": 1})
    (output,) = cloudformation.describe_stacks(StackName="secrets")["Stacks"][0]["Outputs"]
    assert output["OutputValue"].startswith("arn:aws:secretsmanager:")
    secrets = aws_client(enforcing, "secretsmanager")
    assert secrets.get_secret_value(SecretId=output["OutputValue"])["SecretString"] == "told"

    template["Resources"]["Told"]["Properties"]["SecretString"] = "told again"
    cloudformation.update_stack(**stack | {"TemplateBody": json.dumps(template)})
    cloudformation.get_waiter("stack_update_complete").wait(StackName="secrets", WaiterConfig={"Delay": 1})
    assert secrets.get_secret_value(SecretId=output["OutputValue"])["SecretString"] == "told again"
    cloudformation.delete_stack(StackName="secrets")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="secrets", WaiterConfig={"Delay": 1})
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.describe_secret(SecretId=output["OutputValue"])


def test_a_batch_of_messages_asks_for_what_one_message_asks_for(enforcing: Platform) -> None:
    url = aws_client(enforcing, "sqs").create_queue(QueueName="work")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:000000000000:work"
    sender, name = as_role(enforcing, "sqs", allow("sqs:SendMessage", on=arn))
    assert sender.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "told"}])["Successful"]
    with pytest.raises(ClientError, match="AccessDenied"):
        sender.receive_message(QueueUrl=url)
    judged = {(call.action, call.allowed) for call in iam.calls_of(enforcing) if call.role == name}
    assert judged == {("sqs:SendMessage", True), ("sqs:ReceiveMessage", False)}


def test_wrapping_a_key_anew_asks_for_both_keys(enforcing: Platform) -> None:
    owner = aws_client(enforcing, "kms")
    old, new = (owner.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    sealed = owner.encrypt(KeyId=old, Plaintext=b"told")["CiphertextBlob"]
    both = allow("kms:ReEncryptFrom", on=old), allow("kms:ReEncryptTo", on=new)
    client, _ = as_role(enforcing, "kms", *both)
    assert client.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=new)["KeyId"] == new
    for half in both:
        client, name = as_role(enforcing, "kms", half)
        with pytest.raises(ClientError, match="AccessDenied"):
            client.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=new)
        assert [call for call in iam.calls_of(enforcing) if call.role == name and not call.allowed]


def test_what_the_emulator_knows_no_permission_for_is_refused_and_written_down(enforcing: Platform) -> None:
    """It would let it pass, as if all had been granted that it cannot name."""
    client, name = as_role(enforcing, "kinesisanalyticsv2", allow("s3:GetObject", on="*"))
    with pytest.raises(ClientError, match="AccessDenied"):
        client.describe_application(ApplicationName="work")
    refused = Call(name, "kinesisanalyticsv2:WhatTheEmulatorCannotName", "*", allowed=False)
    assert refused in iam.calls_of(enforcing)
    with pytest.raises(ClientError, match="ResourceNotFound"):  # Who deploys is not judged.
        aws_client(enforcing, "kinesisanalyticsv2").describe_application(ApplicationName="work")


def test_what_wants_tls_is_served_on_the_loopback_interface(enforcing: Platform) -> None:
    """Buckets refuse HTTP by their policies; here is nothing else."""
    owner = aws_client(enforcing, "s3")
    owner.create_bucket(Bucket="wants-tls")
    refuse = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::wants-tls", "arn:aws:s3:::wants-tls/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    owner.put_bucket_policy(Bucket="wants-tls", Policy=json.dumps({"Version": "2012-10-17", "Statement": [refuse]}))
    client, _ = as_role(enforcing, "s3", allow("s3:PutObject", on="arn:aws:s3:::wants-tls/kept/*"))
    client.put_object(Bucket="wants-tls", Key="kept/1", Body=b"told")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket="wants-tls", Key="elsewhere/1", Body=b"told")


def test_a_grant_is_used_by_an_allowed_call_on_what_it_names() -> None:
    reads = Grant("AuditFunctionRole1", "s3:GetObject", "arn:aws:s3:::audit/anchors/*", "")
    grants = {"audit-role": [reads]}
    call = Call("audit-role", "s3:GetObject", "arn:aws:s3:::audit/anchors/7", allowed=True)
    assert list(unused(grants, [call])) == []
    for other in (
        Call("audit-role", "s3:GetObject", "arn:aws:s3:::audit/anchors/7", allowed=False),
        Call("another-role", "s3:GetObject", "arn:aws:s3:::audit/anchors/7", allowed=True),
        Call("audit-role", "s3:PutObject", "arn:aws:s3:::audit/anchors/7", allowed=True),
        Call("audit-role", "s3:GetObject", "arn:aws:s3:::audit/elsewhere", allowed=True),
    ):
        assert list(unused(grants, [other])) == [reads]
    assert why_never_asked(reads) is None
    assert why_never_asked(Grant("AuditFunctionRole1", "xray:PutTraceSegments", "*", "")) is not None
