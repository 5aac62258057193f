"""`make sbom`: what each part is made of, in CycloneDX, one file for each locked list, in .build/sbom."""

import json
import os
import subprocess
from pathlib import Path

from supply_chain.lists import ROOT, TOOLS, locked_requirements

FOLDER = ROOT / ".build" / "sbom"
SPECIFICATION = "1.6"
TIMEOUT_S = 120


def python_sbom(requirements: Path, target: Path) -> None:
    """Checked against CycloneDX's own schema, and the same for the same list. CalledProcessError where it fails."""
    command = [str(TOOLS / "cyclonedx-py"), "requirements", str(requirements), "--pyproject", "pyproject.toml"]
    command += ["--spec-version", SPECIFICATION, "--output-format", "JSON", "--output-reproducible", "--validate"]
    # A list of pins says nothing of who needs whom: the library warns about that each time.
    environment = os.environ | {"PYTHONWARNINGS": "ignore::UserWarning"}
    subprocess.run(  # noqa: S603  # Fixed commands, no shell.
        [*command, "--output-file", str(target)], cwd=ROOT, env=environment, check=True, timeout=TIMEOUT_S
    )


def npm_sbom(target: Path) -> None:
    """Of package-lock.json, by npm itself. CalledProcessError where it fails."""
    done = subprocess.run(
        ["npm", "sbom", "--sbom-format", "cyclonedx", "--package-lock-only"],  # noqa: S607  # The npm of the PATH.
        cwd=ROOT,
        check=True,
        timeout=TIMEOUT_S,
        capture_output=True,
        text=True,
    )
    target.write_text(json.dumps(json.loads(done.stdout), indent=2) + "\n")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for requirements in locked_requirements():
        python_sbom(requirements, FOLDER / f"{requirements.stem}.cdx.json")
    npm_sbom(FOLDER / "npm.cdx.json")
    for written in sorted(FOLDER.glob("*.cdx.json")):
        components = json.loads(written.read_text()).get("components", [])
        print(f"{written.relative_to(ROOT)}: {len(components)} components")


if __name__ == "__main__":
    main()
