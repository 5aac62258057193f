"""An audit that could not ask says so: a mirror without advisories makes pip-audit exit with 0 and find nothing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from supply_chain.audit import CLEAN, FOUND, NOT_ANSWERED, Verdict, audit_npm, audit_python, report

PINS = (
    "aiohttp==3.14.5 \\\n    --hash=sha256:00\nPy_JWT[crypto]==2.15.1 \\\n    --hash=sha256:00\nwinloop==1 ; win \\\n"
)


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "engine.txt"
    path.write_text(PINS)
    return path


def clean(name: str, version: str = "1") -> dict[str, Any]:
    return {"name": name, "version": version, "vulns": []}


def vulnerable(name: str, advisory: str) -> dict[str, Any]:
    return {"name": name, "version": "1", "vulns": [{"id": advisory}]}


def skipped(name: str) -> dict[str, Any]:
    return {"name": name, "skip_reason": "Dependency not found on PyPI and could not be audited"}


class Services:
    """What each service has pip-audit print; what is not given here ends in an error, without output."""

    def __init__(self, **answers: list[dict[str, Any]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, command: Sequence[str]) -> str:
        service = command[command.index("--vulnerability-service") + 1]
        self.asked.append(service)
        assert "--require-hashes" in command
        return json.dumps({"dependencies": self.answers[service]}) if service in self.answers else ""


def test_what_is_known_is_found_by_its_number(requirements: Path) -> None:
    services = Services(pypi=[vulnerable("aiohttp", "PYSEC-1"), clean("Py.JWT")])
    assert audit_python(requirements, services) == Verdict(("aiohttp 1: PYSEC-1",))
    assert services.asked == ["pypi"]


def test_the_second_service_is_asked_where_the_first_skips(requirements: Path) -> None:
    services = Services(pypi=[skipped("aiohttp"), skipped("py-jwt")], osv=[clean("aiohttp"), clean("py-jwt")])
    assert audit_python(requirements, services) == Verdict()
    assert services.asked == ["pypi", "osv"]


def test_a_mirror_that_knows_no_advisories_is_not_taken_for_a_clean_list(requirements: Path) -> None:
    verdict = audit_python(requirements, Services(pypi=[skipped("aiohttp"), skipped("py-jwt"), skipped("winloop")]))
    assert verdict == Verdict((), ("aiohttp", "py-jwt", "winloop"), is_silent=True)


def test_a_package_that_no_service_names_was_not_asked_about_but_one_of_another_system_may_be_left_out(
    requirements: Path,
) -> None:
    verdict = audit_python(requirements, Services(pypi=[clean("aiohttp")]))
    assert verdict == Verdict((), ("py-jwt",))


def test_npm_is_believed_only_when_it_lists() -> None:
    assert audit_npm(lambda _: json.dumps({"vulnerabilities": {}})) == Verdict()
    found = json.dumps({"vulnerabilities": {"aws-cdk": {"severity": "high"}}})
    assert audit_npm(lambda _: found) == Verdict(("aws-cdk: high",))
    for no_answer in ("", '{"message": "405 Method Not Allowed", "error": {}}', "[]"):
        assert audit_npm(lambda _, text=no_answer: text).is_silent  # type: ignore[misc]


@pytest.mark.parametrize(
    ("verdicts", "code", "last"),
    [
        ({"a": Verdict(), "b": Verdict()}, CLEAN, "nothing known against 2 lists"),
        ({"a": Verdict(("x 1: CVE-1",)), "b": Verdict(unanswered=("y",))}, FOUND, "1 known vulnerabilities; 1 of 2"),
        ({"a": Verdict(), "b": Verdict(unanswered=("y",))}, NOT_ANSWERED, "did not answer for 1 of 2 lists"),
    ],
)
def test_the_exit_code_tells_found_from_not_asked(verdicts: dict[str, Verdict], code: int, last: str) -> None:
    lines: list[str] = []
    assert report(verdicts, lines.append) == code
    assert last in lines[-1]


def test_where_nobody_can_be_reached_that_is_all_that_is_said() -> None:
    lines: list[str] = []
    silent = Verdict(unanswered=("everything",), is_silent=True)
    assert report({"a": silent, "b": silent}, lines.append) == NOT_ANSWERED
    assert len(lines) == 1
    assert "no clean result" in lines[0]
