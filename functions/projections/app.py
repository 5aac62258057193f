"""Books the engine's events on the read models. Source: the FIFO queue of trade events, in order by account."""

from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.queue import queue_handler
from breakwater.services.projections import project
from events.envelope import Envelope


def process(envelope: Envelope) -> None:
    project(envelope, tenant_transaction)


# Nothing of it leaves the platform, and what was booked is booked once: told again, it books what was lost.
handler = queue_handler(process, replay=process)
