"""The Python client of Breakwater's HTTP API, and the `breakwater` command. It speaks HTTP only."""

from breakwater.client.api import Client
from breakwater.client.brackets import Bracket, BracketTerms, ExitRefused, NothingToExit, place_bracket
from breakwater.client.shapes import Execution, ExecutionReport, Order, Page, Refusal, Session
from breakwater.client.transport import Problem, ServerUnreachable

__all__ = [
    "Bracket",
    "BracketTerms",
    "Client",
    "Execution",
    "ExecutionReport",
    "ExitRefused",
    "NothingToExit",
    "Order",
    "Page",
    "Problem",
    "Refusal",
    "ServerUnreachable",
    "Session",
    "place_bracket",
]
