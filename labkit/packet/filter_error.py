# SPDX-License-Identifier: BSD-3-Clause
"""Where libpcap does not take an expression: it says what, and seldom where."""

from collections.abc import Callable, Sequence

from labkit.errors import FilterError
from labkit.packet import filter_hints
from labkit.packet.filter_words import Token

SYNTAX = "syntax error"
MOST_SEARCHED = 100  # words: each is tried with many others behind it
LINE = 76  # letters of the expression around a mark

# What may follow an expression that is right so far, before its brackets are closed; no names,
# which libpcap would look up
ENDS = (
    "",
    " tcp",
    " 1",
    " 1.2.3.4",
    " 1:2:3:4:5:6",
    " port 1",
    " host 1.2.3.4",
    " dst host 1.2.3.4",
    "[0]",
    " mask 255.255.255.0",
)
CLOSED = {"(": ")", "[": "]"}


def error_at(text: str, problem: str, start: int | None = None, end: int = 0) -> FilterError:
    """An error with the expression on a line of its own, and its letters from `start` marked."""
    line = "".join(" " if letter.isspace() else letter for letter in text)
    line = "".join(letter if letter.isprintable() else "�" for letter in line)
    if start is None:
        shown = line if len(line) <= LINE else f"{line[: LINE - 1]}…"
        return FilterError(f"{problem}\n  {shown}" if shown.strip() else problem)
    end = max(end, start + 1)
    first = max(0, min(start - LINE // 2, len(line) - LINE))
    cut = line[first : first + LINE]
    before, behind = "…" if first else "", "…" if first + LINE < len(line) else ""
    marks = "^" * min(end - start, first + LINE - start + 1)
    pad = " " * (start - first + len(before))
    return FilterError(f"{problem}\n  {before}{cut}{behind}\n  {pad}{marks}", (start, end))


def rejected(
    text: str, tokens: Sequence[Token], said: str, complaint: Callable[[str], str]
) -> FilterError:
    """What libpcap said of an expression, and where it is wrong.

    complaint: asks libpcap of another one
    """
    if len(tokens) > MOST_SEARCHED:
        return error_at(text, f"libpcap takes no such filter: {said}")
    if SYNTAX in said:
        place = _first(tokens, lambda end: not _goes_on(text[:end], complaint))
        hint = filter_hints.of_syntax(tokens, place)
        problem = "libpcap cannot read this filter"
    else:
        place = _first(tokens, lambda end: said in _said(text[:end], complaint))
        hint = filter_hints.of_meaning(said, tokens, place)
        problem = f"libpcap takes no such filter: {said}"
    problem += f"; {hint}" if hint else ""
    if place == len(tokens):
        at = tokens[-1].end + 1 if SYNTAX in said else None
        return error_at(text, problem, at)
    return error_at(text, problem, tokens[place].start, tokens[place].end)


def _first(tokens: Sequence[Token], is_wrong: Callable[[int], bool]) -> int:
    """The first word with which an expression that ends there is wrong; their number where none
    is."""
    low, high = 0, len(tokens)
    while low < high:
        middle = (low + high) // 2
        if is_wrong(tokens[middle].end):
            high = middle
        else:
            low = middle + 1
    return low


def _said(text: str, complaint: Callable[[str], str]) -> set[str]:
    """What libpcap says of the expressions that this may be the beginning of."""
    return {complaint(whole) for whole in (text, *_wholes(text))}


def _goes_on(text: str, complaint: Callable[[str], str]) -> bool:
    """Whether an expression may begin so."""
    return any(SYNTAX not in complaint(whole) for whole in _wholes(text))


def _wholes(text: str) -> list[str]:
    open_brackets: list[str] = []
    for letter in text:
        if letter in CLOSED:
            open_brackets.append(letter)
        elif letter in CLOSED.values() and open_brackets:
            open_brackets.pop()
    closing = "".join(CLOSED[letter] for letter in reversed(open_brackets))
    # A number in brackets is compared behind them, or before they are closed.
    tails = [closing, f"{closing} = 1"]
    tails += [f"{closing[:i]} = 1{closing[i:]}" for i in range(min(len(closing), 4))]
    return [f"{text}{end}{tail}" for end in ENDS for tail in dict.fromkeys(tails)]
