"""What a person may do from his chat: what his role allows, in his own accounts, and never more."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from breakwater.db.alerts import Alert
from breakwater.domain.orders import OrdStatus
from breakwater.runtime.database import tenant_transaction
from tests.integration.limits.firm import SYMBOL, order_of, set_limit
from tests.integration.telegram.chat import CHAT, Chats

HOSTILE = "<b>Desk & Co</b> /kill `x` *y*"


def add_alert(chats: Chats, title: str, *, account: int | None = None, body: str = "Said once.\n\nNode: Desk") -> Alert:
    firm = chats.desk.firm
    alert = Alert(
        alert_id=uuid.uuid4(),
        account_id=None if account is None else firm.account_ids[account],
        kind="NODE_STATE",
        category="RISK",
        severity="ERROR",
        group_key=f"NODE_STATE/{uuid.uuid4()}",
        title=title,
        body=body,
        correlation_id="c",
        created_at=datetime.now(UTC),
    )
    with tenant_transaction(firm.tenant_id) as tx:
        tx.alerts.add(alert)
    return alert


def acknowledged(chats: Chats) -> list[tuple[str, str, str]]:
    return chats.desk.admin(
        "SELECT title, acknowledged_by, acknowledged_via FROM alerts.alerts"
        " WHERE acknowledged_at IS NOT NULL ORDER BY 1"
    )


def test_help_lists_every_command_and_each_is_known(chats: Chats) -> None:
    chats.link("tara", "trader")
    listed = [line.split(" ")[0] for line in chats.say("/help").splitlines()]
    assert set(listed) == {
        *("/positions", "/orders", "/limits", "/alerts", "/ack", "/kill", "/status", "/unlink", "/help"),
    }
    assert "I do not know that" in chats.say("/sudo")
    assert "I do not know that" in chats.say("hello")
    assert all("I do not know that" not in chats.say(command) for command in listed)


def test_orders_shows_the_open_ones_of_the_persons_own_accounts(chats: Chats) -> None:
    chats.link("tara", "trader")
    desk = chats.desk
    assert "No order" in chats.say("/orders")
    mine, others, done = order_of(desk.firm), order_of(desk.firm, account=1), order_of(desk.firm)
    for order in (mine, others, done):
        desk.run_saga(order)
    desk.admin("UPDATE trading.orders SET status = 'CANCELED', leaves_qty = 0 WHERE order_id = %s", done.order_id)
    told = chats.say("/orders")
    assert str(mine.order_id)[:8] in told
    assert "BUY 1 ETH/USDT at 2000, NEW" in told
    assert "Firm account 0" in told
    assert str(others.order_id)[:8] not in told
    assert str(done.order_id)[:8] not in told


def test_many_orders_are_cut_and_said_to_be(chats: Chats) -> None:
    chats.link("tara", "trader")
    for _ in range(22):
        chats.desk.run_saga(order_of(chats.desk.firm, quantity="0.01"))
    told = chats.say("/orders")
    assert "the newest 20" in told
    assert told.count("BUY 0.01") == 20


def test_positions_shows_what_is_held_and_no_flat_ones(chats: Chats) -> None:
    chats.link("tara", "trader")
    firm = chats.desk.firm
    for account, symbol, quantity in ((0, SYMBOL, "1.5"), (1, SYMBOL, "7"), (0, "BTC/USDT", "0")):
        chats.desk.admin(
            "INSERT INTO trading.positions (account_id, symbol, tenant_id, quantity, average_price, updated_at)"
            " VALUES (%s, %s, %s, %s, 2000, now())",
            *(firm.account_ids[account], symbol, firm.tenant_id, Decimal(quantity)),
        )
    told = chats.say("/positions")
    assert "ETH/USDT 1.5 at 2000" in told
    assert "Firm account 0" in told
    assert "account 1" not in told
    assert "BTC" not in told


def test_limits_shows_the_persons_own_tree_with_bars(chats: Chats) -> None:
    chats.link("tara", "trader")
    firm = chats.desk.firm
    set_limit(chats.desk.urls.admin, firm, firm.desk, "LONG_POSITION", "4", instrument=SYMBOL)
    set_limit(chats.desk.urls.admin, firm, firm.account_nodes[1], "LONG_POSITION", "5", instrument=SYMBOL)
    chats.desk.run_saga(order_of(firm))
    told = chats.say("/limits")
    assert "▓▓░░░░░░░░ 25% LONG_POSITION ETH/USDT" in told
    assert "account 0" in told
    assert "account 1" not in told


def test_hostile_names_are_text_and_no_markup(chats: Chats) -> None:
    """The local Telegram refuses markup that it cannot parse, as Telegram does."""
    chats.link("ada", "organisation_admin")
    firm = chats.desk.firm
    chats.desk.admin("UPDATE limits.nodes SET name = %s WHERE node_id = %s", HOSTILE, firm.desk)
    chats.desk.admin("UPDATE identity.accounts SET name = %s WHERE account_id = %s", HOSTILE, firm.account_ids[0])
    chats.desk.run_saga(order_of(firm))
    add_alert(chats, HOSTILE)
    for command in ("/limits", "/orders", "/alerts"):
        assert HOSTILE in chats.say(command), command
    assert HOSTILE in chats.say(f"/kill {HOSTILE}")
    assert HOSTILE in chats.say(f"because of {HOSTILE}")


def test_a_tree_that_is_larger_than_a_message_is_cut_between_lines(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    firm = chats.desk.firm
    for number in range(100):
        node_id = uuid.uuid4()
        chats.desk.admin(
            "INSERT INTO limits.nodes (node_id, tenant_id, parent_id, kind, name, path)"
            " VALUES (%s, %s, %s, 'TRADER', %s, %s)",
            *(node_id, firm.tenant_id, firm.desk, f"&{number} " + "<" * 80, [firm.firm, firm.desk, node_id]),
        )
    told = chats.say("/limits")
    assert told.splitlines()[-1].startswith("… and ")
    [sent] = chats.outbox.messages.newest(limit=1)
    assert 3_000 < len(sent["details"]["html"]) <= 4_096


def test_status_says_how_the_platform_is_and_who_one_is(chats: Chats) -> None:
    chats.link("tara", "trader")
    told = chats.say("/status")
    assert "database: UP" in told
    assert "You are tara, trader" in told


def test_whatever_the_role_does_not_allow_is_refused(chats: Chats) -> None:
    chats.link("sys", "system_admin")
    for command in ("/positions", "/orders", "/limits", "/alerts", "/ack 1", "/kill Firm desk"):
        assert "needs the permission" in chats.say(command), command


# alerts -----------------------------------------------------------------------------------------------------------


def test_alerts_are_numbered_as_they_were_shown_and_acknowledged_by_number(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    assert "as /alerts numbers them" in chats.say("/ack 1")
    add_alert(chats, "the older")
    add_alert(chats, "the newer")
    told = chats.say("/alerts")
    assert told.index("1. ") < told.index("the newer") < told.index("2. ") < told.index("the older")
    add_alert(chats, "came meanwhile")
    assert "the older: acknowledged by ada" in chats.say("/ack 2")
    assert acknowledged(chats) == [("the older", "ada", "TELEGRAM")]
    for nonsense in ("", "0", "3", "-1", "one", "\uff12", "1 2", "9" * 50):
        assert "as /alerts numbers them" in chats.say(f"/ack {nonsense}"), nonsense
    assert "✅ ada" in chats.say("/alerts")


def test_a_trader_sees_and_acknowledges_alerts_of_his_accounts_alone(chats: Chats) -> None:
    chats.link("tara", "trader")
    mine = add_alert(chats, "of mine", account=0)
    others = add_alert(chats, "of another's", account=1)
    told = chats.say("/alerts")
    assert "of mine" in told
    assert "of another's" not in told
    chats.desk.admin("UPDATE alerts.telegram_talks SET shown_alert_ids = %s", [others.alert_id, mine.alert_id])
    assert "no such alert" in chats.say("/ack 1")
    assert "acknowledged by tara" in chats.say("/ack 2")
    assert acknowledged(chats) == [("of mine", "tara", "TELEGRAM")]


# kill -------------------------------------------------------------------------------------------------------------


def test_a_node_is_killed_once_it_was_said_why_and_confirmed(chats: Chats) -> None:
    chats.link("head", "desk_head", node_id=chats.desk.firm.desk)
    firm = chats.desk.firm
    order = order_of(firm)
    chats.desk.run_saga(order)
    assert "Why is Firm desk to be stopped?" in chats.say("/kill firm DESK")
    told = chats.say("  a bot\nran away ")
    assert "Reason: a bot ran away" in told
    assert chats.node_state(firm.desk) == "ACTIVE"  # Nothing yet.
    told = chats.press("Stop Firm desk")
    assert "Firm desk is KILLED, by head: a bot ran away" in told
    assert "1 orders cancelled" in told
    assert chats.node_state(firm.desk) == "KILLED"
    assert chats.desk.row(order).status is OrdStatus.CANCELED
    [(actor, event)] = chats.events("limits.NodeStateChanged.v1")
    assert (actor, event["changed_by"], event["reason"]) == ("head/telegram", "head", "a bot ran away")


def test_the_button_works_once(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    chats.say("/kill Firm desk")
    chats.say("reason")
    pressed = chats.press_update("Stop Firm desk")
    chats.tell(pressed)
    chats.desk.admin("UPDATE limits.nodes SET state = 'ACTIVE' WHERE node_id = %s", chats.desk.firm.desk)
    chats.tell(pressed)
    assert "too old, or was pressed before" in chats.outbox.messages.newest()[0]["message"]
    assert chats.node_state(chats.desk.firm.desk) == "ACTIVE"


def test_the_button_works_for_a_minute(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    chats.say("/kill Firm desk")
    chats.say("reason")
    [(left,)] = chats.desk.admin("SELECT kill_expires_at - now() FROM alerts.telegram_talks")
    assert 55 < left.total_seconds() <= 60
    chats.desk.admin("UPDATE alerts.telegram_talks SET kill_expires_at = now()")
    assert "too old" in chats.press("Stop Firm desk")
    assert chats.node_state(chats.desk.firm.desk) == "ACTIVE"


def test_a_button_of_an_earlier_question_is_worth_nothing(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    chats.say("/kill Firm desk")
    chats.say("reason")
    older = chats.press_update("Stop Firm desk")
    chats.say("/kill Firm firm")
    chats.tell(older)
    chats.say("another reason")
    chats.tell(older)
    assert chats.node_state(chats.desk.firm.desk) == "ACTIVE"
    assert chats.node_state(chats.desk.firm.firm) == "ACTIVE"


def test_who_says_no_stops_nothing(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    chats.say("/kill Firm desk")
    chats.say("reason")
    yes = chats.press_update("Stop Firm desk")
    assert "Nothing was stopped" in chats.press("No")
    chats.tell(yes)
    assert chats.node_state(chats.desk.firm.desk) == "ACTIVE"


def test_the_button_is_worth_nothing_in_the_chat_of_somebody_else(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    chats.link("bob", "organisation_admin", 1002)
    chats.say("/kill Firm desk")
    chats.say("reason")
    pressed = chats.press_update("Stop Firm desk")
    pressed["callback_query"]["from"]["id"] = 1002
    pressed["callback_query"]["message"]["chat"]["id"] = 1002
    chats.tell(pressed)
    assert chats.node_state(chats.desk.firm.desk) == "ACTIVE"


def test_rights_that_were_taken_before_the_button_was_pressed_are_gone(chats: Chats) -> None:
    user_id = chats.link("ada", "organisation_admin")
    chats.say("/kill Firm desk")
    chats.say("reason")
    with tenant_transaction(chats.desk.firm.tenant_id) as tx:
        tx.people.set_role(user_id, "viewer")
    assert "needs the permission risk:stop" in chats.press("Stop Firm desk")
    assert chats.node_state(chats.desk.firm.desk) == "ACTIVE"


def test_a_desk_head_stops_nothing_above_his_nodes_and_a_trader_nothing_at_all(chats: Chats) -> None:
    chats.link("head", "desk_head", node_id=chats.desk.firm.desk)
    assert "no such node" in chats.say("/kill Firm firm")
    assert "I do not know that" in chats.say("reason")
    chats.link("tara", "trader", 1002)
    assert "needs the permission risk:stop" in chats.say("/kill Firm desk", 1002)


def test_an_ambiguous_or_unknown_node_is_asked_about(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    firm = chats.desk.firm
    chats.desk.admin("UPDATE limits.nodes SET name = 'Firm desk' WHERE node_id = %s", firm.trader)
    told = chats.say("/kill Firm desk")
    assert f"/kill {str(firm.desk)[:8]}" in told
    assert f"/kill {str(firm.trader)[:8]}" in told
    assert "Why is Firm desk" in chats.say(f"/kill {str(firm.trader)[:8]}")
    assert "no such node" in chats.say("/kill Nobody's desk")
    assert "by its name" in chats.say("/kill")


def test_a_reason_that_comes_too_late_is_no_reason(chats: Chats) -> None:
    chats.link("ada", "organisation_admin")
    chats.say("/kill Firm desk")
    chats.desk.admin("UPDATE alerts.telegram_talks SET kill_expires_at = now() - interval '1 second'")
    assert "I do not know that" in chats.say("reason")


@pytest.mark.parametrize("told", ["kill:", "kill:wrong", "ack:", "ack:not-an-id", "", "nonsense"])
def test_a_button_that_is_none_of_ours_does_nothing(chats: Chats, told: str) -> None:
    chats.link("ada", "organisation_admin")
    message = {"message_id": 1, "chat": {"id": CHAT, "type": "private"}}
    chats.tell({"callback_query": {"id": "7", "from": {"id": CHAT}, "message": message, "data": told}})
    assert chats.node_state(chats.desk.firm.desk) == "ACTIVE"
    assert acknowledged(chats) == []
