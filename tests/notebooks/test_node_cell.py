# SPDX-License-Identifier: BSD-3-Clause
"""%%node in a shell of IPython: it binds the maker of nodes, and tells errors at their lines."""

from tests.notebooks.shell import Run, in_a_shell

CELL = """%%node ttl --type packet --sanitize
static enum lk_verdict ttl(struct lk_frame *f)
{
    if (f->length < 34)
        return LK_other;
    return f->data[22] ? LK_next : lk_drop("ttl_exceeded");
}
"""
USED = """
assert lk.node.test(ttl, bytes(60)).verdict == "drop_ttl_exceeded"
assert repr(ttl(name="mine")) == "<mine>"
"""
WRONG = {
    CELL.replace("34)", "x)"): (
        "CompileError: node ttl does not compile: line 4: 'x' undeclared (first use in this "
        "function)\n     4 |     if (f->length < x)\n       |                     ^"
    ),
    "%%node\nint x;": "PathError: %%node: no name; write %%node NAME [--type packet] [--sanitize]",
    "%%node a b\nint x;": "PathError: %%node: 2 names, a and b; write %%node NAME",
    "%%node a --type burst\nint x;": "PathError: %%node: --type is 'burst'; it is packet",
    "%%node a --sanitise\nint x;": "PathError: %%node: there is no option '--sanitise'",
    "%%node reflect\nint x;": "PathError: 'reflect' is a node of labkit's",
}


def test_a_cell_of_c() -> None:
    right = ["import labkit as lk", CELL, USED]
    shown = in_a_shell(*map(Run, right), *map(Run, WRONG))
    assert shown[: len(right)] == ["", "", ""]
    for told, (cell, says) in zip(shown[len(right) :], WRONG.items(), strict=True):
        assert told.startswith(says), cell
        assert "line 1)" not in told, "that of the Python which calls the magic"
