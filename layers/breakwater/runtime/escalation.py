"""Start the escalation of an alert; it goes on by itself."""

import json
import uuid

from breakwater.db.escalations import Escalation
from breakwater.runtime.aws import client
from breakwater.runtime.settings import settings


def start_escalation(escalation: Escalation, tenant_id: uuid.UUID) -> None:
    """Once an alert: the execution has its name, and the same one a second time is refused. To be called again after
    a failure: what Step Functions refuses otherwise leaves as its own error.
    """
    step_functions = client("stepfunctions")
    told = {
        "tenant_id": str(tenant_id),
        "alert_id": str(escalation.alert_id),
        "waits_s": escalation.waits.one_after_the_other,
    }
    try:
        step_functions.start_execution(
            stateMachineArn=settings().alert_escalation_arn, name=str(escalation.alert_id), input=json.dumps(told)
        )
    except step_functions.exceptions.ExecutionAlreadyExists:
        return
