"""The order saga: reserve, submit, confirm; release on a refusal, mark unknown on anything else.

Each task invokes the `order_saga` function with `{"step", "order"}`, where `order` is always the execution's input.
`confirm_order` gets what the engine answered as `snapshot`; `release_limits` and `mark_unknown` get what went wrong
as `error` (`{"Error", "Cause"}`).

The longest way through must end before API Gateway gives up at 30 s, and the caller reads the order afterwards:

    ReserveLimits   4 + 1 (pause) + 4 =  9 s
    SubmitOrder     4 + 1 (pause) + 4 =  9 s
    ConfirmOrder or ReleaseLimits         3 s
    MarkUnknown                           3 s
                                         ----
                                         24 s

Only the first two retry. What the closing steps leave undone, the engine's events and the reconciler finish.
"""

from typing import Any, cast

from aws_cdk import CfnElement, Duration, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra_cdk.constructs.function import PlatformFunction
from infra_cdk.findings import accept

REJECTION = "Rejection"
UNAVAILABLE = "Unavailable"
ORDER = sfn.JsonPath.object_at("$$.Execution.Input")

MACHINE_TIMEOUT_S = 26
ATTEMPT_TIMEOUT_S = 4
CLOSING_TIMEOUT_S = 3
RETRY_PAUSE_S = 1


class OrderSaga(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, function: PlatformFunction) -> None:
        super().__init__(scope, construct_id)
        self._function = function
        log = logs.LogGroup(
            self, "Log", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=RemovalPolicy.DESTROY
        )
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name="order-saga",
            state_machine_type=sfn.StateMachineType.EXPRESS,
            definition_body=sfn.DefinitionBody.from_chainable(self._definition()),
            timeout=Duration.seconds(MACHINE_TIMEOUT_S),
            tracing_enabled=True,
            # Orders stay out of the logs: the saga's steps are kept with the order, in the database.
            logs=sfn.LogOptions(destination=log, level=sfn.LogLevel.ALL, include_execution_data=False),
        )
        called = Stack.of(self).get_logical_id(cast(CfnElement, function.function.node.default_child))
        accept(self.machine, f"IAM5[Resource::<{called}.Arn>:*]", "The versions of the one function it calls.")
        accept(self.machine, "IAM5[Resource::*]", "Log deliveries and X-Ray segments have no ARN to name.")

    def _definition(self) -> sfn.IChainable:
        rejected = sfn.Fail(self, "Rejected", error=REJECTION, cause="The order was refused; its row says why.")
        unresolved = sfn.Fail(
            self, "Unresolved", error=UNAVAILABLE, cause="The outcome is not known yet; the reconciler settles it."
        )
        mark = self._step("MarkUnknown", "mark_unknown", CLOSING_TIMEOUT_S, error=sfn.JsonPath.object_at("$"))
        mark.add_catch(unresolved, errors=[sfn.Errors.ALL]).next(unresolved)

        release = self._step("ReleaseLimits", "release_limits", CLOSING_TIMEOUT_S, error=sfn.JsonPath.object_at("$"))
        release.add_catch(mark, errors=[sfn.Errors.ALL]).next(rejected)

        confirm = self._step("ConfirmOrder", "confirm_order", CLOSING_TIMEOUT_S, snapshot=sfn.JsonPath.object_at("$"))
        confirm.add_catch(mark, errors=[sfn.Errors.ALL])

        submit = self._retried(self._step("SubmitOrder", "submit_order", ATTEMPT_TIMEOUT_S))
        submit.add_catch(release, errors=[REJECTION]).add_catch(mark, errors=[sfn.Errors.ALL])

        # A reservation that timed out may have been committed all the same: only a plain refusal left nothing behind.
        reserve = self._retried(self._step("ReserveLimits", "reserve_limits", ATTEMPT_TIMEOUT_S))
        reserve.add_catch(rejected, errors=[REJECTION]).add_catch(mark, errors=[sfn.Errors.ALL])
        return reserve.next(submit).next(confirm)

    def _step(self, state: str, step: str, timeout_s: int, **context: Any) -> tasks.LambdaInvoke:
        return tasks.LambdaInvoke(
            self,
            state,
            lambda_function=self._function.function,
            payload=sfn.TaskInput.from_object({"step": step, "order": ORDER, **context}),
            payload_response_only=True,
            retry_on_service_exceptions=False,
            task_timeout=sfn.Timeout.duration(Duration.seconds(timeout_s)),
        )

    def _retried(self, task: tasks.LambdaInvoke) -> tasks.LambdaInvoke:
        task.add_retry(errors=[UNAVAILABLE], interval=Duration.seconds(RETRY_PAUSE_S), max_attempts=1, backoff_rate=1)
        return task
