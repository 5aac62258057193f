"""Facts, tables and amounts as all sections show them."""

from collections.abc import Sequence
from decimal import Decimal

from breakwater.domain.digests import Column, Fact, Section, Table
from breakwater.domain.money import format_amount, trim

ROWS_SHOWN_MAX = 20
UNKNOWN = "unknown"


def counted(name: str, count: int) -> Fact:
    """Of what should be none."""
    return Fact(name=name, value=str(count), is_notable=count > 0)


def table(columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Table:
    """Of a column that begins with + the rest is its name, and numbers stand in it. The first rows are shown."""
    return Table(
        columns=tuple(Column(name=name.removeprefix("+"), is_number=name.startswith("+")) for name in columns),
        rows=tuple(rows[:ROWS_SHOWN_MAX]),
        left_out=max(0, len(rows) - ROWS_SHOWN_MAX),
    )


def list_of(rows: Sequence[tuple[str, ...]], *, title: str, columns: Sequence[str]) -> Section:
    facts = (Fact(name="In all", value=str(len(rows))),)
    return Section(title=title, facts=facts, table=table(columns, rows) if rows else None)


def shown_amount(amount: Decimal | None) -> str:
    return UNKNOWN if amount is None else format_amount(trim(amount))


def money(amount: Decimal | None, currency: str) -> str:
    return UNKNOWN if amount is None else f"{shown_amount(amount)} {currency}"


def money_text(amount: str | None, currency: str) -> str:
    return UNKNOWN if amount is None else f"{amount} {currency}"
