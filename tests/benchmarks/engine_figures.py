"""The engine's figures, each against a Postgres of the benchmark's own: the platform need not run."""

from tests.benchmarks import (
    endpoint,
    engine_kill,
    engine_latency,
    engine_memory,
    engine_move,
    engine_pipeline,
    engine_recovery,
)
from tests.benchmarks.figures import Figure
from tests.benchmarks.own_postgres import own_postgres


def run() -> list[Figure]:
    with own_postgres() as postgres:
        shared = postgres.create_database("pipeline")  # What the pipeline journals is replayed for the recovery.
        return [
            *engine_pipeline.run(shared, postgres.sync_ms()),
            *engine_latency.run(postgres),
            *endpoint.run(postgres),
            *engine_recovery.run(shared),
            engine_kill.run(postgres),
            engine_move.run(postgres),
            *engine_memory.run(),
        ]
