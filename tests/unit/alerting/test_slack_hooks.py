"""Which URLs are hooks of Slack, and what becomes of a message there."""

import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from breakwater.errors import BreakwaterError, InvalidRequest, Unavailable
from breakwater.runtime import slack
from breakwater.runtime.slack import check_hook, post_to_slack
from breakwater.services.alert_messages import Parcel
from breakwater.services.alert_sending import NotTaken
from tests.unit.alerting.test_messages import parcel


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/services/x",
        "https://hooks.slack.com.evil.example/services/x",
        "https://hooks.slack.com:8443/services/x",
        "https://user@hooks.slack.com/services/x",
        "https://169.254.169.254/latest",
        "https://127.0.0.1/x",
        "http://127.0.0.1:1/x",
        "https://hooks.slack.com",
        "https://hooks.slack.com:x/services/x",
        "file:///etc/passwd",
        "https://hooks.slack.com/" + "x" * 500,
    ],
)
def test_what_is_no_hook_of_slacks_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_HOSTS", raising=False)
    with pytest.raises(InvalidRequest):
        check_hook(url)


def test_a_hook_of_slacks_is_taken() -> None:
    check_hook("https://hooks.slack.com/services/T0/B0/x")


class Answers(BaseHTTPRequestHandler):
    status = 200
    asked = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Not to the terminal of the tests."""


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Answers.asked = 0
    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    monkeypatch.setenv("SLACK_HOSTS", f"hooks.slack.com,{host}")
    monkeypatch.setattr(slack, "_open_hook", lambda *_: f"http://{host}/services/x")
    yield host
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, NotTaken), (403, NotTaken), (302, NotTaken), (429, Unavailable), (500, Unavailable), (200, None)],
)
def test_what_slack_answers_is_final_or_may_pass(hook: str, status: int, error: type[BreakwaterError] | None) -> None:
    Answers.status = status
    if error is None:
        post_to_slack(_told(), uuid.uuid4())
    else:
        with pytest.raises(error):
            post_to_slack(_told(), uuid.uuid4())
    assert Answers.asked == 1, "a redirect is not followed, and nothing is sent twice"


def test_a_host_that_is_not_reached_may_be_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_HOSTS", "127.0.0.1:1")
    monkeypatch.setattr(slack, "_open_hook", lambda *_: "http://127.0.0.1:1/services/secret")
    with pytest.raises(Unavailable) as caught:
        post_to_slack(_told(), uuid.uuid4())
    assert "secret" not in caught.value.message


def test_a_name_of_slacks_that_leads_into_a_private_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_HOSTS", raising=False)
    monkeypatch.setattr(slack, "_open_hook", lambda *_: "https://hooks.slack.com/services/x")
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.0.0.7", 443))])
    with pytest.raises(NotTaken, match="private"):
        post_to_slack(_told(), uuid.uuid4())


def test_a_channel_that_was_removed_is_told_no_more() -> None:
    with pytest.raises(NotTaken, match="removed"):
        post_to_slack(parcel(), uuid.uuid4())


def _told() -> Parcel:
    made = parcel()
    return Parcel("SLACK", made.deliveries, made.alerts, 1, (uuid.uuid4(), b"sealed"))
