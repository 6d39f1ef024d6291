# SPDX-License-Identifier: BSD-3-Clause
"""Nodes in Python: frames go to a function and come back, every one accounted for."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.errors import PathError
from labkit.path.chain import Chain
from tests.node.sources import packet
from tests.patience import exactly, wait_until


@pytest.fixture(scope="module")
def turns() -> Callable[..., Chain]:
    @lk.python_node(drops=("ttl_exceeded",), outputs=("odd",))
    def turns(frame: bytes) -> Any:
        """Looks at the TTL."""
        got = Ether(frame)
        ttl = got[IP].ttl
        if ttl == 99:
            return 1 // 0
        if ttl == 98:
            return 42
        if ttl <= 1:
            return "drop_ttl_exceeded"
        if ttl % 2:
            return "odd", frame + b"tail"
        got[IP].ttl -= 1
        del got[IP].chksum
        return got

    return turns


def test_every_answer_has_its_way(lab: lk.Lab, turns: Callable[..., Chain]) -> None:
    a, b = lab.cable()
    node = turns()
    path = lab.run(
        lk.Path(lk.rx(b) >> node >> lk.collect(b), node["odd"] >> lk.sink(), name="slow")
    )

    def send() -> list[bytes]:
        a.send([packet(ttl) for ttl in (64, 1, 99, 98, 7, 99, 10)])
        got = exactly(b, 2)
        wait_until(lambda: path.counters.held == 0 and path.ledger.sent == 7)
        return got

    with pytest.warns(UserWarning, match=r"node turns, line \d+: ZeroDivisionError: .*no more"):
        got = send()
    assert got == [bytes(packet(63)), bytes(packet(9))]
    assert path.drops == {"drop_ttl_exceeded": 1, "drop_python_error": 3}
    assert path.counters.nodes["sink"].objects == 1
    assert path.ledger.is_balanced
    assert path.counters.functions["turns_asked"]["passed"] == 7
    assert lk.Path.from_json(path.path.to_json()) == path.path
    lab.restart()
    a.send(packet(64))
    assert exactly(b, 1) == [bytes(packet(63))]
    path.stop()
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "labkit-turns"])


def test_a_slow_function_keeps_nothing_else_waiting(lab: lk.Lab) -> None:
    """What it has not answered for is held; what finds no room is dropped by name."""
    begun, may_go = threading.Event(), threading.Event()

    @lk.python_node
    def waits(frame: bytes) -> None:
        begun.set()
        may_go.wait(60)

    a, b = lab.cable()
    c, d = lab.cable("c", "d")
    path = lab.run(lk.rx(b) >> waits() >> lk.sink(), name="slow")
    lab.run(lk.rx(d) >> lk.reflect() >> lk.tx(d))
    a.send([packet(64)] * 300)
    wait_until(lambda: path.ledger.sent == 300)
    assert begun.wait(60)
    c.send(packet(64))
    assert len(exactly(c, 1)) == 1
    assert path.ledger.held == 256
    assert path.drops == {"drop_python_full": 44}
    assert path.ledger.is_balanced
    may_go.set()
    wait_until(lambda: path.counters.held == 0)
    assert path.counters.nodes["sink"].objects == 256
    assert path.ledger.is_balanced


def test_it_is_tried_on_frames(turns: Callable[..., Chain]) -> None:
    tested = lk.node.test(turns, [packet(64), packet(1), packet(7)])
    assert [r.verdict for r in tested] == ["next", "drop_ttl_exceeded", "odd"]
    assert tested[0].frame[IP].ttl == 63
    with pytest.raises(PathError, match="it gave 42; it gives the frame"):
        lk.node.test(turns, packet(98))


def misuses() -> Iterator[tuple[Callable[[], object], str]]:
    def reflect(frame: bytes) -> None: ...
    def bare() -> None: ...
    def fine(frame: bytes) -> None: ...

    yield lambda: lk.python_node(reflect), "'reflect' is a node of labkit's"
    yield lambda: lk.python_node(bare), "its function is called with a frame alone"
    yield lambda: lk.python_node(len), "is no function"
    yield lambda: lk.python_node(drops=("drop_x",))(fine), "drops has 'drop_x'"
    yield lambda: lk.python_node(outputs=("next",))(fine), "outputs has 'next'"


@pytest.mark.parametrize(("make", "said"), list(misuses()))
def test_what_is_no_node(make: Callable[[], object], said: str) -> None:
    with pytest.raises(PathError) as told:
        make()
    assert said in str(told.value)
