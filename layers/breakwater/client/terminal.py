"""What every command shares: the session, what is shown on the terminal, and trouble told in one line."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from breakwater.client import limits_render, render, session
from breakwater.client.api import Client
from breakwater.client.executions import FIELDS
from breakwater.client.limit_words import Misunderstood
from breakwater.client.lookup import NotFound
from breakwater.client.session import SavedSignIn, SetupError
from breakwater.client.shapes import Json
from breakwater.client.transport import Problem, ServerUnreachable

PIPED_COLUMNS = 200  # Piped output is not cut at 80 columns: a script wants whole ids.

AsJson = Annotated[bool, typer.Option("--json", help="The server's answer as it is.")]


class FriendlyGroup(TyperGroup):
    """Foreseeable trouble is one line on stderr and exit code 1, or 2 for what makes no sense; never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Problem as problem:
            say_problem(problem)
        except ServerUnreachable as error:
            complain(error.message)
        except (SetupError, NotFound) as error:
            complain(str(error))
        except Misunderstood as error:
            complain(str(error))
            raise typer.Exit(2) from error
        raise typer.Exit(1)


@contextmanager
def signed_in() -> Iterator[tuple[Client, SavedSignIn]]:
    saved = session.load()
    with Client(saved.api_url, session=saved.session) as client:
        try:
            yield client, saved
        finally:
            # A refreshed session is kept even when the call itself failed.
            if client.session is not None and client.session != saved.session:
                session.save(SavedSignIn(saved.api_url, saved.username, saved.account_ids, client.session))


def show_record(record: Json, as_json: bool) -> None:
    if as_json:
        print_json(record)
    else:
        out().print(render.fields(record))


def show_list(page: Json, columns: dict[str, str], as_json: bool, *, empty: str) -> None:
    if as_json:
        print_json(page)
    else:
        out().print(render.table(page["items"], columns, empty=empty))


def print_json(answer: Json) -> None:
    print(json.dumps(answer, indent=2))


def say_warnings(answer: Json) -> None:
    """What the server says of what it took, where it says anything."""
    for warning in answer.get("warnings", ()):
        out().print(f"[yellow]note:[/] {escape(warning)}", soft_wrap=True)


def out(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=PIPED_COLUMNS)


def complain(message: str) -> None:
    Console(stderr=True, soft_wrap=True).print(f"[red]error:[/] {escape(message)}", highlight=False)


def say_problem(problem: Problem, *, of_what: str = "") -> None:
    """The server's no in one line, and what refused below it."""
    # Without a problem document it is API Gateway's own: 403 when its authorizer says no, 404 for an API that is gone.
    not_let_in = problem.status == 401 or problem.code in {"HTTP_403", "HTTP_404"}
    hint = ": run `breakwater sign-in`" if not_let_in and session.session_file().exists() else ""
    if problem.code == "MFA_CODE_REQUIRED":
        hint = ": say --code"
    traced = f" [{problem.correlation_id}]" if problem.correlation_id else ""
    # An error of the whole request, such as two options that do not go together, has no field.
    wrong = "".join(f"; {_in_field(error)}{error['message']}" for error in problem.document.get("errors", []))
    complain(f"{of_what}{problem}{_largest(problem)}{wrong}{hint}{traced}")
    if problem.refusals:
        out(stderr=True).print(render.refusals(problem.refusals))
    if problem.code == "VERSION_CONFLICT":
        _say_versions(problem)
    elif problem.code == "LIMIT_OVERLAPS":
        overlaps = problem.document["overlaps"]
        out(stderr=True).print(
            render.table(limits_render.version_rows(overlaps, None), limits_render.VERSIONS, empty="")
        )
        out(stderr=True).print(f"To change that one, its dates too, say --id {overlaps['limit_id'][:8]}.", style="dim")


def _largest(problem: Problem) -> str:
    """What would have passed: the least of what each limit lets through."""
    told = [Decimal(refusal.get("largest_passing_quantity") or "0") for refusal in problem.refusals]
    largest = min(told, default=Decimal(0))
    return f"; the largest quantity that passes is {render.amount(format(largest, 'f'))}" if largest else ""


def _say_versions(problem: Problem) -> None:
    current, yours = problem.document.get("current"), problem.document.get("yours")
    rows = limits_render.version_rows(current, yours)
    out(stderr=True).print(render.table(rows, limits_render.VERSIONS, empty=""))
    go_on = "It is gone: without --version you set it anew."
    if current is not None:
        version = current["version"]
        go_on = f"To put yours in its place say --version {version}; `breakwater limits history` tells who set it."
    out(stderr=True).print(go_on, style="dim")


def _in_field(error: Json) -> str:
    """What was wrong; of an execution, by the option that was typed."""
    field = str(error["field"] or "")
    of_execution, _, name = field.rpartition(".")
    if of_execution.startswith("execution"):
        field = next((f"--{option}" for option, its_field in FIELDS.items() if its_field == name), field)
    return f"{field}: " if field else ""
