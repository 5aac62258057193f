"""What stands in a digest: for each role the sections that it is to read, each within what its reader may see.

They are asked in the reader's own name, by what answers him at the API as well. Amounts are exact; what needs a price
that was never observed is called unknown.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from breakwater.db.connection import TenantTransaction
from breakwater.db.digest_figures import DigestFigures, Fills, OrderCounts, PlatformState
from breakwater.db.identity import Account
from breakwater.domain.digests import Column, Fact, Section, Span, Table
from breakwater.domain.money import EXACT, format_amount, trim
from breakwater.domain.permissions import ROLES_WITH_ALL_ACCOUNTS, Caller, Role
from breakwater.domain.portfolio import total, value_in
from breakwater.domain.times import from_nanoseconds
from breakwater.errors import Unavailable
from breakwater.services import limit_tree, queries
from breakwater.services.limit_views import LimitTreeNode, LimitView
from breakwater.services.orders import visible_accounts
from breakwater.services.portfolio_views import AccountPortfolio

ROWS_SHOWN_MAX = 20
UNKNOWN = "unknown"
NEARLY_USED_PCT = Decimal(90)
GRAVE = ("ERROR", "CRITICAL")
WAITING_S_MAX = 60  # An event that waits longer says that the relay does not keep up.


class PlatformProbes(Protocol):
    """What the platform itself is asked, for who operates it. Each raises Unavailable."""

    def state(self) -> PlatformState: ...

    def dead_letters(self) -> Mapping[str, int]:
        """By queue how many messages nobody could process."""
        ...

    def unserved_shards(self) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class PlatformHealth:
    """`unserved_shards` None: the engine does not answer. `dead_letters` None: the queues could not be asked."""

    state: PlatformState
    unserved_shards: Sequence[int] | None
    dead_letters: Mapping[str, int] | None


@dataclass(frozen=True)
class Scene:
    """Whose digest it is, of which span, as of when. `zone`: whose clock its times are told by.

    `platform`: for who operates it; for all others None.
    """

    caller: Caller
    tx: TenantTransaction
    span: Span
    zone: ZoneInfo
    at: datetime
    platform: PlatformHealth | None

    @cached_property
    def figures(self) -> DigestFigures:
        return DigestFigures(self.tx.connection, self.tx.tenant_id, self.span)

    @cached_property
    def own_accounts(self) -> list[uuid.UUID] | None:
        """None: those of the whole organisation."""
        return None if self.caller.role in ROLES_WITH_ALL_ACCOUNTS else self.account_ids

    @cached_property
    def account_ids(self) -> list[uuid.UUID]:
        return visible_accounts(self.caller, self.tx, None)

    @cached_property
    def nodes(self) -> list[LimitTreeNode]:
        """All that he sees, parents first."""
        found: list[LimitTreeNode] = []
        waiting = list(reversed(limit_tree.tree(self.caller, self.tx, self.at)["items"]))
        while waiting:
            node = waiting.pop()
            found.append(node)
            waiting.extend(reversed(node["children"]))
        return found

    @cached_property
    def counts(self) -> dict[tuple[str, str], int]:
        return self.figures.counts()

    def count(self, topic: str, *changes: str) -> int:
        """Of its events; with changes, of those of these."""
        return sum(
            count
            for (name, change), count in self.counts.items()
            if name == topic and (not changes or change in changes)
        )

    def time(self, at_ns: int) -> str:
        return shown_time(from_nanoseconds(at_ns), self.zone)


def ask_platform(role: str, probes: PlatformProbes) -> PlatformHealth | None:
    """None for a role that hears nothing of it. Asked outside of transactions, which may not be idle for long."""
    if role != Role.SYSTEM_ADMIN:
        return None
    return PlatformHealth(probes.state(), _answer(probes.unserved_shards), _answer(probes.dead_letters))


def _answer[Value](ask: Callable[[], Value]) -> Value | None:
    try:
        return ask()
    except Unavailable:
        return None


def shown_time(at: datetime, zone: ZoneInfo) -> str:
    """With the zone's letters: an hour that comes twice is then told apart."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def sections(scene: Scene) -> tuple[Section, ...]:
    """By the reader's role."""
    return tuple(section for part in _PARTS[scene.caller.role] for section in part(scene))


# trading --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _AccountFigures:
    account: Account
    orders: OrderCounts | None
    fills: int
    notional: Decimal | None
    realised: Decimal | None
    fees: Decimal | None

    @property
    def net(self) -> Decimal | None:
        return None if self.realised is None or self.fees is None else EXACT.subtract(self.realised, self.fees)


def _performance(scene: Scene) -> Iterable[Section]:
    accounts = scene.tx.identity.accounts(scene.account_ids)
    if not accounts:
        yield Section(title="Orders and fills", note="There is no account that you see.")
        return
    orders = {each.account_id: each for each in scene.figures.orders(scene.account_ids)}
    fills = scene.figures.fills(scene.account_ids)
    marks = {symbol: price.price for symbol, price in scene.tx.market.reference_prices().items()}
    figures = [_account_figures(account, orders.get(account.account_id), fills, marks) for account in accounts]
    busy = [each for each in figures if each.orders is not None or each.fills]
    if not busy:
        yield Section(title="Orders and fills", note="No order came, and nothing was filled.")
        return
    yield Section(title="Orders and fills", facts=_trading_facts(busy), table=_accounts_table(busy))
    if fills:
        yield _by_symbol(fills)


def _account_figures(
    account: Account, orders: OrderCounts | None, fills: Sequence[Fills], marks: Mapping[str, Decimal]
) -> _AccountFigures:
    own = [each for each in fills if each.account_id == account.account_id]

    def in_base(each: Fills, amount: Decimal | None) -> Decimal | None:
        return None if amount is None else value_in(account.base_currency, each.quote_asset, amount, marks)

    return _AccountFigures(
        account=account,
        orders=orders,
        fills=sum(each.fills for each in own),
        notional=total(in_base(each, each.notional) for each in own),
        realised=total(in_base(each, each.realised_pnl) for each in own),
        fees=total(in_base(each, each.fees) for each in own),
    )


def _trading_facts(busy: Sequence[_AccountFigures]) -> tuple[Fact, ...]:
    told = [each.orders for each in busy if each.orders is not None]
    facts = [
        Fact(name="Orders", value=str(sum(each.placed for each in told))),
        Fact(name="Refused", value=str(sum(each.refused for each in told))),
        Fact(name="Still open", value=str(sum(each.still_open for each in told))),
        Fact(name="Fills", value=str(sum(each.fills for each in busy))),
    ]
    for currency in sorted({each.account.base_currency for each in busy}):
        own = [each for each in busy if each.account.base_currency == currency]
        facts += [
            Fact(name="Traded", value=_money(total(each.notional for each in own), currency)),
            Fact(name="Realised before fees", value=_money(total(each.realised for each in own), currency)),
            Fact(name="Fees", value=_money(total(each.fees for each in own), currency)),
            Fact(name="Realised after fees", value=_money(total(each.net for each in own), currency)),
        ]
    return tuple(facts)


def _accounts_table(busy: Sequence[_AccountFigures]) -> Table:
    columns = ("Account", "+Orders", "+Filled", "+Refused", "+Fills", "+Traded", "+Realised", "+Fees", "+After fees")
    return _table(
        columns,
        [
            (
                each.account.name,
                *(
                    ("0", "0", "0")
                    if each.orders is None
                    else (str(each.orders.placed), str(each.orders.filled), str(each.orders.refused))
                ),
                str(each.fills),
                *(
                    _money(amount, each.account.base_currency)
                    for amount in (each.notional, each.realised, each.fees, each.net)
                ),
            )
            for each in busy
        ],
    )


def _by_symbol(fills: Sequence[Fills]) -> Section:
    rows = []
    for symbol, quote in sorted({(each.symbol, each.quote_asset) for each in fills}):
        own = [each for each in fills if each.symbol == symbol]
        amounts = (
            _amount(total(each.bought for each in own)),
            _amount(total(each.sold for each in own)),
            _money(total(each.notional for each in own), quote),
            _money(total(each.realised_pnl for each in own), quote),
            _money(total(each.fees for each in own), quote),
        )
        rows.append((symbol, str(sum(each.fills for each in own)), *amounts))
    return Section(
        title="By symbol",
        table=_table(("Symbol", "+Fills", "+Bought", "+Sold", "+Traded", "+Realised", "+Fees"), rows),
    )


def _positions(scene: Scene) -> Iterable[Section]:
    if not scene.account_ids:
        return
    portfolio = queries.portfolio(scene.caller, scene.tx, account_id=None, at=scene.at)
    facts = []
    for each in portfolio["totals"]:
        currency = each["currency"]
        facts += [
            Fact(name="Equity", value=_money_text(each["equity"], currency)),
            Fact(name="Not realised", value=_money_text(each["unrealised_pnl"], currency)),
        ]
    rows = [row for account in portfolio["items"] for row in _position_rows(account)]
    note = f"As of {shown_time(scene.at, scene.zone)}." + ("" if rows else " No position is open.")
    columns = ("Account", "Symbol", "+Quantity", "+Average price", "+Price now", "+Not realised")
    yield Section(
        title="What is held now", note=note, facts=tuple(facts), table=_table(columns, rows) if rows else None
    )


def _position_rows(account: AccountPortfolio) -> Iterable[tuple[str, ...]]:
    for each in account["positions"]:
        if Decimal(each["quantity"]) != 0:
            quote = each["symbol"].partition("/")[2]
            yield (
                account["name"],
                each["symbol"],
                each["quantity"],
                each["average_price"],
                each["mark_price"] or UNKNOWN,
                _money_text(each["unrealised_pnl"], quote),
            )


# limits ---------------------------------------------------------------------------------------------------------------


def _refusals(scene: Scene) -> Iterable[Section]:
    breaches = scene.figures.breaches(scene.own_accounts)
    refused = scene.figures.refused_orders(scene.own_accounts)
    crossed = sum(each.crossed for each in breaches)
    facts = (
        Fact(name="Orders that limits refused", value=str(refused), is_notable=refused > 0),
        Fact(name="Limits that losses crossed", value=str(crossed), is_notable=crossed > 0),
        Fact(name="Soft thresholds passed", value=str(sum(each.warned for each in breaches))),
    )
    rows = [
        (each.node, each.limit_type, each.instrument, str(each.refused), str(each.crossed), str(each.warned))
        for each in breaches
    ]
    columns = ("Node", "Limit", "Instrument", "+Refused", "+Crossed", "+Warned")
    yield Section(title="Refusals and warnings", facts=facts, table=_table(columns, rows) if rows else None)


def _limits_used(scene: Scene) -> Iterable[Section]:
    limits = [(node["name"], limit) for node in scene.nodes for limit in node["limits"]]
    used = [(Decimal(limit["usage_pct"]), name, limit) for name, limit in limits if limit["usage_pct"] is not None]
    used.sort(key=lambda each: (-each[0], each[1], each[2]["limit_type"], each[2]["instrument"]))
    untold = sum(limit["missing"] is not None for _, limit in limits)
    nearly = sum(pct >= NEARLY_USED_PCT for pct, _, _ in used)
    facts = (
        Fact(name="Limits", value=str(len(limits))),
        Fact(name=f"Used {NEARLY_USED_PCT} % and more", value=str(nearly), is_notable=nearly > 0),
        Fact(name="Whose use is unknown", value=str(untold), is_notable=untold > 0),
    )
    rows = [(name, *_use(pct, limit)) for pct, name, limit in used if pct > 0]
    columns = ("Node", "Limit", "Instrument", "+Used %", "+Used", "+Reserved", "+Allowed")
    note = f"As of {shown_time(scene.at, scene.zone)}." + ("" if rows else " None is used.")
    yield Section(title="Limits most used", note=note, facts=facts, table=_table(columns, rows) if rows else None)


def _use(pct: Decimal, limit: LimitView) -> tuple[str, ...]:
    amounts = (limit["used"] or UNKNOWN, limit["reserved"] or UNKNOWN, limit["allowed"] or UNKNOWN)
    return (limit["limit_type"], limit["instrument"], _amount(pct), *amounts)


def _stops(scene: Scene) -> Iterable[Section]:
    seen = None if scene.own_accounts is None else [uuid.UUID(node["node_id"]) for node in scene.nodes]
    stopped = [node["name"] for node in scene.nodes if node["state"] != "ACTIVE"]
    rows = []
    for event in scene.figures.limit_events(("limits.NodeStateChanged.v1", "limits.DeadManExpired.v1"), seen):
        told, when = event["payload"], scene.time(event["occurred_at_ns"])
        if event["topic"] == "limits.DeadManExpired.v1":
            what = f"silent, {told['open_orders']} open orders cancelled"
            rows.append((when, told["node_name"], what, "dead man's switch", ""))
        else:
            change = f"{told['state_before']} to {told['state']}"
            rows.append((when, told["node_name"], change, told["changed_by"], told["reason"]))
    facts = (
        Fact(name="Stopped now", value=", ".join(stopped[:ROWS_SHOWN_MAX]) or "nothing", is_notable=bool(stopped)),
        Fact(name="Changes", value=str(len(rows))),
    )
    columns = ("When", "Node", "Change", "By", "Reason")
    yield Section(title="Stops and kills", facts=facts, table=_table(columns, rows) if rows else None)


def _overrides(scene: Scene) -> Iterable[Section]:
    rows = [
        (
            scene.time(event["occurred_at_ns"]),
            event["payload"]["limit_type"],
            event["payload"]["state"],
            _override_words(event["payload"]),
            event["payload"]["changed_by"],
            event["payload"]["reason"],
        )
        for event in scene.figures.limit_events(("limits.OverrideChanged.v1", "limits.OverrideChanged.v2"))
    ]
    approved = sum(row[2] == "APPROVED" for row in rows)
    yield Section(
        title="Overrides",
        facts=(Fact(name="Approved", value=str(approved), is_notable=approved > 0),),
        table=_table(("When", "Limit", "Change", "+Value", "By", "Reason"), rows) if rows else None,
    )


def _override_words(payload: Mapping[str, Any]) -> str:
    """What it puts in the place of what was set; version 1 has a value alone."""
    if payload.get("is_exempt"):
        return "does not hold"
    parameters = payload.get("parameters")
    told = [payload["value"], None if parameters is None else json.dumps(parameters)]
    return " ".join(filter(None, told))


def _limit_changes(scene: Scene) -> Iterable[Section]:
    rows = []
    for event in scene.figures.limit_events(("limits.LimitChanged.v1",)):
        told = event["payload"]
        values = [
            "none" if told[f"parameters{which}"] is None else told[f"value{which}"] or "parameters"
            for which in ("_before", "")
        ]
        when = scene.time(event["occurred_at_ns"])
        rows.append((when, told["node_name"], told["limit_type"], told["instrument"], *values, told["changed_by"]))
    external = scene.count("limits.ExternalFillBooked.v1")
    facts = (
        Fact(name="Limits set, changed or removed", value=str(len(rows))),
        Fact(name="Fills booked from elsewhere", value=str(external), is_notable=external > 0),
    )
    columns = ("When", "Node", "Limit", "Instrument", "+Before", "+After", "By")
    yield Section(title="Changes of limits", facts=facts, table=_table(columns, rows) if rows else None)


def _degraded(scene: Scene) -> Iterable[Section]:
    rows = [
        (
            scene.time(event["occurred_at_ns"]),
            event["payload"]["kind"],
            f"{event['payload']['mode_before']} to {event['payload']['mode']}",
            str(event["payload"]["provisional_orders"]),
        )
        for event in scene.figures.limit_events(("limits.DegradedModeChanged.v1",))
    ]
    unsettled = scene.figures.unsettled_orders(scene.at)
    facts = (
        Fact(name="Changes of degraded modes", value=str(len(rows)), is_notable=bool(rows)),
        Fact(name="Orders that nothing is known of now", value=str(unsettled), is_notable=unsettled > 0),
    )
    columns = ("When", "Of", "Change", "+Orders beside the ledger")
    yield Section(title="Health", facts=facts, table=_table(columns, rows) if rows else None)


def _alerts(scene: Scene) -> Iterable[Section]:
    found = scene.figures.alerts(scene.own_accounts)
    grave = [each for each in found if each.severity in GRAVE]
    untouched = sum(each.alerts - each.acknowledged for each in grave)
    untold = sum(each.untold for each in found)
    facts = (
        Fact(name="Alerts", value=str(sum(each.alerts for each in found))),
        Fact(name="Of them grave", value=str(sum(each.alerts for each in grave))),
        Fact(name="Grave and acknowledged by nobody", value=str(untouched), is_notable=untouched > 0),
        Fact(name="Messages that could not be sent", value=str(untold), is_notable=untold > 0),
    )
    rows = [
        (each.severity, each.kind, str(each.alerts), str(each.acknowledged), str(each.alerts - each.acknowledged))
        for each in found
    ]
    columns = ("Severity", "Kind", "+Alerts", "+Acknowledged", "+By nobody")
    yield Section(title="Alerts", facts=facts, table=_table(columns, rows) if rows else None)


# people, keys and the trail -------------------------------------------------------------------------------------------


def _people(scene: Scene) -> Iterable[Section]:
    rows = [(each.role, str(each.users), str(each.active), str(each.disabled)) for each in scene.figures.people()]
    failures = scene.count("identity.SignInFailed.v1")
    facts = (
        Fact(name="Sign-ins", value=str(scene.count("identity.SignedIn.v1"))),
        Fact(name="Sign-ins that failed", value=str(failures), is_notable=failures > 0),
        Fact(name="Invited", value=str(scene.count("users.PermissionsUpdated.v1", "INVITED"))),
        Fact(name="Changes of roles", value=str(scene.count("users.PermissionsUpdated.v1", "ROLE"))),
    )
    yield Section(title="People", facts=facts, table=_table(("Role", "+Users", "+Active", "+Disabled"), rows))


def _keys(scene: Scene) -> Iterable[Section]:
    keys = scene.figures.keys(scene.at)
    facts = (
        Fact(name="API keys and clients that work", value=str(keys.working)),
        Fact(name="Of them clients of third parties", value=str(keys.clients)),
        Fact(name="Used", value=str(keys.used)),
        Fact(name="Made", value=str(scene.count("identity.ApiKeyChanged.v1", "CREATED"))),
        Fact(name="Rotated", value=str(scene.count("identity.ApiKeyRotated.v1"))),
        Fact(name="Revoked", value=str(scene.count("identity.ApiKeyChanged.v1", "REVOKED"))),
        Fact(name="Expire within 14 days", value=str(keys.expiring), is_notable=keys.expiring > 0),
        Fact(name="Not used for 90 days", value=str(keys.unused), is_notable=keys.unused > 0),
    )
    yield Section(title="API keys", facts=facts)


def _sign_ins(scene: Scene) -> Iterable[Section]:
    found = scene.figures.sign_ins()
    sums = {
        name: sum(getattr(each, name) for each in found) for name in ("sign_ins", "without_second_factor", "failures")
    }
    facts = (
        Fact(name="Sign-ins", value=str(sums["sign_ins"])),
        Fact(name="Without a second factor", value=str(sums["without_second_factor"])),
        Fact(name="Failed", value=str(sums["failures"]), is_notable=sums["failures"] > 0),
    )
    rows = [
        (
            each.username,
            *(str(n) for n in (each.sign_ins, each.without_second_factor, each.failures, each.addresses)),
        )
        for each in found
    ]
    columns = ("User", "+Sign-ins", "+Without second factor", "+Failed", "+Addresses")
    yield Section(title="Sign-ins", facts=facts, table=_table(columns, rows) if rows else None)


_PERMISSION_TOPICS = (
    "users.PermissionsUpdated.v1",
    "users.GroupChanged.v1",
    "users.OrganisationProvisioned.v1",
    "identity.SecondFactorChanged.v1",
)
_CREDENTIAL_TOPICS = (
    "identity.ApiKeyChanged.v1",
    "identity.ApiKeyRotated.v1",
    "identity.OAuthClientChanged.v1",
    "identity.ExchangeCredentialChanged.v1",
    "identity.ExchangeCredentialAccessChanged.v1",
)
_READING_TOPICS = ("audit.SensitiveDataRead.v1", "audit.TrailExported.v1")


def _permission_changes(scene: Scene) -> Iterable[Section]:
    rows = []
    for event in scene.figures.people_events(_PERMISSION_TOPICS):
        told = event["payload"]
        change = told.get("change", "PROVISIONED")
        if change == "ROLE":
            change = f"role {told['role_before']} to {told['role']}"
        elif change == "ACCESS":
            given = "given" if told["is_given"] else "taken away"
            change = f"{told['resource'].lower()} {given}"
        whom = told.get("username", told.get("name"))
        rows.append((scene.time(event["occurred_at_ns"]), whom, change.lower(), told["changed_by"]))
    yield _list_of(rows, title="Changes of permissions", columns=("When", "Whose", "Change", "By"))


def _credential_changes(scene: Scene) -> Iterable[Section]:
    rows = []
    for event in scene.figures.people_events(_CREDENTIAL_TOPICS):
        told = event["payload"]
        if "is_given" in told:
            change = "given to an account" if told["is_given"] else "taken from an account"
        else:
            change = told.get("change", "ROTATED").lower()
        kind = event["topic"].split(".")[1].removesuffix("Changed").removesuffix("Rotated").removesuffix("Access")
        named = told.get("name") or told.get("label") or told.get("key_id") or told.get("credential_id")
        rows.append((scene.time(event["occurred_at_ns"]), _KINDS[kind], named, change, told["changed_by"]))
    yield _list_of(rows, title="Changes of keys", columns=("When", "Kind", "Name", "Change", "By"))


_KINDS = {"ApiKey": "API key", "OAuthClient": "client", "ExchangeCredential": "key at an exchange"}


def _readings(scene: Scene) -> Iterable[Section]:
    rows = [
        (
            scene.time(event["occurred_at_ns"]),
            event["payload"].get("what") or f"export up to record {event['payload']['sequence']}",
            event["payload"].get("read_by") or event["payload"]["exported_by"],
        )
        for event in scene.figures.people_events(_READING_TOPICS)
    ]
    yield _list_of(rows, title="Who read what tells of people", columns=("When", "What", "By"))


def _trail(scene: Scene) -> Iterable[Section]:
    trail = scene.figures.trail()
    if trail is None:
        yield Section(title="The audit trail", note="Nothing was sealed yet.")
        return
    behind = trail.sequence - trail.anchored_sequence
    anchored = UNKNOWN if trail.anchored_at is None else shown_time(trail.anchored_at, scene.zone)
    facts = (
        Fact(name="Records sealed", value=str(trail.sealed)),
        Fact(name="Records in all", value=str(trail.sequence)),
        Fact(name="Anchored up to record", value=str(trail.anchored_sequence)),
        Fact(name="Newest anchor stored", value=anchored, is_notable=trail.anchored_at is None),
        Fact(name="Not anchored yet", value=str(behind)),
        Fact(name="Gaps that two persons approved", value=str(trail.gaps), is_notable=trail.gaps > 0),
    )
    note = "What is anchored can be verified offline: breakwater audit export, then breakwater audit verify."
    yield Section(title="The audit trail", note=note, facts=facts)


# the platform ---------------------------------------------------------------------------------------------------------


def _platform(scene: Scene) -> Iterable[Section]:
    if scene.platform is None:  # Whose role has changed a moment ago.
        yield Section(title="The platform", note="It was not asked.")
        return
    state = scene.platform.state
    oldest = state.oldest_event_s or 0.0
    facts = [
        Fact(name="Organisations", value=str(state.organisations)),
        _engine(scene.platform.unserved_shards),
        Fact(name="Events that wait for the relay", value=str(state.events_waiting)),
        Fact(name="The oldest of them waits", value=f"{oldest:.0f} s", is_notable=oldest > WAITING_S_MAX),
        _counted("Orders that nothing is known of", state.orders_unsettled),
        _counted("Organisations in a degraded mode", state.degraded),
        _counted("Audit trails that are behind", state.trails_behind),
        _counted("Digests that could not be mailed in 7 days", state.digests_failed),
    ]
    yield Section(title="The platform", note=f"As of {shown_time(scene.at, scene.zone)}.", facts=tuple(facts))
    yield _dead_letters(scene.platform.dead_letters)


def _engine(unserved: Sequence[int] | None) -> Fact:
    if unserved is None:
        return Fact(name="Engine", value="DOWN", is_notable=True)
    if unserved:
        return Fact(name="Engine", value=f"DEGRADED: shards {', '.join(map(str, unserved))}", is_notable=True)
    return Fact(name="Engine", value="UP")


def _dead_letters(found: Mapping[str, int] | None) -> Section:
    if found is None:
        return Section(title="Dead letters", facts=(Fact(name="Messages", value=UNKNOWN, is_notable=True),))
    rows = [(queue, str(count)) for queue, count in sorted(found.items()) if count]
    facts = (_counted("Messages", sum(found.values())),)
    return Section(title="Dead letters", facts=facts, table=_table(("Queue", "+Messages"), rows) if rows else None)


# ----------------------------------------------------------------------------------------------------------------------


def _counted(name: str, count: int) -> Fact:
    """Of what should be none."""
    return Fact(name=name, value=str(count), is_notable=count > 0)


def _table(columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Table:
    """Of a column that begins with + the rest is its name, and numbers stand in it. The first rows are shown."""
    return Table(
        columns=tuple(Column(name=name.removeprefix("+"), is_number=name.startswith("+")) for name in columns),
        rows=tuple(rows[:ROWS_SHOWN_MAX]),
        left_out=max(0, len(rows) - ROWS_SHOWN_MAX),
    )


def _list_of(rows: Sequence[tuple[str, ...]], *, title: str, columns: Sequence[str]) -> Section:
    facts = (Fact(name="In all", value=str(len(rows))),)
    return Section(title=title, facts=facts, table=_table(columns, rows) if rows else None)


def _amount(amount: Decimal | None) -> str:
    return UNKNOWN if amount is None else format_amount(trim(amount))


def _money(amount: Decimal | None, currency: str) -> str:
    return UNKNOWN if amount is None else f"{_amount(amount)} {currency}"


def _money_text(amount: str | None, currency: str) -> str:
    return UNKNOWN if amount is None else f"{amount} {currency}"


type _Part = Callable[[Scene], Iterable[Section]]
_TRADING: tuple[_Part, ...] = (_performance, _positions, _refusals, _limits_used)
_PARTS: Mapping[str, tuple[_Part, ...]] = {
    Role.TRADER: (*_TRADING, _alerts),
    Role.VIEWER: (*_TRADING, _alerts),
    Role.DESK_HEAD: (*_TRADING, _stops, _alerts),
    Role.FUND_MANAGER: (*_TRADING, _stops, _alerts),
    Role.RISK_MANAGER: (
        *(_refusals, _limits_used, _stops, _overrides, _limit_changes, _degraded),
        *(_performance, _positions, _alerts),
    ),
    Role.ORGANISATION_ADMIN: (_performance, _people, _keys, _degraded, _alerts),
    Role.SYSTEM_ADMIN: (_platform,),
    Role.AUDITOR: (
        *(_sign_ins, _permission_changes, _credential_changes, _readings, _trail),
        *(_stops, _overrides, _limit_changes),
    ),
}
