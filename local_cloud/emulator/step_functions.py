"""Step Functions: no pause before an execution, and a synchronous Express execution leaves no record, as on AWS."""

from ministack.services import stepfunctions

from .patching import rewrite_function


def apply() -> None:
    rewrite_function(stepfunctions, "_run_execution", ("    time.sleep(0.15)\n", ""))
    # ministack would keep every execution in memory, and write it to disk at the end.
    rewrite_function(
        stepfunctions,
        "_start_sync_execution",
        ("execution = _executions[exec_arn]", "execution = _executions.pop(exec_arn)"),
    )
