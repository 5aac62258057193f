"""Bad sign-ins are slowed: by address and by user name, and nobody else waits for them."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from breakwater.db.connection import Database
from breakwater.runtime import aws
from breakwater.services import sign_in_pace
from breakwater.services.sign_in_pace import OF_ADDRESS, OF_USERNAME, OF_USERNAME_WHERE_SEEN, SignInsSlowed, network_of
from functions.users.app import handler
from tests.conftest import DatabaseUrls
from tests.integration.identity.conftest import Firm
from tests.integration.identity.test_users import PASSWORD, environment, join_pool, reachable
from tests.unit.runtime.http_events import LambdaContext, answer_of, http_event

__all__ = ["environment", "reachable"]  # Fixtures.

WRONG = "Wrong-horse-1"
ATTACKER, OTHER = "198.51.100.66", "203.0.113.8"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The user names that the pool was asked for, each time it was."""
    names: list[str] = []
    pool = aws.client("cognito-idp")
    ask = pool.initiate_auth

    def initiate_auth(**told: Any) -> Any:
        names.append(told["AuthParameters"]["USERNAME"])
        return ask(**told)

    monkeypatch.setattr(pool, "initiate_auth", initiate_auth)
    return names


def sign_in(username: str, password: str = WRONG, address: str = ATTACKER) -> tuple[int, dict[str, Any], int | None]:
    """Status, body, and after how many seconds to try again."""
    event = http_event("POST", "/auth/sign-in", body={"username": username, "password": password})
    event["requestContext"]["http"]["sourceIp"] = address
    answer = handler(event, LambdaContext())
    retry_after = answer["headers"].get("retry-after")
    return answer["statusCode"], answer_of(answer), None if retry_after is None else int(retry_after)


def test_bad_sign_ins_of_one_address_are_slowed_and_others_are_unhurt(
    firm: Firm, database: Database, asked: list[str]
) -> None:
    """Of whatever many tries the pool hears the burst, and one more every interval."""
    join_pool(firm, firm.trader, database)
    began = time.monotonic()
    answers = [sign_in(f"somebody-{number % 7}") for number in range(200)]
    took_s = time.monotonic() - began
    statuses = [status for status, _, _ in answers]
    assert set(statuses) == {401, 429}
    assert statuses[: OF_ADDRESS.burst] == [401] * OF_ADDRESS.burst
    assert len(asked) == statuses.count(401) <= OF_ADDRESS.burst + math.ceil(took_s / OF_ADDRESS.interval_s)
    slowed = answers[-1]
    assert slowed[1]["code"] == "TOO_MANY_ATTEMPTS"
    assert slowed[2] is not None
    assert 1 <= slowed[2] <= OF_ADDRESS.interval_s
    # The right password from there is not looked at either, and from elsewhere it is.
    assert sign_in(firm.trader.username, PASSWORD)[0] == 429
    assert sign_in(firm.trader.username, PASSWORD, OTHER)[0] == 200


def test_one_address_does_not_shut_anybody_out_by_his_name(firm: Firm, database: Database, asked: list[str]) -> None:
    join_pool(firm, firm.trader, database)
    for _ in range(100):
        sign_in(firm.trader.username)
    assert sign_in(firm.trader.username)[0] == 429
    assert sign_in(firm.trader.username, PASSWORD, OTHER)[0] == 200


def test_bad_sign_ins_under_one_name_are_slowed_from_however_many_addresses(
    firm: Firm, database: Database, asked: list[str]
) -> None:
    """Who was signed in from his own address lately comes in from there all the same."""
    join_pool(firm, firm.trader, database)
    name = firm.trader.username
    assert sign_in(name, PASSWORD, OTHER)[0] == 200
    asked.clear()
    began = time.monotonic()
    statuses = [sign_in(name.upper(), address=f"192.0.2.{number % 250}")[0] for number in range(200)]
    took_s = time.monotonic() - began
    assert len(asked) == statuses.count(401) <= OF_USERNAME.burst + math.ceil(took_s / OF_USERNAME.interval_s)
    assert statuses.count(401) >= OF_USERNAME.burst
    assert sign_in(name, PASSWORD, "192.0.2.251")[0] == 429
    assert sign_in(name, PASSWORD, OTHER)[0] == 200
    assert sign_in(firm.admin.username, address="192.0.2.252")[0] == 401  # Another name is asked for.


def test_who_has_signed_in_from_an_address_is_not_shut_out_by_a_neighbour_and_guesses_no_faster(
    firm: Firm, database: Database, asked: list[str]
) -> None:
    join_pool(firm, firm.trader, database)
    name = firm.trader.username
    assert sign_in(name, PASSWORD)[0] == 200
    for _ in range(30):
        sign_in("somebody")
    assert sign_in("somebody-else")[0] == 429
    assert sign_in(name, PASSWORD)[0] == 200
    asked.clear()
    began = time.monotonic()
    statuses = [sign_in(name)[0] for _ in range(40)]
    bound = OF_USERNAME_WHERE_SEEN.burst + math.ceil((time.monotonic() - began) / OF_USERNAME_WHERE_SEEN.interval_s)
    assert OF_USERNAME_WHERE_SEEN.burst <= len(asked) == statuses.count(401) <= bound


def test_good_sign_ins_are_counted_nowhere_nor_those_that_only_lack_something(firm: Firm, database: Database) -> None:
    join_pool(firm, firm.trader, database)
    for _ in range(OF_ADDRESS.burst + 5):
        assert sign_in("trader1", "Temporary-horse-1")[1]["code"] == "SIGN_IN_INCOMPLETE"
        assert sign_in(firm.trader.username, PASSWORD)[0] == 200


def test_many_at_once_take_no_more_than_there_is(database_urls: DatabaseUrls) -> None:
    """Each from a connection of its own, as functions do."""

    def attempt(number: int) -> bool:
        connection = Database(lambda: database_urls.functions)
        try:
            with connection.untenanted_transaction() as transaction:
                sign_in_pace.take(f"somebody-{number}", ATTACKER, transaction)
            return True
        except SignInsSlowed:
            return False
        finally:
            connection.close()

    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        passed = sum(threads.map(attempt, range(80)))
    assert (
        OF_ADDRESS.burst <= passed <= OF_ADDRESS.burst + math.ceil((time.monotonic() - began) / OF_ADDRESS.interval_s)
    )


def test_a_try_comes_back_with_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_pace, "OF_ADDRESS", sign_in_pace.Pace(2, 0.5))
    with database.untenanted_transaction() as connection:
        for _ in range(2):
            sign_in_pace.take("somebody", ATTACKER, connection)
        with pytest.raises(SignInsSlowed) as slowed:
            sign_in_pace.take("somebody", ATTACKER, connection)
        assert slowed.value.retry_after_s == 1
        time.sleep(0.6)
        sign_in_pace.take("somebody", ATTACKER, connection)
        with pytest.raises(SignInsSlowed):
            sign_in_pace.take("somebody", ATTACKER, connection)


def test_what_was_given_back_can_be_taken_again_and_old_paces_are_forgotten(
    database: Database, database_urls: DatabaseUrls
) -> None:
    with database.untenanted_transaction() as connection:
        for number in range(OF_ADDRESS.burst * 2):
            sign_in_pace.give_back(sign_in_pace.take(f"somebody-{number}", ATTACKER, connection), connection)
    with psycopg.connect(database_urls.admin) as connection:
        connection.execute("UPDATE identity.sign_in_paces SET clear_at = clear_at - interval '2 hours'")
        connection.commit()
        with database.untenanted_transaction() as others:
            for number in range(3):
                sign_in_pace.take(f"another-{number}", OTHER, others)
        left = connection.execute("SELECT count(*) FROM identity.sign_in_paces").fetchone()
    assert left == (4,)  # One address and three names.


@pytest.mark.parametrize(
    ("told", "network"),
    [
        ("198.51.100.66", "198.51.100.66"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.66", "198.51.100.66"),
        ("nonsense", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_is_counted_by_what_one_subscriber_has(told: str | None, network: str | None) -> None:
    assert network_of(told) == network
