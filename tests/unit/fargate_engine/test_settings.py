"""The engine's environment, and its recordings."""

from pathlib import Path

import pytest

from breakwater.errors import Unavailable
from fargate_engine.settings import StartFailed, read_address, read_settings
from fargate_engine.venues.simulated import check_recordings
from tests.support.loopback import QuietHandler, served
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


async def test_other_engines_reach_it_where_it_listens_unless_told_otherwise() -> None:
    assert await read_address(read_settings(ENVIRONMENT), {}) == "127.0.0.1:8080"
    told = read_settings(ENVIRONMENT | {"ENGINE_ADDRESS": "engine-1.internal:8080"})
    assert await read_address(told, {"ECS_CONTAINER_METADATA_URI_V4": "http://unused"}) == "engine-1.internal:8080"


async def test_on_fargate_other_engines_reach_it_at_the_tasks_own_address() -> None:
    class Metadata(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"Networks": [{"IPv4Addresses": ["10.0.1.7"]}]}')

    settings = read_settings(ENVIRONMENT)
    with served(Metadata) as url:
        assert await read_address(settings, {"ECS_CONTAINER_METADATA_URI_V4": url}) == "10.0.1.7:8080"
    with pytest.raises(Unavailable):
        await read_address(settings, {"ECS_CONTAINER_METADATA_URI_V4": url})


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
        ({"OIDC_PROVIDER": "{}"}, "OIDC_PROVIDER"),
        ({"SECOND_FACTOR_ROLES": "root"}, "SECOND_FACTOR_ROLES"),
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
