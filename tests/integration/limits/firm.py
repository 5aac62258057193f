"""A small firm in a real database: firm > desk > trader > two accounts, and what is needed to send orders at it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from breakwater.db.connection import Database, TenantTransaction
from breakwater.domain.orders import OrderSnapshot, OrderTerms, OrderType, OrdStatus, PlaceOrder, Side
from breakwater.services.limits import Reservation, reserve_limits

SYMBOL = "ETH/USDT"
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Firm:
    tenant_id: uuid.UUID
    firm: uuid.UUID
    desk: uuid.UUID
    trader: uuid.UUID
    account_ids: tuple[uuid.UUID, ...]
    account_nodes: tuple[uuid.UUID, ...]

    @property
    def path(self) -> tuple[uuid.UUID, ...]:
        return (self.firm, self.desk, self.trader, self.account_nodes[0])


def create_firm(admin_conninfo: str, name: str = "Firm", accounts: int = 2) -> Firm:
    """With a reference price of 2000 in ETH/USDT as of NOW, and no limits."""
    tenant_id = uuid.uuid4()
    with psycopg.connect(admin_conninfo) as connection:
        connection.execute("INSERT INTO identity.organisations (tenant_id, name) VALUES (%s, %s)", (tenant_id, name))
        path: list[uuid.UUID] = []
        for kind in ("FIRM", "DESK", "TRADER"):
            path.append(
                _add_node(connection, tenant_id, path, kind=kind, name=f"{name} {kind.lower()}", account_id=None)
            )
        account_ids = tuple(uuid.uuid4() for _ in range(accounts))
        nodes = []
        for number, account_id in enumerate(account_ids):
            connection.execute(
                "INSERT INTO identity.accounts (account_id, tenant_id, name, kind) VALUES (%s, %s, %s, 'PAPER')",
                (account_id, tenant_id, f"{name} account {number}"),
            )
            nodes.append(
                _add_node(connection, tenant_id, path, kind="ACCOUNT", name=f"account {number}", account_id=account_id)
            )
    set_reference(admin_conninfo, Decimal(2000), NOW)
    return Firm(tenant_id, path[0], path[1], path[2], account_ids, tuple(nodes))


def _add_node(
    connection: psycopg.Connection[tuple[object, ...]],
    tenant_id: uuid.UUID,
    path: list[uuid.UUID],
    *,
    kind: str,
    name: str,
    account_id: uuid.UUID | None,
) -> uuid.UUID:
    node_id = uuid.uuid4()
    connection.execute(
        "INSERT INTO limits.nodes (node_id, tenant_id, parent_id, kind, name, account_id, path)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (node_id, tenant_id, path[-1] if path else None, kind, name, account_id, [*path, node_id]),
    )
    return node_id


def set_reference(admin_conninfo: str, price: Decimal, observed_at: datetime) -> None:
    with psycopg.connect(admin_conninfo) as connection:
        connection.execute(
            "INSERT INTO market.reference_prices VALUES (%(symbol)s, %(price)s, %(price)s, %(price)s, %(at)s)"
            " ON CONFLICT (symbol) DO UPDATE SET price = excluded.price, observed_at = excluded.observed_at",
            {"symbol": SYMBOL, "price": price, "at": observed_at},
        )


def set_limit(
    admin_conninfo: str,
    firm: Firm,
    node_id: uuid.UUID,
    limit_type: str,
    value: str,
    *,
    instrument: str = "*",
    parameters: dict[str, Any] | None = None,
) -> None:
    with psycopg.connect(admin_conninfo) as connection:
        connection.execute(
            "INSERT INTO limits.limits (limit_id, tenant_id, node_id, limit_type, instrument, value, parameters,"
            " created_by) VALUES (%s, %s, %s, %s, %s, %s, %s, 'test')",
            (uuid.uuid4(), firm.tenant_id, node_id, limit_type, instrument, Decimal(value), Jsonb(parameters or {})),
        )


def order_of(
    firm: Firm,
    side: Side = Side.BUY,
    quantity: str = "1",
    price: str | None = "2000",
    *,
    account: int = 0,
    symbol: str = SYMBOL,
    at: datetime = NOW,
    api_key_id: str | None = None,
    **more: Any,
) -> PlaceOrder:
    """`more`: further terms, such as `strategy_id` or `venue`."""
    terms = OrderTerms(
        client_order_id=uuid.uuid4().hex,
        account_id=firm.account_ids[account],
        symbol=symbol,
        side=side,
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        quantity=Decimal(quantity),
        price=None if price is None else Decimal(price),
        **more,
    )
    return PlaceOrder.of(
        terms, tenant_id=firm.tenant_id, placed_by="test", correlation_id="test", at=at, api_key_id=api_key_id
    )


def reserve_and_record(tx: TenantTransaction, order: PlaceOrder) -> Reservation:
    """What the order saga does: the reservation and the order's row in one transaction, when it was placed."""
    reservation = reserve_limits(tx, order, order.placed_at)
    terms = order.terms
    tx.connection.execute(
        "INSERT INTO trading.orders (order_id, tenant_id, account_id, client_order_id, fingerprint, symbol, side, type,"
        " time_in_force, post_only, reduce_only, quantity, price, price_low, price_high, venue, status, leaves_qty,"
        " correlation_id, created_by, created_at, updated_at) VALUES (%(order_id)s, %(tenant_id)s, %(account_id)s,"
        " %(client_order_id)s, '', %(symbol)s, %(side)s, %(type)s, 'GTC', false, false, %(quantity)s, %(price)s,"
        " %(low)s, %(high)s, %(venue)s, 'PENDING_NEW', %(quantity)s, 'test', 'test', %(at)s, %(at)s)"
        " ON CONFLICT DO NOTHING",
        {
            **terms.model_dump(exclude={"type", "side"}),
            "type": terms.type.value,
            "side": terms.side.value,
            "order_id": order.order_id,
            "tenant_id": order.tenant_id,
            "low": reservation.price_low,
            "high": reservation.price_high,
            "at": order.placed_at,
        },
    )
    return reservation


def snapshot_of(
    order: PlaceOrder,
    engine_seq: int,
    status: OrdStatus,
    cum_qty: str = "0",
    average_price: str = "2000",
    *,
    at: datetime = NOW,
) -> OrderSnapshot:
    filled = Decimal(cum_qty)
    return OrderSnapshot(
        order_id=order.order_id,
        status=status,
        quantity=order.terms.quantity,
        cum_qty=filled,
        leaves_qty=Decimal(0) if status.is_final else order.terms.quantity - filled,
        cum_notional=filled * Decimal(average_price),
        engine_seq=engine_seq,
        transact_time_ns=int(at.timestamp()) * 1_000_000_000,
    )


def database_of(conninfo: str) -> Database:
    return Database(lambda: conninfo)


def in_transaction[T](conninfo: str, firm: Firm, work: Callable[[TenantTransaction], T]) -> T:
    """One transaction on a connection of its own."""
    database = database_of(conninfo)
    try:
        with database.tenant_transaction(firm.tenant_id) as tx:
            return work(tx)
    finally:
        database.close()
