import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import ValidationError

from breakwater.domain.executions import Route
from breakwater.domain.instruments import Instrument
from breakwater.domain.orders import OrderTerms, SubmitOrder, average_price, order_id_of
from breakwater.domain.wrong_fields import WRONG_FIELD
from breakwater.errors import InvalidRequest

ETH = Instrument("ETH/USDT", "ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5))
ACCOUNT = uuid.UUID(int=7)
LEG_IDS = ("limit_client_order_id", "stop_client_order_id")


def terms(**changes: object) -> OrderTerms:
    told = {
        "client_order_id": "one",
        "account_id": str(ACCOUNT),
        "symbol": "ETH/USDT",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "0.5",
        "price": "2684.10",
    }
    return OrderTerms.model_validate_json(OrderTerms.model_validate({**told, **changes}).model_dump_json())


@pytest.mark.parametrize(
    "changes",
    [
        {"price": None},
        {"type": "MARKET"},
        {"type": "MARKET", "price": None, "time_in_force": "GTC"},
        {"type": "MARKET", "price": None, "post_only": True},
        {"post_only": True, "time_in_force": "IOC"},
        {"time_in_force": "GTD", "expire_time": "2026-12-01T16:00:00"},
        {"venue": "no venue"},
        {"symbol": "ETHUSDT"},
        {"client_order_id": ""},
        {"client_order_id": "x" * 37},
        {"client_order_id": "a b"},
        {"client_order_id": "zero\u200bwidth"},
        {"surprise": 1},
    ],
)
def test_terms_that_contradict_themselves_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        terms(**changes)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"price": None}, "price"),
        ({"type": "MARKET"}, "price"),
        ({"type": "MARKET", "price": None, "time_in_force": "GTC"}, "time_in_force"),
        ({"post_only": True, "time_in_force": "IOC"}, "post_only"),
        ({"type": "MARKET", "price": None, "time_in_force": "DAY"}, "time_in_force"),
        ({"time_in_force": "GTD"}, "expire_time"),
        ({"time_in_force": "DAY", "expire_time": "2026-12-01T16:00:00Z"}, "expire_time"),
        ({"expire_time": "2026-12-01T16:00:00Z"}, "expire_time"),
        ({"venue": "SIM", "execution": {"algorithm": "BEST"}}, "venue"),
        ({"venue": "SOR", "time_in_force": "FOK"}, "time_in_force"),
        ({"execution": {"algorithm": "BEST", "venues": ["SIM", "SIM"]}}, "venues"),
        (
            {
                "execution": {"algorithm": "TRAILING_STOP", "entry_px": "5", "target_px": "4", "percent": "1"},
                "side": "SELL",
            },
            "execution.target_px",
        ),
        ({"execution": {"algorithm": "OCO", "stop_px": "2600"}}, "price"),
    ],
)
def test_a_contradiction_is_told_at_the_field_to_mend(changes: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        terms(**changes)
    (found,) = refusal.value.errors()
    assert (found["type"], found["ctx"]["field"]) == (WRONG_FIELD, field)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "0.00005"}, "quantity"),
        ({"quantity": "0.0001"}, "quantity"),  # Worth less than the smallest order.
        ({"price": "0"}, "price"),
        ({"price": "2684.105"}, "price"),
    ],
)
def test_what_is_not_whole_ticks_and_lots_is_refused_by_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        terms(**changes).check_against(ETH)
    assert refusal.value.extensions["field"] == field


def test_the_same_order_written_otherwise_has_the_same_fingerprint() -> None:
    assert terms().fingerprint() == terms(quantity="0.50", price="2684.1", time_in_force="GTC").fingerprint()


@pytest.mark.parametrize(
    "changes", [{"quantity": "0.6"}, {"price": "2684.11"}, {"side": "SELL"}, {"post_only": True}, {"venue": "BOOK"}]
)
def test_another_order_has_another_fingerprint(changes: dict[str, object]) -> None:
    assert terms().fingerprint() != terms(**changes).fingerprint()


def test_what_ends_at_a_time_may_rest_until_then() -> None:
    oco = {"algorithm": "OCO", "stop_px": "2700"}
    for until in ({"time_in_force": "DAY"}, {"time_in_force": "GTD", "expire_time": "2026-12-01T16:00:00Z"}):
        assert terms(post_only=True, **until).effective_time_in_force == until["time_in_force"]
        assert terms(execution=oco, **until).venue == "SOR"


@pytest.mark.parametrize("at", ["2026-12-01T16:00:00Z", "2025-11-30T15:59:59Z"])
def test_an_order_ends_in_the_future_and_within_a_year(at: str) -> None:
    dated = terms(time_in_force="GTD", expire_time="2026-12-01T16:00:00Z")
    dated.check_expiry(datetime(2026, 12, 1, 15, 59, 59, tzinfo=UTC))
    dated.check_expiry(datetime(2025, 11, 30, 16, tzinfo=UTC))
    with pytest.raises(InvalidRequest) as refusal:
        dated.check_expiry(datetime.fromisoformat(at))
    assert refusal.value.extensions["field"] == "expire_time"


def test_the_end_is_part_of_the_order_and_in_whatever_zone_it_is_told_the_same() -> None:
    dated = terms(time_in_force="GTD", expire_time="2026-12-01T16:00:00Z")
    assert dated.fingerprint() == terms(time_in_force="GTD", expire_time="2026-12-01T17:00:00+01:00").fingerprint()
    others = [
        terms(),
        terms(time_in_force="DAY"),
        terms(time_in_force="GTD", expire_time="2026-12-01T16:00:00.000001Z"),
    ]
    assert len({each.fingerprint() for each in [dated, *others]}) == 4


def test_an_order_from_before_there_were_ends_keeps_its_fingerprint() -> None:
    assert terms().fingerprint() == "3af817eed6c8e945f28ed6ba2755758c95238deb79aa2e2b2a1c0b6fe282396e"


def test_an_order_id_follows_from_tenant_account_and_client_id() -> None:
    tenant = uuid.UUID(int=1)
    assert order_id_of(tenant, ACCOUNT, "one") == order_id_of(tenant, ACCOUNT, "one")
    others = {
        order_id_of(tenant, ACCOUNT, "two"),
        order_id_of(tenant, uuid.UUID(int=8), "one"),
        order_id_of(uuid.UUID(int=2), ACCOUNT, "one"),
    }
    assert len(others | {order_id_of(tenant, ACCOUNT, "one")}) == 4


def test_an_average_price_is_rounded_to_eight_decimals_and_unknown_before_a_fill() -> None:
    assert average_price(Decimal(10), Decimal(3)) == Decimal("3.33333333")
    assert average_price(Decimal(0), Decimal(0)) is None


@pytest.mark.parametrize(
    "changes", [{"symbol": "ETH\0/USDT"}, {"correlation_id": "a\0b"}, {"correlation_id": "x" * 65}]
)
def test_the_engine_is_not_sent_texts_that_a_database_cannot_keep(changes: dict[str, object]) -> None:
    order = {
        "order_id": uuid.UUID(int=1),
        "tenant_id": uuid.UUID(int=2),
        "account_id": uuid.UUID(int=3),
        "client_order_id": "a",
        "symbol": "ETH/USDT",
        "side": "BUY",
        "type": "LIMIT",
        "time_in_force": "GTC",
        "post_only": False,
        "reduce_only": False,
        "quantity": "1",
        "price": "2",
        "price_low": "1",
        "price_high": "3",
        "venue": "BOOK",
        "correlation_id": "correlation",
    }
    SubmitOrder.model_validate(order)
    with pytest.raises(ValidationError):
        SubmitOrder.model_validate(order | changes)


def at_router(execution: dict[str, object] | None = None, **changes: object) -> OrderTerms:
    return terms(execution=execution, **changes)


def test_an_order_with_an_execution_goes_to_the_router_and_one_at_the_router_is_routed_at_once() -> None:
    sliced = at_router({"algorithm": "TWAP", "duration_s": 600})
    assert sliced.venue == "SOR"
    assert terms(venue="SOR").execution == Route()
    assert terms(venue="SOR").fingerprint() == at_router({"algorithm": "BEST"}).fingerprint()
    assert terms().execution is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"execution": {"algorithm": "BEST"}, "venue": "SIM"}, "name its venues in execution.venues"),
        ({"venue": "SOR", "time_in_force": "FOK"}, "no order at SOR is FOK"),
        ({"execution": {"algorithm": "BEST", "venues": ["SOR"]}}, "SOR is no venue that trades"),
        ({"execution": {"algorithm": "ICEBERG", "display_qty": "0.1"}, "time_in_force": "IOC"}, "rests at its own"),
        ({"execution": {"algorithm": "ICEBERG", "display_qty": "0.1"}, "type": "MARKET", "price": None}, "rests at"),
        ({"execution": {"algorithm": "OCO", "stop_px": "2800"}, "type": "MARKET", "price": None}, "rests at"),
        ({"execution": {"algorithm": "OCO", "stop_px": "2600"}}, "beyond where it stops"),
        (
            {"execution": {"algorithm": "OCO", "stop_px": "2684.10"}, "side": "SELL"},
            "beyond where it stops",
        ),
        ({"execution": {"algorithm": "OCO", "stop_px": "2800", "limit_client_order_id": "a"}}, "go together"),
        ({"execution": {"algorithm": "OCO", "stop_px": "2800", **dict.fromkeys(LEG_IDS, "a")}}, "must differ"),
        ({"execution": {"algorithm": "OCO", "stop_px": "2800", "stop_limit_px": "2600"}}, "beyond where it stops"),
        ({"execution": {"algorithm": "STOP", "stop_px": "2600"}, "post_only": True}, "cannot be post_only"),
        ({"execution": {"algorithm": "SEEK"}, "post_only": True}, "cannot be post_only"),
        (
            {"execution": {"algorithm": "TRAILING_STOP", "offset": "9", "entry_px": "2600", "target_px": "2700"}},
            "target_px must lie beyond entry_px",
        ),
    ],
)
def test_what_the_router_could_make_nothing_of_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        terms(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"execution": {"algorithm": "IMPROVE"}, "post_only": True},
        {"execution": {"algorithm": "TWAP", "duration_s": 60}, "type": "MARKET", "price": None},
        {"execution": {"algorithm": "OCO", "stop_px": "2600"}, "side": "SELL"},
        {"execution": {"algorithm": "OCO", "stop_px": "2800"}},
        {"execution": {"algorithm": "STOP", "stop_px": "2600"}, "side": "SELL", "price": "2650"},
    ],
)
def test_what_an_exchange_would_take_too_is_taken(changes: dict[str, object]) -> None:
    assert terms(**changes).venue == "SOR"


@pytest.mark.parametrize(
    ("execution", "field"),
    [
        ({"algorithm": "STOP", "stop_px": "2600.001"}, "stop_px"),
        ({"algorithm": "OCO", "stop_px": "2800", "stop_limit_px": "2810.005"}, "stop_limit_px"),
        ({"algorithm": "TRAILING_STOP", "offset": "0.001"}, "offset"),
        ({"algorithm": "TRAILING_STOP", "percent": "2", "entry_px": "2.001", "target_px": "1"}, "entry_px"),
        ({"algorithm": "TRAILING_STOP", "percent": "2", "entry_px": "2", "target_px": "1.001"}, "target_px"),
        ({"algorithm": "ICEBERG", "display_qty": "0.00001"}, "display_qty"),
        ({"algorithm": "ICEBERG", "display_qty": "0.6"}, "display_qty"),
    ],
)
def test_the_amounts_of_an_execution_are_whole_ticks_and_lots(execution: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        at_router(execution).check_against(ETH)
    assert refusal.value.extensions["field"] == field


def test_orders_from_before_executions_keep_their_fingerprints() -> None:
    assert terms().fingerprint() == "3af817eed6c8e945f28ed6ba2755758c95238deb79aa2e2b2a1c0b6fe282396e"


def test_an_oco_without_names_keeps_its_fingerprint_and_each_pair_of_names_is_another_order() -> None:
    oco: dict[str, object] = {"algorithm": "OCO", "stop_px": "2800"}
    plain, *named = (at_router(oco | dict(zip(LEG_IDS, ids, strict=False))) for ids in ("", "ab", "ac"))
    assert plain.fingerprint() == "c18a4fdb1172f94da346211058b244abc0ffdbdb5c41571ec71a5e4595d6928a"
    assert len({each.fingerprint() for each in (plain, *named)}) == 3


def test_an_execution_is_part_of_the_fingerprint_however_its_amounts_are_written() -> None:
    stop = at_router({"algorithm": "STOP", "stop_px": "2600"})
    assert stop.fingerprint() == at_router({"algorithm": "STOP", "stop_px": "2600.00"}).fingerprint()
    assert stop.fingerprint() != at_router({"algorithm": "STOP", "stop_px": "2601"}).fingerprint()
    assert stop.fingerprint() != at_router({"algorithm": "TAKE_PROFIT", "stop_px": "2600"}).fingerprint()
