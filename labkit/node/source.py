# SPDX-License-Identifier: BSD-3-Clause
"""What a cell's name and C have to be, before a compiler sees them and after it has."""

import builtins
import keyword
import re
from collections.abc import Sequence

from labkit.errors import PathError
from labkit.node.entries import Entry, counters_of, names_of
from labkit.packet.edges import MOST_OUTPUTS, MOST_OWN_DROPS
from labkit.path.kinds import KINDS
from labkit.path.own_node import COUNTER, DROP, OUTPUT, PARAMETER, one_by_one
from labkit.text import shown
from labkit.units import plain

NAME = re.compile(r"[a-z][a-z0-9_]{0,23}")
USED = re.compile(r"[a-z][a-z0-9_]{0,31}")
MOST_COUNTERS = 4096  # of a node
MOST_PARAMETERS = 12  # LK_NODE_VALUES of native/dataplane/api.h
COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
C_WORDS = frozenset(
    [
        "auto",
        "break",
        "case",
        "char",
        "const",
        "continue",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "float",
        "for",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "main",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "typedef",
        "union",
        "unsigned",
        "void",
        "volatile",
        "while",
    ]
)
WHAT = {DROP: "lk_drop", OUTPUT: "lk_output", COUNTER: "lk_count", PARAMETER: "LK_PARAM"}


def check_name(name: str) -> None:
    """Raises PathError for a name that a node of one's own cannot have."""
    if not NAME.fullmatch(name) or name.startswith("lk_"):
        raise PathError(
            f"the node's name is {shown(name)}; it has 1 to 24 small letters, digits and _, begins "
            "with a letter, and not with lk_"
        )
    if name in C_WORDS or keyword.iskeyword(name):
        language = "C" if name in C_WORDS else "Python"
        raise PathError(f"the node's name is {name!r}, a word of {language}; choose another one")
    if hasattr(builtins, name):
        raise PathError(
            f"the node's name is {name!r}, a function of Python's that it would take the place of "
            "in the notebook; choose another one"
        )
    if name in KINDS and KINDS[name].own is None:
        raise PathError(
            f"{name!r} is a node of labkit's (lk.{name}, or one that it uses); give yours another "
            "name"
        )


def check_source(name: str, source: str) -> bool:
    """Raises PathError for C that has no such function; whether it has state of its own."""
    code = COMMENT_OR_TEXT.sub(_blank, source)
    state = bool(re.search(rf"\bstruct\s+{name}\s*\{{", code))
    wanted = signature(name, has_state=state)
    if not code.strip():
        raise PathError(f"node {name}: the cell is empty; it has a function:\n  {wanted}")
    found = re.search(rf"\b{name}\s*\(([^)]*)\)\s*\{{", code)
    if found is None:
        raise PathError(f"node {name}: the cell has no function {name}:\n  {wanted}")
    line = code.count("\n", 0, found.start()) + 1
    before = re.split(r"[;}]", code[: found.start()])[-1]
    parameters = [" ".join(part.split()) for part in found[1].split(",")]
    first = re.fullmatch(r"struct lk_frame ?\* ?\w+( \w+)*", parameters[0])
    fits = len(parameters) == (2 if state else 1) and first is not None
    if state and fits:
        fits = re.fullmatch(rf"struct {name} ?\* ?\w+( \w+)*", parameters[1]) is not None
    if not fits or not re.search(r"\benum\s+lk_verdict\s+$", before):
        given = " ".join(f"{before.strip().rpartition(chr(10))[2]} {name}({found[1]})".split())
        raise PathError(
            f"node {name}, line {line} of its source: {given}; labkit calls it as\n  {wanted}"
        )
    return state


def signature(name: str, *, has_state: bool) -> str:
    """Of the function that a cell has."""
    state = f", struct {name} *state" if has_state else ""
    return f"static enum lk_verdict {name}(struct lk_frame *f{state})"


def check_entries(name: str, entries: Sequence[Entry], line_of: int) -> None:
    """Raises PathError for names that a node cannot use, with their line.

    line_of: added to the lines of the entries
    """
    for e in entries:
        where = f"node {name}, line {e.line + line_of}: {WHAT[e.what]}"
        if not USED.fullmatch(e.name):
            raise PathError(
                f"{where} has the name {shown(e.name)}; it has 1 to 32 small letters, digits and "
                "_, and begins with a letter"
            )
        if e.what == OUTPUT and e.name in ("next", "other"):
            raise PathError(f"{where}: {e.name} is LK_{e.name}; return that")
        if e.what == COUNTER and e.name in ("held", "made", "taken"):
            raise PathError(
                f"{where}: {e.name!r} has a meaning in the ledger; give it another name"
            )
        if e.what == PARAMETER:
            _check_parameter(where, e)
    for what, most in ((DROP, MOST_OWN_DROPS), (OUTPUT, MOST_OUTPUTS)):
        if (count := len(names_of(entries, what))) > most:
            raise PathError(f"node {name}: {count} names in {WHAT[what]}; there is room for {most}")
    if (count := sum(n for _, n in counters_of(entries))) > MOST_COUNTERS:
        raise PathError(f"node {name}: {count} counters; there is room for {MOST_COUNTERS}")
    told = one_by_one(counters_of(entries))
    if twice := next((counter for counter in told if told.count(counter) > 1), None):
        raise PathError(
            f"node {name}: two counters are called {twice}, one of them by its number; give one "
            "another name"
        )
    parameters = [e.name for e in entries if e.what == PARAMETER]
    if len(parameters) > MOST_PARAMETERS:
        raise PathError(
            f"node {name}: {len(parameters)} parameters; there is room for {MOST_PARAMETERS}"
        )


def _check_parameter(where: str, e: Entry) -> None:
    p = e.parameter
    if e.name == "name" or keyword.iskeyword(e.name):
        raise PathError(f"{where}: {e.name!r} cannot be a parameter's name; choose another one")
    bounds = f"{plain(p.lowest)} to {plain(p.highest)}"
    if not p.lowest <= p.highest:
        raise PathError(f"{where}: the range of {e.name} is {bounds}; the lowest comes first")
    if p.default is not None and not p.lowest <= p.default <= p.highest:
        raise PathError(
            f"{where}: the default of {e.name} is {plain(p.default)}; its range is {bounds}"
        )


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])
