"""`breakwater telegram`: a chat that speaks for you."""

import typer

from breakwater.client.terminal import AsJson, out, print_json, signed_in

telegram_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="A chat of Telegram that speaks for you.")


@telegram_app.command()
def link(as_json: AsJson = False) -> None:
    """A code for the bot: the chat in which it is shown within ten minutes speaks for you from then on."""
    with signed_in() as (client, _):
        code = client.ask_telegram_code()
    if as_json:
        print_json(code)
        return
    out().print(f"Open {code['link']}, or write to @{code['bot']}:", soft_wrap=True)
    out().print(f"  [bold]/link {code['code']}[/]")
    out().print(f"Whoever shows this code until {code['expires_at']} speaks for you.", style="yellow")


@telegram_app.command()
def unlink() -> None:
    """No chat speaks for you any more, and no code links one."""
    with signed_in() as (client, _):
        client.end_telegram_link()
    out().print("No chat speaks for you.")


@telegram_app.command()
def status(as_json: AsJson = False) -> None:
    """Whether a chat speaks for you."""
    with signed_in() as (client, _):
        state = client.telegram_link()
    if as_json:
        print_json(state)
        return
    linked = "A chat speaks for you" if state["is_linked"] else "No chat speaks for you"
    out().print(f"{linked}, with the bot @{state['bot']}.")
