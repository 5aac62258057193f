"""How the platform itself does, for who operates it."""

from collections.abc import Iterable, Mapping, Sequence

from breakwater.domain.digests import Fact, Section
from breakwater.services.digest_sections.scene import Scene, shown_time
from breakwater.services.digest_sections.tables import UNKNOWN, counted, table

WAITING_S_MAX = 60  # An event that waits longer says that the relay does not keep up.


def platform(scene: Scene) -> Iterable[Section]:
    if scene.platform is None:  # Whose role has changed a moment ago.
        yield Section(title="The platform", note="It was not asked.")
        return
    state = scene.platform.state
    oldest = state.oldest_event_s or 0.0
    facts = [
        Fact(name="Organisations", value=str(state.organisations)),
        _engine(scene.platform.unserved_shards),
        Fact(name="Events that wait for the relay", value=str(state.events_waiting)),
        Fact(name="The oldest of them waits", value=f"{oldest:.0f} s", is_notable=oldest > WAITING_S_MAX),
        counted("Orders that nothing is known of", state.orders_unsettled),
        counted("Organisations in a degraded mode", state.degraded),
        counted("Audit trails that are behind", state.trails_behind),
        counted("Digests that could not be mailed in 7 days", state.digests_failed),
    ]
    yield Section(title="The platform", note=f"As of {shown_time(scene.at, scene.zone)}.", facts=tuple(facts))
    yield _dead_letters(scene.platform.dead_letters)


def _engine(unserved: Sequence[int] | None) -> Fact:
    if unserved is None:
        return Fact(name="Engine", value="DOWN", is_notable=True)
    if unserved:
        return Fact(name="Engine", value=f"DEGRADED: shards {', '.join(map(str, unserved))}", is_notable=True)
    return Fact(name="Engine", value="UP")


def _dead_letters(found: Mapping[str, int] | None) -> Section:
    if found is None:
        return Section(title="Dead letters", facts=(Fact(name="Messages", value=UNKNOWN, is_notable=True),))
    rows = [(queue, str(count)) for queue, count in sorted(found.items()) if count]
    facts = (counted("Messages", sum(found.values())),)
    return Section(title="Dead letters", facts=facts, table=table(("Queue", "+Messages"), rows) if rows else None)
