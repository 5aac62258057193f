"""An execution in the words of people, held against the API's own models of them."""

from typing import Any, get_args

import pytest

from breakwater.client.executions import (
    ALGORITHMS,
    FIELDS,
    duration_words,
    execution_of,
    execution_words,
    find_algorithm,
    parse_duration_s,
    short_words,
)
from breakwater.client.limit_words import Misunderstood
from breakwater.client.order_terms import AMOUNTS_OF_EXECUTIONS, execution_body
from breakwater.client.shapes import Execution
from breakwater.domain.executions import EXITS, SLICED, Iceberg, Route, execution_fields, read_execution

MODELS = {
    name: model
    for model in (Route, Iceberg, *SLICED, *EXITS)
    for name in get_args(model.model_fields["algorithm"].annotation)
}
TYPED = {
    "over": "10m",
    "slices": 20,
    "start": "2026-12-01 14:00",
    "percent": "1.5",
    "show": "0.5",
    "patience": "90s",
    "stop": "2500.10",
    "stop-limit": "2490",
    "offset": "12",
    "entry": "2600",
    "target": "2800",
    "trigger": "BEST",
    "after": "0b7b0d43-6f4c-4a4f-9d2d-111111111111",
}


def all_of(name: str) -> dict[str, object]:
    """Every option that the algorithm takes at once."""
    algorithm = ALGORITHMS[name]
    return {option: TYPED[option] for option in algorithm.options if option not in algorithm.one_of[1:]}


def test_every_algorithm_of_the_api_can_be_asked_for() -> None:
    assert ALGORITHMS.keys() == MODELS.keys()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_its_options_are_the_fields_of_the_apis_model(name: str) -> None:
    options = {FIELDS[option] for option in ALGORITHMS[name].options}
    fields = MODELS[name].model_fields.keys() - {"algorithm", "venues"}
    fields -= {"limit_client_order_id", "stop_client_order_id"}  # For the exchange-compatible endpoint alone.
    if name in {"BEST", "SEEK"}:  # They share the model of those that wait, and do not wait.
        fields -= {"patience_s"}
    assert options == fields


@pytest.mark.parametrize("name", ALGORITHMS)
def test_what_the_api_needs_is_what_the_command_asks_for(name: str) -> None:
    required = {field for field, about in MODELS[name].model_fields.items() if about.is_required()} - {"algorithm"}
    assert {FIELDS[option] for option in ALGORITHMS[name].needs} == required


@pytest.mark.parametrize("name", ALGORITHMS)
def test_what_was_typed_is_understood_by_the_api_as_it_was_meant(name: str) -> None:
    asked = execution_body(execution_of(name, all_of(name), ["sim", "BINANCE"]))
    understood = execution_fields(read_execution(asked))
    assert understood["venues"] == ["SIM", "BINANCE"]
    assert understood["algorithm"] == name
    expected = {"duration_s": 600, "patience_s": 90, "slices": 20, "stop_px": "2500.1", "percent": "1.5"}
    assert {field: understood[field] for field in expected.keys() & asked.keys()} == {
        field: expected[field] for field in expected.keys() & asked.keys()
    }


def test_every_amount_of_an_execution_is_known_as_one() -> None:
    amounts = set()
    for model in MODELS.values():
        for field, about in model.model_fields.items():
            if "Decimal" in str(about.annotation) or "Decimal" in str(about.metadata):
                amounts.add(field)
    assert amounts == AMOUNTS_OF_EXECUTIONS


@pytest.mark.parametrize(("told", "seconds"), [("600", 600), ("90s", 90), ("10m", 600), ("2H", 7200), ("1d", 86400)])
def test_a_duration_is_seconds_or_has_its_unit(told: str, seconds: int) -> None:
    assert parse_duration_s(told) == seconds


@pytest.mark.parametrize("told", ["", "m", "10x", "-5m", "1.5h", "10 m 5 s", "9" * 10, "\u0661\u0660m"])
def test_what_is_no_duration_says_how_one_is_told(told: str) -> None:
    with pytest.raises(Misunderstood, match="is no duration: say 600, 90s, 10m, 2h or 1d"):
        parse_duration_s(told)


@pytest.mark.parametrize(("seconds", "told"), [(600, "10m"), (90, "90s"), (7200, "2h"), (86400, "1d"), (0, "0s")])
def test_durations_are_told_in_the_largest_unit_without_a_rest(seconds: int, told: str) -> None:
    assert duration_words(seconds) == told


@pytest.mark.parametrize("told", ["trailing-stop", "TRAILING_STOP", "Trailing-Stop"])
def test_an_algorithm_is_found_however_it_is_written(told: str) -> None:
    assert find_algorithm(told) == "TRAILING_STOP"


@pytest.mark.parametrize(("told", "said"), [("twp", "did you mean TWAP"), ("zzzz", "say one of BEST, IMPROVE")])
def test_an_unknown_algorithm_says_what_there_is(told: str, said: str) -> None:
    with pytest.raises(Misunderstood, match=said):
        find_algorithm(told)


@pytest.mark.parametrize(
    ("name", "told", "said"),
    [
        ("TWAP", {}, "TWAP needs --over"),
        ("POV", {"over": "1h"}, "POV needs --percent"),
        ("ICEBERG", {"show": "1", "over": "1m"}, "--over does not belong to ICEBERG, but to TWAP, VWAP, POV"),
        ("BEST", {"stop": "1"}, "BEST takes no options of its own"),
        ("STOP", {"stop": "1", "stop-limit": "1"}, "--stop-limit does not belong to STOP, but to OCO"),
        ("TRAILING_STOP", {}, "TRAILING_STOP needs either --offset or --percent"),
        ("TRAILING_STOP", {"offset": "1", "percent": "1"}, "TRAILING_STOP needs either --offset or --percent"),
        ("TRAILING_STOP", {"offset": "1", "entry": "1"}, "--entry and --target go together"),
        ("TWAP", {"over": "1m", "start": "soon"}, "'soon' is no time"),
    ],
)
def test_what_does_not_belong_or_is_missing_is_said_in_one_line(name: str, told: dict[str, Any], said: str) -> None:
    with pytest.raises(Misunderstood) as raised:
        execution_of(name, told)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("execution", "words", "short"),
    [
        ({"algorithm": "BEST", "venues": [], "patience_s": 5}, "BEST", "BEST"),
        (
            {"algorithm": "TWAP", "venues": ["SIM", "BOOK"], "duration_s": 600, "slices": 20, "start_at": None},
            "TWAP over 10m, slices 20, venues SIM BOOK",
            "TWAP 10m",
        ),
        (
            {"algorithm": "OCO", "stop_px": "2500", "stop_limit_px": "2490.5", "trigger_by": "LAST", "after": "a-1"},
            "OCO stop 2,500, stop-limit 2,490.5, trigger LAST, after a-1",
            "OCO 2,500",
        ),
        ({"algorithm": "TRAILING_STOP", "percent": "1.5"}, "TRAILING_STOP percent 1.5", "TRAILING_STOP 1.5 %"),
        (
            {"algorithm": "VWAP", "duration_s": 90, "start_at": "2026-12-01T14:00:00.000000Z"},
            "VWAP over 90s, start 2026-12-01 14:00:00",
            "VWAP 90s",
        ),
        # Of a newer server.
        ({"algorithm": "SNIPER", "stop_px": "5"}, "SNIPER stop 5", "SNIPER"),
    ],
)
def test_an_execution_is_told_in_the_words_it_is_asked_for_with(execution: Execution, words: str, short: str) -> None:
    assert execution_words(execution) == words
    assert short_words(execution) == short
