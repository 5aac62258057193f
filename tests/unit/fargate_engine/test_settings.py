"""The engine's environment, and its recordings."""

from pathlib import Path

import pytest

from fargate_engine.settings import StartFailed, read_settings
from fargate_engine.venues.simulated import check_recordings
from tests.unit.fargate_engine.orders import ETH

ENVIRONMENT = {"DATABASE_URL": "postgresql://somewhere", "SERVICE_TOKEN_KEY_ID": "key"}
SAMPLE = Path(__file__).parents[2] / "data" / "spot_ethusdt_sample.log"


def test_what_is_not_set_has_a_default() -> None:
    settings = read_settings(ENVIRONMENT)
    assert (settings.host, settings.port, settings.market_speed, settings.market_recordings) == (
        "127.0.0.1",
        8080,
        1.0,
        (),
    )
    assert settings.engine_id != read_settings(ENVIRONMENT).engine_id


def test_recordings_are_separated_by_colons() -> None:
    settings = read_settings(ENVIRONMENT | {"MARKET_RECORDINGS": "/a/one.gz:/a/two.gz"})
    assert settings.market_recordings == (Path("/a/one.gz"), Path("/a/two.gz"))


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"SERVICE_TOKEN_KEY_ID": ""}, "SERVICE_TOKEN_KEY_ID"),
        ({"ENGINE_PORT": "many"}, "ENGINE_PORT"),
        ({"MARKET_SPEED": "0"}, "MARKET_SPEED"),
        ({"MARKET_SPEED": "nan"}, "MARKET_SPEED"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(changes: dict[str, str], names: str) -> None:
    with pytest.raises(StartFailed, match=names):
        read_settings(ENVIRONMENT | changes)


def test_a_recording_that_is_missing_or_of_no_instrument_stops_the_start(tmp_path: Path) -> None:
    check_recordings([SAMPLE], [ETH])
    with pytest.raises(StartFailed, match="MARKET_RECORDINGS"):
        check_recordings([tmp_path / "none.gz"], [ETH])
    with pytest.raises(StartFailed, match="ETHUSDT, which is not an instrument"):
        check_recordings([SAMPLE], [])
