"""Commands of other packages in the `breakwater` command."""

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest
import typer
from typer.testing import CliRunner

from breakwater.client import plugins
from breakwater.client.cli import app

greeter = typer.Typer(help="Says hello.")


@greeter.command()
def hello(name: str) -> None:
    typer.echo(f"hello {name}")


@pytest.fixture(autouse=True)
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        (
            EntryPoint("greet", f"{__name__}:greeter", plugins.GROUP),
            EntryPoint("absent", "a_package_that_is_not_there.cli:app", plugins.GROUP),
            EntryPoint("orders", "a_package_that_is_not_there.cli:app", plugins.GROUP),
        )
    )
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    monkeypatch.setattr(plugins, "entry_points", points.select)


def test_a_plugged_in_group_runs_as_a_sub_command_even_with_one_command() -> None:
    assert CliRunner().invoke(app, ["greet", "hello", "desk"]).stdout == "hello desk\n"


def test_the_help_lists_plugged_in_groups_and_says_which_lack_a_package() -> None:
    listed = CliRunner().invoke(app, ["--help"]).stdout
    assert "Says hello." in listed
    assert "it needs a_package_that_is_not_there" in listed
    assert "The latest orders." in listed  # The client's own command keeps its name.


@pytest.mark.parametrize("arguments", [[], ["lobster", "file.csv", "--json"], ["--help"]])
def test_a_group_whose_package_is_missing_says_so_in_one_line(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["absent", *arguments])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "error: `breakwater absent` needs a_package_that_is_not_there, which is not installed: `make up` installs "
        "everything"
    ]


def test_an_unknown_command_is_a_mistake_in_usage() -> None:
    result = CliRunner().invoke(app, ["nonesuch"])
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_a_command_of_the_clients_own_imports_neither_engine_nor_numpy() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from breakwater.client.cli import app; "
        "result = CliRunner().invoke(app, ['orders', '--help']); assert result.exit_code == 0, result; "
        "print([name for name in ('fargate_engine', 'numpy', 'matching_core') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
