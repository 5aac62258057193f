"""A digest as text and as HTML: the same in both, and names that people chose do nothing to either."""

import re
from datetime import date
from html.parser import HTMLParser

import pytest

from breakwater.domain.digests import Column, Document, Fact, Period, Section, Table
from breakwater.services.digest_rendering import html_of, plain, subject_of, text_of

HOSTILE = '<script>alert(1)</script><img src=x onerror="steal()"> & "Desk"'
HEBREW, ARABIC = "שולחן", "مكتب"


def document(name: str = "Desk A", *, is_over: bool = True, left_out: int = 0) -> Document:
    return Document(
        organisation=f"Firm {name}",
        username=name,
        role="risk_manager",
        period=Period.DAILY,
        starts_on=date(2026, 3, 29),
        begins_at="2026-03-29 00:00 CET",
        ends_at="2026-03-30 00:00 CEST",
        made_at="2026-03-30 07:00 CEST",
        time_zone="Europe/Berlin",
        is_over=is_over,
        sections=(
            Section(
                title="Refusals",
                note=f"As of now, {name}.",
                facts=(Fact(name="Orders", value="12"), Fact(name=name, value=name, is_notable=True)),
                table=Table(
                    columns=(Column(name="Node"), Column(name="Refused", is_number=True)),
                    rows=((name, "1234.50"), ("Desk B", "2")),
                    left_out=left_out,
                ),
            ),
            Section(title="Nothing", note="Nothing came."),
        ),
    )


class _Words(HTMLParser):
    """What somebody reads of a page, and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._is_hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._is_hidden = tag in ("style", "title") or (self._is_hidden and tag != "body")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "title"):
            self._is_hidden = False

    def handle_data(self, data: str) -> None:
        if not self._is_hidden:
            self.words += data.split()


def read(page: str) -> _Words:
    parser = _Words()
    parser.feed(page)
    return parser


def words_of_text(text: str) -> list[str]:
    return [word for word in text.split() if not re.fullmatch(r"[-=]+", word)]


@pytest.mark.parametrize("name", ["Desk A", HOSTILE, f"{HEBREW} {ARABIC}", "交易台", "Línea"])
@pytest.mark.parametrize("left_out", [0, 7])
def test_text_and_html_say_the_same_words(name: str, left_out: int) -> None:
    told = document(name, left_out=left_out, is_over=left_out == 0)
    isolated = str.maketrans("", "", "\u2068\u2069")  # What <bdi> does on the page.
    assert read(html_of(told).translate(isolated)).words == words_of_text(text_of(told).translate(isolated))


def test_a_name_is_no_markup() -> None:
    page = html_of(document(HOSTILE))
    tags = {tag for tag, _ in read(page).tags}
    assert not tags & {"script", "img", "iframe", "link", "object", "a", "form"}
    assert "&lt;script&gt;" in page
    assert "onerror" not in {name for _, attributes in read(page).tags for name in attributes}


def test_nothing_is_loaded_from_anywhere() -> None:
    page = html_of(document())
    assert not {name for _, attributes in read(page).tags for name in attributes} & {
        "src",
        "href",
        "srcset",
        "background",
    }
    assert "url(" not in page
    assert "@import" not in page
    assert "prefers-color-scheme: dark" in page


@pytest.mark.parametrize(
    "name",
    [
        "Desk A\nRefused  0",
        "Desk A\r\nBcc: x@example.com",
        "Desk\u2028A",
        "Desk\u0000\u001b[2J A",
        "\u202eDesk A\u202c",
    ],
)
def test_a_name_stays_on_its_line_and_turns_nothing(name: str) -> None:
    plain_lines = text_of(document("Desk A")).count("\n")
    for text in (text_of(document(name)), html_of(document(name))):
        assert not re.search("[\x00-\x08\x0b-\x1f\u2028\u202a-\u202e]", text)
    assert text_of(document(name)).count("\n") == plain_lines
    assert "\n" not in subject_of(document(name))
    assert "\r" not in subject_of(document(name))


def test_a_name_from_right_to_left_is_closed_off_from_the_figures_beside_it() -> None:
    (line,) = [line for line in text_of(document(HEBREW)).splitlines() if "1234.50" in line]
    assert line.strip().startswith(f"\u2068{HEBREW}\u2069 ")
    assert f"<bdi>{HEBREW}</bdi>" in html_of(document(HEBREW))


def test_columns_stand_below_each_other() -> None:
    lines = text_of(document()).splitlines()
    head = next(line for line in lines if line.startswith("  Node"))
    rows = [line for line in lines if line.startswith("  Desk")]
    assert [line.index(last) + len(last) for line, last in ((rows[0], "1234.50"), (rows[1], "2"))] == [len(head)] * 2


def test_what_wants_looking_at_is_marked_in_both() -> None:
    assert "\n! Desk A" in text_of(document())
    assert '<tr class="notable"><th scope="row">! Desk A' in html_of(document())


def test_what_is_not_over_says_so_and_what_is_left_out_is_counted() -> None:
    assert "It is not over" in text_of(document(is_over=False))
    assert "It is not over" not in text_of(document())
    assert "and 7 more" in text_of(document(left_out=7))


def test_the_subject_says_of_which_day() -> None:
    assert subject_of(document()) == "Firm Desk A: the day Sun 29 Mar 2026"
    weekly = document().model_copy(update={"period": Period.WEEKLY})
    assert subject_of(weekly) == "Firm Desk A: the week from Sun 29 Mar 2026"


def test_letters_that_join_others_stay() -> None:
    assert plain("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\u200c\u062e"  # Two words of Persian that touch.
    assert plain("a\u200bb\ufeffc") == "a b c"


def test_a_document_comes_back_from_where_it_is_kept_as_it_was() -> None:
    assert Document.model_validate(document(HOSTILE).model_dump(mode="json")) == document(HOSTILE)
