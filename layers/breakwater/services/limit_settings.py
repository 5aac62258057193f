"""Limits as they are set: created, replaced, dated, deleted and remembered; and the firm's own terms of instruments."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from breakwater.db.connection import TenantTransaction
from breakwater.db.limit_settings import Override
from breakwater.domain.exposure import ALL_INSTRUMENTS, Action, Limit, Node, Scope
from breakwater.domain.limit_types import LIMIT_TYPES, RESTRICTED_LIST, Above
from breakwater.domain.limit_types.settings import field_of
from breakwater.domain.limits import stricter_above
from breakwater.domain.market import Market, RiskTerms
from breakwater.domain.money import Amount, format_amount
from breakwater.domain.permissions import Caller
from breakwater.domain.times import format_time, nanoseconds
from breakwater.domain.wrong_fields import wrong_field
from breakwater.errors import InvalidRequest, LimitOverlaps, NotFound, VersionConflict
from breakwater.services.below_use import brake_below_use, look_at
from breakwater.services.limit_record_views import LimitHistory, LimitVersionView
from breakwater.services.limit_views import (
    RiskTermsPage,
    RiskTermsView,
    SetLimit,
    limit_json,
)
from events.envelope import Event
from events.limits import LimitChanged, RiskTermsChanged

_Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,20}$")]


class SettingBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LimitSetting(SettingBody):
    """The body of POST /limits. `instrument` is a symbol, `venue:SIM`, `class:SPOT` or * for all.

    Without `limit_id` it replaces the limit of the same node, type and instrument that is in force, or has the same
    dates; else it is a new one. With `version` it replaces that version only.
    """

    node_id: uuid.UUID
    limit_type: Annotated[str, StringConstraints(max_length=40)]
    instrument: Annotated[str, StringConstraints(max_length=41)] = ALL_INSTRUMENTS
    value: Amount | None = None
    parameters: dict[str, Any] = {}
    currency: _Currency = "USDT"
    action: Action | None = None
    thresholds_pct: Annotated[list[Annotated[int, Field(ge=1, le=99)]], Field(max_length=5)] = [70, 90]
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    limit_id: uuid.UUID | None = None
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "LimitSetting":
        if self.valid_from is not None and self.valid_until is not None and self.valid_from >= self.valid_until:
            raise wrong_field("valid_until", "valid_from must be before valid_until")
        return self


class RiskTermsSetting(SettingBody):
    """The body of PUT /limits/risk-terms: what the firm says of an instrument. What is left out is not known then."""

    symbol: Annotated[str, StringConstraints(max_length=41)]
    average_daily_qty: Amount | None = None
    initial_margin: Amount | None = None
    sector: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 _-]{1,40}$")] | None = None
    daily_volatility: Amount | None = None
    as_of: date | None = None


def set_limit(setting: LimitSetting, caller: Caller, tx: TenantTransaction, at: datetime) -> SetLimit:
    """Create the limit, or replace one.

    The answer is the limit with `warnings`, sentences for people: it is looser than one above it and so never the one
    that refuses, or below what is in use, which makes its node only reduce at once. InvalidRequest for a value that
    makes no sense, LimitOverlaps for dates that another one has, VersionConflict when somebody else was faster.
    """
    caller.require("limits:manage")
    limit_type = LIMIT_TYPES.get(setting.limit_type)
    if limit_type is None:
        raise InvalidRequest(f"limit_type is one of {', '.join(LIMIT_TYPES)}", field="limit_type")
    limit_type.check_setting(setting.value, setting.parameters)
    limit_type.check_currency(setting.currency)
    # Locked, so that an order sees either the old limit or the new one, and two people never the same version.
    node = tx.limits.node(setting.node_id, at, lock=True)
    if node is None:
        raise NotFound("no such node")
    if limit_type.kinds and node.kind not in limit_type.kinds:
        kinds = " or ".join(sorted(limit_type.kinds))
        raise InvalidRequest(f"this limit is set on nodes of kind {kinds}", field="limit_type")
    market = tx.limits.market(at)
    _check_names(setting, market, tx.market.venues())
    before = _replaced(setting, tx, at)
    limit = _as_set(setting, before, limit_type.action)
    _check_dates(limit, tx)
    tx.limit_settings.save(limit, caller.username, at)
    _tell_change(tx, node, before=before, after=limit, caller=caller, at=at)
    scopes = {scope.node.node_id: scope for scope in tx.limits.scopes(at, [node.node_id], above=True)}
    scope = scopes[node.node_id]
    above = [scopes[node_id] for node_id in node.path[:-1]]
    in_force = [other for other in scope.limits if other.limit_id == limit.limit_id]  # As an override has it.
    warnings = _looser_than_above(limit, above)
    if in_force:
        by, correlation_id = caller.username, caller.correlation_id
        warnings += brake_below_use(tx, scope, in_force, market, "was set to", by=by, correlation_id=correlation_id)
    elif limit.valid_from is not None and limit.valid_from > at:
        look_at(tx, limit, limit.valid_from)
    return {**limit_json(scope, limit, market, above), "warnings": warnings}


def lock_limit(limit_id: uuid.UUID, tx: TenantTransaction, at: datetime) -> tuple[Node, Limit]:
    """Its node, locked, and the limit as it is under that lock. NotFound where there is none, or no more."""
    found = tx.limit_settings.get(limit_id)
    node = None if found is None else tx.limits.node(found.node_id, at, lock=True)
    limit = tx.limit_settings.get(limit_id)
    if node is None or limit is None:
        raise NotFound("no such limit")
    return node, limit


def delete_limit(limit_id: uuid.UUID, caller: Caller, tx: TenantTransaction, at: datetime) -> None:
    """NotFound when there is no such limit."""
    caller.require("limits:manage")
    node, limit = lock_limit(limit_id, tx, at)
    tx.limit_settings.delete(replace(limit, version=limit.version + 1), caller.username, at)
    tx.limit_settings.end_overrides_of(limit_id, caller.username, at)
    _tell_change(tx, node, before=limit, after=None, caller=caller, at=at)


def limit_history(limit_id: uuid.UUID, caller: Caller, tx: TenantTransaction) -> LimitHistory:
    """Every version it had, the first one first; also of one that was deleted. NotFound when there was none."""
    caller.require("limits:history")
    rows = tx.limit_settings.history(limit_id)
    if not rows:
        raise NotFound("no such limit")
    return {"items": [_version_json(row) for row in rows]}


def set_risk_terms(setting: RiskTermsSetting, caller: Caller, tx: TenantTransaction, at: datetime) -> RiskTermsView:
    """Replace what the firm says of an instrument. InvalidRequest for a symbol that is not listed."""
    caller.require("limits:manage")
    tx.market.instrument(setting.symbol)
    for name in ("average_daily_qty", "initial_margin"):
        amount = getattr(setting, name)
        if amount is not None and amount <= 0:
            raise InvalidRequest(f"{name} must be greater than zero", field=name)
    if setting.daily_volatility is not None and not 0 <= setting.daily_volatility <= 10:
        raise InvalidRequest("daily_volatility is a fraction between 0 and 10", field="daily_volatility")
    terms = RiskTerms(**dict(setting))
    tx.limit_settings.put_risk_terms(terms, caller.username)
    told = _risk_terms_json(terms)
    tx.outbox.add(
        RiskTermsChanged(**told, changed_by=caller.username),
        aggregate_id=uuid.uuid5(caller.tenant_id, setting.symbol),
        account_id=None,
        correlation_id=caller.correlation_id,
        occurred_at_ns=nanoseconds(at),
    )
    return told


def risk_terms(caller: Caller, tx: TenantTransaction, at: datetime) -> RiskTermsPage:
    caller.require("limits:read")
    return {"items": [_risk_terms_json(terms) for terms in tx.limits.market(at).terms.values()]}


def _replaced(setting: LimitSetting, tx: TenantTransaction, at: datetime) -> Limit | None:
    """The limit that the setting replaces, None for a new one."""
    of_node = tx.limit_settings.of_node(setting.node_id)
    alike = [o for o in of_node if (o.limit_type, o.instrument) == (setting.limit_type, setting.instrument)]
    if setting.limit_id is not None:
        alike = [limit for limit in alike if limit.limit_id == setting.limit_id]
        if not alike:
            raise NotFound("no such limit of this node, type and instrument")
    elif setting.valid_from is None and setting.valid_until is None:
        alike = [limit for limit in alike if _is_in_force(limit, at)]
    else:
        alike = [o for o in alike if (o.valid_from, o.valid_until) == (setting.valid_from, setting.valid_until)]
    before = alike[0] if alike else None
    if setting.version is not None and setting.version != (before.version if before else None):
        raise VersionConflict(
            "somebody else has changed this limit",
            current=None if before is None else _plain_json(before),
            yours=setting.model_dump(mode="json"),
        )
    return before


def limit_of(setting: LimitSetting, default_action: Action) -> Limit:
    """What the setting would make where there is nothing yet."""
    return _as_set(setting, None, default_action)


def _as_set(setting: LimitSetting, before: Limit | None, default_action: Action) -> Limit:
    dated = setting.valid_from is not None or setting.valid_until is not None or setting.limit_id is not None
    return Limit(
        limit_id=before.limit_id if before else uuid.uuid4(),
        node_id=setting.node_id,
        limit_type=setting.limit_type,
        instrument=setting.instrument,
        value=setting.value,
        parameters=setting.parameters,
        currency=setting.currency,
        action=setting.action or default_action,
        thresholds_pct=sorted(set(setting.thresholds_pct)),
        valid_from=setting.valid_from if dated or before is None else before.valid_from,
        valid_until=setting.valid_until if dated or before is None else before.valid_until,
        version=before.version + 1 if before else 1,
    )


def _check_dates(limit: Limit, tx: TenantTransaction) -> None:
    for other in tx.limit_settings.of_node(limit.node_id):
        alike = (other.limit_type, other.instrument) == (limit.limit_type, limit.instrument)
        if alike and other.limit_id != limit.limit_id and _overlap(limit, other):
            raise LimitOverlaps(
                "another limit of this node, type and instrument holds at the same time",
                overlaps=_plain_json(other),
            )


def _overlap(one: Limit, other: Limit) -> bool:
    begins_late = one.valid_from is not None and other.valid_until is not None and one.valid_from >= other.valid_until
    ends_early = one.valid_until is not None and other.valid_from is not None and one.valid_until <= other.valid_from
    return not begins_late and not ends_early


def _is_in_force(limit: Limit, at: datetime) -> bool:
    begun = limit.valid_from is None or limit.valid_from <= at
    return begun and (limit.valid_until is None or at < limit.valid_until)


def _check_names(setting: LimitSetting, market: Market, venues: Collection[str]) -> None:
    kind, colon, name = setting.instrument.partition(":")
    classes = {quote.instrument.asset_class for quote in market.quotes.values()}
    known = {"venue": set(venues), "class": classes}.get(kind, set()) if colon else set(market.quotes)
    wanted = name if colon else setting.instrument
    if setting.instrument != ALL_INSTRUMENTS and wanted not in known:
        raise InvalidRequest(f"unknown instrument {setting.instrument}", field="instrument")
    assets = {a for q in market.quotes.values() for a in (q.instrument.base_asset, q.instrument.quote_asset)}
    if "currency" in setting.model_fields_set and setting.currency not in assets:
        raise InvalidRequest(f"unknown currency {setting.currency}", field="currency")
    check_parameter_names(setting.limit_type, setting.parameters, market.quotes, venues)


def check_parameter_names(
    limit_type: str, parameters: Mapping[str, Any], symbols: Collection[str], venues: Collection[str]
) -> None:
    """InvalidRequest for a symbol or a venue that there is not. The parameters are those of the type."""
    if limit_type == RESTRICTED_LIST and not set(symbols).issuperset(parameters["symbols"]):
        raise InvalidRequest("symbols has an unknown symbol", field=field_of("symbols"))
    if not set(venues).issuperset(parameters.get("venues", ())):
        raise InvalidRequest(f"venues are some of {', '.join(venues)}", field=field_of("venues"))


def _looser_than_above(limit: Limit, above: Sequence[Scope]) -> list[str]:
    stricter = stricter_above(limit, above)
    if stricter is None:
        return []
    scope, higher = stricter
    allows = f"{scope.node.name} allows {format_amount(higher.cap)}"
    if LIMIT_TYPES[limit.limit_type].above is Above.BINDING:
        return [f"it has no effect: {allows}"]
    return [f"it has no effect, unless others below {scope.node.name} offset it: {allows}"]


def _tell_change(
    tx: TenantTransaction, node: Node, *, before: Limit | None, after: Limit | None, caller: Caller, at: datetime
) -> None:
    """Who loosened a limit must not be able to tighten it again unseen."""
    limit = after or before
    if limit is None or limit.limit_id is None:
        raise ValueError("a change of nothing")
    event = LimitChanged(
        node_id=node.node_id,
        node_name=node.name,
        limit_id=limit.limit_id,
        limit_type=limit.limit_type,
        instrument=limit.instrument,
        value_before=value_text(before),
        value=value_text(after),
        parameters_before=None if before is None else dict(before.parameters),
        parameters=None if after is None else dict(after.parameters),
        changed_by=caller.username,
    )
    publish_at_node(event, node.node_id, caller.correlation_id, tx, at)


def value_text(told: Limit | Override | None) -> str | None:
    return None if told is None or told.value is None else format_amount(told.value)


def publish_at_node(event: Event, node_id: uuid.UUID, correlation_id: str, tx: TenantTransaction, at: datetime) -> None:
    tx.outbox.add(
        event,
        aggregate_id=node_id,
        account_id=None,
        correlation_id=correlation_id,
        occurred_at_ns=nanoseconds(at),
    )


def _risk_terms_json(terms: RiskTerms) -> RiskTermsView:
    def text(amount: Decimal | None) -> str | None:
        return None if amount is None else format_amount(amount)

    return {
        "symbol": terms.symbol,
        "average_daily_qty": text(terms.average_daily_qty),
        "initial_margin": text(terms.initial_margin),
        "sector": terms.sector,
        "daily_volatility": text(terms.daily_volatility),
        "as_of": None if terms.as_of is None else terms.as_of.isoformat(),
    }


def _plain_json(limit: Limit) -> dict[str, Any]:
    """A limit in an error's extensions: what was set, and by which version."""
    return {
        "limit_id": str(limit.limit_id),
        "version": limit.version,
        "value": value_text(limit),
        "parameters": dict(limit.parameters),
        "currency": limit.currency,
        "action": limit.action,
        "valid_from": None if limit.valid_from is None else format_time(limit.valid_from),
        "valid_until": None if limit.valid_until is None else format_time(limit.valid_until),
    }


def _version_json(row: Mapping[str, Any]) -> LimitVersionView:
    def time(told: datetime | None) -> str | None:
        return None if told is None else format_time(told)

    return {
        "limit_id": str(row["limit_id"]),
        "version": row["version"],
        "node_id": str(row["node_id"]),
        "limit_type": row["limit_type"],
        "instrument": row["instrument"],
        "value": None if row["value"] is None else format_amount(row["value"]),
        "parameters": row["parameters"],
        "currency": row["currency"],
        "action": row["action"],
        "thresholds_pct": row["thresholds_pct"],
        "valid_from": time(row["valid_from"]),
        "valid_until": time(row["valid_until"]),
        "is_deleted": row["is_deleted"],
        "changed_by": row["changed_by"],
        "changed_at": format_time(row["changed_at"]),
    }
