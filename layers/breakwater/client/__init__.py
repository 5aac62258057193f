"""The Python client of Breakwater's HTTP API, and the `breakwater` command. It speaks HTTP only."""

from breakwater.client.api import Client
from breakwater.client.shapes import Order, Page, Refusal, Session
from breakwater.client.transport import Problem, ServerUnreachable

__all__ = ["Client", "Order", "Page", "Problem", "Refusal", "ServerUnreachable", "Session"]
