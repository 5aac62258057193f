"""`breakwater alerts`: what the firm was told lately."""

import typer

from breakwater.client import render
from breakwater.client.terminal import AsJson, show_list, signed_in

alerts_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None, help="What the firm was told lately.")


@alerts_app.callback()
def list_alerts(context: typer.Context, as_json: AsJson = False) -> None:
    """What the firm was told lately, the newest first."""
    if context.invoked_subcommand is not None:
        return
    with signed_in() as (client, _):
        page = client.alerts()
    show_list(dict(page), render.ALERTS, as_json, empty="No alerts.")
