"""An alert reaches a browser as a push, which its push service cannot read: on the whole platform."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx

from breakwater.client import Client
from breakwater.client.shapes import Json
from tests.e2e.desk import eventually


def test_a_stop_is_pushed_to_a_browser_until_its_owner_takes_it_away(
    sign_in: Callable[[str], Client], ask: Callable[..., httpx.Response], endpoints: dict[str, Any]
) -> None:
    risk, outbox = sign_in("risk"), endpoints["outbox_url"]
    browser = f"browser_{uuid.uuid4().hex[:8]}"
    told = httpx.post(f"{outbox}/push/subscribe", json={"name": browser}, timeout=5).json()
    added = ask(
        risk, "POST", "/contacts/me/push", {"endpoint": told["endpoint"], "keys": told["keys"], "name": "a laptop"}
    )
    assert added.status_code == 201, added.text
    device_id = added.json()["device_id"]
    listed = ask(risk, "GET", "/contacts/me/push").json()
    assert device_id in {each["device_id"] for each in listed["devices"]}
    node = risk.create_node(risk.nodes()[0]["node_id"], "DESK", f"Desk {uuid.uuid4().hex[:8]}")
    risk.kill(node["node_id"], "an exercise")
    try:
        pushed = eventually(lambda: _pushed(outbox, f"{node['name']} is KILLED"), within_s=60)
    finally:
        risk.rearm(node["node_id"], "the exercise is over")
    assert browser in str(pushed)
    assert ask(risk, "DELETE", f"/contacts/me/push/{device_id}").status_code == 204
    assert ask(risk, "DELETE", f"/contacts/me/push/{device_id}").status_code == 404


def _pushed(outbox: str, title: str) -> Json | None:
    """What the browser could read of it; None before it has come."""
    sent = httpx.get(f"{outbox}/messages", params={"kind": "push"}, timeout=5).json()["items"]
    return next((each for each in sent if title in f"{each['subject']} {each['message']}"), None)
