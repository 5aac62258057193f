"""What the functions on an order's path may not import: a third of their cold start would be a web framework."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["order_saga", "projections", "reconciler"])
def test_a_function_without_routes_imports_no_web_framework(name: str) -> None:
    script = (
        f"import sys; import functions.{name}.app;"
        "print({'fastapi', 'starlette', 'mangum', 'sqlalchemy', 'alembic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"
