"""Books the engine's events on the read models. Source: the FIFO queue of trade events, in order by account."""

from breakwater.runtime.database import tenant_transaction
from breakwater.runtime.queue import queue_handler
from breakwater.services.projections import project

handler = queue_handler(lambda envelope: project(envelope, tenant_transaction))
