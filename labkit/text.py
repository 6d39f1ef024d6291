# SPDX-License-Identifier: BSD-3-Clause
"""Words and tables as people read them."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

MISSING = "–"  # what was not measured or is not told, wherever it is shown; never 0

SIDES = {"l": "left", "r": "right"}
# ECMA-48: control sequences, operating system commands such as links, other escapes.
ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
CELL = "padding:2px 8px;vertical-align:top;"
NAME = "white-space:nowrap;"  # names and numbers are not broken over lines
SENTENCE = "white-space:normal;min-width:16em;"
LONGEST_NAME = 40  # characters; what is longer is a sentence
TAG = re.compile("<[^>]*>")
# The first column stays while the others are scrolled, so it needs the ground of its page.
GROUND = "var(--jp-layout-color0,var(--vscode-editor-background,Canvas))"
STAYS = f"position:sticky;left:0;z-index:1;background:{GROUND};"
FEWEST_THAT_SCROLL = 3  # columns
LONGEST_THAT_STAYS = 30  # characters: there must be room beside it

LONGEST_VALUE = 100  # letters of a value that an error shows
LONGEST_LIST = 400  # letters of names that an error tells one by one; of more, the near ones
SHORTEST_PART = 3  # letters
NEAR_MISS = 0.1  # of the likeness of the nearest name: others that may be meant as well


def reason(error: Exception) -> str:
    """Why something failed, without the number that Python puts before what the system says."""
    return getattr(error, "strerror", None) or str(error)


def unique(names: Iterable[str]) -> list[str]:
    """Names with a number behind those that came before: net_ena has two counters rx_q0_bytes."""
    wanted = list(names)
    taken, seen, found = set(wanted), Counter[str](), []
    for name in wanted:
        seen[name] += 1
        if seen[name] == 1:
            found.append(name)
            continue
        while (numbered := f"{name}#{seen[name]}") in taken:
            seen[name] += 1
        taken.add(numbered)
        found.append(numbered)
    return found


def first_free(wanted: str, taken: Iterable[str]) -> str:
    """A name, with the first number behind it that nobody has if it is taken."""
    names = set(taken)
    if wanted not in names:
        return wanted
    return next(f"{wanted}{n}" for n in range(2, len(names) + 3) if f"{wanted}{n}" not in names)


def shortened(text: str, most: int) -> str:
    """The text, its middle left out where it has more than `most` characters."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def plural(count: int, noun: str) -> str:
    """A number and what is counted: 1 notebook, 2 notebooks."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def without_escapes(text: str) -> str:
    """A text without a terminal's colours, links and other escape sequences."""
    return ANSI.sub("", text)


def encodable(text: str) -> str:
    """A text with escapes for halves of UTF-16 pairs, which no front end and no file takes."""
    return text.encode("utf-8", "backslashreplace").decode()


def shown(value: object) -> str:
    """A value as an error shows it."""
    try:
        text = repr(value)
    except Exception:  # of a number with more digits than Python writes, or of a foreign class
        text = f"<{type(value).__name__}>"
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def as_utf8(text: str) -> str:
    """A text that can be displayed: a file's name may have bytes that are no letters."""
    return text.encode(errors="replace").decode()


def alike(word: object, known: Iterable[str], most: int = 1) -> list[str]:
    """The names that may be meant by a word: but for the case, near misses, and those of which it
    is a part or that are a part of it. The best ones first, at most so many."""
    names = {name.casefold(): name for name in known}
    text = (word if isinstance(word, str) else shown(word)).casefold()
    found = difflib.get_close_matches(text, names, most)
    likeness = {name: difflib.SequenceMatcher(None, name, text).ratio() for name in found}
    found = [name for name in found if likeness[name] >= likeness[found[0]] - NEAR_MISS]
    parts = [name for name in names if len(text) >= SHORTEST_PART and text in name]
    parts += [name for name in names if len(name) >= SHORTEST_PART and name in text]
    parts.sort(key=lambda name: abs(len(name) - len(text)))
    exact = [text] if text in names else []
    return [names[name] for name in dict.fromkeys([*exact, *found, *parts])][:most]


def near(word: object, known: Iterable[str]) -> str:
    """What there is in place of a word that is not known, and which of it may be meant."""
    names = list(known)
    if len(there := ", ".join(names)) <= LONGEST_LIST:
        return f" (there are: {there or 'none'}){did_you_mean(alike(word, names))}"
    meant = did_you_mean(alike(word, names, 3))
    some = dict.fromkeys((names[0], names[len(names) // 2], names[-1]))
    return f" among {len(names):,}" + (meant or f", such as {listed(some, 'and')}")


def did_you_mean(meant: Iterable[str]) -> str:
    """The end of an error that tells what may be meant; empty when that is nothing."""
    return f"; did you mean {told}?" if (told := listed(meant, "or")) else ""


def listed(words: Iterable[str], last: str) -> str:
    """Words in quotes, with a word before the last one: 'a', 'b' or 'c'."""
    *first, end = [*map(repr, words)] or [""]
    return f"{', '.join(first)} {last} {end}" if first else end


class Html(str):
    """Markup. Any other text is escaped where a page takes it in."""

    __slots__ = ()


@dataclass(frozen=True)
class Row:
    """A row of a table in a colour of its own."""

    cells: Sequence[str]
    color: str


def shade(color: str) -> str:
    """The colour for words as a style: darker on light pages, lighter on dark ones.

    Every "#rrggbb" that is legible on white stays so on both; a page that tells no colour of its
    words, as JupyterLab does, is taken for a light one.
    """
    return f"color-mix(in srgb, {color} 57%, var(--jp-content-font-color0, #000))"


def bold(text: str, color: str = "") -> Html:
    """A text that is set off, in a colour where one is given."""
    style = f' style="color:{shade(color)}"' if color else ""
    return Html(f"<b{style}>{_markup(text)}</b>")


def html_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str] | Row],
    align: str = "",
    *,
    caption: Html | str = "",
) -> Html:
    """A table for a notebook's output, that scrolls beside its first column where it is too wide.

    Styles are those of the elements alone: a notebook that is not trusted shows no others.

    header: over the columns; none where it is empty
    rows: cells of text, which is escaped, or Html; one cell in a table of several columns is a
        heading over all of them
    align: "l" or "r" a column, numbers to the right; "": all to the left
    caption: stands below the table
    """
    table = [row if isinstance(row, Row) else Row(row, "") for row in rows]
    width = max([len(header), *(len(row.cells) for row in table)])
    names = [_length(row.cells[0]) for row in table if len(row.cells) == width]
    stays = width >= FEWEST_THAT_SCROLL and max(names, default=0) <= LONGEST_THAT_STAYS
    sides = [SIDES[side] for side in align.ljust(width, "l")]
    digits = "border-collapse:collapse;font-variant-numeric:tabular-nums"
    parts = [f'<div style="overflow-x:auto;max-width:100%"><table style="{digits}">']
    if caption:
        style = "caption-side:bottom;text-align:left;padding:2px 8px"
        parts.append(f'<caption style="{style}">{_markup(caption)}</caption>')
    if header:
        cells = _cells("th", header, sides, stays=stays)
        parts.append(f"<thead><tr>{cells}</tr></thead>")
    body = (_row(row, sides, stays=stays) for row in table)
    parts += ["<tbody>", *body, "</tbody></table></div>"]
    return Html("".join(parts))


def _row(row: Row, sides: Sequence[str], *, stays: bool) -> str:
    if len(row.cells) == 1 < len(sides):
        style = f"{CELL}{NAME}text-align:left"
        cells = f'<th colspan="{len(sides)}" style="{style}">{_markup(row.cells[0])}</th>'
    else:
        cells = _cells("td", row.cells, sides, stays=stays)
    style = f' style="color:{shade(row.color)}"' if row.color else ""
    return f"<tr{style}>{cells}</tr>"


def _cells(tag: str, texts: Sequence[str], sides: Sequence[str], *, stays: bool) -> str:
    parts = []
    for number, (text, side) in enumerate(zip(texts, sides, strict=True)):
        place = STAYS if stays and number == 0 else ""
        if tag == "th":  # a heading may be broken, where its words end
            breaks, shown = "white-space:normal;", _breakable(text)
        else:
            breaks, shown = NAME if _is_name(text) else SENTENCE, _markup(text)
        parts.append(f'<{tag} style="{CELL}{place}{breaks}text-align:{side}">{shown}</{tag}>')
    return "".join(parts)


def halves(heading: str) -> list[str]:
    """A heading in the one or two lines that it may take: broken at the "_" nearest its middle."""
    places = [i + 1 for i, letter in enumerate(heading[:-1]) if letter == "_" and i]
    if not places:
        return [heading]
    middle = min(places, key=lambda place: abs(2 * place - len(heading)))
    return [heading[:middle], heading[middle:]]


def _breakable(text: str) -> str:
    return text if isinstance(text, Html) else "<wbr/>".join(map(escape, halves(text)))


def _is_name(text: str) -> bool:
    """Whether a cell is to stand in one line."""
    return _length(text) <= LONGEST_NAME


def _length(text: str) -> int:
    return len(TAG.sub("", text) if isinstance(text, Html) else text)


def _markup(text: str) -> str:
    return text if isinstance(text, Html) else escape(text)
