"""One delivery is sent: claimed, composed, handed over, and what became of it written down. At least once."""

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta

from breakwater.db.alert_deliveries import Delivery
from breakwater.db.connection import TenantTransaction
from breakwater.domain.alerting import SEVERITIES, Channel
from breakwater.domain.times import nanoseconds
from breakwater.errors import Rejection, Unavailable
from breakwater.services.acknowledgement_links import make_link
from breakwater.services.alert_deliveries import HELD_BACK
from breakwater.services.alert_messages import Parcel
from events.alerts import DeliveryFailed

# Longer than any sender waits: whoever died while he sent is followed by another.
CLAIMED_FOR = timedelta(seconds=60)
RETRY_AFTER_S = (30, 60, 300, 900)
ATTEMPTS_MAX = len(RETRY_AFTER_S) + 1
REASON_LENGTH_MAX = 300
DISABLED = "disabled before it was sent"

type TenantTransactions = Callable[[uuid.UUID], AbstractContextManager[TenantTransaction]]
type Sender = Callable[[Parcel, uuid.UUID], None]  # Of a tenant. A Rejection is final, Unavailable may pass.


class NotTaken(Rejection):
    """Whoever carries it refuses it, and will refuse it again."""

    code = "NOT_TAKEN"


def send_delivery(
    tenant_id: uuid.UUID,
    delivery_id: uuid.UUID,
    *,
    transactions: TenantTransactions,
    senders: Mapping[Channel, Sender],
    now: Callable[[], datetime],
    public_url: str | None = None,
) -> datetime | None:
    """Send it if it is due, together with what goes in the same message; None: nothing is left to do.

    Else when to look again: it is not due yet, somebody else is sending it, or it has failed and is tried again then.
    `public_url`: where the API is, for links that acknowledge; without it a message has none.
    A failure that is final, or the last, is an event (DeliveryFailed), but not of an alert that tells of such failures,
    nor of a push, beside which a mail is sent (decision 123).
    """
    with transactions(tenant_id) as tx:
        parcel = _take(delivery_id, tx, now(), public_url)
        if isinstance(parcel, Parcel) and _attempts(parcel) > ATTEMPTS_MAX:
            # Whoever had claimed it died or broke each time, perhaps behind the sending: it is not sent for ever.
            return _failed(parcel, "it was tried again and again, and nobody lived to say how it went", tx, now())
    if not isinstance(parcel, Parcel):
        return parcel
    try:
        if parcel.channel not in senders:
            raise NotTaken(f"this platform sends nothing by {parcel.channel}")
        senders[parcel.channel](parcel, tenant_id)
    except Rejection as error:
        failure, is_final = error.message, True
    except Unavailable as error:
        failure, is_final = error.message, False
    else:
        with transactions(tenant_id) as tx:
            tx.alert_deliveries.mark(_ids(parcel.deliveries), "SENT", sent_at=now())
        return None
    with transactions(tenant_id) as tx:
        return _failed(parcel, failure, tx, now(), is_final=is_final)


def _take(
    delivery_id: uuid.UUID, tx: TenantTransaction, at: datetime, public_url: str | None
) -> Parcel | datetime | None:
    """Claimed for this sender; or when it can be; or nothing, where it was sent or is not to be."""
    claim = tx.alert_deliveries.lock(delivery_id)
    if claim is None or claim.delivery.state != "DUE":
        return None
    wanted = claim.delivery
    waits_until = max(wanted.due_at, claim.claimed_until or wanted.due_at)
    if waits_until > at:
        return waits_until
    tx.alert_deliveries.suppress_disabled(wanted, at=at, reason=DISABLED)
    # A mail too has one reader: its link speaks for him. Whatever quiet hours held back of a person is one message.
    together = tx.alert_deliveries.claim_of_person if wanted.reason == HELD_BACK else tx.alert_deliveries.claim
    claimed = together(wanted, at=at, until=at + CLAIMED_FOR)
    hook = tx.alert_routing.sealed_hook(wanted.destination) if wanted.channel == "SLACK" else None
    device = tx.push_devices.find(uuid.UUID(wanted.destination)) if wanted.channel == "PUSH" else None
    if not claimed:
        return None
    found = [tx.alerts.find(alert_id) for alert_id in {each.alert_id for each in claimed}]
    alerts = sorted(
        (alert for alert in found if alert is not None),
        key=lambda alert: (SEVERITIES.index(alert.severity), alert.created_at),
        reverse=True,
    )
    for alert in alerts:
        tx.alert_groups.take(alert.alert_id, at)
    parcel = Parcel(wanted.channel, claimed, alerts, tx.alerts.count_gathered(alerts[0].alert_id), hook, device)
    return parcel if public_url is None else replace(parcel, links=_links(parcel, tx, at, public_url))


def _links(parcel: Parcel, tx: TenantTransaction, at: datetime, public_url: str) -> dict[uuid.UUID, str]:
    """Of what the message has room for and nobody has taken up; none where the reader may not."""
    about = {each.alert_id: each for each in parcel.deliveries}
    paths = {
        alert.alert_id: make_link(about[alert.alert_id], tx, at)
        for alert in parcel.linked
        if alert.acknowledged_at is None
    }
    return {alert_id: f"{public_url}{path}" for alert_id, path in paths.items() if path is not None}


def _attempts(parcel: Parcel) -> int:
    return max(each.attempts for each in parcel.deliveries)


def _failed(
    parcel: Parcel, reason: str, tx: TenantTransaction, at: datetime, *, is_final: bool = False
) -> datetime | None:
    attempts = _attempts(parcel)
    if not is_final and attempts < ATTEMPTS_MAX:
        again_at = at + timedelta(seconds=RETRY_AFTER_S[attempts - 1])
        tx.alert_deliveries.mark(_ids(parcel.deliveries), "DUE", due_at=again_at)
        return again_at
    tx.alert_deliveries.mark(_ids(parcel.deliveries), "FAILED", reason=reason[:REASON_LENGTH_MAX])
    about = {alert.alert_id: alert for alert in parcel.alerts}
    for each in parcel.deliveries:
        alert = about[each.alert_id]
        if alert.category == "COMMUNICATION" or each.channel == "PUSH":
            continue
        tx.outbox.add(
            DeliveryFailed(
                alert_id=each.alert_id,
                delivery_id=each.delivery_id,
                channel=each.channel,  # type: ignore[arg-type]  # The others have no deliveries.
                destination=each.destination,
                reason=reason[:REASON_LENGTH_MAX],
                attempts=each.attempts,
            ),
            aggregate_id=each.delivery_id,
            account_id=None,
            correlation_id=alert.correlation_id,
            occurred_at_ns=nanoseconds(at),
        )
    return None


def _ids(deliveries: list[Delivery]) -> list[uuid.UUID]:
    return [each.delivery_id for each in deliveries]
