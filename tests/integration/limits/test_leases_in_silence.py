"""Leases while the ledger is silent: nothing more is granted, since orders pass beside the ledger meanwhile."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from breakwater.errors import Unavailable
from breakwater.services import leases
from tests.integration.limits.lease_scene import LeaseScene

SECOND = timedelta(seconds=1)


@contextmanager
def silence(scene: LeaseScene) -> Iterator[None]:
    """Its beginning as services/degraded.py would note it, and its end."""
    with psycopg.connect(scene.urls.admin, autocommit=True) as connection:
        about = (scene.firm.tenant_id, scene.at, scene.at)
        connection.execute("INSERT INTO trading.degraded_modes VALUES (%s, 'LEDGER', 'CACHED', %s, %s)", about)
        yield
        connection.execute("UPDATE trading.degraded_modes SET mode = 'NORMAL'")


def tend(scene: LeaseScene) -> None:
    lease = scene.lease()
    leases.tend(
        uuid.UUID(lease["lease_id"]),
        scene.firm.tenant_id,
        scene.database.tenant_transaction,
        scene.engine,
        scene.at + 3 * SECOND,
    )


def test_no_lease_is_opened(scene: LeaseScene) -> None:
    with silence(scene), pytest.raises(Unavailable):
        scene.open()
    assert scene.open()["is_answered"]


def test_none_is_renewed_and_each_keeps_what_is_held_for_it(scene: LeaseScene) -> None:
    before = scene.open()
    with silence(scene):
        tend(scene)
        assert scene.lease() == before
    tend(scene)
    assert scene.lease()["version"] > before["version"]


def test_one_that_is_stopped_is_given_back_all_the_same(scene: LeaseScene) -> None:
    lease = scene.open()
    with silence(scene):
        leases.stop_lease(
            uuid.UUID(lease["lease_id"]), scene.risk, scene.database.tenant_transaction, scene.engine, scene.at + SECOND
        )
        tend(scene)
    assert scene.exposure(scene.firm.firm) == (0, 0, 0, 0, 0)
