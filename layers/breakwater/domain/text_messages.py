"""Text messages: cut to two segments, in letters of which each costs one place (GSM 03.38; 3GPP TS 23.038, 6.2.1)."""

PLACES_MAX = 2 * 153  # A segment has 160, and 153 where it says which one of several it is.
_COSTS_TWO = frozenset("[]{}^|~\\")
_NOT_THERE = frozenset("`")


def text_message(text: str, end: str = "") -> str:
    """One line of letters that phones show without an alphabet of their own, of at most two segments.

    `end` stays whole, as a link must. ValueError where nothing would stay beside it, or it has other letters.
    """
    places_max = PLACES_MAX - _places(list(end))
    if places_max < len("...") or not all(" " <= letter <= "~" and letter not in _NOT_THERE for letter in end):
        raise ValueError("this is no end of a text message")
    letters = [
        letter if " " <= letter <= "~" and letter not in _NOT_THERE else "?" for letter in " ".join(text.split())
    ]
    if _places(letters) <= places_max:
        return "".join(letters) + end
    while _places(letters) > places_max - len("..."):
        letters.pop()
    return "".join(letters) + "..." + end


def _places(letters: list[str]) -> int:
    return sum(2 if letter in _COSTS_TWO else 1 for letter in letters)
