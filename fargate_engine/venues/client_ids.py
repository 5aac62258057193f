"""Our order ids as client order ids of venues, and back.

bw + 32 hex digits      an order as it was placed
b + those + 3 digits    the same order under the terms of its replace of that number, where the venue renames it
"""

import uuid

PREFIX = "bw"  # Tells our orders from those that somebody placed by hand.
_RENAMED_PREFIX = "b"  # With it and a number an id has all of the 36 characters that Binance takes.
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_NUMBER_DIGITS = 3  # 46,655 replaces of an order; the platform takes 10,000.
_HEX_DIGITS = 32


def client_id_of(order_id: uuid.UUID, replace_no: int = 0) -> str:
    """`replace_no`: the replace whose terms it has; 0 for those it was placed with. ValueError beyond what fits."""
    if replace_no == 0:
        return PREFIX + order_id.hex
    left, digits = replace_no, ""
    for _ in range(_NUMBER_DIGITS):
        left, digit = divmod(left, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    if left:
        raise ValueError(f"an id has no room for replace {replace_no}")
    return _RENAMED_PREFIX + order_id.hex + digits


def order_id_of(client_id: str | None) -> uuid.UUID | None:
    """None for an id that we did not make."""
    return None if client_id is None else _read(client_id)[0]


def replace_no_of(client_id: str) -> int:
    """The replace whose terms an order has under this id; 0 also for an id that we did not make."""
    return _read(client_id)[1]


def _read(client_id: str) -> tuple[uuid.UUID | None, int]:
    replace_no = 0
    if len(client_id) == len(PREFIX) + _HEX_DIGITS:
        digits = client_id.removeprefix(PREFIX)
    elif len(client_id) == len(_RENAMED_PREFIX) + _HEX_DIGITS + _NUMBER_DIGITS:
        digits = client_id.removeprefix(_RENAMED_PREFIX)[:_HEX_DIGITS]
        for letter in client_id[-_NUMBER_DIGITS:]:
            replace_no = replace_no * len(_DIGITS) + _DIGITS.find(letter)  # One that is none makes another id below.
    else:
        return None, 0
    try:
        order_id = uuid.UUID(digits)
    except ValueError:
        return None, 0
    is_ours = client_id_of(order_id, max(replace_no, 0)) == client_id
    return (order_id, replace_no) if is_ours else (None, 0)
