"""`breakwater alerts rules`: what is asked of the API for what was typed, and how rules read."""

import pytest

from tests.unit.client.command_line import Api, run, sign_in

RULE_ID = "7b7b0d43-6f4c-4a4f-9d2d-333333333333"
RULE = {
    "rule_id": RULE_ID,
    "name": "Loss",
    "metric": "pnl_total",
    "labels": {},
    "condition": {"kind": "THRESHOLD", "direction": "BELOW", "bound": "-1000", "clear_bound": "-900"},
    "for_s": 30,
    "severity": "ERROR",
    "category": "RISK",
    "is_enabled": True,
    "version": 1,
    "changed_by": "risk",
    "changed_at": "2026-01-01T00:00:00.000000Z",
    "crossed": [{"labels": {}, "since": None}],
}


@pytest.fixture(autouse=True)
def signed_in_api(api: Api) -> Api:
    sign_in(api)
    return api


def test_a_threshold_is_asked_for(api: Api) -> None:
    api.answers["POST /alerts/rules"] = (201, RULE)
    options = ("--below=-1000", "--clear-at=-900", "--for-s", "30", "--severity", "ERROR", "--label", "account=Main")
    told = run("alerts", "rules", "create", "Loss", "pnl_total", *options)
    assert told.exit_code == 0, told.output
    assert api.asked[-1][1] == {
        "name": "Loss",
        "metric": "pnl_total",
        "threshold": {"direction": "BELOW", "bound": "-1000", "clear_bound": "-900"},
        "for_s": 30,
        "severity": "ERROR",
        "labels": {"account": "Main"},
    }
    assert "pnl_total below -1000 for 30 s" in " ".join(told.stdout.split())


def test_a_band_takes_the_place_of_a_threshold(api: Api) -> None:
    band = {"kind": "BAND", "direction": "BOTH", "sigmas": "5", "window_s": 600, "samples_min": 60}
    api.answers[f"PATCH /alerts/rules/{RULE_ID}"] = (200, RULE | {"condition": band})
    told = run("alerts", "rules", "change", RULE_ID, "--sigmas", "5", "--window-s", "600", "--disable")
    assert api.asked[-1][1] == {"band": {"sigmas": "5", "window_s": 600}, "is_enabled": False}
    assert "5 deviations away from its mean of 600 s" in " ".join(told.stdout.split())


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--above", "1", "--below", "0"),
        ("--clear-at", "1"),
        ("--above", "1", "--label", "queue"),
    ],
)
def test_what_cannot_be_meant_is_not_asked_for(api: Api, options: tuple[str, ...]) -> None:
    asked = len(api.asked)
    assert run("alerts", "rules", "create", "Loss", "pnl_total", *options).exit_code != 0
    assert len(api.asked) == asked


def test_rules_and_metrics_are_listed_and_a_rule_is_deleted(api: Api) -> None:
    metric = {"metric": "queue_waiting", "labels": {"queue": "alerts"}, "value": "3"}
    api.answers["GET /alerts/rules"] = (200, {"items": [RULE]})
    api.answers["GET /alerts/metrics"] = (200, {"read_at": None, "items": [metric]})
    api.answers[f"DELETE /alerts/rules/{RULE_ID}"] = (204, None)
    api.answers["GET /alerts"] = (200, {"items": [], "next_cursor": None})
    assert '"crossed"' in run("alerts", "rules", "list", "--json").stdout
    assert run("alerts", "rules", "list").exit_code == 0
    assert "queue=alerts" in run("alerts", "metrics").stdout
    assert run("alerts", "rules", "delete", RULE_ID).exit_code == 0
    assert "No alerts" in run("alerts").stdout
