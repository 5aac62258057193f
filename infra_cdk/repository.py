"""Where the sources of assets are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def required(path: str) -> Path:
    """The path under the repository's root. FileNotFoundError, naming it, where it does not exist."""
    found = ROOT / path
    if not found.exists():
        raise FileNotFoundError(f"{path} is missing; the template cannot be synthesized without it")
    return found
