"""An execution in the words of people: `--by twap --over 10m`, and back. docs/routing.md says what each does."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, cast

from breakwater.client.limit_words import Misunderstood, parse_time
from breakwater.client.render import amount
from breakwater.client.shapes import Execution

# Each option of the command, and the field of the API that it is. The order is that in which they are told.
FIELDS = {
    "over": "duration_s",
    "slices": "slices",
    "start": "start_at",
    "percent": "percent",
    "show": "display_qty",
    "patience": "patience_s",
    "stop": "stop_px",
    "stop-limit": "stop_limit_px",
    "offset": "offset",
    "entry": "entry_px",
    "target": "target_px",
    "trigger": "trigger_by",
    "after": "after",
}
DURATIONS = frozenset({"over", "patience"})
_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)")
_UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Algorithm:
    """Its options: `needs` all of these, exactly one of `one_of`, each of `together` only with the other ones."""

    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    together: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        own = {*self.needs, *self.takes, *self.one_of, *self.together}
        return tuple(name for name in FIELDS if name in own)


_EXIT = ("trigger", "after")
ALGORITHMS = {
    "BEST": Algorithm(),
    "IMPROVE": Algorithm(takes=("patience",)),
    "SEEK": Algorithm(),
    "LEAST_COST": Algorithm(takes=("patience",)),
    "TWAP": Algorithm(needs=("over",), takes=("slices", "start")),
    "VWAP": Algorithm(needs=("over",), takes=("start",)),
    "POV": Algorithm(needs=("percent",), takes=("over",)),
    "ICEBERG": Algorithm(needs=("show",)),
    "STOP": Algorithm(needs=("stop",), takes=_EXIT),
    "TAKE_PROFIT": Algorithm(needs=("stop",), takes=_EXIT),
    "TRAILING_STOP": Algorithm(takes=_EXIT, one_of=("offset", "percent"), together=("entry", "target")),
    "OCO": Algorithm(needs=("stop",), takes=("stop-limit", *_EXIT)),
}


def algorithms_with(option: str) -> list[str]:
    return [name for name, algorithm in ALGORITHMS.items() if option in algorithm.options]


def find_algorithm(told: str) -> str:
    """Its name, typed in whatever case and with `-` or `_`. Misunderstood with what there is."""
    name = told.upper().replace("-", "_")
    if name in ALGORITHMS:
        return name
    near = get_close_matches(name, ALGORITHMS, n=1)
    meant = f"did you mean {near[0]}?" if near else f"say one of {', '.join(ALGORITHMS)}"
    raise Misunderstood(f"no algorithm is named {told!r}: {meant}")


def execution_of(name: str, told: Mapping[str, object], venues: Sequence[str] = ()) -> Execution:
    """The body of an algorithm of ALGORITHMS. `told`: what was typed, by option; None where nothing was.

    Misunderstood for an option that does not belong to it, for one that is missing, and for what is no duration or
    time. Other values are the server's to judge.
    """
    given = {option: value for option, value in told.items() if value is not None}
    _check_options(name, given)
    fields = {FIELDS[option]: _read(option, value) for option, value in given.items()}
    named = {"venues": [venue.upper() for venue in venues]} if venues else {}
    return cast("Execution", {"algorithm": name} | fields | named)


def execution_words(execution: Execution) -> str:
    """`TWAP over 10m, slices 20, venues SIM BINANCE`: the options as they are typed."""
    parts = [f"{option} {_plain(option, value)}" for option, value in _told(execution)]
    if execution.get("venues"):
        parts.append(f"venues {' '.join(execution['venues'])}")
    return " ".join([execution["algorithm"], ", ".join(parts)]).rstrip()


def short_words(execution: Execution) -> str:
    """`TWAP 10m`, `STOP 2,600`: what matters most of it, for a list."""
    algorithm = ALGORITHMS.get(execution["algorithm"], Algorithm())
    first = [(option, value) for option, value in _told(execution) if option in algorithm.needs + algorithm.one_of][:1]
    told = [_plain(option, value) + (" %" if option == "percent" else "") for option, value in first]
    return " ".join([execution["algorithm"], *told])


def parse_duration_s(told: str) -> int:
    """Seconds, from `600`, `90s`, `10m`, `2h` or `1d`. Misunderstood for anything else."""
    parts = _DURATION.fullmatch(told.strip().lower())
    if parts is None:
        raise Misunderstood(f"{told!r} is no duration: say 600, 90s, 10m, 2h or 1d")
    return int(parts[1]) * _UNITS_S[parts[2] or "s"]


def duration_words(duration_s: int) -> str:
    """In the largest unit that leaves no rest: 600 is `10m`, and 90 is `90s`."""
    unit, unit_s = next((unit, unit_s) for unit, unit_s in _UNITS_S.items() if duration_s % unit_s == 0)
    return f"{duration_s // unit_s}{unit}" if duration_s else "0s"


def _check_options(name: str, given: Mapping[str, object]) -> None:
    algorithm = ALGORITHMS[name]
    for option in given:
        if option not in algorithm.options:
            takes = ", ".join(f"--{each}" for each in algorithm.options) or "no options of its own"
            belongs = ", ".join(algorithms_with(option))
            raise Misunderstood(f"--{option} does not belong to {name}, but to {belongs}: {name} takes {takes}")
    missing = [f"--{option}" for option in algorithm.needs if option not in given]
    if missing:
        raise Misunderstood(f"{name} needs {' and '.join(missing)}")
    if algorithm.one_of and len(given.keys() & set(algorithm.one_of)) != 1:
        raise Misunderstood(f"{name} needs either {' or '.join(f'--{option}' for option in algorithm.one_of)}")
    if given.keys() & set(algorithm.together) and not given.keys() >= set(algorithm.together):
        raise Misunderstood(f"{' and '.join(f'--{option}' for option in algorithm.together)} go together")


def _read(option: str, value: object) -> object:
    if option in DURATIONS:
        return parse_duration_s(str(value))
    return parse_time(str(value), datetime.now(UTC)) if option == "start" else value


def _told(execution: Execution) -> list[tuple[str, Any]]:
    """(option, value) of what belongs to its algorithm: the server tells defaults of others, too."""
    known = ALGORITHMS.get(execution["algorithm"])
    options = FIELDS if known is None else known.options
    found = [(option, execution.get(FIELDS[option])) for option in options]
    return [(option, value) for option, value in found if value is not None]


def _plain(option: str, value: Any) -> str:
    if option in DURATIONS:
        return duration_words(int(value))
    if option == "start":
        return str(value)[:19].replace("T", " ")
    if option in {"trigger", "after"}:
        return str(value)
    return amount(str(value))
