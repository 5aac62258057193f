"""The tables of docs/limits.md, made from the table of controls: `python -m functions.limit_types_page`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from breakwater.domain.limit_types import LIMIT_TYPES, Leasing, LimitType
from breakwater.domain.limit_types.settings import PARAMETERS, built_in

PAGE = Path(__file__).parents[1] / "docs" / "limits.md"

_BEGIN = "<!-- {name}: written by `make limit-types` -->"
_END = "<!-- end of {name} -->"
_LEASING = {Leasing.HELD: "held", Leasing.EACH_ORDER: "each order", Leasing.NEVER: "never leased"}


def page_text(page: str) -> str:
    """The page with its tables as the code has them now. ValueError where the page has no place for one of them."""
    for name, table in (("types", types_table()), ("parameters", parameters_table())):
        begin, end = _BEGIN.format(name=name), _END.format(name=name)
        before, found, rest = page.partition(begin)
        _, found_end, after = rest.partition(end)
        if not found or not found_end:
            raise ValueError(f"the page has no lines '{begin}' and '{end}'")
        page = f"{before}{begin}\n{table}\n{end}{after}"
    return page


def types_table() -> str:
    rows = [(str(row.number), f"`{name}`", row.unit, row.about, *_setting(row)) for name, row in LIMIT_TYPES.items()]
    return _table(("#", "type", "value", "it looks at", "action, unless told", "set on", "leases"), rows)


def parameters_table() -> str:
    rows = [
        (f"`{name}`", f"`{parameter}`", known.kind.lower(), known.about, "yes" if known.is_required else "no")
        for name, row in LIMIT_TYPES.items()
        for parameter, known in PARAMETERS.get(row.check_setting, {}).items()
    ]
    return _table(("type", "parameter", "written as", "what it says", "needed"), rows)


def _setting(row: LimitType) -> tuple[str, str, str]:
    leasing = _LEASING[row.leasing]
    if row.check_setting is built_in:
        return "", "built in", leasing
    return f"`{row.action}`", ", ".join(sorted(row.kinds)) or "any node", leasing


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page_text(PAGE.read_text()))
