"""`make audit`: known vulnerabilities in what is locked, or one line that says that nobody could be asked.

Exit codes: 0 nothing is known, 1 something was found, 3 an advisory service did not answer for everything.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supply_chain.lists import ROOT, TOOLS, locked_requirements

CLEAN, FOUND, NOT_ANSWERED = 0, 1, 3
PYTHON_SERVICES = ("pypi", "osv")  # The second is asked where the first does not answer, as behind a mirror.
TIMEOUT_S = 600
_NAMES_SHOWN_MAX = 5
# The name of a pin; the second group is there where it has a marker, such as of another system.
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==[^ ;]+( ;)?", re.MULTILINE)

type Run = Callable[[Sequence[str]], str]  # A command's standard output, whatever its exit code.


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one list: what is vulnerable there, in words, and the packages for which nobody answered."""

    found: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    is_silent: bool = False  # Nobody answered for anything.


def audit_python(requirements: Path, run: Run) -> Verdict:
    """The first service that answers for every package decides; what an earlier one has found stays found."""
    pins = _PIN.findall(requirements.read_text())
    needed = {_normal(name) for name, marker in pins if not marker}  # pip-audit leaves out other systems' packages.
    found: dict[str, None] = {}
    answered: set[str] = set()
    skipped: set[str] = set()
    for service in PYTHON_SERVICES:
        for each in (_parsed(run(_pip_audit(requirements, service))) or {}).get("dependencies", []):
            # Behind a mirror pip-audit skips every package, calls it "not found" and exits with 0: nobody was asked.
            (answered if "vulns" in each else skipped).add(_normal(each["name"]))
            found |= {f"{each['name']} {each['version']}: {known['id']}": None for known in each.get("vulns", [])}
        if not (needed | skipped) - answered:
            return Verdict(tuple(found))
    return Verdict(tuple(found), tuple(sorted((needed | skipped) - answered)), is_silent=not answered)


def audit_npm(run: Run) -> Verdict:
    """What `npm audit` says of package-lock.json."""
    answer = _parsed(run(["npm", "audit", "--json", "--package-lock-only"]))
    if answer is None or "vulnerabilities" not in answer:
        return Verdict(unanswered=("everything",), is_silent=True)
    return Verdict(tuple(f"{name}: {each['severity']}" for name, each in answer["vulnerabilities"].items()))


def report(verdicts: dict[str, Verdict], tell: Callable[[str], None]) -> int:
    """One line for each finding and for each list that was answered for in part, then what it comes to."""
    silent = [name for name, verdict in verdicts.items() if verdict.is_silent]
    for name, verdict in verdicts.items():
        for found in verdict.found:
            tell(f"FOUND         {name}: {found}")
        if verdict.unanswered and len(silent) < len(verdicts):
            tell(f"NOT ANSWERED  {name}: {_shortened(verdict.unanswered)}")
    found_count = sum(len(verdict.found) for verdict in verdicts.values())
    partly = [name for name, verdict in verdicts.items() if verdict.unanswered]
    if found_count:
        tell(
            f"audit: {found_count} known vulnerabilities; {len(partly)} of {len(verdicts)} lists not fully asked about"
        )
        return FOUND
    if partly:
        tell(
            "audit: NOT DONE, which is no clean result: the advisory services (PyPI, OSV, npm) could not be reached or "
            f"did not answer for {len(partly)} of {len(verdicts)} lists"
        )
        return NOT_ANSWERED
    tell(f"audit: nothing known against {len(verdicts)} lists")
    return CLEAN


def _shortened(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_NAMES_SHOWN_MAX]) + (
        f" and {len(names) - _NAMES_SHOWN_MAX} more" * (len(names) > _NAMES_SHOWN_MAX)
    )


def _pip_audit(requirements: Path, service: str) -> list[str]:
    command = [str(TOOLS / "pip-audit"), "--requirement", str(requirements), "--require-hashes", "--disable-pip"]
    return [*command, "--vulnerability-service", service, "--format", "json", "--progress-spinner", "off"]


def _parsed(text: str) -> dict[str, Any] | None:
    """None for what is no JSON object: the tool ended with an error of its own instead of an answer."""
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _normal(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _run(command: Sequence[str]) -> str:
    """Nothing for a command that took too long: that is no answer either."""
    try:
        done = subprocess.run(  # noqa: S603  # Fixed commands, no shell.
            command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def main() -> int:
    verdicts = {path.name: audit_python(path, _run) for path in locked_requirements()}
    verdicts["package-lock.json"] = audit_npm(_run)
    return report(verdicts, print)


if __name__ == "__main__":
    sys.exit(main())
