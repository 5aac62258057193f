"""Commands that other parts of the platform bring: entry points of the group `breakwater.commands`.

Each names a `typer.Typer`, which becomes the group of sub-commands called like the entry point. One is imported when it
is asked for (or all are listed), so the client needs no package but its own for everything else.
"""

from importlib.metadata import entry_points
from typing import Any

import typer
from typer.main import get_command, get_group

from breakwater.client.session import SetupError
from breakwater.client.terminal import FriendlyGroup

GROUP = "breakwater.commands"


class ExtensibleGroup(FriendlyGroup):
    """The client's own commands, then the plugged-in ones by name; an own one goes first where both have a name."""

    def list_commands(self, ctx: Any) -> list[str]:
        own = super().list_commands(ctx)
        return own + sorted(entry_points(group=GROUP).names - set(own))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        own = super().get_command(ctx, cmd_name)
        return own if own is not None else _plugged_in(cmd_name)


def _plugged_in(name: str) -> Any:
    for entry_point in entry_points(group=GROUP, name=name):
        try:
            command = get_group(entry_point.load())
        except ModuleNotFoundError as error:
            return _not_installed(name, str(error.name))
        command.name = name
        return command
    return None


def _not_installed(name: str, missing: str) -> Any:
    """A command that says what it lacks, whatever its arguments: a client alone has no engine."""
    stub = typer.Typer(add_completion=False)

    @stub.command(
        name,
        help=f"Not installed here: it needs {missing}.",
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def say_so() -> None:
        raise SetupError(f"`breakwater {name}` needs {missing}, which is not installed: `make up` installs everything")

    return get_command(stub)
