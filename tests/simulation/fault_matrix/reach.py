"""How functions reach the database and the engine, and how that fails: the real clients, with points on their way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from breakwater.db.connection import Connection, Database
from breakwater.errors import DatabaseUnavailable
from breakwater.services.engine_client import EngineClient
from tests.simulation.fault_matrix.engine import NOWHERE, Engine
from tests.simulation.fault_matrix.fire import Fire

_NO_SERVER = "host=127.0.0.1 port=9 user=nobody dbname=nothing"


class FiredDatabase(Database):
    """Points: "begins" before each transaction, "books" instead after the engine has answered, "committed" after it.

    While it `is_down` connections are refused.
    """

    def __init__(self, conninfo: str, fire: Fire, committed: Callable[[], None]) -> None:
        super().__init__(lambda: _NO_SERVER if self.is_down else conninfo)
        self.is_down = False
        self.loses_next_answer = False
        self.engine_was_asked = False
        self._fire = fire
        self._committed = committed

    def go_down(self) -> None:
        self.close()
        self.is_down = True

    def come_back(self) -> None:
        self.is_down = False

    @contextmanager
    def _transaction(self, tenant: str, actor: str) -> Iterator[Connection]:
        self._fire.here("books" if self.engine_was_asked else "begins")
        self.engine_was_asked = False
        with super()._transaction(tenant, actor) as connection:
            yield connection
        self._committed()
        self._fire.here("committed")

    def lose_answer(self) -> None:
        """It is committed, and whoever did so hears only that the connection is lost."""
        self.close()
        raise DatabaseUnavailable("the database did not answer in time")


class WayToEngine:
    """Where functions find the engine: nowhere while it `is_cut`.

    An engine that died is started again before it is asked next, or stays dead where `stays_dead` says so.
    """

    def __init__(self, engine: Engine, fire: Fire, database: FiredDatabase) -> None:
        self.is_cut = False
        self.stays_dead = False
        self.engine = engine
        self._fire = fire
        self._database = database
        self.client = EngineClient(self._url, lambda: engine.token)

    def _url(self) -> str:
        self._fire.here("asks the engine")
        self._database.engine_was_asked = True
        if self.is_cut:
            return NOWHERE
        if not self.stays_dead:
            self.heal()
        return self.engine.url

    def heal(self) -> None:
        """The engine takes orders: started again, or back from its journal."""
        if self.engine.is_dead:
            self.engine.start()
        elif not self.engine.stages.database_is_down:
            self.engine.wait_until_it_serves()
