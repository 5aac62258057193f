"""What starts the making of digests, and as whom they are mailed."""

import json
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from infra_cdk.constructs.digests import mail_sender
from tests.infra.test_least_privilege import role_of, statements_of

type Resources = dict[str, dict[str, Any]]
SENDER = "digests@mail.example.com"


def test_one_schedule_starts_the_function_every_quarter_of_an_hour(control: Template, functions: Resources) -> None:
    (schedule,) = control.find_resources("AWS::Scheduler::Schedule").values()
    properties = schedule["Properties"]
    assert properties["ScheduleExpression"] == "rate(15 minutes)"
    assert properties["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert properties["Target"]["Arn"]["Fn::GetAtt"][0].startswith("DigestsFunction")
    assert properties["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] == 900


def test_the_schedule_may_start_that_function_and_nothing_else(control: Template) -> None:
    (schedule,) = control.find_resources("AWS::Scheduler::Schedule").values()
    role = schedule["Properties"]["Target"]["RoleArn"]["Fn::GetAtt"][0]
    (statement,) = statements_of(control, role)
    assert statement["Action"] == "lambda:InvokeFunction"
    assert statement["Resource"]["Fn::GetAtt"][0].startswith("DigestsFunction")
    trust = control.find_resources("AWS::IAM::Role")[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_a_failed_run_is_not_repeated_beside_the_next(control: Template) -> None:
    configured = control.find_resources("AWS::Lambda::EventInvokeConfig").values()
    retries = {
        json.dumps(each["Properties"]["FunctionName"]): each["Properties"]["MaximumRetryAttempts"]
        for each in configured
    }
    assert [count for name, count in retries.items() if "DigestsFunction" in name] == [0]


def test_mail_goes_out_as_the_sender_that_is_configured_and_as_nobody_else(
    control: Template, functions: Resources
) -> None:
    statements = statements_of(control, role_of(functions, "digests"))
    (sending,) = [each for each in statements if each["Action"] == "ses:SendEmail"]
    assert sending["Condition"] == {"StringEquals": {"ses:FromAddress": SENDER}}
    assert json.dumps(sending["Resource"]).count("identity/") == 1
    assert ":identity/mail.example.com" in json.dumps(sending["Resource"])
    assert functions["digests"]["Properties"]["Environment"]["Variables"]["MAIL_SENDER"] == SENDER


@pytest.mark.parametrize(
    "told", ["nobody", "Digests <digests@example.com>", "a@b.com, c@d.com", "a@b.com\nBcc: c@d.com"]
)
def test_a_sender_that_is_no_address_is_noticed_before_it_is_deployed(told: str) -> None:
    with pytest.raises(ValueError, match="mail_sender"):
        mail_sender(App(context={"mail_sender": told}))


def test_without_a_sender_there_is_none() -> None:
    assert mail_sender(App(context={"mail_sender": None})) is None
    assert mail_sender(App(context={"mail_sender": ""})) is None
