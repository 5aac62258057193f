"""A digest of the whole platform: started as the schedule does it, mailed, and read at the API and the terminal."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import httpx
import psycopg
import pytest

from breakwater.client import Client
from local_cloud.platform import REGION
from tests.e2e.desk import Terminal, eventually

PASSWORD = "Temporary-horse-1"


@pytest.fixture(scope="module")
def operator(endpoints: dict[str, Any], invoke: Callable[[str, Any], Any]) -> Client:
    """Who operates the platform, in an organisation of his own, whose digest has to be asked of all its parts."""
    unique = uuid.uuid4().hex[:8]
    user = {"username": f"operator-{unique}", "email": f"operator-{unique}@tide.example", "role": "system_admin"}
    firm = {
        "tenant_id": str(uuid.uuid4()),
        "name": f"Tide {unique}",
        "limits": [],
        "users": [{**user, "password": PASSWORD}],
    }
    firm["nodes"] = [{"key": "firm", "kind": "FIRM", "name": "Tide"}]
    invoke("provisioning", {"action": "create_organisation", "organisation": firm})
    client = Client(endpoints["api_url"])
    client.sign_in(user["username"], PASSWORD)
    return client


def test_a_digest_is_mailed_once_and_read(
    operator: Client,
    endpoints: dict[str, Any],
    invoke: Callable[[str, Any], Any],
    database: psycopg.Connection,
) -> None:
    me = operator.me()
    settings = operator.set_digest_preferences(daily=True, weekly=False, hour=0, time_zone=None)
    assert (settings["mail"], settings["hour"]) == ("ON", 0)
    assert datetime.fromisoformat(settings["next_daily_at"]) > datetime.now(UTC)
    # As if he had been there for days, and had begun to follow an hour before the last midnight.
    of_his = "user_id = (SELECT user_id FROM identity.users WHERE username = %s)"
    database.execute(
        f"UPDATE identity.users SET created_at = now() - interval '3 days' WHERE {of_his}", (me["username"],)
    )
    database.execute(
        "UPDATE alerts.digest_preferences SET since = date_trunc('day', now(), 'UTC') - interval '1 hour'"
        f" WHERE {of_his}",
        (me["username"],),
    )
    assert invoke("digests", {})["failed"] == 0
    (digest,) = operator.digests()["items"]
    assert (digest["period"], digest["mail_state"]) == ("DAILY", "SENT")
    assert invoke("digests", {})["made"] == 0

    def mails() -> list[dict[str, str]] | None:
        sent = httpx.get(f"{endpoints['outbox_url']}/messages", timeout=5).json()["items"]
        return [each for each in sent if each["to"] == settings["email"]] or None

    (mail,) = eventually(mails)
    shown = operator.digest(digest["digest_id"])
    assert mail["subject"] == shown["subject"] == digest["subject"]
    assert mail["message"] == shown["text"]
    assert mail["html"] == shown["html"]
    assert "Dead letters" in mail["message"]
    assert "Engine" in mail["message"]


def test_a_preview_is_asked_of_the_running_platform(operator: Client) -> None:
    facts = {
        fact["name"]: fact["value"]
        for section in operator.preview_digest("DAILY")["document"]["sections"]
        for fact in section["facts"]
    }
    assert facts["Engine"] == "UP"
    assert facts["Messages"].isdecimal()


def test_a_trader_sees_his_day_at_the_terminal(terminal: Terminal) -> None:
    told = terminal.run("digests", "preview", "daily")
    assert "It is not over" in told
    assert "Limits most used" in told
    assert "Europe/London" in terminal.run("digests", "set", "--time-zone", "Europe/London", "--hour", "6")
    assert "No digests yet." in terminal.run("digests", "list")


def test_the_schedule_that_starts_the_function_is_deployed(endpoints: dict[str, Any]) -> None:
    scheduler = boto3.client(
        "scheduler",
        endpoint_url=endpoints["aws_endpoint_url"],
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    (found,) = [each for each in scheduler.list_schedules()["Schedules"] if "Digest" in each["Name"]]
    schedule = scheduler.get_schedule(Name=found["Name"])
    assert schedule["ScheduleExpression"] == "rate(15 minutes)"
    assert "DigestsFunction" in schedule["Target"]["Arn"]
