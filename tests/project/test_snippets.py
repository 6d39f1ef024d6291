# SPDX-License-Identifier: BSD-3-Clause
"""Python in the documents: it can be compiled, what it calls of labkit's is there, and takes what
it is given. tests/project/test_documents.py runs what needs nothing that a machine may lack."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.all import IP, UDP, Ether, wrpcap

import labkit as lk
from tests.project.test_documents import DOCUMENTS, blocks


def names_in(code: str) -> Iterator[tuple[str, ast.Call | None]]:
    """Dotted names that begin with lk, each with the call of it."""
    tree = ast.parse(textwrap.dedent(code))
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if name.startswith("lk.") and name.replace(".", "").isidentifier():
                yield name, calls.get(id(node))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_examples_name_is_there(document: str) -> None:
    for code in blocks(document, "python"):
        for name, call in names_in(code):
            value = eval(name, {"lk": lk})
            if call is not None:
                known = inspect.signature(value).parameters
                free = any(p.kind is p.VAR_KEYWORD for p in known.values())
                given = {word.arg for word in call.keywords if word.arg}
                assert free or given <= set(known), f"{name}: {given - set(known)}"


def test_the_examples_of_captures_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    vxlan = lk.Vxlan(
        vni=42,
        local="10.0.0.1",
        remote="10.0.0.2",
        local_mac="02:00:00:00:00:0a",
        remote_mac="02:00:00:00:00:0b",
    )
    inner = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(dst="10.1.0.2")
    frames = [vxlan.encap(inner / UDP(sport=n, dport=53) / bytes(20)) for n in range(1, 31)]
    plain = [bytes(inner / UDP(sport=n, dport=53) / bytes(20)) for n in range(1, 4)]
    for name, some in (("trace", frames + plain), ("before", frames), ("behind", frames[:-1])):
        wrpcap(f"{name}.pcapng", [Ether(bytes(frame)) for frame in some])
    (code,) = blocks("docs/guide/captures.md", "python")
    names = {"lk": lk, "vxlan": vxlan.peer, "before": "before.pcapng", "behind": "behind.pcapng"}
    exec(code, names)
    assert len(lk.Capture("inner.pcapng")) == len(frames + plain)  # what no tunnel carries stays
    assert len(lk.Capture("dns.pcap")) == len(plain)
