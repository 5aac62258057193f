"""`breakwater limits`: set and unset, look back; overrides and risk terms."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from breakwater.client import limits_render, render
from breakwater.client.api import Client
from breakwater.client.arguments import (
    Action,
    Currency,
    Everywhere,
    From,
    Instrument,
    LimitId,
    LimitType,
    Node,
    Params,
    Reason,
    Symbol,
    Until,
    Value,
    time_of,
)
from breakwater.client.connection import given
from breakwater.client.limit_words import Misunderstood, parse_parameters, parse_percents
from breakwater.client.limits_render import limit_name, short_time, words
from breakwater.client.lookup import find_limit, find_limit_type, find_node_id, find_override_id, is_id
from breakwater.client.render import STATUS_STYLES
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, out, print_json, say_warnings, show_list, signed_in

setting_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
override_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Other values or parameters, or none, for a while, by two people."
)
terms_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What the firm says of an instrument.")

# `-200` is a value, which the server refuses in words, and no option.
NEGATIVE_IS_VALUE = {"ignore_unknown_options": True}
NEVER = "never"  # In place of a time, takes the end of a limit away.

ActionOf = Annotated[Action | None, typer.Option(help="What happens at the limit.", case_sensitive=False)]
WarnAt = Annotated[str | None, typer.Option(help="Percents of the limit to warn at, such as 70,90, or none.")]
Version = Annotated[int | None, typer.Option(help="Change this version only.", min=1)]
OverrideId = Annotated[str, typer.Argument(help="The beginning of its id.")]


@setting_app.command("set", context_settings=NEGATIVE_IS_VALUE)
def set_limit(
    node: Node,
    limit_type: LimitType,
    value: Value = None,
    *,
    instrument: Everywhere = "*",
    param: Params = None,
    currency: Currency = None,
    action: ActionOf = None,
    warn_at: WarnAt = None,
    valid_from: From = None,
    until: Until = None,
    limit_id: LimitId = None,
    version: Version = None,
    as_json: AsJson = False,
) -> None:
    """Set or change a limit; what is not said stays.

    Such as `breakwater limits set "Desk A" MAX_ORDER_NOTIONAL 250000`,
    `breakwater limits set "Trader 1" MESSAGE_RATE 100 --param window_s=10`,
    `breakwater limits set "Desk A" RESTRICTED_LIST --param mode=DENY --param symbols=BTC/USDT`, or
    `breakwater limits set "Desk A" ORDER_PERMISSION --param hours="MON-FRI 09:00-17:30"`.
    With --from or --until it holds between these times, beside those before and after it. With --id these are the new
    times of that one, and `--until never` takes its end away.
    """
    if until == NEVER and limit_id is None:
        raise Misunderstood("say with --id which limit shall not end any more")
    with signed_in() as (client, _):
        known = find_limit_type(client.limit_types(), limit_type)
        shown = client.limits_usage(find_node_id(client, node))
        dates = (valid_from and time_of(valid_from), until if until in (None, NEVER) else time_of(until))
        before = _before(shown, known["limit_type"], instrument, limit_id, dates)
        parameters = parse_parameters(known, param or [], (before or {}).get("set_parameters", {}))
        thresholds = None if warn_at is None else parse_percents(warn_at)
        said = {"value": value, "currency": currency, "action": action, "thresholds_pct": thresholds}
        answer = client.set_limit(
            shown["node_id"],
            known["limit_type"],
            parameters=parameters,
            **_kept(before) | given(**said) | _placed(before, instrument, dates, by_id=limit_id is not None),
            # Whoever was faster is not overwritten.
            version=version or (before["version"] if before else None),
        )
    if as_json:
        print_json(answer)
        return
    _say_set(answer, before, known, shown["name"])


@setting_app.command("unset")
def unset(
    node: Node, limit_type: LimitType, instrument: Instrument = None, limit_id: LimitId = None, as_json: AsJson = False
) -> None:
    """Take a node's limit away. Its history stays."""
    with signed_in() as (client, _):
        known = find_limit_type(client.limit_types(), limit_type)
        shown = client.limits_usage(find_node_id(client, node))
        limit = find_limit(shown, known["limit_type"], instrument, limit_id)
        client.delete_limit(limit["limit_id"])
    if as_json:
        print_json({"deleted": limit})
        return
    was = words(_as_set(limit), known)
    out().print(
        f"{escape(limit_name(limit))} of {escape(shown['name'])} is gone; it was {escape(was)}.", soft_wrap=True
    )


@setting_app.command("history")
def history(
    node: Annotated[str, typer.Argument(metavar="NODE", help="Or the whole id of a limit, also of one that is gone.")],
    limit_type: Annotated[str | None, typer.Argument(metavar="[TYPE]")] = None,
    instrument: Instrument = None,
    limit_id: LimitId = None,
    as_json: AsJson = False,
) -> None:
    """Who set a limit to what, and when."""
    if limit_type is None and not is_id(node):
        raise Misunderstood("say a node and a TYPE, or the whole id of a limit")
    with signed_in() as (client, _):
        types, whole_id = client.limit_types(), node
        if limit_type is not None:
            known = find_limit_type(types, limit_type)
            shown = client.limits_usage(find_node_id(client, node))
            whole_id = find_limit(shown, known["limit_type"], instrument, limit_id)["limit_id"]
        versions = client.limit_history(whole_id)
    if as_json:
        print_json({"items": versions})
        return
    known = find_limit_type(types, versions[0]["limit_type"])
    out().print(f"{escape(limit_name(versions[0]))}  [dim]{whole_id}[/]", soft_wrap=True)
    rows = limits_render.history_rows(versions, known)
    out().print(render.table(rows, limits_render.said_columns(limits_render.HISTORY, rows), empty=""))


@override_app.command("request", context_settings=NEGATIVE_IS_VALUE)
def request_override(
    node: Node,
    limit_type: LimitType,
    value: Value = None,
    *,
    param: Params = None,
    exempt: Annotated[bool, typer.Option("--exempt", help="It does not hold; of types without a value.")] = False,
    until: Annotated[str, typer.Option(help="Such as +2h, or '2026-12-01 14:00', in UTC; at most seven days.")],
    reason: Reason,
    valid_from: From = None,
    instrument: Instrument = None,
    limit_id: LimitId = None,
    as_json: AsJson = False,
) -> None:
    """Ask for another value, for other parameters, or with --exempt that it does not hold.

    It counts once somebody else has approved it, and ends by itself. Parameters that are not said stay.
    """
    if exempt and (value is not None or param):
        raise Misunderstood("say either --exempt, or another value or parameters")
    if not exempt and value is None and not param:
        raise Misunderstood("say another VALUE, --param NAME=VALUE, or --exempt")
    with signed_in() as (client, _):
        types = client.limit_types()
        shown = client.limits_usage(find_node_id(client, node))
        known = find_limit_type(types, limit_type)
        limit = find_limit(shown, known["limit_type"], instrument, limit_id)
        answer = client.request_override(
            limit["limit_id"],
            value,
            parameters=parse_parameters(known, param, limit["set_parameters"]) if param else None,
            is_exempt=exempt,
            ends_at=time_of(until),
            reason=reason,
            starts_at=valid_from and time_of(valid_from),
        )
    _say_override(answer, types, as_json)
    if not as_json:
        told = f"It counts once somebody else says `breakwater limits override approve {answer['override_id'][:8]}`."
        out().print(told, style="dim")


@override_app.command("approve")
def approve_override(override: OverrideId, as_json: AsJson = False) -> None:
    """Let it count. Whoever asked for it cannot."""
    _answer_override(override, Client.approve_override, as_json)


@override_app.command("end")
def end_override(override: OverrideId, as_json: AsJson = False) -> None:
    """End it before its time, or take the request back."""
    _answer_override(override, Client.end_override, as_json)


@override_app.command("list")
def list_overrides(
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False, as_json: AsJson = False
) -> None:
    """Those asked for, approved and in force."""
    with signed_in() as (client, _):
        overrides = client.overrides(open_only=not every)
        rows = overrides if as_json else limits_render.override_rows(overrides, client.limit_types())
    show_list({"items": rows}, limits_render.OVERRIDES, as_json, empty="No overrides.")


@terms_app.command("list")
def list_terms(as_json: AsJson = False) -> None:
    """What the firm says of its instruments. A type that needs what is not said refuses."""
    with signed_in() as (client, _):
        terms = client.risk_terms()
    show_list({"items": terms}, limits_render.TERMS, as_json, empty="Nothing is said of any instrument.")


@terms_app.command("set")
def set_terms(
    symbol: Symbol,
    *,
    volume: Annotated[str | None, typer.Option(help="Average daily volume over 20 days, in base units.")] = None,
    margin: Annotated[str | None, typer.Option(help="Initial margin as a fraction of the notional.")] = None,
    sector: Annotated[str | None, typer.Option(help="What CONCENTRATION adds up by.")] = None,
    volatility: Annotated[str | None, typer.Option(help="Of a day's return, as a fraction.")] = None,
    as_of: Annotated[str | None, typer.Option(help="The day of volume and volatility; today by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say something of an instrument; what is not said stays as it is. Volume and volatility hold for seven days."""
    said: dict[str, Any] = {
        "average_daily_qty": volume,
        "initial_margin": margin,
        "sector": sector,
        "daily_volatility": volatility,
        "as_of": as_of or (f"{datetime.now(UTC).date()}" if volume or volatility else None),
    }
    with signed_in() as (client, _):
        known = next((terms for terms in client.risk_terms() if terms["symbol"] == symbol.upper()), {})
        terms = {name: told if told is not None else known.get(name) for name, told in said.items()}
        answer = client.set_risk_terms(symbol.upper(), **terms)
    if as_json:
        print_json(answer)
    else:
        out().print(render.table([answer], limits_render.TERMS, empty=""))


def _answer_override(override: str, answer_it: Callable[[Client, str], Json], as_json: bool) -> None:
    with signed_in() as (client, _):
        answer = answer_it(client, find_override_id(client, override))
        types = [] if as_json else client.limit_types()
    _say_override(answer, types, as_json)


def _before(
    shown: Json, limit_type: str, instrument: str, limit_id: str | None, dates: tuple[str | None, str | None]
) -> Json | None:
    """The limit that is changed; None for a new one. Where dates are said, one of exactly these."""
    if limit_id is not None:
        return find_limit(shown, limit_type, None, limit_id)
    alike = [
        limit
        for limit in [*shown["items"], *shown["planned"]]
        if (limit["limit_type"], limit["instrument"]) == (limit_type, instrument)
    ]
    if any(dates):
        return next((limit for limit in alike if (limit["valid_from"], limit["valid_until"]) == dates), None)
    return next((limit for limit in alike if limit in shown["items"] or _has_begun(limit)), None)


def _has_begun(limit: Json) -> bool:
    """Of one that is not in force: an override exempts from it, and it is changed as one that is."""
    valid_from: str | None = limit["valid_from"]
    return valid_from is None or datetime.fromisoformat(valid_from) <= datetime.now(UTC)


def _as_set(limit: Json) -> Json:
    """Without its override."""
    return limit | {"value": limit["set_value"], "parameters": limit["set_parameters"]}


def _kept(before: Json | None) -> Json:
    """What stays of a limit where nothing else is said: the value that was set, and not that of an override."""
    if before is None:
        return {}
    return given(value=before["set_value"], **{name: before[name] for name in ("currency", "action", "thresholds_pct")})


def _placed(before: Json | None, instrument: str, dates: tuple[str | None, str | None], *, by_id: bool) -> Json:
    """Which limit it is for the server: that of the id, of the dates, or the one in force, which keeps its dates."""
    valid_from, valid_until = dates
    if before is None or not by_id:
        return {"instrument": instrument} | given(valid_from=valid_from, valid_until=valid_until)
    kept_until = None if valid_until == NEVER else valid_until or before["valid_until"]
    placed = {"instrument": before["instrument"], "limit_id": before["limit_id"]}
    return placed | given(valid_from=valid_from or before["valid_from"], valid_until=kept_until)


def _say_set(answer: Json, before: Json | None, known: Json, node_name: str) -> None:
    now, was = words(answer, known), ""
    if before is not None:
        was = words(_as_set(before), known)
        if before["action"] != answer["action"]:
            now, was = f"{now}, {answer['action']}", f"{was}, {before['action']}"
    moment = datetime.now(UTC)
    said = [("from", answer["valid_from"]), ("until", answer["valid_until"])]
    dates = "".join(f" {word} {short_time(at, moment)}" for word, at in said if at)
    what = f"{escape(limit_name(answer))} of {escape(node_name)} is [bold]{escape(now)}[/]{dates}"
    out().print(f"{what}{f'; it was {escape(was)}' if was else ''}. Version {answer['version']}.", soft_wrap=True)
    say_warnings(answer)


def _say_override(override: Json, types: Sequence[Json], as_json: bool) -> None:
    if as_json:
        print_json(override)
        return
    (row,) = limits_render.override_rows([override], types)
    what = f"{row['limit_name']} of {row['node_name']}" if row["limit_name"] else "a limit that was deleted"
    until = short_time(row["ends_at"], datetime.now(UTC))
    instead = f"{row['value_words']} in place of {row['set_words']}" if row["set_words"] else row["value_words"]
    told = f"{what}: {instead} until {until}"
    state = f"[{STATUS_STYLES.get(row['state'], 'default')}]{row['state']}[/]"
    out().print(f"{state}  {escape(told)}  [dim]{row['override_id'][:8]}[/]", soft_wrap=True)
    say_warnings(override)
