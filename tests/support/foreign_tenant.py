"""What a function has asked the database in a test is asked again by an organisation that nothing of it concerns.

Twice: beside all that the test has left behind, and beside nothing. The answers must be the same, and whatever the
stranger's statements change, no row of anybody else is among it. What stands behind our own WHERE clauses is tried so
by every statement that is tested at all, and by one that somebody adds tomorrow.
"""

import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from breakwater.db import connection as functions_connection
from breakwater.db.identity import FIND_STANDINGS

type Parameters = Sequence[Any] | Mapping[str, Any] | None
type Outcome = list[tuple[Any, ...]] | str

TIMES_A_STATEMENT_MAX = 3  # Of a session: with other values and other rows, and then it is known.
_OF_THE_TRANSACTION = re.compile(
    r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|SET|LOCK)\b|.*(breakwater\.(tenant_id|actor)|pg_logical_emit)", re.S
)
# Each of those whom it is asked of comes with his tenant: what it answers is the same within whosever transaction.
_ASKED_OF_ALL = {FIND_STANDINGS}
_FENCED = """
SELECT n.nspname, c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attname = 'tenant_id' AND c.relkind = 'r' ORDER BY 1, 2
"""
_CHANGES = """
SELECT sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del) FROM pg_stat_xact_user_tables
WHERE (schemaname, relname) IN (SELECT n.nspname, c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attname = 'tenant_id')
"""


@dataclass(frozen=True)
class Statement:
    text: str
    parameters: Parameters

    def __str__(self) -> str:
        return " ".join(self.text.split())[:300]


@contextmanager
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Statement]]:
    """What functions execute within a tenant's transaction as long as the block runs."""
    statements: list[Statement] = []
    tenants: dict[int, bool] = {}  # By connection: whether a tenant has opened its transaction.
    execute: Callable[..., Any] = psycopg.Cursor.execute

    def execute_and_note(cursor: Any, query: Any, params: Parameters = None, **options: Any) -> Any:
        if isinstance(cursor.connection, functions_connection._AnsweringConnection) and isinstance(query, str):
            opened = re.search(r"'breakwater\.tenant_id', '(\w*)'", query)
            if opened:
                tenants[id(cursor.connection)] = opened.group(1) != ""
            elif tenants.get(id(cursor.connection)) and not (
                _OF_THE_TRANSACTION.match(query) or query in _ASKED_OF_ALL
            ):
                statements.append(Statement(query, params))
        return execute(cursor, query, params, **options)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", execute_and_note)
        yield statements


class ForeignTenant:
    """Asks again what was asked; `asked` counts how often each statement was."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def breaches(self, admin_conninfo: str, statements: Sequence[Statement]) -> list[str]:
        """What the stranger saw or changed that is not his, in words."""
        due = list(self._due(statements))
        if not due:
            return []
        with psycopg.connect(admin_conninfo) as connection:
            connection.execute("SET LOCAL lock_timeout = '5s'")
            stranger = uuid.uuid4()
            connection.execute("INSERT INTO identity.organisations VALUES (%s, %s)", (stranger, f"{stranger}"))
            beside_others, changes = _ask(connection, stranger, due)
            _empty(connection, stranger)
            alone, _ = _ask(connection, stranger, due)
            connection.rollback()
        seen = [
            f"sees what is not his: {statement}"
            for statement, others, nothing in zip(due, beside_others, alone, strict=True)
            # Refused is refused. Where only the second is, it names a row that is gone.
            if others != nothing and isinstance(others, list) and isinstance(nothing, list)
        ]
        return [*seen, *changes]

    def _due(self, statements: Sequence[Statement]) -> Iterator[Statement]:
        for statement in statements:
            if self.asked[statement.text] < TIMES_A_STATEMENT_MAX:
                self.asked[statement.text] += 1
                yield statement


def _ask(
    connection: psycopg.Connection[Any], stranger: uuid.UUID, statements: Sequence[Statement]
) -> tuple[list[Outcome], list[str]]:
    """What came of each, and which of them has changed rows that are not the stranger's. All is taken back."""
    outcomes: list[Outcome] = []
    breaches: list[str] = []
    for statement in statements:
        before = _changes(connection)
        with connection.transaction(force_rollback=True):
            outcomes.append(_answer(connection, stranger, statement))
            _, updated, deleted = (now - then for now, then in zip(_changes(connection), before, strict=True))
            if updated or deleted:
                breaches.append(f"changes {updated} and deletes {deleted} rows: {statement}")
    return outcomes, breaches


def _answer(connection: psycopg.Connection[Any], stranger: uuid.UUID, statement: Statement) -> Outcome:
    try:
        with connection.transaction():
            connection.execute(
                "SELECT set_config('role', 'breakwater_functions', true),"
                " set_config('breakwater.tenant_id', %s, true), set_config('breakwater.actor', 'stranger', true)",
                (str(stranger),),
            )
            cursor = connection.execute(statement.text, statement.parameters)
            rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
            connection.execute("RESET ROLE")
            return rows
    except psycopg.Error as error:
        return f"{error.sqlstate}: {error}"


def _changes(connection: psycopg.Connection[Any]) -> tuple[int, int, int]:
    row = connection.execute(_CHANGES).fetchone()
    assert row is not None
    return tuple(int(each or 0) for each in row)  # type: ignore[return-value]  # There are three.


def _empty(connection: psycopg.Connection[Any], stranger: uuid.UUID) -> None:
    """Of all that belongs to somebody else."""
    connection.execute("SET LOCAL session_replication_role = replica")  # Without triggers and references.
    for schema, table in connection.execute(_FENCED).fetchall():
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE tenant_id <> %s").format(sql.Identifier(schema, table)), (stranger,)
        )
    connection.execute("SET LOCAL session_replication_role = origin")
