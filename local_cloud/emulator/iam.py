"""IAM: every call that a function or a task makes is judged by its role's policies, and all of it is written down.

ministack has an evaluator, which its setting AUTH switches on. From the start it would refuse the deployment's own
uploads, so SIGUSR2 switches it on when everything is deployed: `enforce`.
"""

import json
import threading
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id
from ministack.services import sts

type Answer = tuple[int, dict[str, str], Any]  # Status, headers, body.

# One line for each different call. Keys of objects are part of a call, so that there may be many in a long run.
CALLS_MAX = 200_000
FIELDS = ("role", "action", "resource", "allowed")
# Where AWS asks for other permissions than the operation's name says, as its service authorization reference has them.
PERMISSIONS = {
    "kms:ReEncrypt": ("kms:ReEncryptFrom",),  # And `kms:ReEncryptTo` on the other key: `refusal_of`.
    "sqs:ChangeMessageVisibilityBatch": ("sqs:ChangeMessageVisibility",),
    "sqs:DeleteMessageBatch": ("sqs:DeleteMessage",),
    "sqs:SendMessageBatch": ("sqs:SendMessage",),
}
# What ministack has no permission for, it lets everybody do whose key is right; nobody has granted it either.
UNNAMED = "WhatTheEmulatorCannotName"
_sender: ContextVar[str] = ContextVar("breakwater_sender", default="")
_caller: ContextVar[tuple[str, str, str] | None] = ContextVar("breakwater_caller", default=None)


def apply(record: Path) -> None:
    """Judge calls as AWS does where the evaluator differs; append each different one to `record`, as a line of JSON."""
    pin = app.pin_request_origin
    # The local run is HTTP on the loopback interface: statements that refuse it are not what is tried here.
    app.pin_request_origin = lambda source_ip, _secure: pin(source_ip, True)
    calls = CallRecord(record)
    judge = iam_evaluator.enforce

    def enforce(access_key_id: str, iam_action: str, service: str, region: str, **request: Any) -> Any:
        _caller.set((access_key_id, service, region))
        if iam_action == "ses:SendEmail":
            request["service_context"] = {**(request.get("service_context") or {}), "ses:FromAddress": _sender.get()}
        for action in PERMISSIONS.get(iam_action, (iam_action,)):
            refusal = judge(access_key_id, action, service, region, **request)
            session = sts._sessions.get(access_key_id)
            if session is not None:
                calls.add(session["Arn"], action, request.get("resource_arn", "*"), allowed=refusal is None)
            if refusal is not None:
                return refusal
        return None

    iam_evaluator.enforce = enforce
    iam_actions._ses_v2_resource_arn = _judged_by_sender(iam_actions._ses_v2_resource_arn)
    believe = app._authenticate_only

    def refuse_unnamed(service: str, headers: dict[str, str], query: dict[str, Any], request_id: str) -> Answer | None:
        failure: Answer | None = believe(service, headers, query, request_id)
        session = sts._sessions.get(app.extract_access_key_id(headers, query)) if app.AUTH else None
        if failure is not None or session is None:  # The account's own keys may do everything.
            return failure
        action = f"{service}:{UNNAMED}"
        calls.add(session["Arn"], action, "*", allowed=False)
        who = session["Arn"]
        refused: Answer = iam_actions.access_denied_response(service, action, who, request_id, headers=headers)
        return refused

    app._authenticate_only = refuse_unnamed


def _judged_by_sender(find: Callable[..., str]) -> Callable[..., str]:
    """A mail is judged as its sender's domain, which is what is verified; ministack judges it as anybody's."""

    def resource(method: str, path: str, body: bytes, region: str, account_id: str) -> str:
        if method == "POST" and path.endswith("/outbound-emails"):
            sender = str(json.loads(body).get("FromEmailAddress", ""))
            _sender.set(sender)
            return f"arn:aws:ses:{region}:{account_id}:identity/{sender.partition('@')[2]}"
        return find(method, path, body, region, account_id)

    return resource


def begin_enforcing() -> None:
    """From now on. Whatever ran before keeps credentials that may do everything, so it is ended."""
    app.AUTH = True
    lambda_runtime.reset()


def refusal_of(action: str, key: str) -> Answer | None:
    """What answers the request that is being served if its caller has not this permission, too, on another KMS key."""
    caller = _caller.get()
    if caller is None:  # Nobody is judged yet.
        return None
    access_key_id, service, region = caller
    named = json.dumps({"KeyId": key}).encode()
    resource = iam_actions.extract_resource_arn(service, "POST", "/", {}, named, {}, region, get_account_id())
    refusal = iam_evaluator.enforce(access_key_id, action, service, region, resource_arn=resource)
    if refusal is None:
        return None
    answer: Answer = iam_actions.access_denied_response(
        service, action, refusal.principal_arn, "", headers={}, resource_arn=resource
    )
    return answer


class CallRecord:
    """Which role asked for what, and whether it was allowed: each different call once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: set[tuple[str, str, str, bool]] = set()

    def add(self, session_arn: str, action: str, resource: str, *, allowed: bool) -> None:
        role = session_arn.split("/")[1]
        call = (role, action, resource, allowed)
        with self._lock:
            if call in self._known or len(self._known) >= CALLS_MAX:
                return
            self._known.add(call)
            with self._file.open("a") as lines:
                lines.write(f"{json.dumps(dict(zip(FIELDS, call, strict=True)))}\n")
