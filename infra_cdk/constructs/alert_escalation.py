"""An alert's escalation: wait, tell others unless somebody has acknowledged it, wait, tell more.

The execution is named by its alert, so that an alert has one. Its input is `{"tenant_id", "alert_id", "waits_s"}`, with
the seconds before the first stage and between both; each stage invokes the function `alert_escalation` with
`{"tenant_id", "alert_id", "stage"}`, which asks the database what is so now, and answers `{"is_over"}`.

A stage that cannot be carried out is tried again for a quarter of an hour, longer than a database fails over; when that
is in vain the first one gives way to the second, because more people hear late rather than never.
"""

from typing import cast

from aws_cdk import CfnElement, Duration, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra_cdk.constructs.function import PlatformFunction
from infra_cdk.findings import accept

STAGE_TIMEOUT_S = 20
RETRY_PAUSE_S = 15
RETRIES_MAX = 30
MACHINE_TIMEOUT = Duration.hours(6)  # Waits are four hours at the most, and each stage tries for a quarter.


class AlertEscalation(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, function: PlatformFunction) -> None:
        super().__init__(scope, construct_id)
        self._function = function
        log = logs.LogGroup(
            self, "Log", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=RemovalPolicy.DESTROY
        )
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name="alert-escalation",
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_chainable(self._definition()),
            timeout=MACHINE_TIMEOUT,
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=log, level=sfn.LogLevel.ALL, include_execution_data=False),
        )
        called = Stack.of(self).get_logical_id(cast(CfnElement, function.function.node.default_child))
        accept(self.machine, f"IAM5[Resource::<{called}.Arn>:*]", "The versions of the one function it calls.")
        accept(self.machine, "IAM5[Resource::*]", "Log deliveries and X-Ray segments have no ARN to name.")

    def started_by(self, function: PlatformFunction) -> None:
        function.function.add_environment("ALERT_ESCALATION_ARN", self.machine.state_machine_arn)
        self.machine.grant_start_execution(function.function)

    def _definition(self) -> sfn.IChainable:
        over = sfn.Succeed(self, "Over")
        unfinished = sfn.Fail(self, "Unfinished", error="Unavailable", cause="The last stage could not be carried out.")
        last = self._stage("TellMore", 30)
        last.add_catch(unfinished, errors=[sfn.Errors.ALL]).next(over)
        wait_longer = self._wait("WaitLonger", 1)
        wait_longer.next(last)
        is_over = sfn.Condition.boolean_equals("$.done.is_over", True)
        answered = sfn.Choice(self, "IsItOver").when(is_over, over).otherwise(wait_longer)
        first = self._stage("TellOthers", 15)
        first.add_catch(wait_longer, errors=[sfn.Errors.ALL], result_path="$.failure")
        return self._wait("Wait", 0).next(first).next(answered)

    def _wait(self, name: str, place: int) -> sfn.Wait:
        return sfn.Wait(self, name, time=sfn.WaitTime.seconds_path(f"$.waits_s[{place}]"))

    def _stage(self, name: str, stage: int) -> tasks.LambdaInvoke:
        payload = {
            "tenant_id": sfn.JsonPath.string_at("$.tenant_id"),
            "alert_id": sfn.JsonPath.string_at("$.alert_id"),
            "stage": stage,
        }
        task = tasks.LambdaInvoke(
            self,
            name,
            lambda_function=self._function.function,
            payload=sfn.TaskInput.from_object(payload),
            payload_response_only=True,
            retry_on_service_exceptions=False,
            result_path="$.done",
            task_timeout=sfn.Timeout.duration(Duration.seconds(STAGE_TIMEOUT_S)),
        )
        # Whatever it was: nobody looks at this but those who are told by it.
        task.add_retry(
            errors=[sfn.Errors.ALL],
            interval=Duration.seconds(RETRY_PAUSE_S),
            max_attempts=RETRIES_MAX,
            backoff_rate=1,
        )
        return task
