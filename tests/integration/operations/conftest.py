"""A desk with an engine, whose events also lie in the store."""

from tests.integration.orders import conftest as orders

desk = orders.desk
