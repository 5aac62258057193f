"""The routes of what follows an alert: acknowledging it, how it escalates, and who is on call."""

import html
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import FastAPI, Path
from fastapi.responses import HTMLResponse

from breakwater.db.alerts import Alert
from breakwater.db.connection import TenantTransaction
from breakwater.domain.times import format_time
from breakwater.errors import NotFound
from breakwater.runtime.api import PUBLIC, Caller, needs
from breakwater.runtime.database import caller_transaction, tenant_transaction
from breakwater.services import acknowledgement_links, acknowledgements, escalation, rota
from breakwater.services.acknowledgement_links import Opened
from breakwater.services.acknowledgements import Acknowledgement, GroupAcknowledgement
from breakwater.services.escalation import EscalationBody, EscalationView
from breakwater.services.rota import OverrideBody, RotaBody, RotaOverride, RotaView

Token = Annotated[str, Path(min_length=1, max_length=100)]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title></head><body><h1>{title}</h1>{rest}</body></html>
"""
_NO_PAGE: dict[int | str, dict[str, Any]] = {
    404: {"description": "The link is not valid, or not any more", "content": {"text/html": {}}}
}


def acknowledge_group(request: GroupAcknowledgement, caller: Caller) -> Alert:
    at = datetime.now(UTC)
    with caller_transaction(caller) as tx:
        return acknowledgements.acknowledge_group(request.group_key, caller, "API", tx, at, note=request.note)


def acknowledge_alert(alert_id: uuid.UUID, request: Acknowledgement, caller: Caller) -> Alert:
    with caller_transaction(caller) as tx:
        return acknowledgements.acknowledge(alert_id, caller, "API", tx, datetime.now(UTC), note=request.note)


def show_acknowledgement(token: Token) -> HTMLResponse:
    """A page with a button, for whoever has a link of a message: it changes nothing by being opened."""
    return _answered(token, acknowledgement_links.open_link)


def use_acknowledgement(token: Token) -> HTMLResponse:
    """What the button does."""
    return _answered(token, acknowledgement_links.use_link)


def get_escalation(caller: Caller) -> EscalationView:
    with caller_transaction(caller) as tx:
        return escalation.settings_view(caller, tx)


def set_escalation(request: EscalationBody, caller: Caller) -> EscalationView:
    with caller_transaction(caller) as tx:
        return escalation.change_settings(request, caller, tx, datetime.now(UTC))


def get_rota(caller: Caller) -> RotaView:
    with caller_transaction(caller) as tx:
        return rota.rota_view(caller, tx, datetime.now(UTC))


def set_rota(request: RotaBody, caller: Caller) -> RotaView:
    with caller_transaction(caller) as tx:
        return rota.set_rota(request, caller, tx, datetime.now(UTC))


def override_rota(request: OverrideBody, caller: Caller) -> RotaOverride:
    with caller_transaction(caller) as tx:
        return rota.add_override(request, caller, tx, datetime.now(UTC))


def cancel_rota_override(override_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        rota.cancel_override(override_id, caller, tx, datetime.now(UTC))


_READS, _MANAGES, _TAKES_UP = needs("alerts:read"), needs("alerts:manage"), needs("alerts:acknowledge")


def add_escalation_routes(api: FastAPI) -> None:
    """Before /alerts/{alert_id}, which would take their paths for an id."""
    for method, path, endpoint, asked in (
        ("POST", "/alerts/acknowledge", acknowledge_group, _TAKES_UP),
        ("POST", "/alerts/{alert_id}/acknowledge", acknowledge_alert, _TAKES_UP),
        ("GET", "/alerts/escalation", get_escalation, _READS),
        ("PUT", "/alerts/escalation", set_escalation, _MANAGES),
        ("GET", "/alerts/rota", get_rota, _READS),
        ("PUT", "/alerts/rota", set_rota, _MANAGES),
    ):
        api.add_api_route(path, endpoint, methods=[method], dependencies=[asked])
    overrides = "/alerts/rota/overrides"
    api.add_api_route(overrides, override_rota, methods=["POST"], status_code=201, dependencies=[_TAKES_UP])
    api.add_api_route(
        f"{overrides}/{{override_id}}",
        cancel_rota_override,
        methods=["DELETE"],
        status_code=204,
        dependencies=[_TAKES_UP],
    )
    for method, page in (("GET", show_acknowledgement), ("POST", use_acknowledgement)):
        api.add_api_route(
            "/acknowledgements/{token}",
            page,
            methods=[method],
            response_class=HTMLResponse,
            responses=_NO_PAGE,
            dependencies=[PUBLIC],
        )


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
