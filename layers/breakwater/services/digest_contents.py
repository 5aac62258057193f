"""What stands in a digest: for each role the sections that it is to read, each within what its reader may see.

They are asked in the reader's own name, by what answers him at the API as well. Amounts are exact; what needs a price
that was never observed is called unknown.
"""

from collections.abc import Callable, Iterable, Mapping

from breakwater.domain.digests import Section
from breakwater.domain.permissions import Role
from breakwater.services.digest_sections import health, limits, people, platform, trading
from breakwater.services.digest_sections.scene import Scene


def sections(scene: Scene) -> tuple[Section, ...]:
    """By the reader's role."""
    return tuple(section for part in _PARTS[scene.caller.role] for section in part(scene))


type _Part = Callable[[Scene], Iterable[Section]]
_TRADING: tuple[_Part, ...] = (trading.performance, trading.positions, limits.refusals, limits.limits_used)
_PARTS: Mapping[str, tuple[_Part, ...]] = {
    Role.TRADER: (*_TRADING, health.alerts),
    Role.VIEWER: (*_TRADING, health.alerts),
    Role.DESK_HEAD: (*_TRADING, limits.stops, health.alerts),
    Role.FUND_MANAGER: (*_TRADING, limits.stops, health.alerts),
    Role.RISK_MANAGER: (
        *(limits.refusals, limits.limits_used, limits.stops, limits.overrides, limits.limit_changes, health.degraded),
        *(trading.performance, trading.positions, health.alerts),
    ),
    Role.ORGANISATION_ADMIN: (trading.performance, people.people, people.keys, health.degraded, health.alerts),
    Role.SYSTEM_ADMIN: (platform.platform,),
    Role.AUDITOR: (
        *(people.sign_ins, people.permission_changes, people.credential_changes, people.readings, people.trail),
        *(limits.stops, limits.overrides, limits.limit_changes),
    ),
}
