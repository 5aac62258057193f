"""The tree of limits, drawn: every bar and every number in a column of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from breakwater.client.limits_render import Context, limit_name, node_label, nodes_of, rounded
from breakwater.client.render import amount, short_ids
from breakwater.client.shapes import Json

YELLOW_FROM_PCT, RED_FROM_PCT, FULL_PCT = 70, 90, 100
BAR_CELLS_WIDE, BAR_CELLS_NARROW = 16, 8
PCT_CELLS = 5
UNIT_CELLS = 17  # Room behind the last column for ` messages in 60 s`.
LEGEND = "█ used  ▒ reserved"
FORK, LAST = "├── ", "└── "


@dataclass(frozen=True)
class LimitsTree:
    """Nodes with their limits below them.

    Where that is too wide the bars are shorter, then the numbers behind them are left out, then the bars but for their
    percents: --json has it all.
    """

    roots: Sequence[Json]
    context: Context

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ids = short_ids(node["node_id"] for root in self.roots for node in nodes_of(root))
        lines = [line for root in self.roots for line in self._lines(root, "", "", ids)]
        layouts = ((BAR_CELLS_WIDE, True), (BAR_CELLS_NARROW, True), (BAR_CELLS_NARROW, False), (0, False))
        fitting = [_Columns.of(lines, bar_cells, with_numbers=with_numbers) for bar_cells, with_numbers in layouts]
        columns = next((each for each in fitting if each.width <= options.max_width), fitting[-1])
        for line in columns.draw(lines, options.max_width):
            line.no_wrap, line.overflow = True, "ellipsis"
            yield line

    def _lines(self, node: Json, stem: str, fork: str, ids: Mapping[str, str]) -> "Iterator[_Line]":
        yield _Line(stem + fork, node_label(node, ids[node["node_id"]]))
        below = stem + _continued(fork)
        limits, children = node["limits"], node["children"]
        for limit in limits:
            yield self._limit_line(limit, below, FORK if children or limit is not limits[-1] else LAST)
        for child in children:
            yield from self._lines(child, below, FORK if child is not children[-1] else LAST, ids)

    def _limit_line(self, limit: Json, stem: str, fork: str) -> "_Line":
        allowed, unit = self.context.allowed(limit)
        return _Line(
            stem + fork,
            Text(limit_name(limit), "cyan"),
            limit=limit,
            used="" if limit["used"] is None else amount(rounded(limit["used"])),
            reserved="" if limit["reserved"] is None else amount(rounded(limit["reserved"])),
            allowed=allowed,
            unit=unit,
            notes=list(self.context.notes(limit)),
        )


@dataclass(frozen=True)
class _Line:
    """One line of the tree: a node, or a limit with what is said of it."""

    stem: str
    label: Text
    limit: Json | None = None
    used: str = ""
    reserved: str = ""
    allowed: str = ""
    unit: str = ""
    notes: Sequence[Text] = ()


HEADING = _Line("", Text(), {}, "used", "reserved", "allowed")


@dataclass(frozen=True)
class _Columns:
    """Widths of the columns, in cells."""

    label: int
    bar: int
    used: int
    reserved: int
    allowed: int
    with_use: bool
    with_numbers: bool

    @classmethod
    def of(cls, lines: Sequence[_Line], bar_cells: int, *, with_numbers: bool) -> "_Columns":
        limits = [line for line in lines if line.limit is not None]
        with_use = any(line.used for line in limits)
        return cls(
            label=max((len(line.stem) + line.label.cell_len for line in limits), default=0),
            bar=bar_cells,
            used=max((len(line.used) for line in (HEADING, *limits)), default=0),
            reserved=max((len(line.reserved) for line in (HEADING, *limits)), default=0),
            allowed=max((len(line.allowed) for line in (HEADING, *limits)), default=0),
            with_use=with_use,
            with_numbers=with_numbers and with_use,
        )

    @property
    def width(self) -> int:
        return self._draw(HEADING).cell_len + UNIT_CELLS

    def draw(self, lines: Sequence[_Line], width: int) -> list[Text]:
        """Units and notes stand behind their limit where they fit, else on a line of their own below it."""
        drawn = [Text(self._draw(HEADING).plain, "dim")]
        for line in lines:
            text = self._draw(line)
            drawn.append(text)
            for gap, note in ((1, Text(line.unit, "dim")), *((2, note) for note in line.notes)):
                if text.cell_len + gap + note.cell_len > width:
                    text = Text(line.stem[: -len(FORK)] + _continued(line.stem[-len(FORK) :]), "dim")
                    drawn.append(text)
                if note:
                    text.append(" " * gap).append_text(note)
        return drawn

    def _draw(self, line: _Line) -> Text:
        text = Text.assemble((line.stem, "dim"), line.label)
        if line.limit is None:
            return text
        text.append(" " * (self.label - text.cell_len + 1))
        if not line.allowed:
            return text
        if line.limit.get("usage_pct") is not None:
            text.append(" ").append_text(bar(line.limit, self.bar))
        elif self.with_use:
            text.append(" " * (1 + self.bar + PCT_CELLS))
        if self.with_numbers:
            text.append(f"  {line.used:>{self.used}}  {line.reserved:>{self.reserved}}")
        return text.append(f"  {line.allowed:>{self.allowed}}")


def bar(limit: Json, cells: int) -> Text:
    """Used in solid cells, reserved in shaded ones, and the share; yellow from 70 %, red from 90 %."""
    pct = Decimal(limit["usage_pct"])
    in_use = _cells(pct, Decimal(FULL_PCT), cells)
    full = min(in_use, _cells(Decimal(limit["used"]), Decimal(limit["allowed"]), cells))
    style = pct_style(pct)
    return Text.assemble(
        ("█" * full, style),
        ("▒" * (in_use - full), style),
        ("░" * (cells - in_use), "dim"),
        (f"{pct.to_integral_value():>{PCT_CELLS - 1}}%", style if pct >= YELLOW_FROM_PCT else ""),
    )


def pct_style(pct: Decimal) -> str:
    if pct >= FULL_PCT:
        return "bold red"
    return "red" if pct >= RED_FROM_PCT else "yellow" if pct >= YELLOW_FROM_PCT else "green"


def _cells(part: Decimal, whole: Decimal, cells: int) -> int:
    return max(0, min(cells, int(part * cells / whole))) if whole > 0 else cells


def _continued(fork: str) -> str:
    """What stands below a fork in the lines that belong to it."""
    return {"": "", FORK: "│   ", LAST: "    "}[fork]
