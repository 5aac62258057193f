"""Each correction of the emulator, seen from outside as a client of AWS sees it."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from local_cloud.configuration import verify_sender
from local_cloud.deployment import ACCOUNT, aws_client
from local_cloud.emulator_process import LAMBDA_WORKERS_MAX_DEFAULT

from .aws_objects import create_function, create_http_api, create_machine, invoke
from .conftest import RunningEmulator

LOG_STREAMS_MAX = 500  # As in local_cloud/emulator/lambda_workers.py, which only the emulator's Python can import.

RAISES = """
import os
class Rejection(Exception): pass
def handler(event, context):
    print("a line of log", event)
    if event.get("fail"): raise Rejection("no")
    return {"pid": os.getpid()}
"""


def _until(condition: Any, timeout_seconds: float = 10) -> Any:
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def test_a_state_machine_catches_an_exception_by_its_name(emulator: RunningEmulator) -> None:
    function = create_function(emulator.platform, RAISES)
    machine = create_machine(
        emulator.platform,
        {
            "Try": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": function, "Payload": {"fail": True}},
                "Catch": [{"ErrorEquals": ["Rejection"], "Next": "Caught"}],
                "End": True,
            },
            "Caught": {"Type": "Pass", "Result": "caught", "End": True},
        },
    )
    client = aws_client(emulator.platform, "stepfunctions")
    execution = client.start_sync_execution(stateMachineArn=machine, input="{}")
    assert (execution["status"], json.loads(execution["output"])) == ("SUCCEEDED", "caught")
    # An Express execution leaves no record behind, as on AWS.
    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        client.describe_execution(executionArn=execution["executionArn"])


def test_a_worker_survives_the_exception_of_its_handler(emulator: RunningEmulator) -> None:
    function = create_function(emulator.platform, RAISES)
    before, _ = invoke(emulator.platform, function, {})
    failure, error = invoke(emulator.platform, function, {"fail": True})
    after, _ = invoke(emulator.platform, function, {})
    assert error == "Unhandled"
    assert (failure["errorType"], failure["errorMessage"]) == ("Rejection", "no")
    assert before == after


def test_what_a_function_prints_is_in_its_log(emulator: RunningEmulator) -> None:
    function = create_function(emulator.platform, RAISES)
    invoke(emulator.platform, function, {"fail": True})
    events = aws_client(emulator.platform, "logs").filter_log_events(
        logGroupName=f"/aws/lambda/{function.rpartition(':')[2]}"
    )["events"]
    text = "\n".join(event["message"] for event in events)
    assert "a line of log {'fail': True}" in text
    assert "Rejection: no" in text
    assert "end-of-invocation" not in text


def test_logs_of_old_invocations_are_forgotten(emulator: RunningEmulator) -> None:
    function = create_function(emulator.platform, "def handler(event, context): print('invocation', event)")
    client, logs = aws_client(emulator.platform, "lambda"), aws_client(emulator.platform, "logs")
    for number in range(LOG_STREAMS_MAX + 1):
        client.invoke(FunctionName=function, Payload=str(number).encode())
    group = f"/aws/lambda/{function.rpartition(':')[2]}"
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
    assert sum(len(page["logStreams"]) for page in pages) == LOG_STREAMS_MAX
    kept = logs.filter_log_events(logGroupName=group, filterPattern=f'"invocation {LOG_STREAMS_MAX}"')["events"]
    assert [event["message"] for event in kept] == [f"invocation {LOG_STREAMS_MAX}"]


def test_a_function_that_logs_nothing_is_not_waited_for(emulator: RunningEmulator) -> None:
    function = create_function(emulator.platform, "def handler(event, context): return event")
    client = aws_client(emulator.platform, "lambda")
    took_seconds = []
    for _ in range(10):
        started = time.perf_counter()
        client.invoke(FunctionName=function)
        took_seconds.append(time.perf_counter() - started)
    assert min(took_seconds) < 0.045  # Stock ministack waits 0.05 s for each.


def test_callers_wait_for_one_of_a_bounded_number_of_workers(emulator: RunningEmulator) -> None:
    function = create_function(
        emulator.platform,
        "import os, time\ndef handler(event, context):\n    time.sleep(0.05)\n    return os.getpid()",
    )
    callers = 3 * LAMBDA_WORKERS_MAX_DEFAULT
    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(lambda _: invoke(emulator.platform, function, {}), range(callers)))
    assert {error for _, error in answers} == {None}
    assert 1 < len({pid for pid, _ in answers}) <= LAMBDA_WORKERS_MAX_DEFAULT


def test_a_failed_function_is_500_without_its_exception(emulator: RunningEmulator) -> None:
    function = create_function(emulator.platform, "def handler(event, context): raise ValueError('a secret')")
    answer = httpx.get(create_http_api(emulator.platform, function))
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_cookies_reach_the_function_where_payload_2_has_them(emulator: RunningEmulator) -> None:
    function = create_function(
        emulator.platform,
        "import json\ndef handler(event, context):\n"
        "    return {'statusCode': 200, 'body': json.dumps([event.get('cookies'), event['headers'].get('cookie')])}",
    )
    answer = httpx.get(create_http_api(emulator.platform, function), headers={"Cookie": "a=b; c=d"})
    assert answer.json() == [["a=b", "c=d"], None]


def test_pages_of_an_origin_that_a_template_allows_may_read_answers(emulator: RunningEmulator) -> None:
    page = "http://127.0.0.1:4504"
    api: dict[str, Any] = {"Type": "AWS::ApiGatewayV2::Api"}
    api["Properties"] = {
        "Name": "for-pages",
        "ProtocolType": "HTTP",
        "CorsConfiguration": {"AllowOrigins": [page], "AllowMethods": ["POST"], "AllowHeaders": ["authorization"]},
    }
    cloudformation = aws_client(emulator.platform, "cloudformation")
    cloudformation.create_stack(StackName="for-pages", TemplateBody=json.dumps({"Resources": {"Api": api}}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="for-pages", WaiterConfig={"Delay": 1})
    resource = cloudformation.describe_stack_resource(StackName="for-pages", LogicalResourceId="Api")
    api_id = resource["StackResourceDetail"]["PhysicalResourceId"]
    url = f"{emulator.platform.aws_url}/_aws/execute-api/{api_id}/orders"

    def preflight(origin: str) -> httpx.Response:
        return httpx.options(url, headers={"Origin": origin, "Access-Control-Request-Method": "POST"})

    assert preflight(page).headers["Access-Control-Allow-Origin"] == page
    assert preflight(page).headers["Access-Control-Allow-Headers"] == "authorization"
    assert "Access-Control-Allow-Origin" not in preflight("http://127.0.0.1:9999").headers


def test_the_url_of_an_api_leads_a_function_to_the_emulator(emulator: RunningEmulator) -> None:
    function = create_function(
        emulator.platform,
        "import os\ndef handler(event, context): return [os.environ['ENDPOINT'], os.environ['OTHER']]",
        ENDPOINT="https://abc123.execute-api.us-east-1.amazonaws.com/live",
        OTHER="https://example.com/abc123.execute-api.us-east-1.amazonaws.com/",
    )
    answer, _ = invoke(emulator.platform, function, {})
    assert answer == [
        f"{emulator.platform.aws_url}/_aws/execute-api/abc123/live",
        "https://example.com/abc123.execute-api.us-east-1.amazonaws.com/",
    ]


def test_an_authorizer_is_asked_once_for_each_token(emulator: RunningEmulator) -> None:
    authorizer = create_function(
        emulator.platform,
        "ASKED = []\ndef handler(event, context):\n    ASKED.append(1)\n"
        "    return {'isAuthorized': True, 'context': {'asked': len(ASKED)}}",
    )
    function = create_function(
        emulator.platform,
        "def handler(event, context):\n"
        "    return {'statusCode': 200, 'body': str(event['requestContext']['authorizer']['lambda']['asked'])}",
    )
    url = create_http_api(emulator.platform, function, authorizer)
    asked = [httpx.get(url, headers={"Authorization": token}).text for token in ("a", "a", "b", "a")]
    assert asked == ["1", "1", "2", "1"]
    assert httpx.get(url).status_code == 401


def test_a_fifo_queue_takes_a_deduplication_id_once(emulator: RunningEmulator) -> None:
    client = aws_client(emulator.platform, "sqs")
    url = client.create_queue(QueueName="once.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for event_id in ("first", "second", "first"):
        client.send_message(QueueUrl=url, MessageBody=event_id, MessageGroupId="a", MessageDeduplicationId=event_id)
    received = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["first", "second"]


def test_types_the_emulator_lacks_do_not_fail_a_stack(emulator: RunningEmulator) -> None:
    template = {
        "Resources": {
            "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
            "Nat": {
                "Type": "AWS::EC2::NatGateway",
                "Properties": {"SubnetId": "subnet-1", "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]}},
            },
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "test-bus"}},
            "Archive": {
                "Type": "AWS::Events::Archive",
                "Properties": {"ArchiveName": "test-archive", "SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}},
            },
        }
    }
    client = aws_client(emulator.platform, "cloudformation")
    client.create_stack(StackName="placeholders", TemplateBody=json.dumps(template))

    def settled() -> str:
        status = str(client.describe_stacks(StackName="placeholders")["Stacks"][0]["StackStatus"])
        return "" if status.endswith("_IN_PROGRESS") else status

    assert _until(settled) == "CREATE_COMPLETE"
    archive = aws_client(emulator.platform, "events").describe_archive(ArchiveName="test-archive")
    assert archive["EventSourceArn"].endswith("event-bus/test-bus")


def test_mail_reaches_the_outbox_of_those_whose_filter_it_passes(emulator: RunningEmulator) -> None:
    client = aws_client(emulator.platform, "sns")
    topic = client.create_topic(Name="alerts")["TopicArn"]
    for tenant in ("ours", "theirs"):
        client.subscribe(
            TopicArn=topic,
            Protocol="email",
            Endpoint=f"{tenant}@example.com",
            Attributes={"FilterPolicy": json.dumps({"tenant_id": [tenant]})},
        )
    client.publish(
        TopicArn=topic,
        Subject="A limit was reached",
        Message="70 %",
        MessageAttributes={"tenant_id": {"DataType": "String", "StringValue": "ours"}},
    )
    messages = _until(lambda: list(emulator.outbox.messages.newest()))
    sent = [{name: message[name] for name in ("kind", "to", "subject", "message")} for message in messages]
    assert sent == [{"kind": "email", "to": "ours@example.com", "subject": "A limit was reached", "message": "70 %"}]
    assert "A limit was reached" in httpx.get(emulator.platform.outbox_url).text


def test_an_invitation_to_a_user_pool_reaches_the_outbox_with_its_temporary_password(emulator: RunningEmulator) -> None:
    client = aws_client(emulator.platform, "cognito-idp")
    pool = client.create_user_pool(PoolName="invitations")["UserPool"]["Id"]
    client.admin_create_user(
        UserPoolId=pool,
        Username="dora",
        UserAttributes=[{"Name": "email", "Value": "dora@example.com"}, {"Name": "email_verified", "Value": "true"}],
        DesiredDeliveryMediums=["EMAIL"],
    )
    (sent,) = _until(lambda: [mail for mail in emulator.outbox.messages.newest() if mail["to"] == "dora@example.com"])
    assert sent["kind"] == "email"
    app = client.create_user_pool_client(
        UserPoolId=pool, ClientName="app", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]

    def challenge(password: str) -> str:
        told = {"USERNAME": "dora", "PASSWORD": password}
        try:
            answer = client.initiate_auth(ClientId=app, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=told)
        except client.exceptions.NotAuthorizedException:
            return "wrong"
        return str(answer["ChallengeName"])

    # As the mail of a new pool ends: "... and temporary password is <password>."
    words = [word.rstrip(".") for word in sent["message"].split()]
    assert "NEW_PASSWORD_REQUIRED" in [challenge(word) for word in words[-3:]]


def test_saved_state_survives_a_crash(emulator: RunningEmulator) -> None:
    queues = aws_client(emulator.platform, "sqs")
    queues.create_queue(QueueName="before-the-crash")
    emulator.process.save_state()
    saved = emulator.platform.folder / "emulator" / "state" / "sqs.json"
    _until(lambda: saved.exists() and "before-the-crash" in saved.read_text())
    crashed = emulator.process.record.process()
    assert crashed is not None
    crashed.kill()
    crashed.wait(timeout=5)
    emulator.process.start()
    assert queues.get_queue_url(QueueName="before-the-crash")["QueueUrl"].endswith("/before-the-crash")


def test_a_data_key_is_wrapped_under_another_master_key_within_its_context(emulator: RunningEmulator) -> None:
    kms = aws_client(emulator.platform, "kms")
    old, new = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    made = kms.generate_data_key(KeyId=old, NumberOfBytes=32, EncryptionContext={"venue": "BINANCE"})
    contexts = {"SourceEncryptionContext": {"venue": "BINANCE"}, "DestinationEncryptionContext": {"venue": "BINANCE"}}
    wrapped = kms.re_encrypt(CiphertextBlob=made["CiphertextBlob"], DestinationKeyId=new, **contexts)
    assert (wrapped["SourceKeyId"], wrapped["KeyId"]) == (old, new)
    opened = kms.decrypt(CiphertextBlob=wrapped["CiphertextBlob"], EncryptionContext={"venue": "BINANCE"})
    assert (opened["Plaintext"], opened["KeyId"]) == (made["Plaintext"], new)
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.re_encrypt(
            CiphertextBlob=made["CiphertextBlob"],
            DestinationKeyId=new,
            **contexts | {"SourceEncryptionContext": {"venue": "BYBIT"}},
        )


def test_a_mail_of_ses_reaches_the_outbox_with_its_text_and_its_html(emulator: RunningEmulator) -> None:
    client = aws_client(emulator.platform, "sesv2")
    content = {
        "Simple": {
            "Subject": {"Data": "Your day"},
            "Body": {"Text": {"Data": "two orders"}, "Html": {"Data": "<b>two orders</b>"}},
        }
    }

    def send() -> Any:
        to = {"ToAddresses": ["erin@example.com"]}
        return client.send_email(FromEmailAddress="digests@ours.example", Destination=to, Content=content)

    with pytest.raises(client.exceptions.MessageRejected):
        send()
    for _ in range(2):  # As at each start.
        verify_sender(emulator.platform, "digests@ours.example")
    send()
    (sent,) = _until(lambda: [mail for mail in emulator.outbox.messages.newest() if mail["to"] == "erin@example.com"])
    assert (sent["kind"], sent["subject"]) == ("email", "Your day")
    assert (sent["message"], sent["html"]) == ("two orders", "<b>two orders</b>")
    page = httpx.get(emulator.platform.outbox_url).text
    assert 'srcdoc="&lt;b&gt;two orders&lt;/b&gt;"' in page
    assert "<b>two orders" not in page


def test_a_schedule_fires_when_its_time_has_come(emulator: RunningEmulator) -> None:
    queues, scheduler = aws_client(emulator.platform, "sqs"), aws_client(emulator.platform, "scheduler")
    url = queues.create_queue(QueueName=f"scheduled-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    scheduler.create_schedule(
        Name=f"soon-{uuid.uuid4().hex[:8]}",
        ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/scheduler"},
    )
    received = queues.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", [])
    assert len(received) == 1
