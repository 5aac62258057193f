"""`breakwater replay`: recorded order flow through the matching core, and what the core's book then says."""

import typer

replay_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Recorded order flow through the matching core, compared with what the exchange showed.",
)


@replay_app.callback()
def replay() -> None: ...
