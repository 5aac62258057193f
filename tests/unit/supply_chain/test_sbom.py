"""What is locked, and what the bill of materials says of it."""

import json
import re
from pathlib import Path

import pytest

from supply_chain.lists import ROOT, locked_requirements
from supply_chain.sbom import npm_sbom, python_sbom


def pins(stem: str) -> set[str]:
    """`name==version` of each pin, without extras and markers."""
    text = (ROOT / "requirements" / f"{stem}.txt").read_text()
    return {f"{name}=={version}" for name, version in re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", text, re.MULTILINE)}


def test_the_engines_list_names_every_locked_package_with_its_version(tmp_path: Path) -> None:
    python_sbom(ROOT / "requirements" / "engine.txt", tmp_path / "engine.cdx.json")
    document = json.loads((tmp_path / "engine.cdx.json").read_text())
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["name"] == "breakwater"
    assert {f"{each['name']}=={each['version']}" for each in document["components"]} == pins("engine")


def test_npms_list_names_what_is_locked(tmp_path: Path) -> None:
    npm_sbom(tmp_path / "npm.cdx.json")
    document = json.loads((tmp_path / "npm.cdx.json").read_text())
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert document["bomFormat"] == "CycloneDX"
    assert {each["name"] for each in document["components"]} == {
        path.removeprefix("node_modules/") for path in locked if path
    }


def test_every_locked_list_demands_hashes_and_none_names_where_packages_come_from() -> None:
    lists = locked_requirements()
    assert {path.stem for path in lists} >= {"all", "audit", "engine", "layer", "emulator"}
    for path in lists:
        pinned = [line for line in path.read_text().splitlines() if "==" in line]
        assert pinned
        assert all(line.endswith("\\") for line in pinned), f"{path.name}: a pin without a hash"
        assert "://" not in path.read_text()
    assert "resolved" not in (ROOT / "package-lock.json").read_text()


@pytest.mark.parametrize("part", ["layer", "engine", "core"])
def test_what_runs_is_a_part_of_what_the_tests_run_on(part: str) -> None:
    assert pins(part)
    assert pins(part) <= pins("all")
