"""The tour of `make demo` through alerts: what it shows is so, and it leaves the platform as it was."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from breakwater.client import Client
from breakwater.client.demo_alerts import FIRST_S, MANAGER, NAME, SECOND_S, AlertTour
from breakwater.client.demo_steps import run_steps
from breakwater.client.pages import every


def settings_of(client: Client) -> dict[str, Any]:
    """All that the tour changes."""
    return {
        "escalation": client.escalation(),
        "channels": client.alert_channels(),
        "webhooks": client.webhooks(),
        "nodes": client.nodes(),
        "managers": [each for each in every(client.users) if each["role"] == "desk_head" and not each["is_disabled"]],
    }


@pytest.fixture
def tour(endpoints_file: Path, monkeypatch: pytest.MonkeyPatch) -> AlertTour:
    monkeypatch.setenv("BREAKWATER_LOCAL_DIR", str(endpoints_file.parent))
    return AlertTour()


def run(tour: AlertTour) -> str:
    told = StringIO()
    try:
        assert run_steps(tour.steps(), Console(file=told, width=200)), told.getvalue()
    finally:
        tour.close()
    return told.getvalue()


def test_a_breach_is_told_by_every_way_escalates_and_ends_with_an_acknowledgement(
    tour: AlertTour, sign_in: Callable[[str], Client]
) -> None:
    admin = sign_in("admin")
    before = settings_of(admin)
    told = run(tour)
    assert f"webhook {NAME}" in told
    assert f"{MANAGER}@harbour.example" in told
    assert settings_of(admin) == before
    assert not sign_in("risk").telegram_link()["is_linked"]


def test_what_a_tour_left_that_was_cut_off_is_put_right_by_the_next(
    tour: AlertTour, endpoints: dict[str, Any], sign_in: Callable[[str], Client]
) -> None:
    admin = sign_in("admin")
    before = admin.escalation()
    admin.add_alert_channel(NAME, f"{endpoints['outbox_url']}/slack/{NAME}")
    admin.set_escalation(FIRST_S, SECOND_S, incident_bridge=before["incident_bridge"])
    run(tour)
    assert admin.escalation() == before
    assert not [each for each in admin.alert_channels() if each["name"] == NAME]
