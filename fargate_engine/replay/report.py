"""What a replay found."""

from dataclasses import dataclass, field
from typing import Any

type Figure = int | float | str | None  # None: there is nothing that it could say.


@dataclass(frozen=True, slots=True)
class Difference:
    where: str  # file:line
    what: str
    expected: str
    got: str


@dataclass(slots=True)
class Report:
    """`figures` in the order they are to be read, by name; `first` is the first of `differences`."""

    name: str
    figures: dict[str, Figure] = field(default_factory=dict)
    differences: int = 0
    first: Difference | None = None
    rows: int = 0
    seconds: float = 0.0

    def differs(self, where: str, what: str, *, expected: object, got: object) -> None:
        self.differences += 1
        if self.first is None:
            self.first = Difference(where, what, str(expected), str(got))

    @property
    def rows_per_second(self) -> int:
        return round(self.rows / self.seconds) if self.seconds else 0

    def as_json(self) -> dict[str, Any]:
        first = None
        if self.first is not None:
            first = {name: getattr(self.first, name) for name in ("where", "what", "expected", "got")}
        return {
            "name": self.name,
            "all_right": self.differences == 0,
            **self.figures,
            "differences": self.differences,
            "first_difference": first,
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
            "rows_per_second": self.rows_per_second,
        }

    def as_text(self) -> str:
        lines = [f"{self.name}: {'all right' if self.differences == 0 else 'DIFFERENT'}"]
        width = max((len(name) for name in self.figures), default=0)
        for name, figure in self.figures.items():
            lines.append(f"  {name.replace('_', ' '):<{width}}  {_shown(figure)}")
        if self.first is not None:
            count = "1 difference" if self.differences == 1 else f"{self.differences:,} differences"
            lines.append(f"  {count}, the first at {self.first.where}: {self.first.what}")
            lines.append(f"    expected  {self.first.expected}")
            lines.append(f"    got       {self.first.got}")
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        lines.append(f"  {rows} in {self.seconds:.2f} s, {self.rows_per_second:,} rows/s")
        return "\n".join(lines)


def percent(part: int, whole: int) -> float | None:
    """None when there was nothing to compare."""
    return round(100 * part / whole, 4) if whole else None


def _shown(figure: Figure) -> str:
    match figure:
        case None:
            return "none"
        case bool():
            return "yes" if figure else "no"
        case int():
            return f"{figure:,}"
        case float():
            return f"{figure:.2f}"
        case str():
            return figure
