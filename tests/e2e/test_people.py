"""An administrator at work on the running platform, and the clock: what was withdrawn is over within five seconds."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import pytest

from breakwater.client import Client, Problem
from tests.e2e.desk import SYMBOL, eventually
from tests.support.totp import totp

PROMISED_S = 5.0
TEMPORARY, PASSWORD = "Temporary-horse-1", "Correct-horse-1"


@dataclass(frozen=True)
class Joiner:
    """Somebody who was invited a moment ago, signed in, and with trader3's account."""

    username: str
    user_id: str
    account_id: str
    client: Client
    api_key: str

    def statuses(self, api_url: str) -> set[int]:
        """What the API answers to his token and to his key."""
        assert self.client.session is not None
        found = set()
        for authorization in (f"Bearer {self.client.session.access_token}", f"ApiKey {self.api_key}"):
            url, headers = f"{api_url}/orders?account_id={self.account_id}", {"Authorization": authorization}
            found.add(httpx.get(url, headers=headers, timeout=35).status_code)
        return found


@pytest.fixture
def admin(sign_in: Callable[[str], Client]) -> Client:
    return sign_in("admin")


@pytest.fixture
def joiner(admin: Client, sign_in: Callable[[str], Client], endpoints: dict[str, Any]) -> Iterator[Joiner]:
    username = f"joiner-{uuid.uuid4().hex[:8]}"
    invited = admin.invite(username, f"{username}@harbour.example", "trader", temporary_password=TEMPORARY)
    account_id = sign_in("trader3").me()["account_ids"][0]
    admin.give_account(invited["user_id"], account_id)
    with Client(endpoints["api_url"]) as client:
        with pytest.raises(Problem, match="SIGN_IN_INCOMPLETE"):
            client.sign_in(username, TEMPORARY)
        client.sign_in(username, TEMPORARY, new_password=PASSWORD)
        assert client.me()["account_ids"] == [account_id]
        key = client.create_api_key("bot", ["read", "trade"], account_id=account_id)["api_key"]
        yield Joiner(username, invited["user_id"], account_id, client, key)
    admin.change_user(invited["user_id"], is_disabled=True)


def until(done: Callable[[], bool], since: float) -> float:
    """How long it took, from `since` on."""
    while not done():
        assert time.monotonic() - since < PROMISED_S
        time.sleep(0.05)
    return time.monotonic() - since


def test_a_disabled_users_token_and_key_stop_within_five_seconds_and_neither_comes_back(
    admin: Client, joiner: Joiner, endpoints: dict[str, Any]
) -> None:
    assert joiner.statuses(endpoints["api_url"]) == {200}
    admin.change_user(joiner.user_id, is_disabled=True)
    until(lambda: joiner.statuses(endpoints["api_url"]) == {401}, time.monotonic())
    with Client(endpoints["api_url"]) as again, pytest.raises(Problem, match="WRONG_CREDENTIALS"):
        again.sign_in(joiner.username, PASSWORD)
    admin.change_user(joiner.user_id, is_disabled=False)
    joiner.client.sign_in(joiner.username, PASSWORD)
    # He trades again; his key is one that somebody may know of.
    until(lambda: joiner.statuses(endpoints["api_url"]) == {200, 401}, time.monotonic())


def test_who_has_lost_his_second_factor_is_let_in_again_by_an_administrator(
    admin: Client, joiner: Joiner, endpoints: dict[str, Any]
) -> None:
    secret = joiner.client.enrol_totp()["secret"]
    joiner.client.verify_totp(totp(secret, time.time()))
    with Client(endpoints["api_url"]) as again:
        with pytest.raises(Problem, match="MFA_CODE_REQUIRED"):
            again.sign_in(joiner.username, PASSWORD)
        admin.reset_totp(joiner.user_id)
        again.sign_in(joiner.username, PASSWORD)
        assert again.me()["account_ids"] == [joiner.account_id]


def test_one_session_that_is_ended_stops_everywhere_within_five_seconds_and_the_others_go_on(
    joiner: Joiner, endpoints: dict[str, Any]
) -> None:
    """The HTTP API, the notifications of the WebSocket API when it is told something, the channels of the engine."""
    with Client(endpoints["api_url"]) as lost:
        session = lost.sign_in(joiner.username, PASSWORD)
        headers = {"Authorization": f"Bearer {session.access_token}"}
        (lost_id,) = [each["session_id"] for each in lost.sessions() if each["is_current"]]

        async def ends_after_s() -> float:
            url = f"{endpoints['engine_url']}/channels"
            async with aiohttp.ClientSession() as http, http.ws_connect(url, headers=headers) as socket:
                await socket.send_json({"action": "subscribe", "channel": "orders"})
                assert json.loads((await socket.receive(timeout=10)).data)["type"] == "snapshot"
                await asyncio.to_thread(joiner.client.end_session, lost_id)
                ended_at = time.monotonic()
                while (await socket.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
                    continue
                return time.monotonic() - ended_at

        async def is_let_in(url: str) -> bool:
            try:
                async with aiohttp.ClientSession() as http, http.ws_connect(url, headers=headers):
                    return True
            except aiohttp.WSServerHandshakeError:
                return False

        assert asyncio.run(is_let_in(endpoints["ws_url"]))
        assert asyncio.run(ends_after_s()) < PROMISED_S
        until(
            lambda: httpx.get(f"{endpoints['api_url']}/me", headers=headers, timeout=35).status_code == 401,
            time.monotonic(),
        )
        assert not asyncio.run(is_let_in(endpoints["ws_url"]))
        refreshed = {"refresh_token": session.refresh_token}
        assert httpx.post(f"{endpoints['api_url']}/auth/refresh", json=refreshed, timeout=35).status_code == 401
    assert joiner.statuses(endpoints["api_url"]) == {200}
    assert lost_id not in {each["session_id"] for each in joiner.client.sessions()}


def test_another_role_counts_for_the_token_that_he_has(
    admin: Client, joiner: Joiner, endpoints: dict[str, Any]
) -> None:
    terms = (joiner.account_id, SYMBOL, "BUY", "0.01")
    assert joiner.client.preview(*terms, price="1000")["verdicts"]
    admin.change_user(joiner.user_id, role="viewer")
    changed_at = time.monotonic()

    def is_refused() -> bool:
        try:
            joiner.client.preview(*terms, price="1000")
        except Problem as problem:
            return problem.code == "NOT_PERMITTED"
        return False

    until(is_refused, changed_at)
    assert joiner.client.me()["role"] == "viewer"


def test_an_account_that_is_taken_is_not_found_at_once(admin: Client, joiner: Joiner) -> None:
    assert joiner.client.orders(account_id=joiner.account_id)["items"] is not None
    admin.take_account(joiner.user_id, joiner.account_id)
    with pytest.raises(Problem, match="NOT_FOUND"):
        joiner.client.orders(account_id=joiner.account_id)


def test_a_desk_head_sees_and_trades_what_is_below_his_desk(
    admin: Client, joiner: Joiner, sign_in: Callable[[str], Client]
) -> None:
    (desk,) = [node["node_id"] for node in admin.nodes("Desk A") if node["name"] == "Desk A"]
    beyond = joiner.account_id  # Trader 3 is of the other desk.
    below = {sign_in(name).me()["account_ids"][0] for name in ("trader1", "trader2")}
    admin.take_account(joiner.user_id, beyond)
    admin.change_user(joiner.user_id, role="desk_head")
    admin.give_node(joiner.user_id, desk)
    until(lambda: joiner.client.me()["role"] == "desk_head", time.monotonic())
    assert set(joiner.client.me()["account_ids"]) >= below
    assert beyond not in joiner.client.me()["account_ids"]
    # One that comes below the desk now is his too.
    name = f"paper of {joiner.username}"
    account_id = admin.create_account(desk, name, balances={"USDT": "100000"})["account_id"]
    assert account_id in joiner.client.me()["account_ids"]
    order = joiner.client.place_order(account_id, SYMBOL, "BUY", "0.01", price="1500")
    assert joiner.client.cancel(order["order_id"])["status"] == "CANCELED"
    with pytest.raises(Problem, match="NOT_FOUND"):
        joiner.client.place_order(beyond, SYMBOL, "BUY", "0.01", price="1500")
    (other,) = [node["node_id"] for node in admin.nodes("Desk B") if node["name"] == "Desk B"]
    with pytest.raises(Problem, match="NOT_FOUND"):
        joiner.client.kill(other, "not mine")


def test_sockets_of_a_disabled_user_end_within_five_seconds(
    admin: Client, joiner: Joiner, endpoints: dict[str, Any]
) -> None:
    headers = {"Authorization": f"ApiKey {joiner.api_key}"}

    async def ends_after_s() -> float:
        url = f"{endpoints['engine_url']}/channels"
        async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as socket:
            await socket.send_json({"action": "subscribe", "channel": "orders"})
            assert json.loads((await socket.receive(timeout=10)).data)["type"] == "snapshot"
            await asyncio.to_thread(admin.change_user, joiner.user_id, is_disabled=True)
            changed_at = time.monotonic()
            while (await socket.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
                continue
            return time.monotonic() - changed_at

    assert asyncio.run(ends_after_s()) < PROMISED_S


def test_who_lost_an_account_hears_of_it_no_more_by_the_notifications_socket(
    admin: Client, joiner: Joiner, sign_in: Callable[[str], Client], endpoints: dict[str, Any]
) -> None:
    """It is ended by the first event that it may not hear; its client connects again with what it may do now."""
    owner = sign_in("trader3")

    def trade() -> None:
        order = owner.place_order(joiner.account_id, SYMBOL, "BUY", "0.01", price="1500")
        owner.cancel(order["order_id"])

    async def heard() -> list[str]:
        headers = {"Authorization": f"ApiKey {joiner.api_key}"}
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(endpoints["ws_url"], headers=headers) as socket,
        ):
            await socket.send_json({"action": "subscribe", "channel": "orders"})
            assert (await socket.receive_json(timeout=20))["type"] == "snapshot"
            await asyncio.to_thread(trade)
            assert (await socket.receive_json(timeout=20))["type"] == "update"
            # All that was said before is heard before: the next is what follows the change.
            await asyncio.sleep(3)
            await asyncio.to_thread(admin.take_account, joiner.user_id, joiner.account_id)
            await asyncio.to_thread(trade)
            messages = []
            while (message := await socket.receive(timeout=20)).type is aiohttp.WSMsgType.TEXT:
                messages.append(message.data)
            return messages

    messages = asyncio.run(heard())
    newest = owner.orders(account_id=joiner.account_id)["items"][0]["order_id"]
    assert not [message for message in messages if newest in message]


def sign_in_with(client: Client, username: str, password: str) -> str | None:
    """What the pool wants first, for the right password; None for a wrong one."""
    with pytest.raises(Problem) as refused:
        client.sign_in(username, password)
    challenge: str | None = refused.value.document.get("challenge")
    return challenge


def test_an_invitation_comes_by_mail_with_a_password_that_must_be_changed(
    admin: Client, endpoints: dict[str, Any]
) -> None:
    username = f"mailed-{uuid.uuid4().hex[:8]}"
    invited = admin.invite(username, f"{username}@harbour.example", "viewer")

    def mail() -> str | None:
        messages = httpx.get(f"{endpoints['outbox_url']}/messages", timeout=5).json()["items"]
        return next((each["message"] for each in messages if each["to"] == f"{username}@harbour.example"), None)

    words = {word.rstrip(".") for word in eventually(mail).split()[-3:]}  # "... temporary password is <password>."
    with Client(endpoints["api_url"]) as client:
        challenges = {word: sign_in_with(client, username, word) for word in words}
        (temporary,) = [word for word, challenge in challenges.items() if challenge == "NEW_PASSWORD_REQUIRED"]
        client.sign_in(username, temporary, new_password=PASSWORD)
        assert client.me()["username"] == username
    admin.change_user(invited["user_id"], is_disabled=True)


def test_the_change_is_told_as_an_event(admin: Client, joiner: Joiner, database: Any) -> None:
    """Published: what is told is due in the outbox, and the relay has taken it from there."""
    admin.change_user(joiner.user_id, role="fund_manager")

    def told() -> Any:
        return database.execute(
            "SELECT payload FROM trading.events e WHERE topic = 'users.PermissionsUpdated.v1'"
            " AND aggregate_id = %s AND payload->>'change' = 'ROLE'"
            " AND NOT EXISTS (SELECT FROM trading.outbox o WHERE o.event_id = e.event_id)",
            (joiner.user_id,),
        ).fetchone()

    payload = eventually(told)[0]
    assert (payload["role_before"], payload["role"], payload["changed_by"]) == ("trader", "fund_manager", "admin")
