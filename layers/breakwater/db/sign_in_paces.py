"""How fast somebody may fail to sign in, counted before a tenant is known: by functions, the table is closed."""

from collections.abc import Sequence

import psycopg
from psycopg.rows import TupleRow


def take_sign_in(connection: psycopg.Connection[TupleRow], paces: Sequence[tuple[bytes, int, float]]) -> float:
    """One try of each (key, burst, seconds between), of all or of none: zero, or after how many seconds there is one.

    Kept in GCRA's form, as the one time at which a key will be as if it had never been tried.
    """
    keys, bursts, intervals_s = zip(*paces, strict=True)
    row = connection.execute(
        "SELECT identity.take_sign_in(%s::bytea[], %s::integer[], %s::double precision[])",
        (list(keys), list(bursts), list(intervals_s)),
    ).fetchone()
    return 0.0 if row is None else float(row[0])


def give_back_sign_in(connection: psycopg.Connection[TupleRow], paces: Sequence[tuple[bytes, float]]) -> None:
    keys, intervals_s = zip(*paces, strict=True)
    connection.execute(
        "SELECT identity.give_back_sign_in(%s::bytea[], %s::double precision[])", (list(keys), list(intervals_s))
    )


def has_signed_in_from(connection: psycopg.Connection[TupleRow], username: str, network: str) -> bool:
    """Whether the user of that name, of whatever organisation, has signed in from there in the last 30 days."""
    row = connection.execute("SELECT identity.has_signed_in_from(%s, %s)", (username, network)).fetchone()
    return row is not None and bool(row[0])
