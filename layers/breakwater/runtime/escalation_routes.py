"""The routes of what follows an alert: acknowledging it, how it escalates, and who is on call."""

import html
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path
from fastapi.responses import HTMLResponse

from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.domain.times import format_time
from breakwater.errors import NotFound
from breakwater.runtime.api import PUBLIC, Caller, create_router, needs
from breakwater.runtime.database import caller_transaction, tenant_transaction
from breakwater.services import acknowledgement_links, acknowledgements, escalation, rota
from breakwater.services.acknowledgement_links import Opened
from breakwater.services.acknowledgements import Acknowledgement, GroupAcknowledgement
from breakwater.services.escalation import EscalationBody, EscalationView
from breakwater.services.rota import OverrideBody, RotaBody, RotaOverride, RotaView

routes = create_router()

Token = Annotated[str, Path(min_length=1, max_length=100)]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title></head><body><h1>{title}</h1>{rest}</body></html>
"""
_NO_PAGE: dict[int | str, dict[str, Any]] = {
    404: {"description": "The link is not valid, or not any more", "content": {"text/html": {}}}
}


@routes.post("/alerts/acknowledge", dependencies=[needs("alerts:acknowledge")])
def acknowledge_group(request: GroupAcknowledgement, caller: Caller) -> Alert:
    at = datetime.now(UTC)
    with caller_transaction(caller) as tx:
        return acknowledgements.acknowledge_group(request.group_key, caller, "API", tx, at, note=request.note)


@routes.post("/alerts/{alert_id}/acknowledge", dependencies=[needs("alerts:acknowledge")])
def acknowledge_alert(alert_id: uuid.UUID, request: Acknowledgement, caller: Caller) -> Alert:
    with caller_transaction(caller) as tx:
        return acknowledgements.acknowledge(alert_id, caller, "API", tx, datetime.now(UTC), note=request.note)


@routes.get("/acknowledgements/{token}", response_class=HTMLResponse, responses=_NO_PAGE, dependencies=[PUBLIC])
def show_acknowledgement(token: Token) -> HTMLResponse:
    """A page with a button, for whoever has a link of a message: it changes nothing by being opened."""
    return _answered(token, acknowledgement_links.open_link)


@routes.post("/acknowledgements/{token}", response_class=HTMLResponse, responses=_NO_PAGE, dependencies=[PUBLIC])
def use_acknowledgement(token: Token) -> HTMLResponse:
    """What the button does."""
    return _answered(token, acknowledgement_links.use_link)


@routes.get("/alerts/escalation", dependencies=[needs("alerts:read")])
def get_escalation(caller: Caller) -> EscalationView:
    with caller_transaction(caller) as tx:
        return escalation.settings_view(caller, tx)


@routes.put("/alerts/escalation", dependencies=[needs("alerts:manage")])
def set_escalation(request: EscalationBody, caller: Caller) -> EscalationView:
    with caller_transaction(caller) as tx:
        return escalation.change_settings(request, caller, tx, datetime.now(UTC))


@routes.get("/alerts/rota", dependencies=[needs("alerts:read")])
def get_rota(caller: Caller) -> RotaView:
    with caller_transaction(caller) as tx:
        return rota.rota_view(caller, tx, datetime.now(UTC))


@routes.put("/alerts/rota", dependencies=[needs("alerts:manage")])
def set_rota(request: RotaBody, caller: Caller) -> RotaView:
    with caller_transaction(caller) as tx:
        return rota.set_rota(request, caller, tx, datetime.now(UTC))


@routes.post("/alerts/rota/overrides", status_code=201, dependencies=[needs("alerts:acknowledge")])
def override_rota(request: OverrideBody, caller: Caller) -> RotaOverride:
    with caller_transaction(caller) as tx:
        return rota.add_override(request, caller, tx, datetime.now(UTC))


@routes.delete("/alerts/rota/overrides/{override_id}", status_code=204, dependencies=[needs("alerts:acknowledge")])
def cancel_rota_override(override_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        rota.cancel_override(override_id, caller, tx, datetime.now(UTC))


def _answered(token: str, ask: Callable[[str, TenantTransaction, datetime], Opened]) -> HTMLResponse:
    """People read it, and no programs: also a no is a page."""
    try:
        with tenant_transaction(acknowledgement_links.tenant_of(token)) as tx:
            opened = ask(token, tx, datetime.now(UTC))
    except NotFound as error:
        return HTMLResponse(_page("There is nothing here", error.message), 404)
    alert = opened.alert
    if alert.acknowledged_at is None:
        button = f'<form method="post"><button>Acknowledge as {html.escape(opened.name)}</button></form>'
        return HTMLResponse(_page(f"{alert.severity}: {alert.title}", alert.body, button))
    taken_up = f"Acknowledged by {alert.acknowledged_by} at {format_time(alert.acknowledged_at)}."
    return HTMLResponse(_page(taken_up, f"{alert.severity}: {alert.title}\n\n{alert.body}"))


def _page(title: str, text: str, more: str = "") -> str:
    return _PAGE.format(title=html.escape(title), rest=f"<pre>{html.escape(text)}</pre>{more}")
