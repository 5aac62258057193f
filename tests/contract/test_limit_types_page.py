"""docs/limits.md has a row for every type and parameter, written from the code."""

import pytest

from breakwater.domain.limit_types import LIMIT_TYPES
from functions.limit_types_page import PAGE, page_text, parameters_table, types_table


def test_the_committed_page_is_what_the_table_of_controls_says() -> None:
    text = PAGE.read_text()
    assert text == page_text(text), "`make limit-types` writes it again"


def test_every_type_has_its_row_and_every_cell_stays_in_its_column() -> None:
    rows = types_table().splitlines()[2:]
    assert [row.split(" | ")[1] for row in rows] == [f"`{name}`" for name in LIMIT_TYPES]
    for table in (types_table(), parameters_table()):
        columns = {row.replace("\\|", "").count("|") for row in table.splitlines()}
        assert len(columns) == 1


def test_every_way_in_which_a_type_holds_for_leases_is_told_below_the_table() -> None:
    ways = {row.split(" | ")[-1].removesuffix(" |") for row in types_table().splitlines()[2:]}
    assert ways == {"held", "each order", "never leased"}
    _, _, section = PAGE.read_text().partition("\n## Leases\n")
    assert all(f"**{way}**" in section for way in ways)


def test_a_page_without_a_place_for_a_table_is_not_written() -> None:
    text = PAGE.read_text()
    for line in (line for line in text.splitlines() if line.startswith("<!--")):
        with pytest.raises(ValueError, match="the page has no lines"):
            page_text(text.replace(line, ""))


def test_every_action_threshold_and_instrument_filter_is_told() -> None:
    text = PAGE.read_text()
    for word in ("WARN", "REJECT", "REDUCE_ONLY", "SUSPEND", "KILL", "venue:SIM", "class:SPOT", "thresholds_pct"):
        assert f"`{word}`" in text, word
