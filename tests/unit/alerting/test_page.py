"""The page for administrators says what the code does."""

import re
from pathlib import Path

from breakwater.domain.alerting import AUDIENCE_ROLES, CHANNELS_AT_ONCE, ROUTES
from breakwater.services.alert_contacts import CODE_LASTS, CODE_TRIES

PAGE = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text()


def table(heading: str) -> dict[str, set[str]]:
    """Of each line's first name the names behind it."""
    (found,) = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.M)
    lines = [re.findall(r"`(\w+)`", line) for line in found.splitlines()]
    return {name: set(others) for name, *others in lines}


def test_the_default_matrix_on_the_page_is_that_of_the_code() -> None:
    assert table("category") == {name: set(audiences) for name, audiences in ROUTES.items()}
    assert table("audience") == {name: set(roles) for name, roles in AUDIENCE_ROLES.items()}
    assert table("severity") == {name: set(channels) for name, channels in CHANNELS_AT_ONCE.items()}


def test_the_page_says_how_long_a_code_lasts() -> None:
    assert f"{CODE_LASTS.seconds // 60} minutes and five tries" in PAGE
    assert CODE_TRIES == 5
