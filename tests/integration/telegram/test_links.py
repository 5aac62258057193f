"""Which chat speaks for whom: by a code that works once, until one side ends it."""

import uuid
from datetime import UTC, datetime

import pytest

from breakwater.runtime.database import tenant_transaction, transactions_of
from breakwater.services import second_factors
from breakwater.services.sign_in_pace import OF_CHAT
from tests.integration.limits.people import risk_manager
from tests.integration.telegram.chat import CHAT, Chats

OTHER_CHAT = 1002


def linked_chat(chats: Chats, user_id: uuid.UUID) -> int | None:
    rows = chats.desk.admin("SELECT telegram_chat_id FROM alerts.contacts WHERE user_id = %s", user_id)
    return rows[0][0] if rows else None


def test_a_code_links_the_chat_that_shows_it_and_no_second_one(chats: Chats) -> None:
    user_id = chats.person("tara", "trader")
    status, told = chats.ask("POST", "tara", "trader")
    assert status == 201
    assert told["link"] == f"https://t.me/firm_bot?start={told['code'].replace('-', '')}"
    assert chats.ask("GET", "tara", "trader") == (200, {"bot": "firm_bot", "is_linked": False})
    # Deep links come as /start; typed codes in whatever case.
    assert "speaks for tara" in chats.say(f"/start {told['code'].lower()}")
    assert linked_chat(chats, user_id) == CHAT
    assert chats.ask("GET", "tara", "trader") == (200, {"bot": "firm_bot", "is_linked": True})
    assert "wrong" in chats.say(f"/link {told['code']}", OTHER_CHAT)
    assert "speaks for nobody" in chats.say("/positions", OTHER_CHAT)
    [(actor, event)] = chats.events("identity.ChatLinkChanged.v1")
    assert (actor, event["username"], event["change"]) == ("tara/telegram", "tara", "LINKED")


def test_the_database_has_no_code_that_could_be_read(chats: Chats) -> None:
    chats.person("tara", "trader")
    code = chats.code("tara", "trader").replace("-", "")
    [(kept,)] = chats.desk.admin("SELECT c::text FROM alerts.telegram_codes c")
    assert code not in kept
    assert code.encode().hex() not in kept


def test_a_code_is_over_after_ten_minutes_and_when_there_is_a_newer_one(chats: Chats) -> None:
    chats.person("tara", "trader")
    older, newer = chats.code("tara", "trader"), chats.code("tara", "trader")
    assert "wrong" in chats.say(f"/link {older}")
    [(left,)] = chats.desk.admin("SELECT expires_at - now() FROM alerts.telegram_codes")
    assert 590 < left.total_seconds() <= 600
    chats.desk.admin("UPDATE alerts.telegram_codes SET expires_at = now() - interval '1 second'")
    assert "wrong" in chats.say(f"/link {newer}")


def test_wrong_codes_are_paced_and_right_ones_are_not(chats: Chats) -> None:
    chats.person("tara", "trader")
    for _ in range(OF_CHAT.burst + 2):
        assert "speaks for tara" in chats.say(f"/link {chats.code('tara', 'trader')}")
    for _ in range(OF_CHAT.burst):
        assert "wrong" in chats.say("/link 0000-0000-0000", OTHER_CHAT)
    # Right or wrong now, or slowing would be no hindrance. Another chat does not wait for it.
    code = chats.code("tara", "trader")
    assert "wait" in chats.say(f"/link {code}", OTHER_CHAT)
    assert "speaks for tara" in chats.say(f"/link {code}")


def test_a_chat_speaks_for_one_person_and_a_person_from_one_chat(chats: Chats) -> None:
    tara = chats.link("tara", "trader")
    bob = chats.person("bob", "trader")
    code = chats.code("bob", "trader")
    assert "somebody else" in chats.say(f"/link {code}")
    assert "speaks for bob" in chats.say(f"/link {code}", OTHER_CHAT)  # It was not used up by that.
    assert (linked_chat(chats, tara), linked_chat(chats, bob)) == (CHAT, OTHER_CHAT)
    assert "speaks for tara" in chats.say(f"/link {chats.code('tara', 'trader')}", 1003)
    assert "speaks for nobody" in chats.say("/help", CHAT)


def test_either_side_ends_it(chats: Chats) -> None:
    user_id = chats.link("tara", "trader")
    assert "no more" in chats.say("/unlink")
    assert linked_chat(chats, user_id) is None
    assert "speaks for tara" in chats.say(f"/link {chats.code('tara', 'trader')}")
    for _ in range(2):
        assert chats.ask("DELETE", "tara", "trader") == (204, None)
    assert "speaks for nobody" in chats.say("/positions")
    told = [(actor, event["change"]) for actor, event in chats.events("identity.ChatLinkChanged.v1")]
    linked, unlinked = ("tara/telegram", "LINKED"), ("tara/telegram", "UNLINKED")
    assert told == [linked, unlinked, linked, ("tara", "UNLINKED")]


def test_who_is_disabled_speaks_from_no_chat_and_not_when_he_is_enabled_again(chats: Chats) -> None:
    user_id = chats.link("tara", "trader")
    chats.code("tara", "trader")
    with tenant_transaction(chats.desk.firm.tenant_id) as tx:
        tx.people.set_disabled(user_id, is_disabled=True)
    assert linked_chat(chats, user_id) is None
    assert chats.desk.admin("SELECT FROM alerts.telegram_codes") == []
    assert "speaks for nobody" in chats.say("/positions")
    with tenant_transaction(chats.desk.firm.tenant_id) as tx:
        tx.people.set_disabled(user_id, is_disabled=False)
    assert "speaks for nobody" in chats.say("/positions")


def test_an_api_key_links_no_chat(chats: Chats) -> None:
    chats.person("tara", "trader")
    status, problem = chats.ask("POST", "tara", "trader", api_key_id="0123456789abcdef")
    assert (status, problem["code"]) == (403, "NOT_PERMITTED")


def test_without_a_bot_the_routes_say_so(chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    chats.person("tara", "trader")
    monkeypatch.delenv("TELEGRAM_BOT_USERNAME")
    monkeypatch.delenv("TELEGRAM_SECRET_ARN")
    assert chats.ask("POST", "tara", "trader")[1]["detail"] == "there is no Telegram bot here"
    assert chats.tell({}, status=404)["code"] == "NOT_FOUND"


# the second factor ------------------------------------------------------------------------------------------------


def session_of(chats: Chats, user_id: uuid.UUID, *, has_second_factor: bool) -> str:
    session_id = uuid.uuid4()
    chats.desk.admin(
        "INSERT INTO identity.sessions (session_id, tenant_id, user_id, issuer, signed_in_at, has_second_factor)"
        " VALUES (%s, %s, %s, 'POOL', now(), %s)",
        *(session_id, chats.desk.firm.tenant_id, user_id, has_second_factor),
    )
    return str(session_id)


def test_where_a_role_asks_for_a_second_factor_a_link_without_one_allows_nothing(
    chats: Chats, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = chats.link("tara", "trader")
    assert "hold no position" in chats.say("/positions")
    # As soon as the role asks for one: the link was made by a session without.
    monkeypatch.setenv("SECOND_FACTOR_ROLES", "trader")
    for command in ("/positions", "/orders", "/limits", "/alerts", "/ack 1", "/kill Firm desk", "/status"):
        assert "second factor" in chats.say(command), command
    with_one = session_of(chats, user_id, has_second_factor=True)
    code = chats.code("tara", "trader", session_id=with_one)
    assert "speaks for tara" in chats.say(f"/link {code}")
    assert "hold no position" in chats.say("/positions")


def test_a_link_knows_the_second_factor_of_a_session_whose_role_asked_for_none(
    chats: Chats, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = chats.person("tara", "trader")
    for has_one in (False, True):
        session_id = session_of(chats, user_id, has_second_factor=has_one)
        chats.say(f"/link {chats.code('tara', 'trader', session_id=session_id)}")
        with monkeypatch.context() as later:
            later.setenv("SECOND_FACTOR_ROLES", "trader")
            assert ("second factor" in chats.say("/positions")) == (not has_one)


def test_whose_second_factor_is_reset_speaks_from_no_chat(chats: Chats) -> None:
    class Pool:
        def reset_totp(self, username: str) -> None: ...

    user_id = chats.link("tara", "trader")
    admin = risk_manager(chats.desk.firm, "ada")
    admin = type(admin)(admin.tenant_id, "ada", "ada", "organisation_admin", admin.scopes, correlation_id="c")
    second_factors.reset(user_id, admin, transactions_of("ada"), Pool(), datetime.now(UTC))
    assert "speaks for nobody" in chats.say("/positions")
    assert chats.events("identity.ChatLinkChanged.v1")[-1][1]["reason"] == "SECOND_FACTOR_RESET"
