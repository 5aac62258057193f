"""Every published contract.

`python -m events.catalogue` writes new ones to events/schemas; a published file never changes.
"""

import json
from pathlib import Path

from events.accounts import AccountOpened
from events.alerts import (
    AlertAcknowledged,
    AlertEscalated,
    AlertRaised,
    AlertRaisedBefore,
    AlertSettingsChanged,
    DeliveryFailed,
    EscalationChanged,
    IncidentCalled,
    NobodyOnCall,
    RotaChanged,
)
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
    PushDeviceChanged,
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
    LimitBreachedByLoss,
    LimitChanged,
    NodeStateChanged,
    OverrideChanged,
    OverrideOfParametersChanged,
    ProvisionalOrderBooked,
    RiskTermsChanged,
    ScopeChanged,
)
from events.operations import ReadModelsRebuilt, RedriveRequested, ReplayRequested
from events.orders import (
    ChildOrderChanged,
    ChildOrderFilled,
    ExecutionMeasured,
    OrderAccepted,
    OrderCanceled,
    OrderEndSet,
    OrderExpired,
    OrderLeased,
    OrderPlaced,
    OrderRefused,
    OrderRejected,
    OrderReplaced,
    OrderReplaceRejected,
    OrderRestated,
    TradeExecuted,
)
from events.security import KeyUsedFromElsewhere, SignInsRefused
from events.system import DriftFound, HealthChanged, MetricCrossed, MetricRuleChanged
from events.trades import TradeFailed
from events.users import GroupChanged, InvitedAgain, OrganisationProvisioned, PermissionsUpdated
from events.webhooks import EndpointChanged, EndpointPaused, EventGivenUp, Ping, QueueOverflowed

CATALOGUE: tuple[type[Event], ...] = (
    OrderPlaced,
    OrderEndSet,
    OrderLeased,
    OrderRefused,
    OrderAccepted,
    OrderRejected,
    OrderCanceled,
    OrderReplaced,
    OrderReplaceRejected,
    OrderRestated,
    OrderExpired,
    TradeExecuted,
    ChildOrderChanged,
    ChildOrderFilled,
    ExecutionMeasured,
    AccountOpened,
    LimitBreached,
    LimitBreachedByLoss,
    LeaseChanged,
    LimitChanged,
    NodeStateChanged,
    OverrideChanged,
    OverrideOfParametersChanged,
    RiskTermsChanged,
    ScopeChanged,
    DeadManExpired,
    ExternalFillBooked,
    DegradedModeChanged,
    ProvisionalOrderBooked,
    AlertRaisedBefore,
    AlertRaised,
    AlertAcknowledged,
    AlertEscalated,
    IncidentCalled,
    EscalationChanged,
    RotaChanged,
    NobodyOnCall,
    DeliveryFailed,
    AlertSettingsChanged,
    SignedIn,
    SignInFailed,
    SignedOut,
    SessionEnded,
    SecondFactorChanged,
    ChatLinkChanged,
    PushDeviceChanged,
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
    RedriveRequested,
    ReplayRequested,
    ReadModelsRebuilt,
    Ping,
    EndpointChanged,
    EndpointPaused,
    EventGivenUp,
    QueueOverflowed,
    TradeFailed,
    HealthChanged,
    DriftFound,
    MetricCrossed,
    MetricRuleChanged,
    SignInsRefused,
    KeyUsedFromElsewhere,
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
