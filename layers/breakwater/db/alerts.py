"""Alerts."""

import uuid

import psycopg
from psycopg.rows import TupleRow


class AlertRows:
    def __init__(self, connection: psycopg.Connection[TupleRow], tenant_id: uuid.UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
