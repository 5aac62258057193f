"""A digest as a mail: its subject, its text and its HTML, made of one document so that both say the same.

Names come from people, and what they may do to a page or a terminal is taken from them: HTML is escaped, letters that
cannot be seen are dropped, and a name of a script that runs from right to left turns nothing but itself.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from breakwater.domain.digests import Document, Fact, Period, Section, Table

TEMPLATES = Path(__file__).parent / "templates"
TEXT_COLUMNS = 72
_ISOLATE, _END_OF_ISOLATE = "\u2068", "\u2069"
_RIGHT_TO_LEFT = ("R", "AL", "AN")
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_JOINERS = "\u200c\u200d"  # Without them names of some scripts are misspelt.


def subject_of(document: Document) -> str:
    """One line."""
    about = "the day" if document.period is Period.DAILY else "the week from"
    return plain(f"{document.organisation}: {about} {document.starts_on:%a %d %b %Y}")


def html_of(document: Document) -> str:
    """A whole page that loads nothing: no picture, font or script."""
    page: str = _template().render(document=document, subject=subject_of(document), headline=headline_of(document))
    return page


def text_of(document: Document) -> str:
    """The same for a terminal, and for mail programs without HTML."""
    parts = [[subject_of(document), "=" * min(_width(subject_of(document)), TEXT_COLUMNS), *headline_of(document)]]
    parts += [list(_section_lines(section)) for section in document.sections]
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def headline_of(document: Document) -> list[str]:
    """Of what it tells, to whom."""
    span = f"From {document.begins_at} to {document.ends_at} ({document.time_zone})."
    lines = [f"{_isolated(plain(document.username))}, {document.role.replace('_', ' ')}.", span]
    if not document.is_over:
        lines.append("It is not over: these are the figures so far.")
    return [*lines, f"Made at {document.made_at}. Lines with ! want looking at."]


def plain(text: str) -> str:
    """On one line, and without letters that nobody sees."""
    seen = "".join(
        letter if letter in _JOINERS or unicodedata.category(letter) not in _INVISIBLE else " " for letter in text
    )
    return " ".join(seen.split())


@cache
def _template():  # type: ignore[no-untyped-def]  # Jinja is imported by whoever renders, and by nobody else.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    return environment.get_template("digest.html")


def _section_lines(section: Section) -> Iterable[str]:
    yield plain(section.title)
    yield "-" * _width(plain(section.title))
    if section.note is not None:
        yield plain(section.note)
    yield from _fact_lines(section.facts)
    if section.table is not None:
        if section.facts or section.note:
            yield ""
        yield from _table_lines(section.table)


def _fact_lines(facts: Sequence[Fact]) -> Iterable[str]:
    names = [("! " if fact.is_notable else "  ") + plain(fact.name) for fact in facts]
    width = max(map(_width, names), default=0)
    for name, fact in zip(names, facts, strict=True):
        yield f"{_padded(name, width)}  {_isolated(plain(fact.value))}"


def _table_lines(table: Table) -> Iterable[str]:
    rows = [tuple(plain(cell) for cell in row) for row in (tuple(column.name for column in table.columns), *table.rows)]
    widths = [max(_width(row[place]) for row in rows) for place in range(len(table.columns))]
    for row in rows:
        cells = [
            _padded(cell, width, is_number=column.is_number)
            for cell, width, column in zip(row, widths, table.columns, strict=True)
        ]
        yield "  ".join(["", *cells]).rstrip()
    if table.left_out:
        yield f"  and {table.left_out} more"


def _padded(cell: str, width: int, *, is_number: bool = False) -> str:
    space = " " * (width - _width(cell))
    return f"{space}{_isolated(cell)}" if is_number else f"{_isolated(cell)}{space}"


def _isolated(text: str) -> str:
    """So that what runs from right to left does not turn what stands beside it."""
    if any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text):
        return f"{_ISOLATE}{text}{_END_OF_ISOLATE}"
    return text


def _width(text: str) -> int:
    """In columns of a terminal: letters of East Asia take two, marks upon letters none."""
    return sum(
        0
        if unicodedata.combining(letter) or letter in _JOINERS
        else 2
        if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )
