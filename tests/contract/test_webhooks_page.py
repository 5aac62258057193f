"""docs/webhooks.md: the receiver that it shows does what it says, and its numbers are those of the code."""

import os
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from breakwater.client.webhooks import TOLERANCE_S
from breakwater.domain.webhook_addresses import PORTS
from breakwater.domain.webhooks import BACK_OFF_FIRST_S, BACK_OFF_MAX_S, GIVEN_UP_AFTER, SLOW_MS, signature_header
from breakwater.services.webhook_calls import READ_BYTES_MAX
from breakwater.services.webhook_dispatch import LOG_KEPT, QUEUE_MAX
from breakwater.services.webhook_sending import CALL_TIMEOUT_S
from breakwater.services.webhooks import ENDPOINTS_OF_ONE_TENANT_MAX
from tests.unit.client.test_webhooks_verifier import BODY, EVENT, SECRET

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()


def test_the_receiver_of_the_page_takes_what_is_signed_once_and_refuses_the_rest() -> None:
    found = re.search(r"```python\n(.*?)```", PAGE, re.S)
    assert found is not None
    jobs: list[Any] = []
    known: dict[str, Any] = {
        "os": SimpleNamespace(environ=os.environ | {"WEBHOOK_SECRET": SECRET}),
        "database": SimpleNamespace(is_new=lambda event_id: event_id not in [job.event_id for job in jobs]),
        "jobs": SimpleNamespace(put=jobs.append),
    }
    exec(compile(found[1], "docs/webhooks.md", "exec"), known)  # noqa: S102  # Our own page.

    def receive(body: bytes, at: float) -> int:
        headers = {"Breakwater-Signature": signature_header([SECRET], int(at), BODY)}
        status: int = known["receive"](SimpleNamespace(body=body, headers=headers))[0]
        return status

    now = time.time()
    assert receive(BODY, now) == 204
    assert receive(BODY, now) == 400  # The very same call.
    assert receive(BODY, now - 1) == 204  # The same event, delivered once more.
    assert receive(BODY + b" ", now - 2) == 400
    assert receive(BODY, now - 400) == 400
    assert [str(job.event_id) for job in jobs] == [EVENT["event_id"]]


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    told = " ".join(PAGE.split())
    for words in (
        f"within {TOLERANCE_S} seconds of your clock",
        f"tried again** after {BACK_OFF_FIRST_S:.0f} s",
        f"up to {BACK_OFF_MAX_S / 3600:.0f} hours",
        f"Up to {QUEUE_MAX:,} events",
        f"up to {ENDPOINTS_OF_ONE_TENANT_MAX} endpoints",
        f"the last {LOG_KEPT.days} days",
        f"left after {CALL_TIMEOUT_S[False]} seconds",
        f"with {CALL_TIMEOUT_S[True]:.0f} seconds",
        f"the ports {' and '.join(map(str, sorted(PORTS)))}",
        f"at most {READ_BYTES_MAX // 1024} KiB",
    ):
        assert words in told, words
    assert (GIVEN_UP_AFTER.days, SLOW_MS) == (1, 1_000)
