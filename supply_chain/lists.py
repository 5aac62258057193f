"""What is locked, and where."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".venv-audit" / "bin"


def locked_requirements() -> list[Path]:
    """Every hash-locked file: of the platform, of each part of it, and of the tools around it."""
    return sorted((ROOT / "requirements").glob("*.txt"))
