"""The routes of alerting that change who hears: the matrix, channels, suppression, and one's own contact.

The function `alerting` has them.
"""

import secrets
import uuid
from datetime import UTC, datetime

from fastapi import FastAPI

from breakwater.db.alert_routing import SlackChannel, Suppression
from breakwater.errors import InvalidRequest
from breakwater.runtime.alert_senders import send_text
from breakwater.runtime.api import SIGNED_IN, Caller, needs
from breakwater.runtime.database import caller_transaction, transactions_of
from breakwater.runtime.push import push_public_key
from breakwater.runtime.slack import check_hook, seal_hook
from breakwater.runtime.webhooks import webhook_caller
from breakwater.services import alert_contacts, alert_routing, push_devices
from breakwater.services.alert_contacts import (
    CODE_DIGITS,
    ContactRequest,
    ContactView,
    PhoneCodeRequest,
    PhoneRequest,
)
from breakwater.services.alert_routing import (
    AlertRoutes,
    NewSlackChannel,
    NewSuppression,
    SlackChannels,
    Suppressions,
)
from breakwater.services.alert_sending import NotTaken
from breakwater.services.push_devices import NewPushDevice, PushDevices, PushDeviceView


def get_alert_routes(caller: Caller) -> AlertRoutes:
    with caller_transaction(caller) as tx:
        return alert_routing.routes(caller, tx)


def set_alert_routes(request: AlertRoutes, caller: Caller) -> AlertRoutes:
    with caller_transaction(caller) as tx:
        return alert_routing.set_routes(request, caller, tx, datetime.now(UTC))


def list_alert_channels(caller: Caller) -> SlackChannels:
    with caller_transaction(caller) as tx:
        return alert_routing.slack_channels(caller, tx)


def add_alert_channel(request: NewSlackChannel, caller: Caller) -> SlackChannel:
    return alert_routing.add_slack_channel(
        request,
        caller,
        transactions_of(caller.actor),
        check_hook=check_hook,
        seal_hook=seal_hook,
        at=datetime.now(UTC),
    )


def remove_alert_channel(channel_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        alert_routing.remove_slack_channel(channel_id, caller, tx, datetime.now(UTC))


def list_suppressions(caller: Caller) -> Suppressions:
    with caller_transaction(caller) as tx:
        return alert_routing.suppressions(caller, tx)


def suppress_alerts(request: NewSuppression, caller: Caller) -> Suppression:
    with caller_transaction(caller) as tx:
        return alert_routing.suppress(request, caller, tx, datetime.now(UTC))


def end_suppression(suppression_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        alert_routing.end_suppression(suppression_id, caller, tx, datetime.now(UTC))


def get_own_contact(caller: Caller) -> ContactView:
    with caller_transaction(caller) as tx:
        return alert_contacts.contact(caller, tx)


def change_own_contact(request: ContactRequest, caller: Caller) -> ContactView:
    with caller_transaction(caller) as tx:
        return alert_contacts.change_contact(request, caller, tx, datetime.now(UTC))


def send_phone_code(request: PhoneRequest, caller: Caller) -> None:
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    with caller_transaction(caller) as tx:
        alert_contacts.start_phone(request, caller, tx, code=code, at=datetime.now(UTC))
    try:
        send_text(request.phone, f"{code} is your code for alerts of Breakwater. It lasts 10 minutes.")
    except NotTaken as error:
        raise InvalidRequest("no text message can be sent to this number", field="phone") from error


def confirm_phone(request: PhoneCodeRequest, caller: Caller) -> ContactView:
    """A wrong code is counted, so what is refused is refused behind the commit."""
    with caller_transaction(caller) as tx:
        is_right = alert_contacts.confirm_phone(request.code, caller, tx, datetime.now(UTC))
        shown = alert_contacts.contact(caller, tx)
    if not is_right:
        raise InvalidRequest("the code is not the one that was sent, or its time or its tries are over", field="code")
    return shown


def remove_phone(caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        alert_contacts.remove_phone(caller, tx, datetime.now(UTC))


def list_push_devices(caller: Caller) -> PushDevices:
    public_key = push_public_key()
    with caller_transaction(caller) as tx:
        return push_devices.devices(caller, tx, public_key=public_key)


def register_push_device(request: NewPushDevice, caller: Caller) -> PushDeviceView:
    """Alerts reach this browser from now on. The same one a second time is the same device."""
    push_devices.check_device(request, caller, webhook_caller().check)
    with caller_transaction(caller) as tx:
        return push_devices.register(request, caller, tx, datetime.now(UTC))


def remove_push_device(device_id: uuid.UUID, caller: Caller) -> None:
    with caller_transaction(caller) as tx:
        push_devices.remove(device_id, caller, tx, datetime.now(UTC))


def add_alert_routes(api: FastAPI) -> None:
    """Before the routes below /alerts/{alert_id}, which would take the names for ids."""
    reads, manages = [needs("alerts:read")], [needs("alerts:manage")]
    api.get("/alerts/routes", dependencies=reads)(get_alert_routes)
    api.put("/alerts/routes", dependencies=manages)(set_alert_routes)
    api.get("/alerts/channels", dependencies=reads)(list_alert_channels)
    api.post("/alerts/channels", status_code=201, dependencies=manages)(add_alert_channel)
    api.delete("/alerts/channels/{channel_id}", status_code=204, dependencies=manages)(remove_alert_channel)
    api.get("/alerts/suppressions", dependencies=reads)(list_suppressions)
    api.post("/alerts/suppressions", status_code=201, dependencies=manages)(suppress_alerts)
    api.delete("/alerts/suppressions/{suppression_id}", status_code=204, dependencies=manages)(end_suppression)
    api.get("/contacts/me", dependencies=[SIGNED_IN])(get_own_contact)
    api.put("/contacts/me", dependencies=[SIGNED_IN])(change_own_contact)
    api.post("/contacts/me/phone", status_code=204, dependencies=[SIGNED_IN])(send_phone_code)
    api.post("/contacts/me/phone/verify", dependencies=[SIGNED_IN])(confirm_phone)
    api.delete("/contacts/me/phone", status_code=204, dependencies=[SIGNED_IN])(remove_phone)
    api.get("/contacts/me/push", dependencies=[SIGNED_IN])(list_push_devices)
    api.post("/contacts/me/push", status_code=201, dependencies=[SIGNED_IN])(register_push_device)
    api.delete("/contacts/me/push/{device_id}", status_code=204, dependencies=[SIGNED_IN])(remove_push_device)
