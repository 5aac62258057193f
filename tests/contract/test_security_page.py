"""docs/security.md: every threat has a control with a test that there is, and every risk of OWASP's list its line."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.contract.attack_scene import OPERATIONS, slots_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
STRIDE = {"S", "T", "R", "I", "D", "E"}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below the heading, without its head."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


NAMED = sorted(set(TEST.findall(PAGE.read_text())))


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_every_test_that_the_page_names_exists(path: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in names_in(path), f"{path} has no {name}"


def test_every_threat_has_a_control_a_test_and_its_letter() -> None:
    threats = rows("Threats")
    assert len(threats) >= 20
    letters: set[str] = set()
    for boundary, threat, control, tests, _ in threats:
        assert re.match(r"[1-6] \w+", boundary), boundary
        told = threat.partition(":")[0].split(", ")
        assert STRIDE.issuperset(told), threat
        letters.update(told)
        assert control
        assert TEST.search(tests), threat
    assert letters == STRIDE
    assert {boundary[0] for boundary, *_ in threats} == set("123456")


def test_every_risk_of_the_list_has_its_line_with_a_test() -> None:
    risks = rows("OWASP API Security Top 10 (2023)")
    assert [risk.split()[0] for risk, *_ in risks] == [f"API{number}" for number in range(1, 11)]
    assert all(here and TEST.search(tests) for _, here, tests in risks)


def test_addresses_that_are_fetched_are_held_in() -> None:
    """Server-side request forgery begins with one; whoever adds it has to say here how it is held in."""
    names = {slot.name for operation in OPERATIONS.values() for slot in slots_of(operation)}
    assert len(names) > 60
    looks_so = re.compile(r"ur[li]|host|endpoint|callback|webhook|redirect|address|bridge")
    found = {name for name in names if looks_so.search(name)}
    assert found == {
        "url",  # Of a webhook: by the addresses that its name has, when set and when called.
        "hook_url",  # Of Slack's hosts alone.
        "endpoint",  # Of a browser's push service: as the url of a webhook.
        "endpoint_id",
        "incident_bridge",  # People open it; the platform does not.
    }
