"""How a request to a venue can fail. The difference that matters is whether an order may be there now.

VenueRefused (Rejection)       the venue said no: nothing is there
└── KeyRefused                 it does not take the key, whatever is asked with it
NotAtVenue (Rejection)         it has no such order
NotSent (Unavailable)          nothing is there: it was kept back here, or turned away before it was looked at
└── ClockRefused               it came too late, or from the future
OutcomeUnknown (Unavailable)   it may be there
└── ListTooLong                a list goes on beyond what is read of one: what it does not show may be there
"""

from breakwater.errors import NotFound, Rejection, Unavailable


class VenueRefused(Rejection):
    """`code` is ours (docs/venues.md); the message has the venue's words."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class KeyRefused(VenueRefused):
    """It is unknown there, or does not sign as it should."""


class NotAtVenue(NotFound):
    code = "NOT_AT_VENUE"


class NotSent(Unavailable):
    code = "VENUE_BUSY"


class ClockRefused(NotSent):
    """This copy of the request was turned away. An order is asked about nevertheless: a hop may have sent another."""

    code = "VENUE_CLOCK"


class OutcomeUnknown(Unavailable):
    code = "VENUE_UNREACHABLE"


class ListTooLong(OutcomeUnknown):
    code = "VENUE_LIST_TOO_LONG"
