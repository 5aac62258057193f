"""What an engine that is asked by another reads from the header."""

import pytest
from aiohttp.test_utils import make_mocked_request

from breakwater.errors import InvalidRequest
from fargate_engine.gateway.peers import ASKED_SHARDS, asked_shards, shard_number


def test_a_request_from_elsewhere_is_about_no_shards_in_particular() -> None:
    assert asked_shards(make_mocked_request("GET", "/")) is None


def test_the_shards_that_it_was_passed_on_for_are_named() -> None:
    request = make_mocked_request("GET", "/", headers={ASKED_SHARDS: "0,15,7"})
    assert asked_shards(request) == {0, 7, 15}


@pytest.mark.parametrize("text", ["", "16", "-1", "1,", "1;2", "1.0", " 1", "0x1", "²", "1" * 5000])
def test_a_header_that_names_none_is_refused(text: str) -> None:
    assert None in {shard_number(part) for part in text.split(",")}
    with pytest.raises(InvalidRequest):
        asked_shards(make_mocked_request("GET", "/", headers={ASKED_SHARDS: text}))
