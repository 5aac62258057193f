"""How fast somebody may fail to sign in: so fast from an address, and so fast under a user name.

A try is taken before the pool is asked, and given back unless the pool said no: whoever signs in rightly is counted
nowhere. One address cannot use up a name's tries: it has a third of them. Nor does it shut out those who have signed in
from there before, as a colleague behind the same router: of a name from where it was seen there is a pace of its own.
"""

import hashlib
import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow

from breakwater.db.oauth_clients import is_used_from
from breakwater.db.sign_in_paces import give_back_sign_in, has_signed_in_from, take_sign_in
from breakwater.services.identity import TooManyAttempts


@dataclass(frozen=True, slots=True)
class Pace:
    """So many tries at once, and one more after each interval."""

    burst: int
    interval_s: float


OF_ADDRESS = Pace(20, 6.0)
OF_USERNAME = Pace(60, 2.0)
OF_USERNAME_WHERE_SEEN = Pace(10, 6.0)
OF_CHAT = Pace(5, 60.0)

type Taken = Sequence[tuple[bytes, Pace]]


class SignInsSlowed(TooManyAttempts):
    def __init__(self, wait_s: float) -> None:
        super().__init__("too many sign-ins have failed; wait before the next")
        self.retry_after_s = math.ceil(wait_s)


def take(username: str, source_ip: str | None, connection: psycopg.Connection[TupleRow]) -> Taken:
    """One try of each pace that this sign-in counts for; SignInsSlowed when one of them is used up: then none is taken.

    The password is not looked at then, right or wrong: else slowing would be no hindrance to guessing.
    """
    name, network = username.lower(), network_of(source_ip)
    if network is not None and has_signed_in_from(connection, name, network):
        taken: Taken = [(_digest("where seen", network, name), OF_USERNAME_WHERE_SEEN)]
    else:
        # In this order for everybody, against deadlocks.
        taken = [(_digest("address", network or "unknown"), OF_ADDRESS), (_digest("name", name), OF_USERNAME)]
    return _taken(taken, connection)


def take_of_client(client_id: str, source_ip: str | None, connection: psycopg.Connection[TupleRow]) -> Taken:
    """The same for an OAuth client that shows its secret; `client_id` as it was told.

    There is no pace by client: 256 random bits are not guessed, and whoever knows its id would hold it up with that.
    Nor does whoever fails beside it hold up one that was last used from there.
    """
    network = network_of(source_ip)
    if network is not None and is_used_from(connection, client_id, network):
        return _taken([(_digest("client where used", network, client_id), OF_USERNAME_WHERE_SEEN)], connection)
    return _taken([(_digest("client's address", network or "unknown"), OF_ADDRESS)], connection)


def take_of_chat(chat_id: int, connection: psycopg.Connection[TupleRow]) -> Taken:
    """The same for a chat of Telegram in which codes are typed."""
    return _taken([(_digest("telegram chat", str(chat_id)), OF_CHAT)], connection)


def _taken(taken: Taken, connection: psycopg.Connection[TupleRow]) -> Taken:
    wait_s = take_sign_in(connection, [(key, pace.burst, pace.interval_s) for key, pace in taken])
    if wait_s > 0:
        raise SignInsSlowed(wait_s)
    return taken


def give_back(taken: Taken, connection: psycopg.Connection[TupleRow]) -> None:
    give_back_sign_in(connection, [(key, pace.interval_s) for key, pace in taken])


def network_of(source_ip: str | None) -> str | None:
    """Of an IPv6 address the network of 64 bits, all of which one subscriber has; None for what is no address."""
    try:
        address = ipaddress.ip_address(source_ip or "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)


def _digest(*told: str) -> bytes:
    return hashlib.sha256("\n".join(told).encode()).digest()
