"""`split_cheapest` as Python sees it; its rules are tested in the core, and against all units in test_route.py."""

import pytest
from matching_core import split_cheapest


def test_a_split_says_of_each_book_what_to_take_and_from_how_many_levels() -> None:
    books = [((100, 5), (103, 5)), (), [(101, 4), (102, 9)]]

    assert split_cheapest(books, [1, 1, 1], 11) == [(5, 1), (0, 0), (6, 2)]


@pytest.mark.parametrize(
    ("books", "unit_costs", "error"),
    [
        ([((100, 5),)], [], ValueError),
        ([((100, 5, 1),)], [1], TypeError),
        ([((100.5, 5),)], [1], TypeError),
        ([((100, 1 << 63),)], [1], TypeError),
        ([((100, 5),)], [1 << 63], TypeError),
    ],
)
def test_what_is_no_book_is_refused(books: object, unit_costs: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        split_cheapest(books, unit_costs, 1)  # type: ignore[arg-type]
