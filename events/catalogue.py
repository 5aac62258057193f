"""Every published contract.

`python -m events.catalogue` writes new ones to events/schemas; a published file never changes.
"""

import json
from pathlib import Path

from events.alerts import AlertRaised
from events.audit import (
    CancelRequested,
    ReplaceRequested,
    SensitiveDataRead,
    TrailExported,
    TrailResumed,
    TrailResumptionAsked,
)
from events.envelope import Event
from events.identity import (
    ApiKeyChanged,
    ApiKeyRotated,
    ChatLinkChanged,
    ExchangeCredentialAccessChanged,
    ExchangeCredentialChanged,
    OAuthClientChanged,
    OAuthTokenIssued,
    OAuthTokenRefused,
    SecondFactorChanged,
    SessionEnded,
    SignedIn,
    SignedOut,
    SignInFailed,
)
from events.limits import (
    DeadManExpired,
    DegradedModeChanged,
    ExternalFillBooked,
    LeaseChanged,
    LimitBreached,
    LimitChanged,
    NodeStateChanged,
    OverrideChanged,
    ProvisionalOrderBooked,
    RiskTermsChanged,
    ScopeChanged,
)
from events.orders import (
    ChildOrderChanged,
    ChildOrderFilled,
    ExecutionMeasured,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderLeased,
    OrderPlaced,
    OrderRefused,
    OrderRejected,
    OrderReplaced,
    OrderReplaceRejected,
    TradeExecuted,
)
from events.users import GroupChanged, InvitedAgain, OrganisationProvisioned, PermissionsUpdated

CATALOGUE: tuple[type[Event], ...] = (
    OrderPlaced,
    OrderLeased,
    OrderRefused,
    OrderAccepted,
    OrderRejected,
    OrderCanceled,
    OrderReplaced,
    OrderReplaceRejected,
    OrderExpired,
    TradeExecuted,
    ChildOrderChanged,
    ChildOrderFilled,
    ExecutionMeasured,
    LimitBreached,
    LeaseChanged,
    LimitChanged,
    NodeStateChanged,
    OverrideChanged,
    RiskTermsChanged,
    ScopeChanged,
    DeadManExpired,
    ExternalFillBooked,
    DegradedModeChanged,
    ProvisionalOrderBooked,
    AlertRaised,
    SignedIn,
    SignInFailed,
    SignedOut,
    SessionEnded,
    SecondFactorChanged,
    ChatLinkChanged,
    ApiKeyChanged,
    ApiKeyRotated,
    ExchangeCredentialAccessChanged,
    OAuthClientChanged,
    OAuthTokenIssued,
    OAuthTokenRefused,
    SensitiveDataRead,
    TrailExported,
    TrailResumed,
    TrailResumptionAsked,
    CancelRequested,
    ReplaceRequested,
    PermissionsUpdated,
    ExchangeCredentialChanged,
    InvitedAgain,
    GroupChanged,
    OrganisationProvisioned,
)
SCHEMAS = Path(__file__).parent / "schemas"


def schema_text(event: type[Event]) -> str:
    return json.dumps(event.model_json_schema(), indent=2, sort_keys=True) + "\n"


def publish(folder: Path = SCHEMAS) -> list[str]:
    """Write the schema of every contract that has none yet; return their topics."""
    published = []
    for event in CATALOGUE:
        path = folder / f"{event.topic}.json"
        if not path.exists():
            path.write_text(schema_text(event))
            published.append(event.topic)
    return published


if __name__ == "__main__":
    for topic in publish():
        print(f"published {topic}")
