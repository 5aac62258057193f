"""Limits in the words of people: `MON-FRI 09:00-17:30`, `+2h`, `window_s=60`, and back."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from breakwater.client.render import amount
from breakwater.client.shapes import Json


class Misunderstood(Exception):
    """What was typed makes no sense; the message says what would."""


DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_AHEAD = re.compile(r"\+(\d{1,6})(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_HOURS = re.compile(r"(?:([A-Z,-]+)\s+)?(\d\d:\d\d)\s*-\s*(\d\d:\d\d)", re.IGNORECASE)
_TYPE_UNITS = {
    "currency": "{currency}",
    "base units": "{base}",
    "base units, in each symbol": "{base}",
    "seconds": "s",
    "messages in the window": "messages in {window_s} s",
    "fills in the window": "fills in {window_s} s",
    "messages for each fill": "messages a fill",
    "base currency": "",
    "parameters": "",
    "none": "",
}
_FRACTION = "fraction of "


def parse_time(told: str, now: datetime) -> str:
    """RFC 3339 in UTC, as the server writes it, from `+2h`, `2026-12-01`, `2026-12-01 14:00` or RFC 3339.

    Misunderstood for anything else.
    """
    ahead = _AHEAD.fullmatch(told)
    if ahead:
        at = now + timedelta(**{_UNITS[ahead[2]]: int(ahead[1])}) + timedelta(minutes=1, microseconds=-1)
        # Rounded up: what is said twice within a minute is the same.
        return _utc_text(at.replace(second=0, microsecond=0))
    try:
        at = datetime.fromisoformat(told)
        return _utc_text(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):  # A time zone may lead out of the years that there are.
        raise Misunderstood(
            f"{told!r} is no time: say +90m, +2h, +3d, 2026-12-01 or '2026-12-01 14:00' (UTC), or RFC 3339"
        ) from None


def parse_parameters(limit_type: Json, told: Iterable[str], before: Mapping[str, Any]) -> Json:
    """Parameters from `name=text`, over those that were there before; `name=` takes one away.

    `limit_type` is a row of `limit_types`: it says how each is written. Misunderstood with what it knows.
    """
    known = {parameter["name"]: parameter for parameter in limit_type["parameters"]}
    parameters = dict(before)
    for each in told:
        name, equals, text = each.partition("=")
        if not equals or name not in known:
            knows = ", ".join(f"{name}={_SHAPES[p['kind']]}" for name, p in known.items()) or "none"
            raise Misunderstood(f"{each!r}: the parameters of {limit_type['limit_type']} are {knows}")
        if text:
            parameters[name] = _parse_parameter(known[name], text)
        else:
            parameters.pop(name, None)
    return parameters


def parse_percents(told: str) -> list[int]:
    """`70,90`; nothing for `none`."""
    try:
        return [] if told == "none" else [int(part) for part in told.replace("%", "").split(",")]
    except ValueError:
        raise Misunderstood(f"{told!r} are no percents: say 70,90, or none") from None


def parameter_words(parameters: Mapping[str, Any], *, without: Sequence[str] = ()) -> str:
    """`mode DENY, symbols LUNA/USDT`"""
    told = [(name, value) for name, value in parameters.items() if name not in without]
    return ", ".join(f"{name} {_plain(value)}" for name, value in told)


def unit_words(limit: Json, unit: str) -> str:
    """What a limit's value is in, such as `USDT`, `messages in 10 s` or `times the equity`. `unit` is its type's."""
    if unit.startswith(_FRACTION):
        return f"of {unit.removeprefix(_FRACTION)}"
    symbol, slash, _ = limit["instrument"].partition("/")
    window = limit.get("parameters", {}).get("window_s")
    words = {"currency": limit["currency"], "base": symbol if slash else "", "window_s": window}
    text = _TYPE_UNITS.get(unit, unit).format(**words)
    return f"{text} in {window} s" if window and "window" not in unit and unit == "currency" else text


def value_words(value: str, unit: str) -> str:
    """The value before `unit_words`, thousands separated; a fraction is told in percent."""
    if not unit.startswith(_FRACTION):
        return amount(value)
    percent = Decimal(value) * 100
    return f"{amount(format(percent.normalize() if percent % 1 else percent.quantize(Decimal(1)), 'f'))} %"


def _utc_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _parse_parameter(parameter: Json, text: str) -> Any:
    kind = parameter["kind"]
    if kind == "INTEGER":
        if not text.isdecimal():
            raise Misunderstood(f"{parameter['name']} is {parameter['about']}, not {text!r}")
        return int(text)
    if kind == "WORDS":
        return [word.strip().upper() for word in text.split(",") if word.strip()]
    if kind == "HOURS":
        return _parse_hours(text)
    return text.upper() if kind == "WORD" else text


def _parse_hours(text: str) -> Json:
    parts = _HOURS.fullmatch(text.strip())
    if parts is None:
        raise Misunderstood(f"{text!r} are no hours: say 'MON-FRI 09:00-17:30', 'MON,WED 22:00-04:00' or '09:00-17:30'")
    return {"days": _parse_days((parts[1] or "MON-SUN").upper()), "from": parts[2], "until": parts[3]}


def _parse_days(text: str) -> list[str]:
    days: list[str] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise Misunderstood(f"{part!r} is no day: say some of {', '.join(DAYS)}, or MON-FRI")
        begin = DAYS.index(first)
        count = (DAYS.index(last) - begin) % len(DAYS) + 1 if dash else 1
        days += [DAYS[(begin + step) % len(DAYS)] for step in range(count)]
    return list(dict.fromkeys(days))


def _plain(told: object) -> str:
    if isinstance(told, list):
        return " ".join(map(str, told))
    if isinstance(told, dict) and set(told) == {"days", "from", "until"}:
        return f"{_plain_days(told['days'])} {told['from']}-{told['until']}"
    return str(told)


def _plain_days(days: Sequence[str]) -> str:
    begin = DAYS.index(days[0])
    is_run = [DAYS[(begin + step) % len(DAYS)] for step in range(len(days))] == list(days)
    return f"{days[0]}-{days[-1]}" if is_run and len(days) > 2 else ",".join(days)


_SHAPES = {
    "INTEGER": "NUMBER",
    "AMOUNT": "AMOUNT",
    "WORD": "WORD",
    "WORDS": "WORD,WORD",
    "HOURS": "'MON-FRI 09:00-17:30'",
}
