# SPDX-License-Identifier: BSD-3-Clause
"""Tables as notebooks show them, and names that are told apart."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.text import Html, Row, bold, html_table, shade, shortened, unique


def cells(page: str, tag: str) -> list[str]:
    return ["".join(cell.itertext()) for cell in ElementTree.fromstring(page).iter(tag)]


def sides(page: str, tag: str) -> list[str]:
    styles = [cell.attrib["style"] for cell in ElementTree.fromstring(page).iter(tag)]
    return [style.rpartition("text-align:")[2] for style in styles]


def test_text_stands_left_and_numbers_right_with_their_headings() -> None:
    page = html_table(("port", "frames"), [("a", "1,000"), ("b", "2")], "lr")
    assert cells(page, "th") == ["port", "frames"]
    assert cells(page, "td") == ["a", "1,000", "b", "2"]
    assert sides(page, "th") == ["left", "right"]
    assert sides(page, "td") == ["left", "right"] * 2


def test_text_is_escaped_and_markup_is_not() -> None:
    rows = [("<i>a</i>", Html("<i>a</i>")), (bold("<b>", "#b3261e"), bold("&"))]
    page = html_table(("<u>", Html("<u>x</u>")), rows, caption="<s>")
    assert page.count("<i>") == page.count("<u>") == 1
    assert "<s>" not in page
    assert f'<b style="color:{shade("#b3261e")}">&lt;b&gt;</b>' in page
    assert "<b>&amp;</b>" in page
    assert cells(page, "caption") == ["<s>"]


def test_rows_have_colours_and_headings_of_their_own() -> None:
    page = html_table((), [("frame 1",), ("a", "b"), Row(("c", "d"), "#b3261e")])
    assert cells(page, "th") == ["frame 1"]
    assert 'colspan="2"' in page
    assert page.count(f'<tr style="color:{shade("#b3261e")}">') == 1
    assert "<thead>" not in page


def test_no_style_is_left_to_the_page() -> None:
    page = html_table(("a",), [("b",)])
    assert "class=" not in page
    assert "<style" not in page
    assert all("style" in cell.attrib for cell in ElementTree.fromstring(page).iter("td"))


def test_every_row_has_its_columns() -> None:
    with pytest.raises(ValueError, match="zip"):
        html_table(("a", "b", "c"), [("d", "e")])
    assert cells(html_table(("a",), []), "td") == []


@pytest.mark.parametrize(
    ("names", "told_apart"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "b", "a"], ["a", "a#2", "b", "a#3"]),
        (["a", "a#2", "a", "a"], ["a", "a#2", "a#3", "a#4"]),
        (["a", "a", "a#2"], ["a", "a#3", "a#2"]),
        (["a#2", "a#2", "a", "a"], ["a#2", "a#2#2", "a", "a#3"]),
    ],
)
def test_no_name_stands_twice(names: list[str], told_apart: list[str]) -> None:
    assert unique(names) == told_apart
    assert len(set(told_apart)) == len(names)


@given(st.text(max_size=80), st.integers(5, 40))
def test_shortened_text_keeps_its_ends(words: str, most: int) -> None:
    short = shortened(words, most)
    assert len(short) <= most
    assert short == words or (short[0] == words[0] and short[-1] == words[-1])
