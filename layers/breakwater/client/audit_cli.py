"""`breakwater audit`: read the audit trail, take a copy of it, and prove that nobody has changed it."""

import json
import zipfile
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from breakwater.client import render
from breakwater.client.api import Client
from breakwater.client.audit_verifier import ANCHORS, EXPORT, RECORDS, NotAnExport, Tampered, verify
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, out, print_json, signed_in

audit_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The audit trail: search it, export it, and verify an export without the platform.",
)
DAYS = Annotated[int, typer.Option("--days", help="So many days back.", min=1, max=3650)]
FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
COLUMNS = {"#": "sequence", "time": "occurred_at_ns", "actor": "actor", "topic": "topic", "what": "what"}
GAP_COLUMNS = {
    "id": "gap_id",
    "from": "first_sequence",
    "to": "sequence",
    "asked by": "asked_by",
    "approved by": "approved_by",
    "reason": "reason",
}
SHOWN_MAX = 60  # Characters of a payload in a line; --json has it whole.


@audit_app.command("list")
def list_records(
    actor: Annotated[str | None, typer.Option(help="Who did it: a user name, or user/key.")] = None,
    topic: Annotated[str | None, typer.Option(help="Such as limits, or limits.LimitChanged.v1.")] = None,
    before: Annotated[int | None, typer.Option(help="Older than this number.", min=1)] = None,
    mine: Annotated[bool, typer.Option("--mine", help="What you have done yourself.")] = False,
    as_json: AsJson = False,
) -> None:
    """What has happened, and by whom; the newest first."""
    if mine and (actor or topic):
        raise typer.BadParameter("--mine goes without --actor and --topic")
    with signed_in() as (client, _):
        page = client.activity(before=before) if mine else client.audit_records(actor=actor, topic=topic, before=before)
    if as_json:
        print_json(page)
        return
    rows = [{**record, "what": _short(record["payload"])} for record in page["items"]]
    out().print(render.table(rows, COLUMNS, empty="Nothing."))
    out().print(f"{page['sequence']} records, anchored up to {page['anchored_sequence']}.", style="dim")
    if page["next_before"] is not None:
        out().print(f"Older ones: --before {page['next_before']}", style="dim")


@audit_app.command("export")
def export(
    to: Annotated[Path, typer.Argument(help="The file to write: a ZIP.", dir_okay=False)],
    days: DAYS = 30,
    since: Annotated[datetime | None, typer.Option(formats=FORMATS, help="From then on, UTC; not --days.")] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=FORMATS, help="Up to then, UTC; until now by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take the trail of the last days with you, or of a period, with the anchors that vouch for it."""
    if to.exists():
        raise typer.BadParameter(f"{to} is there already")
    if not to.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {to.absolute().parent}")
    ends = datetime.now(UTC) if until is None else until.replace(tzinfo=UTC)
    begins = ends - timedelta(days=days) if since is None else since.replace(tzinfo=UTC)
    with signed_in() as (client, _):
        told = save_export(client, to, begins, ends)
    if as_json:
        print_json({name: value for name, value in told.items() if name != "public_key"} | {"file": str(to)})
        return
    first, last = told["first_sequence"], told["sequence"]
    out().print(f"Records {first} to {last}, anchored up to {told['anchored_sequence']}, are in {escape(str(to))}.")
    out().print(f"Verify them anywhere: breakwater audit verify {escape(str(to))}", style="dim")


@audit_app.command("verify")
def verify_export(
    file: Annotated[Path, typer.Argument(help="What `breakwater audit export` wrote.", exists=True, dir_okay=False)],
    public_key: Annotated[
        Path | None,
        typer.Option(help="The key's public half in PEM, from whom you trust.", exists=True, dir_okay=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Whether an export is what was written; offline. Exit code 1 names the first record that is not."""
    try:
        told = verify(file, None if public_key is None else public_key.read_bytes())
    except Tampered as found:
        if as_json:
            print_json({"verified": False, "sequence": found.sequence, "what": found.what})
        else:
            out().print(f"[bold red]record {found.sequence}[/]: {found.what}")
        raise typer.Exit(1) from None
    except NotAnExport as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        print_json({"verified": True} | asdict(told))
        return
    last = told.first_sequence + told.records - 1
    out().print(
        f"[green]records {told.first_sequence} to {last} are as they were written[/]:"
        f" {told.anchors} anchors, the last of {escape(told.anchored_at)}",
        soft_wrap=True,
    )
    for gap in told.gaps:
        out().print(
            f"records {gap.first_sequence} to {gap.sequence} are not there, and were: a restore of the database lost"
            f" them, said by {escape(gap.asked_by)} and {escape(gap.approved_by)}, signed {escape(gap.said_at)}:"
            f" {escape(gap.reason)}. Exports from before still hold them.",
            style="bold yellow",
            soft_wrap=True,
        )
    if told.unanchored:
        out().print(f"for {told.unanchored} more nothing vouches yet: ask again in some minutes", style="yellow")
    out().print(
        f"organisation {escape(told.tenant_id)}, signed by the key {told.key_fingerprint}", style="dim", soft_wrap=True
    )
    if public_key is None:
        out().print("That key came with the file: compare its fingerprint, or say --public-key", style="yellow")


@audit_app.command("resume")
def resume(
    reason: Annotated[
        str | None, typer.Option(help="Why the database was restored, and by whom: asks to go on behind what was lost.")
    ] = None,
    approve: Annotated[str | None, typer.Option(metavar="GAP", help="The gap's id: what somebody else asked.")] = None,
    as_json: AsJson = False,
) -> None:
    """Go on with the trail after a restore of the database: one asks, another approves. It stays said what was lost."""
    if (reason is None) == (approve is None):
        raise typer.BadParameter("it is --reason, or --approve by somebody else")
    with signed_in() as (client, _):
        gap = client.ask_to_resume_audit(reason) if reason else client.approve_audit_resumption(approve or "")
    if as_json:
        print_json(gap)
        return
    lost = f"records {gap['first_sequence']} to {gap['sequence']}"
    if gap["approved_by"] is None:
        out().print(f"{lost} were anchored and are lost. Somebody else approves that within a day:")
        out().print(f"breakwater audit resume --approve {escape(gap['gap_id'])}")
    else:
        out().print(f"The trail goes on behind {lost}; its next anchor says so.")


@audit_app.command("gaps")
def list_gaps(as_json: AsJson = False) -> None:
    """What restores of the database lost, and who said so."""
    with signed_in() as (client, _):
        gaps = client.audit_gaps()
    if as_json:
        print_json(gaps)
        return
    out().print(render.table(gaps["items"], GAP_COLUMNS, empty="Nothing was lost."))


def save_export(client: Client, to: Path, since: datetime, until: datetime) -> Json:
    """Write the trail of that time, with its anchors, and tell what it is. Nothing is left of one that failed."""
    told = client.audit_export(since.isoformat(), until.isoformat())
    unfinished = to.with_name(to.name + ".part")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(EXPORT, json.dumps(told, indent=2) + "\n")
            with archive.open(RECORDS, "w", force_zip64=True) as file:
                for line in client.audit_lines(told["first_sequence"], told["sequence"]):
                    file.write(line.encode("ascii") + b"\n")
            with archive.open(ANCHORS, "w", force_zip64=True) as file:
                for anchor in client.audit_anchors(told["first_sequence"], told["anchored_sequence"]):
                    file.write(json.dumps(anchor).encode() + b"\n")
        unfinished.rename(to)
    finally:
        unfinished.unlink(missing_ok=True)
    return told


def _short(payload: object) -> str:
    text = json.dumps(payload, separators=(", ", ": "))[1:-1]
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"
