"""Desk heads and fund managers see, trade and stop what is below their nodes, and nothing else."""

import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import cast

import psycopg
import pytest

from breakwater.db.connection import Database, TenantTransaction
from breakwater.domain.orders import Side
from breakwater.domain.permissions import Caller, Role
from breakwater.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from breakwater.services import (
    accounts,
    brakes,
    external_fills,
    limit_settings,
    limit_tree,
    nodes,
    orders,
    overrides,
    queries,
)
from breakwater.services.brakes import Brake, StateChange
from breakwater.services.engine_client import EngineClient
from breakwater.services.limit_settings import LimitSetting
from breakwater.services.nodes import NodeChange
from events.accounts import AccountOpened
from tests.conftest import DatabaseUrls
from tests.integration.limits.firm import NOW, Firm, create_firm
from tests.integration.limits.people import node, state_of

SCOPED = (Role.DESK_HEAD, Role.FUND_MANAGER, Role.TRADER)


@dataclass(frozen=True)
class TwoDesks:
    """Of one firm: the accounts of `Firm` hang below its desk, and one more below another."""

    head: Caller  # Assigned to the first desk.
    user_id: uuid.UUID
    other_desk: uuid.UUID
    other_account: uuid.UUID
    other_node: uuid.UUID


@pytest.fixture
def desks(firm: Firm, risk: Caller, database: Database, database_urls: DatabaseUrls) -> TwoDesks:
    user_id, account_id, node_id = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    with database.tenant_transaction(firm.tenant_id) as tx:
        other_desk = node(tx, risk, firm.firm, "DESK", "Other desk")
        assert tx.people.add(user_id, "head", "head", "head@firm.example", Role.DESK_HEAD)
        tx.people.give_node(user_id, firm.desk)
    add_account(database_urls, firm, account_id, node_id, [firm.firm, other_desk])
    head = replace(risk, subject="head", username="head", role=Role.DESK_HEAD)
    return TwoDesks(head, user_id, other_desk, account_id, node_id)


def add_account(
    urls: DatabaseUrls, firm: Firm, account_id: uuid.UUID, node_id: uuid.UUID, above: list[uuid.UUID]
) -> None:
    with psycopg.connect(urls.admin) as connection:
        connection.execute(
            "INSERT INTO identity.accounts (account_id, tenant_id, name, kind) VALUES (%s, %s, %s, 'PAPER')",
            (account_id, firm.tenant_id, f"account {account_id}"),
        )
        connection.execute(
            "INSERT INTO limits.nodes (node_id, tenant_id, parent_id, kind, name, account_id, path)"
            " VALUES (%s, %s, %s, 'ACCOUNT', 'an account', %s, %s)",
            (node_id, firm.tenant_id, above[-1], account_id, [*above, node_id]),
        )


def seen(who: Caller, tx: TenantTransaction) -> set[uuid.UUID]:
    return set(tx.identity.accessible_account_ids(who.subject, who.role))


@pytest.mark.parametrize("role", SCOPED)
def test_whoever_is_assigned_to_a_desk_sees_the_accounts_below_it(
    role: Role, desks: TwoDesks, firm: Firm, database: Database
) -> None:
    who = replace(desks.head, role=role)
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert seen(who, tx) == set(firm.account_ids)
        for account_id in firm.account_ids:
            assert tx.identity.require_account(who.subject, who.role, account_id).account_id == account_id
        for read in (
            lambda: tx.identity.require_account(who.subject, who.role, desks.other_account),
            lambda: orders.visible_accounts(who, tx, desks.other_account),
            lambda: queries.positions(who, tx, account_id=desks.other_account, at=NOW),
            lambda: limit_tree.usage(desks.other_node, who, tx, NOW),
            lambda: limit_tree.usage(desks.other_desk, who, tx, NOW),
            lambda: limit_tree.tree(who, tx, NOW, node_id=desks.other_desk),
        ):
            with pytest.raises(NotFound):
                read()
        names = {found["name"] for found in limit_tree.find_nodes(None, who, tx, NOW)["items"]}
        assert "Other desk" not in names
        assert {"Firm desk", "account 0", "account 1"} <= names


def test_an_account_that_comes_below_later_is_seen_too_and_one_that_leaves_is_not(
    desks: TwoDesks, firm: Firm, risk: Caller, database: Database, database_urls: DatabaseUrls
) -> None:
    later, node_id = uuid.uuid4(), uuid.uuid4()
    add_account(database_urls, firm, later, node_id, [firm.firm, firm.desk])
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert seen(desks.head, tx) == {*firm.account_ids, later}
        before = tx.people.person(desks.user_id).permissions_version
        # To move an account away from, or to, somebody is to take it from him, or to give it.
        admin = replace(risk, role=Role.ORGANISATION_ADMIN)
        for caller in (risk, replace(admin, api_key_id="key")):
            with pytest.raises(NotPermitted):
                nodes.change_node(node_id, NodeChange(parent_id=desks.other_desk), caller, tx, NOW)
        nodes.change_node(node_id, NodeChange(parent_id=desks.other_desk), admin, tx, NOW)
        assert seen(desks.head, tx) == set(firm.account_ids)
        assert tx.people.person(desks.user_id).permissions_version > before
        tx.people.take_node(desks.user_id, firm.desk)
        assert seen(desks.head, tx) == set()


def test_an_account_that_an_administrator_makes_is_the_desk_heads_at_once(
    desks: TwoDesks, firm: Firm, database: Database, database_urls: DatabaseUrls
) -> None:
    stranger = create_firm(database_urls.admin, "Stranger")
    admin = replace(desks.head, subject="admin", username="admin", role=Role.ORGANISATION_ADMIN)
    balances = {"USDT": Decimal("100.50"), "ETH": Decimal(0)}
    new = accounts.NewAccount(parent_id=firm.trader, name="new", balances=balances)
    with database.tenant_transaction(firm.tenant_id) as tx:
        made = accounts.create_account(new, admin, tx, NOW)
        assert (made.name, made.kind, made.base_currency) == ("new", "PAPER", "USDT")
        assert made.account_id in seen(desks.head, tx)
        assert made in accounts.list_accounts(desks.head, tx).items
        assert desks.other_account not in {each.account_id for each in accounts.list_accounts(desks.head, tx).items}
        held = {row.asset: row.total for row in tx.portfolio.balances([made.account_id])}
        assert held == balances
        (told,) = tx.connection.execute(
            "SELECT account_id, payload FROM trading.events WHERE topic = %s", (AccountOpened.topic,)
        ).fetchall()
    opened = AccountOpened.model_validate(told[1])
    assert told[0] == opened.account_id == made.account_id
    assert (opened.parent_node_id, opened.opened_by) == (firm.trader, admin.actor)
    assert opened.balances == {"USDT": "100.50", "ETH": "0"}
    for changes, refused in (
        ({"name": "new"}, Conflict),
        ({"parent_id": uuid.uuid4()}, NotFound),
        ({"parent_id": stranger.desk}, NotFound),
        ({"parent_id": firm.account_nodes[0]}, InvalidRequest),
        ({"kind": "LIVE", "balances": {"USDT": Decimal(1)}}, InvalidRequest),
        ({"balances": {"USDT": Decimal(-1)}}, InvalidRequest),
    ):
        another = accounts.NewAccount.model_validate({"parent_id": firm.desk, "name": "another"} | changes)
        with pytest.raises(refused), database.tenant_transaction(firm.tenant_id) as tx:
            accounts.create_account(another, admin, tx, NOW)
    with database.tenant_transaction(firm.tenant_id) as tx, pytest.raises(NotPermitted):
        accounts.create_account(new, desks.head, tx, NOW)


def test_a_desk_head_stops_what_is_below_his_node_and_nothing_else(
    desks: TwoDesks, firm: Firm, database: Database
) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        for stopped in (firm.desk, firm.trader, firm.account_nodes[0]):
            brakes.brake(Brake(node_id=stopped, reason="r", state="REDUCE_ONLY"), desks.head, tx, NOW)
            assert state_of(tx, stopped) == "REDUCE_ONLY"
        for beyond in (firm.firm, desks.other_desk, desks.other_node, uuid.uuid4()):
            with pytest.raises(NotFound):
                brakes.brake(Brake(node_id=beyond, reason="r", state="REDUCE_ONLY"), desks.head, tx, NOW)
    for beyond in (firm.firm, desks.other_desk, desks.other_node):
        with pytest.raises(NotFound):
            brakes.kill(
                StateChange(node_id=beyond, reason="r"),
                desks.head,
                database.tenant_transaction,
                cast(EngineClient, NoEngine()),
                NOW,
            )
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert {state_of(tx, each) for each in (firm.firm, desks.other_desk, desks.other_node)} == {"ACTIVE"}


class NoEngine:
    """Whoever may not stop a node does not come as far as to ask it."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the engine was asked: {name}")


def test_what_others_manage_is_not_for_a_desk_head_even_below_his_node(
    desks: TwoDesks, firm: Firm, database: Database
) -> None:
    account_id = firm.account_ids[0]
    fill = external_fills.ExternalFill(
        account_id=account_id,
        external_id="1",
        symbol="ETH/USDT",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(2000),
        transact_time=NOW - timedelta(seconds=1),
    )
    setting = LimitSetting(node_id=firm.desk, limit_type="MAX_ORDER_QTY", value=Decimal(1))
    with database.tenant_transaction(firm.tenant_id) as tx:
        for refused in (
            # What stopped his desk may have been somebody else, for a reason: letting go is not his.
            lambda: brakes.rearm(StateChange(node_id=firm.desk, reason="r"), desks.head, tx, NOW),
            lambda: limit_settings.set_limit(setting, desks.head, tx, NOW),
            lambda: external_fills.book_external_fill(fill, desks.head, tx, NOW),
            lambda: overrides.approve_override(uuid.uuid4(), desks.head, tx, NOW),
            lambda: nodes.delete_node(firm.trader, desks.head, tx, NOW),
        ):
            with pytest.raises(NotPermitted):
                refused()


def test_a_fund_manager_stops_nothing(desks: TwoDesks, firm: Firm, database: Database) -> None:
    manager = replace(desks.head, role=Role.FUND_MANAGER)
    with database.tenant_transaction(firm.tenant_id) as tx, pytest.raises(NotPermitted):
        brakes.brake(Brake(node_id=firm.desk, reason="r", state="REDUCE_ONLY"), manager, tx, NOW)


def test_an_auditor_sees_every_account_and_a_system_administrator_none(
    desks: TwoDesks, firm: Firm, database: Database
) -> None:
    with database.tenant_transaction(firm.tenant_id) as tx:
        assert seen(replace(desks.head, subject="a", role=Role.AUDITOR), tx) == {
            *firm.account_ids,
            desks.other_account,
        }
        assert seen(replace(desks.head, subject="s", role=Role.SYSTEM_ADMIN), tx) == set()
