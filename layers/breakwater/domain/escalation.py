"""The severity matrix: what follows when nobody acknowledges an alert. A test compares docs/escalation.md with it."""

from collections.abc import Mapping
from dataclasses import dataclass

from breakwater.domain.alerting import CHANNELS_AT_ONCE, SEVERITIES, Audience, Channel, Severity
from breakwater.errors import InvalidRequest

FIRST_S_DEFAULT = 15 * 60
SECOND_S_DEFAULT = 30 * 60
WAIT_S_MAX = 4 * 3600

_ALL_BUT_SMS = CHANNELS_AT_ONCE["ERROR"] - {"WEBSOCKET", "WEBHOOK"}


@dataclass(frozen=True, slots=True)
class Step:
    """One cell of the matrix.

    `stage`: 15 or 30, the minutes after which it is due unless the organisation set others. `tells_again`: those whom
    the alert was routed to at once, beside the audiences. `calls`: it calls people together, to the organisation's
    incident bridge. WebSocket clients and webhooks hear of every step by its event.
    """

    stage: int
    audiences: frozenset[Audience]
    channels: frozenset[Channel]
    tells_again: bool = False
    calls: bool = False


MATRIX: Mapping[Severity, tuple[Step, ...]] = {
    "INFO": (),
    "WARNING": (Step(15, frozenset(), frozenset({"SLACK"}), tells_again=True),),
    "ERROR": (
        Step(15, frozenset({"MANAGER"}), _ALL_BUT_SMS),
        Step(30, frozenset({"MANAGER", "ON_CALL"}), frozenset({"SMS"}), tells_again=True),
    ),
    "CRITICAL": (
        Step(15, frozenset({"EXECUTIVE"}), _ALL_BUT_SMS | {"SMS"}),
        # Ways that reach one person each: a text message cannot speak, and a channel of the firm is nobody's phone.
        Step(
            30,
            frozenset({"ON_CALL", "MANAGER", "EXECUTIVE"}),
            frozenset({"SMS", "TELEGRAM", "EMAIL", "PUSH"}),
            calls=True,
        ),
    ),
}
STAGES = (15, 30)

# Those of their kind and severity tell that it is over, and nobody need be woken any more.
RECOVERIES: frozenset[tuple[str, Severity]] = frozenset(
    {("NODE_STATE", "INFO"), ("DEGRADED_MODE", "INFO"), ("HEALTH", "INFO"), ("METRIC", "INFO")}
)


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds from the alert's telling to its first and its second stage. InvalidRequest outside of the bounds."""

    first_s: int = FIRST_S_DEFAULT
    second_s: int = SECOND_S_DEFAULT

    def __post_init__(self) -> None:
        if not 1 <= self.first_s < self.second_s <= WAIT_S_MAX:
            raise InvalidRequest(
                f"the first stage comes after 1 s or more, the second later, and none after {WAIT_S_MAX} s",
                field="second_s",
            )

    def seconds_to(self, stage: int) -> int:
        return self.first_s if stage == 15 else self.second_s

    @property
    def one_after_the_other(self) -> tuple[int, int]:
        return self.first_s, self.second_s - self.first_s


def step_of(severity: Severity, stage: int) -> Step | None:
    return next((step for step in MATRIX[severity] if step.stage == stage), None)


def is_last(severity: Severity, stage: int) -> bool:
    """Whether nothing follows it."""
    return all(step.stage <= stage for step in MATRIX[severity])


def no_worse_than(severity: Severity) -> list[Severity]:
    return list(SEVERITIES[: SEVERITIES.index(severity) + 1])


def at_least(severity: Severity) -> list[Severity]:
    return list(SEVERITIES[SEVERITIES.index(severity) :])


def introduction(step: Step, waits: Waits, bridge: str | None, numbers: list[tuple[str, str]]) -> str:
    """What a message of this step begins with.

    `numbers`: names and telephone numbers, first who is on call; the first is named where there is no bridge.
    """
    waited = _spoken(waits.seconds_to(step.stage))
    if not step.calls:
        return f"nobody has acknowledged this for {waited}"
    if bridge is not None:
        where = f"join {bridge} now"
    elif numbers:
        name, number = numbers[0]
        where = f"call {name} at {number} now"
    else:
        where = "there is no incident bridge, and nobody who is called has a telephone number"
    return f"INCIDENT CALL, nobody has acknowledged this for {waited}: {where}"


def matrix_table() -> str:
    """The matrix as a table of Markdown."""
    lines = ["| severity | at once | after 15 minutes | after 30 minutes |", "|---|---|---|---|"]
    for severity in SEVERITIES:
        cells = [_ways(CHANNELS_AT_ONCE[severity])]
        cells += [_cell(step_of(severity, stage)) for stage in STAGES]
        lines.append(f"| {' | '.join([severity, *cells])} |")
    return "\n".join(lines) + "\n"


def _cell(step: Step | None) -> str:
    if step is None:
        return "nothing more"
    told = [*(["those told at once"] if step.tells_again else []), *sorted(step.audiences)]
    return f"{'incident call: ' if step.calls else ''}{', '.join(told)} by {_ways(step.channels)}"


def _ways(channels: frozenset[Channel]) -> str:
    return ", ".join(sorted(channels))


def _spoken(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds >= 120 and seconds % 60 == 0 else f"{seconds} seconds"
