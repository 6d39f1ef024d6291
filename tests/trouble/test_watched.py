# SPDX-License-Identifier: BSD-3-Clause
"""What a watch tells in words and tables."""

from dataclasses import replace

from labkit.trouble.noticed import FORGOTTEN_SECONDS, Noticed
from labkit.trouble.watched import MOST_SHOWN, Judged, Watched, as_html, as_text, shown
from tests.trouble.test_noticed import finding

JUDGED = Judged(
    (Watched("eth0", "reading", 1), Watched("a<b", "line", 1_000, "it <went> away")),
    *(1_796_040_000.0, 1_796_041_204.0),
    "running",
)
NOW = JUDGED.until
OVER = [Noticed(finding("certain", n), n, n) for n in range(50)]
THERE = Noticed(finding("likely", 10), 10, NOW)


def test_what_is_there_is_shown_before_what_was() -> None:
    some = shown(sorted([*OVER, THERE], key=lambda noticed: noticed.since), NOW)
    assert len(some) == MOST_SHOWN
    assert some == [THERE, *OVER[50 - MOST_SHOWN + 1 :]]
    many = [replace(THERE, since=n) for n in range(MOST_SHOWN + 5)]
    assert shown([*OVER, *many], NOW) == many
    assert shown(OVER[:3], NOW) == OVER[:3]


def test_words_say_how_much_was_judged_and_what_was_not() -> None:
    text = as_text([], JUDGED)
    assert text.splitlines() == [
        "<Watch of eth0, a<b: 1 reading and 1,000 lines judged, 12:00:00 to 12:20:04 UTC>",
        "nothing was found so far",
        "a<b cannot be read: it <went> away",
    ]
    assert "\nsince 00:00:10 UTC: LIKELY" in as_text([THERE], JUDGED)
    assert "\n00:00:00 to 00:00:00 UTC, over: CERTAIN" in as_text(OVER[:1], JUDGED)


def test_tables_escape_what_others_wrote() -> None:
    ended = replace(JUDGED, state="the watch has ended: <ValueError>")
    html = as_html([*OVER, THERE], ended)
    assert "<went>" not in html
    assert "<ValueError>" not in html
    assert "the watch has ended: &lt;ValueError" in html
    assert "and 21 before, in watch.events" in html
    assert html.count("certain</td>") == MOST_SHOWN - 1
    assert "Likely: The device" in html


def test_when_one_is_over() -> None:
    assert not THERE.is_over(NOW + FORGOTTEN_SECONDS - 1)
    assert THERE.is_over(NOW + FORGOTTEN_SECONDS)
