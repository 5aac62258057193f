"""Alerts raised and sent at times that a test says, by ways that remember what they were given."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from breakwater.db.alert_deliveries import Delivery
from breakwater.db.alerts import Alert
from breakwater.db.connection import Database
from breakwater.domain.alerting import Channel
from breakwater.errors import BreakwaterError
from breakwater.services import escalation
from breakwater.services.alert_messages import Parcel
from breakwater.services.alert_sending import send_delivery
from breakwater.services.alert_telling import Told
from breakwater.services.alerts import raise_alert
from tests.integration.alerts.one_alert import an_alert


@dataclass
class Outgoing:
    """`failure`: what each way answers, if not that it took it."""

    parcels: list[Parcel] = field(default_factory=list)
    failure: BreakwaterError | None = None

    def take(self, parcel: Parcel, _tenant_id: uuid.UUID) -> None:
        if self.failure is not None:
            raise self.failure
        self.parcels.append(parcel)


class Platform:
    """One organisation with a new name for each test: what other tests left behind is not its own."""

    def __init__(self, database: Database) -> None:
        self.database, self.tenant_id, self.outgoing = database, uuid.uuid4(), Outgoing()
        with database.tenant_transaction(self.tenant_id) as tx:
            tx.identity.save_organisation(str(self.tenant_id))

    def person(self, role: str, **contact: Any) -> uuid.UUID:
        """`contact`: columns of alerts.contacts. His address begins with his role."""
        user_id = uuid.uuid4()
        name = f"{role.replace('_', '-')}-{user_id.hex[:8]}"
        with self.database.tenant_transaction(self.tenant_id) as tx:
            assert tx.people.add(user_id, name, name, f"{name}@firm.example", role)
            if contact:
                columns = ", ".join(contact)
                tx.connection.execute(
                    f"INSERT INTO alerts.contacts (user_id, tenant_id, {columns})"
                    f" VALUES (%s, %s, {', '.join(['%s'] * len(contact))})",
                    (user_id, self.tenant_id, *contact.values()),
                )
        return user_id

    def raise_alert(self, at: datetime, database: Database | None = None, **otherwise: Any) -> tuple[Alert, Told]:
        alert = an_alert(uuid.uuid4(), created_at=at, **otherwise)
        with (database or self.database).tenant_transaction(self.tenant_id) as tx:
            told = raise_alert(alert, tx, at)
            escalation.begin(alert, tx, at, escalates=told.escalates)
            return alert, told

    def send(
        self, deliveries: Sequence[Delivery], at: datetime, *channels: Channel, public_url: str | None = None
    ) -> list[datetime | None]:
        """As the queue would have it done; when each is to be looked at again."""
        senders = dict.fromkeys(channels or ("EMAIL", "SMS", "SLACK", "TELEGRAM", "PUSH"), self.outgoing.take)
        return [
            send_delivery(
                self.tenant_id,
                each.delivery_id,
                transactions=self.database.tenant_transaction,
                senders=senders,
                now=lambda: at,
                public_url=public_url,
            )
            for each in deliveries
        ]

    def deliveries(self, alert: Alert) -> list[Delivery]:
        with self.database.tenant_transaction(self.tenant_id) as tx:
            return tx.alert_deliveries.of_alert(alert.alert_id)

    def failures(self) -> list[dict[str, Any]]:
        """The events that tell of them."""
        with self.database.tenant_transaction(self.tenant_id) as tx:
            rows = tx.connection.execute(
                "SELECT payload FROM trading.events WHERE tenant_id = %s AND topic = 'alerts.DeliveryFailed.v1'",
                (self.tenant_id,),
            ).fetchall()
        return [row[0] for row in rows]
