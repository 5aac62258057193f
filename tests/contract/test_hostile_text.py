"""Line ends, terminal codes and broken JSON in what a client writes: no log line, header or path is made of it."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from breakwater.runtime.api import PUBLIC, create_api, lambda_handler
from breakwater.runtime.observability import logger
from functions.audit.app import handler as audit
from functions.authorizer.app import handler as authorize
from functions.limits.app import handler as limits
from functions.provisioning.app import handler as provision
from functions.users.app import handler as users
from tests.contract.conftest import USERNAME, Platform, seal_audit_trail
from tests.unit.runtime.http_events import LambdaContext, caller_context, http_event

HOSTILE = (
    'x\r\nSet-Cookie: a=b\r\n\r\n{"level":"INFO","message":"forged"}',
    'x\n{"level": "INFO", "message": "forged"}\n',
    '","level":"INFO","message":"forged","x":"',
    "\x1b[2K\x1b[1A\x1b]0;owned\x07\u2028\x85",
)
TRAVERSALS = (
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "/etc/passwd",
    "..\\..\\windows",
    "anchors/../x",
    "\u2025/",
)
RECORD = re.compile(r'\{"level": ?"[A-Z]+".*\}')


@pytest.fixture
def log_lines() -> Iterator[Callable[[], list[str]]]:
    """What functions have logged, as it is written."""
    written = io.StringIO()
    output = logging.StreamHandler(written)
    output.setFormatter(logger().registered_formatter)
    logger().addHandler(output)
    yield lambda: written.getvalue().split("\n")[:-1]
    logger()._logger.removeHandler(output)


def assert_one_record_a_line(lines: list[str], at_least: int) -> None:
    assert len(lines) >= at_least
    for line in lines:
        assert RECORD.fullmatch(line), line
        assert json.loads(line)["level"] in {"INFO", "WARNING", "ERROR"}
        assert json.loads(line).get("message") != "forged"
        assert not re.search("[\x00-\x1f\x85\u2028]", line), line


@pytest.mark.parametrize("text", HOSTILE)
def test_no_line_of_a_log_is_made_of_what_a_client_has_written(
    platform: Platform, log_lines: Callable[[], list[str]], text: str
) -> None:
    headers = dict.fromkeys(("authorization", "x-correlation-id", "user-agent", "x-forwarded-for", "cookie"), text)
    authorize(http_event("GET", "/me", headers=headers), LambdaContext())
    api = create_api("test")

    @api.get("/fails", dependencies=[PUBLIC])
    def fail(said: str) -> None:
        raise RuntimeError(said)

    answer = lambda_handler(api)(http_event("GET", "/fails", query={"said": text}, headers=headers), LambdaContext())
    assert answer["statusCode"] == 500
    with pytest.raises(ValueError, match="unknown action"):
        provision({"action": text}, LambdaContext())
    assert_one_record_a_line(log_lines(), at_least=3)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_header_of_an_answer_is_made_of_what_a_client_has_written(platform: Platform, text: str) -> None:
    tenant_id, node_id = platform.desk.firm.tenant_id, str(platform.desk.firm.desk)
    caller = caller_context("organisation_admin", tenant_id, subject="sub", username=USERNAME)
    headers = dict.fromkeys(("x-correlation-id", "user-agent", "origin", "host", "x-forwarded-port"), text)
    for handler, path, body in (
        (users, "/groups", {"name": text}),
        (users, "/api-keys", {"name": text, "scopes": [text]}),
        (limits, "/limits/brake", {"node_id": node_id, "state": "REDUCE_ONLY", "reason": text}),
    ):
        answer = handler(http_event("POST", path, body=body, headers=headers, caller=caller), LambdaContext())
        assert answer["statusCode"] < 500, answer
        told = {name.lower(): value for name, value in answer["headers"].items()}
        assert re.fullmatch("[!-~]{1,64}", told["x-correlation-id"])  # Or one of our own in the place of what was sent.
        assert "set-cookie" not in told
        assert all(value.isprintable() for value in told.values())
        assert json.loads(answer["body"])  # Whatever is in it, it is one document.


def test_no_path_and_no_key_of_an_object_is_made_of_what_a_client_has_written(platform: Platform) -> None:
    """The platform makes each of numbers and of ids that it has read as such."""
    tenant_id = platform.desk.firm.tenant_id
    caller = caller_context("organisation_admin", tenant_id, subject="sub", username=USERNAME)

    seal_audit_trail(platform.desk.urls)

    def ask(handler: Any, method: str, path: str, **parts: Any) -> int:
        answer = handler(http_event(method, path, caller=caller, **parts), LambdaContext())
        assert "root:" not in answer["body"]
        return int(answer["statusCode"])

    for text in TRAVERSALS:
        for query in ({"first_sequence": text, "sequence": "1"}, {"first_sequence": "1", "sequence": text}):
            assert ask(audit, "GET", "/audit/anchors", query=query) == 422
        assert ask(audit, "GET", "/audit/lines", query={"first_sequence": text}) == 422
        assert ask(audit, "POST", "/audit/exports", body={"since": text, "until": text}) == 422
        assert ask(users, "GET", f"/users/{text}") in {404, 422}
        assert ask(users, "DELETE", f"/api-keys/{text}") == 404
        assert ask(users, "POST", "/groups", body={"name": text}) == 201
    seal_audit_trail(platform.desk.urls)
    keys = [each["Key"] for each in boto3.client("s3").list_objects_v2(Bucket="audit")["Contents"]]
    assert keys
    assert all(re.fullmatch(rf"anchors/{tenant_id}/[0-9]{{16}}\.json", key) for key in keys)
