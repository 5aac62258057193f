"""What went wrong for the organisation: degraded modes, orders that nothing is known of, and its alerts."""

from collections.abc import Iterable

from breakwater.domain.digests import Fact, Section
from breakwater.services.digest_sections.scene import Scene
from breakwater.services.digest_sections.tables import table

GRAVE = ("ERROR", "CRITICAL")


def degraded(scene: Scene) -> Iterable[Section]:
    rows = [
        (
            scene.time(event["occurred_at_ns"]),
            event["payload"]["kind"],
            f"{event['payload']['mode_before']} to {event['payload']['mode']}",
            str(event["payload"]["provisional_orders"]),
        )
        for event in scene.figures.limit_events(("limits.DegradedModeChanged.v1",))
    ]
    unsettled = scene.figures.unsettled_orders(scene.at)
    facts = (
        Fact(name="Changes of degraded modes", value=str(len(rows)), is_notable=bool(rows)),
        Fact(name="Orders that nothing is known of now", value=str(unsettled), is_notable=unsettled > 0),
    )
    columns = ("When", "Of", "Change", "+Orders beside the ledger")
    yield Section(title="Health", facts=facts, table=table(columns, rows) if rows else None)


def alerts(scene: Scene) -> Iterable[Section]:
    found = scene.figures.alerts(scene.own_accounts)
    grave = [each for each in found if each.severity in GRAVE]
    untouched = sum(each.alerts - each.acknowledged for each in grave)
    untold = sum(each.untold for each in found)
    facts = (
        Fact(name="Alerts", value=str(sum(each.alerts for each in found))),
        Fact(name="Of them grave", value=str(sum(each.alerts for each in grave))),
        Fact(name="Grave and acknowledged by nobody", value=str(untouched), is_notable=untouched > 0),
        Fact(name="Messages that could not be sent", value=str(untold), is_notable=untold > 0),
    )
    rows = [
        (each.severity, each.kind, str(each.alerts), str(each.acknowledged), str(each.alerts - each.acknowledged))
        for each in found
    ]
    columns = ("Severity", "Kind", "+Alerts", "+Acknowledged", "+By nobody")
    yield Section(title="Alerts", facts=facts, table=table(columns, rows) if rows else None)
