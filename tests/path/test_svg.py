# SPDX-License-Identifier: BSD-3-Clause
"""Words of a picture: numbers, and how wide they are."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.path.svg import text_width
from labkit.units import si
from tests.path.drawings import measured


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0"), (999, "999"), (9_999, "9,999"), (10_000, "10.0 k"), (99_949, "99.9 k"),
     (99_950, "100 k"), (999_499, "999 k"), (999_500, "1.00 M"), (12_345_678, "12.3 M"),
     (10**9, "1.00 G"), (2**64, "18.4 E")],
)  # fmt: skip
def test_counts_have_si_prefixes(count: int, words: str) -> None:
    assert si(count) == words


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60), st.booleans())
def test_no_text_is_wider_than_reckoned(words: str, bold: bool) -> None:
    words = words.replace("$", "")  # matplotlib reads it as mathematics
    element = ET.Element("text", {"font-size": "12", **({"font-weight": "600"} if bold else {})})
    element.text = words
    assert measured(element) <= text_width(words, 12, bold=bold) + 0.5
