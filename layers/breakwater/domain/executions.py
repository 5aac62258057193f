"""How a parent order is worked: the rule by which the engine makes its child orders (FIX TargetStrategy, 847).

An order with an execution goes to the router, is reserved for once as a whole, and never trades beyond what was
reserved for; what its rule makes of it are children, which no limit counts again (decision 96).
"""

import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from breakwater.domain.ids import ClientOrderId
from breakwater.domain.money import Amount
from breakwater.domain.wrong_fields import wrong_field

VenueName = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_]{1,16}$")]
ROUTER_VENUE: VenueName = "SOR"
VENUES_MAX = 16
DURATION_S_MAX = 7 * 24 * 3600
Percent = Annotated[Amount, Field(gt=0, lt=100)]


class _Execution(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    # Empty: every venue that trades the symbol, but for the engine's own book. Children go nowhere else.
    venues: tuple[VenueName, ...] = Field(default=(), max_length=VENUES_MAX)

    @model_validator(mode="after")
    def _real_venues(self) -> Self:
        if ROUTER_VENUE in self.venues:
            raise wrong_field("venues", f"{ROUTER_VENUE} is no venue that trades")
        if len(set(self.venues)) < len(self.venues):
            raise wrong_field("venues", "a venue is named twice")
        return self


class Route(_Execution):
    """Now, over several venues at once.

    BEST: each part where it costs least with its fees, as long as that lies within the order's price; an order that may
    rest does so at the venue with the lowest maker fee.
    IMPROVE: rests at the best price of its own side for `patience_s`, then as BEST.
    SEEK: takes everything within its price at every venue at once, then rests with what is left.
    LEAST_COST: as BEST, but rests for `patience_s` wherever maker fee and spread make that cheaper than to take.
    """

    algorithm: Literal["BEST", "IMPROVE", "SEEK", "LEAST_COST"] = "BEST"
    patience_s: int = Field(default=5, ge=1, le=3600)


class Twap(_Execution):
    """Equal parts at equal times over `duration_s`."""

    algorithm: Literal["TWAP"]
    duration_s: int = Field(ge=10, le=DURATION_S_MAX)
    slices: int | None = Field(default=None, ge=2, le=1_000)  # None: one in 30 s, and two at least.
    start_at: AwareDatetime | None = None


class Vwap(_Execution):
    """Over `duration_s` in proportion to the volume that the market had at these times before."""

    algorithm: Literal["VWAP"]
    duration_s: int = Field(ge=60, le=DURATION_S_MAX)
    start_at: AwareDatetime | None = None


class PercentageOfVolume(_Execution):
    """`percent` of what trades in the market while it works, own fills included; ends after `duration_s`."""

    algorithm: Literal["POV"]
    percent: Percent
    duration_s: int = Field(default=24 * 3600, ge=10, le=DURATION_S_MAX)


class Iceberg(_Execution):
    """Shows `display_qty` (FIX DisplayQty, 1138) at a time, at its own price, at one venue."""

    algorithm: Literal["ICEBERG"]
    display_qty: Annotated[Amount, Field(gt=0)]


type TriggerBy = Literal["LAST", "BEST"]
# LAST: the last trade. BEST: the best price that the order could trade at. Both over all of its venues.


class _Exit(_Execution):
    trigger_by: TriggerBy = "LAST"
    # The order whose fills it exits from: until that has filled it waits, and it never trades more than that.
    after: uuid.UUID | None = None


class Stop(_Exit):
    """Waits until the market reaches `stop_px` (FIX StopPx, 99) against it, then goes as MARKET or LIMIT."""

    algorithm: Literal["STOP"]
    stop_px: Annotated[Amount, Field(gt=0)]


class TakeProfit(_Exit):
    """Waits until the market reaches `stop_px` in its favour, then goes as MARKET or LIMIT."""

    algorithm: Literal["TAKE_PROFIT"]
    stop_px: Annotated[Amount, Field(gt=0)]


class TrailingStop(_Exit):
    """A stop that follows the best price since it began, `offset` in price or in `percent` behind it, and never back.

    With `entry_px` and `target_px` profit is locked in steps: half of the way to the target moves the stop to what half
    of the profit at hand would be (+50 %), all of it to 80 % of it (+80 %).
    """

    algorithm: Literal["TRAILING_STOP"]
    offset: Annotated[Amount, Field(gt=0)] | None = None
    percent: Percent | None = None
    entry_px: Annotated[Amount, Field(gt=0)] | None = None
    target_px: Annotated[Amount, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_distance(self) -> Self:
        if (self.offset is None) == (self.percent is None):
            raise wrong_field("offset", "a trailing stop has either an offset or a percent")
        if (self.entry_px is None) != (self.target_px is None):
            raise wrong_field("target_px", "entry_px and target_px go together")
        if self.entry_px is not None and self.entry_px == self.target_px:
            raise wrong_field("target_px", "target_px must differ from entry_px")
        return self


class Oco(_Exit):
    """One cancels the other: rests at the order's own price to take profit, and stops at `stop_px`.

    Reserved once, because only one of the two can trade a unit. `stop_limit_px`: where the stop may trade at worst;
    None: anywhere within what was reserved. A client to whom it is a list of two orders has names for these, too: the
    exchange-compatible endpoint shows them under them (decision 97).
    """

    algorithm: Literal["OCO"]
    stop_px: Annotated[Amount, Field(gt=0)]
    stop_limit_px: Annotated[Amount, Field(gt=0)] | None = None
    limit_client_order_id: ClientOrderId | None = None
    stop_client_order_id: ClientOrderId | None = None

    @model_validator(mode="after")
    def _two_names(self) -> Self:
        if (self.limit_client_order_id is None) != (self.stop_client_order_id is None):
            raise wrong_field("stop_client_order_id", "limit_client_order_id and stop_client_order_id go together")
        if self.limit_client_order_id is not None and self.limit_client_order_id == self.stop_client_order_id:
            raise wrong_field("stop_client_order_id", "limit_client_order_id and stop_client_order_id must differ")
        return self


type Execution = Annotated[
    Route | Twap | Vwap | PercentageOfVolume | Iceberg | Stop | TakeProfit | TrailingStop | Oco,
    Field(discriminator="algorithm"),
]
EXITS = (Stop, TakeProfit, TrailingStop, Oco)
SLICED = (Twap, Vwap, PercentageOfVolume)
_ANY: TypeAdapter[Execution] = TypeAdapter(Execution)


def read_execution(told: object) -> Execution:
    """One from its JSON."""
    return _ANY.validate_python(told)


def execution_fields(execution: Execution) -> dict[str, Any]:
    """As JSON has it, without what was not said, amounts normalised: equal for equal requests."""
    told = execution.model_dump(mode="json", exclude_none=True)
    told["algorithm"] = execution.algorithm
    return {
        name: format(value.normalize(), "f") if isinstance(value := getattr(execution, name), Decimal) else told[name]
        for name in sorted(told)
    }
