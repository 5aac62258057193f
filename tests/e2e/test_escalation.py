"""A CRITICAL alert that nobody takes up is told to others, and to more, until somebody does: on the whole platform."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from breakwater.client import Client
from breakwater.client.shapes import Json
from tests.e2e.desk import Terminal, eventually


@contextmanager
def waiting(admin: Client, first_s: int, second_s: int) -> Iterator[None]:
    before = admin.escalation()
    admin.set_escalation(first_s, second_s, incident_bridge="https://meet.example.com/x")
    try:
        yield
    finally:
        admin.set_escalation(before["first_s"], before["second_s"], incident_bridge=before["incident_bridge"])


@pytest.fixture
def killed(sign_in: Callable[[str], Client]) -> Iterator[Callable[[], Json]]:
    """Kills a node that nobody trades below, and answers the alert of it; armed again at the end."""
    risk = sign_in("risk")
    armed = []

    def kill() -> Json:
        node = risk.create_node(risk.nodes()[0]["node_id"], "DESK", f"Desk {uuid.uuid4().hex[:8]}")
        risk.kill(node["node_id"], "an exercise")
        armed.append(node["node_id"])
        title = f"{node['name']} is KILLED"
        return eventually(
            lambda: next((each for each in risk.alerts()["items"] if each["title"] == title), None), within_s=60
        )

    yield kill
    for node_id in armed:
        risk.rearm(node_id, "the exercise is over")


def stages_of(client: Client, alert_id: str) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for each in client.alert(alert_id)["deliveries"]:
        found.setdefault(each["stage"], set()).add(each["destination"])
    return found


def test_nobody_answers_and_whoever_is_on_call_is_called(
    sign_in: Callable[[str], Client], terminal: Terminal, killed: Callable[[], Json]
) -> None:
    admin = sign_in("admin")
    rota = ("rota", "set", "trader1", "--starts-on", "2026-11-30", "--at", "09:00", "--zone", "Europe/Berlin")
    terminal.run("sign-in", "--user", "admin")
    assert "trader1" in terminal.run(*rota)
    with waiting(admin, 2, 6):
        alert_id = killed()["alert_id"]
        told = eventually(lambda: found if 30 in (found := stages_of(admin, alert_id)) else None, within_s=60)
    assert told[15] == {"admin@harbour.example"}
    assert told[30] == {"admin@harbour.example", "trader1@harbour.example"}
    notes = {each["reason"] for each in admin.alert(alert_id)["deliveries"] if each["stage"] == 30}
    assert notes == {"INCIDENT CALL, nobody has acknowledged this for 6 seconds: join https://meet.example.com/x now"}


def test_once_it_is_acknowledged_nobody_else_is_told(
    sign_in: Callable[[str], Client], terminal: Terminal, killed: Callable[[], Json]
) -> None:
    admin = sign_in("admin")
    with waiting(admin, 10, 12):
        alert_id = killed()["alert_id"]
        terminal.run("sign-in", "--user", "risk")
        said = terminal.told("alerts", "ack", alert_id, "--note", "looking")
    assert "acknowledged by risk" in said
    with pytest.raises(AssertionError, match="not within"):
        eventually(lambda: {15, 30} & stages_of(admin, alert_id).keys() or None, within_s=14)


def test_the_link_in_a_mail_opens_a_page_whose_button_acknowledges(
    sign_in: Callable[[str], Client], killed: Callable[[], Json], endpoints: dict[str, Any]
) -> None:
    admin, alert_id = sign_in("admin"), killed()["alert_id"]

    def mailed() -> dict[str, str]:
        """The links by address."""
        sent = httpx.get(f"{endpoints['outbox_url']}/messages", params={"kind": "email"}, timeout=5).json()["items"]
        found = {
            each["to"]: re.search(r"http\S+/acknowledgements/\S+", each["message"])
            for each in sent
            if alert_id in each["message"]
        }
        return {address: link[0] for address, link in found.items() if link is not None}

    readers = {"admin@harbour.example", "risk@harbour.example"}
    links = eventually(lambda: found if (found := mailed()).keys() >= readers else None, within_s=60)
    assert len(set(links.values())) == len(links), "nobody is sent another's"
    link = links["risk@harbour.example"]
    page = httpx.get(link, timeout=35)
    assert page.status_code == 200
    assert "Acknowledge as risk" in page.text
    assert admin.alert(alert_id)["alert"]["acknowledged_at"] is None
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # As a browser sends the button's.
    assert "Acknowledged by risk" in httpx.post(link, headers=form, timeout=35).text
    taken_up = admin.alert(alert_id)["alert"]
    assert (taken_up["acknowledged_by"], taken_up["acknowledged_via"]) == ("risk", "EMAIL")
    assert "Acknowledged by risk" in httpx.post(links["admin@harbour.example"], headers=form, timeout=35).text


def test_whoever_has_confirmed_his_telephone_is_sent_what_is_critical_as_a_text(
    sign_in: Callable[[str], Client], endpoints: dict[str, Any], killed: Callable[[], Json]
) -> None:
    risk, number = sign_in("risk"), f"+49151{uuid.uuid4().int % 10**8:08}"

    def text_with(pattern: str) -> str | None:
        sent = httpx.get(f"{endpoints['outbox_url']}/messages", params={"kind": "sms"}, timeout=5).json()["items"]
        found = [re.search(pattern, each["message"]) for each in sent if each["to"] == number]
        return next((each[0] for each in found if each is not None), None)

    risk.send_phone_code(number)
    risk.confirm_phone(eventually(lambda: text_with(r"\d{6}")))
    try:
        title = killed()["title"]
        assert eventually(lambda: text_with(re.escape(title)), within_s=60)
    finally:
        risk.remove_phone()
