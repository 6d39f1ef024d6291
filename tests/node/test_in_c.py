# SPDX-License-Identifier: BSD-3-Clause
"""Nodes in C: compiled, run in paths, replaced while frames flow, told of when they crash."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from scapy.layers.inet import IP

import labkit as lk
from labkit.engine.own_nodes import check_library
from labkit.errors import EngineDied, EngineHung, LabError, PathError
from labkit.node.toolchain import CompileError
from labkit.path.chain import Node
from labkit.path.drawing import path_svg
from labkit.path.kinds import KINDS
from tests.live import stream
from tests.node.sources import TTL, node, packet
from tests.patience import exactly, wait_until

LIKE = "node {}: the cell has no function"


@pytest.fixture(scope="module")
def ttl() -> Callable[..., Node]:
    return lk.node.compile("ttl", TTL)


def counted(path: "lk.lab.running_path.RunningPath", name: str) -> dict[str, int]:
    return {key: n for key, n in path.counters.functions[name].items() if n}


def test_it_is_a_node_like_any_other(lab: lk.Lab, ttl: Callable[..., Node]) -> None:
    """Edges, drops, counters, trace, ledger, drawing, recorder; bytes as scapy has them."""
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> ttl(by=2) >> lk.collect(b), name="works")
    sent = [packet(64), packet(2), packet(1), packet(9, dscp=0)]
    with lk.record(lab, hz=100) as rec, lab.trace(4) as trace:
        a.send(sent)
        got = exactly(b, 2)
        wait_until(lambda: rec.samples[-1]["path/works/drop_ttl_exceeded"] == 2)
    for before in (sent[0], sent[3]):
        before[IP].ttl -= 2
    assert got == [bytes(sent[0]), bytes(sent[3])]
    assert path.drops == {"drop_ttl_exceeded": 2}
    assert path.ledger.is_balanced
    assert counted(path, "ttl") == {"lowered": 2, "dscp_46": 1, "dscp_0": 1}
    assert path.counters.outputs["ttl"] == {"next": 2, "drop_ttl_exceeded": 2}
    assert [s.node for s in trace.steps].count("drop_ttl_exceeded") == 2
    assert "drop_ttl_exceeded" in path_svg(path.path, path.counters)
    assert "by 2" in path_svg(path.path)


def test_outputs_state_and_a_frame_that_grows(lab: lk.Lab) -> None:
    lines = (
        "if (state->seen++ % 2 == 1)",
        '    return lk_output("odd");',
        'if (!lk_prepend(f, 4)) return lk_drop("no_room");',
        "memmove(f->data, f->data + 4, 12);",
        "lk_put16(f->data + 12, LK_TYPE_VLAN);",
        "lk_put16(f->data + 14, 42);",
        'lk_add("bytes", f->length);',
        "return LK_next;",
    )
    source = node("halves", *lines, before="struct halves { uint64_t seen; };\n", state=True)
    halves = lk.node.compile("halves", source)()
    a, b = lab.cable()
    path = lab.run(lk.Path(lk.rx(b) >> halves >> lk.collect(b), halves["odd"] >> lk.sink()))
    a.send([packet(n) for n in (10, 20, 30)])
    got = exactly(b, 2)
    assert [frame[26] for frame in got] == [10, 30]
    assert all(frame[12:16] == bytes((0x81, 0, 0, 42)) for frame in got)
    assert counted(path, "halves") == {"bytes": 100}
    assert path.counters.outputs["halves"] == {"next": 2, "odd": 1}
    assert path.ledger.is_balanced


def test_a_new_version_loses_no_frame(lab: lk.Lab) -> None:
    """Compiling the node again replaces it between two bursts of the paths that have it."""
    a, b = lab.cable(ring_size=16384)
    path = lab.run(lk.rx(b) >> lk.node.compile("swap", swap(0))() >> lk.tx(b), name="dut")
    with lab.traffic() as t:
        flow = t.add(stream(a), on=a, to=a, rate="20 kpps")
        flow.start()
        for version in range(1, 4):
            sent = flow.sent
            wait_until(lambda sent=sent: flow.sent > sent + 100)
            lk.node.compile("swap", swap(version))
            wait_until(lambda v=version: counted(path, "swap").get(f"by_{v}", 0) > 0)
            assert set(counted(path, "swap")) == {f"by_{version}"}
            assert lab.paths["dut"] is path
        flow.stop()
        assert flow.counters["lost"] == 0
        assert t.ledger.is_balanced
    lab.restart()
    a.send(packet(9))
    wait_until(lambda: counted(path, "swap") == {"by_3": 1})


def swap(version: int) -> str:
    return node("swap", f'lk_count("by_{version}");', "return lk_reflect(f);").replace(
        "static enum", '#include "reflect.h"\nstatic enum', 1
    )


def test_a_generator_sends_what_it_was_told_to(lab: lk.Lab) -> None:
    """Though the node writes into payloads, whose buffers the generator uses again."""
    lines = (
        "if (!state->seen++) state->first = f->data[200];",
        'return f->data[200]++ == state->first ? LK_next : lk_drop("used");',
    )
    before = "struct writes { uint64_t seen; uint8_t first; };\n"
    writes = lk.node.compile("writes", node("writes", *lines, before=before, state=True))
    a, b = lab.cable(ring_size=8192)  # room for all, whoever is late
    path = lab.run(lk.rx(b) >> writes() >> lk.tx(b))
    with lab.traffic() as t:
        flow = t.add(stream(a, size=512), on=a, to=a, rate="20 kpps", count=5000)
        flow.start()
        flow.wait()
        assert path.drops == {}
        assert flow.counters["lost"] == 0


def test_a_version_that_does_not_fit_leaves_the_former_one(
    lab: lk.Lab, ttl: Callable[..., Node], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> ttl(by=3) >> lk.sink(), name="kept")
    lk.node.compile("ttl", TTL.replace("by", "less"))
    a.send(packet(64))
    wait_until(lambda: counted(path, "ttl") == {"lowered": 1, "dscp_46": 1})
    assert "lk-drop" not in str(path._repr_mimebundle_())
    lk.node.compile("ttl", TTL)


@pytest.mark.parametrize(
    ("line", "signal", "sanitize"),
    [
        ("volatile int n = 7 / (f->length - 46); return n ? LK_next : LK_other;", "SIGFPE", False),
        ("memset((void *)(uintptr_t)f->length, 0, 100000); return LK_next;", "SIGSEGV", False),
        ("int t[4] = {0}; return t[f->length] ? LK_next : LK_other;", "SIGILL", True),
    ],
)
def test_a_crash_is_told_with_its_line(
    lab: lk.Lab, line: str, signal: str, *, sanitize: bool
) -> None:
    crashes = lk.node.compile("crashes", node("crashes", line), sanitize=sanitize)
    a, b = lab.cable()
    path = lab.run(lk.rx(b) >> crashes() >> lk.sink(), name="bad")

    def crash() -> None:
        a.send(packet(9))
        wait_until(lambda: path.counters is None)

    with pytest.raises(EngineDied) as told:
        crash()
    assert told.value.signal == signal
    assert told.value.node == "bad/crashes"
    assert told.value.line == (4, line)
    assert f"line 4 of its cell (`{line}`)" in str(told.value)
    mended = node("crashes", "return f->length ? LK_next : LK_other;")
    lk.node.compile("crashes", mended)
    lab.restart()
    a.send(packet(9))
    wait_until(lambda: path.counters.nodes["sink"].objects == 1)


def test_a_loop_that_does_not_end_is_told(leftovers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.engine.client.STANDSTILL_SECONDS", 1.0)
    source = node("loops", "while (*(volatile uint8_t *)f->data != 99) ;", "return LK_next;")
    told: list[str] = []

    def is_told() -> bool:
        """Another worker may stand still for a moment, on a machine under load."""
        try:
            lab.engine.check_walks()
        except EngineHung as error:
            told.append(str(error))
            return error.node == "bad/loops" and "line 4 of its cell (`while (" in told[-1]
        return False

    with lk.Lab() as lab:
        a, b = lab.cable()
        lab.run(lk.rx(b) >> lk.node.compile("loops", source)() >> lk.sink(), name="bad")
        with suppress(EngineHung):
            a.send(packet(9))
        wait_until(is_told)
        lab.engine.kill()


def test_a_node_with_state_sees_all_frames(lab: lk.Lab) -> None:
    _, b = lab.cable(queues=2)
    plain = lk.node.compile("plain", node("plain", "return f->length ? LK_next : LK_other;"))
    path = lab.run(lk.rx(b) >> plain() >> lk.sink())
    assert path.lane_count == 2
    path.stop()
    lines = 'return state->seen++ && f->length ? LK_next : lk_drop("first");'
    source = node("knows", lines, before="struct knows { uint64_t seen; };\n", state=True)
    knows = lk.node.compile("knows", source)
    assert lab.run(lk.rx(b) >> knows() >> lk.sink()).lane_count == 1


def test_a_name_that_is_nowhere(lab: lk.Lab) -> None:
    source = node("lost", "return nowhere(f) ? LK_next : LK_other;")
    lost = lk.node.compile("lost", f"extern int nowhere(struct lk_frame *);\n{source}")
    _, b = lab.cable()
    with pytest.raises(lk.EngineError, match=r"(?s)node lost uses a name .*undefined symbol: now"):
        lab.run(lk.rx(b) >> lost() >> lk.sink())


def errors() -> Iterator[tuple[str, str, type[LabError], str]]:
    good = "return f->length ? LK_next : LK_other;"
    yield "reflect", node("reflect", good), PathError, "'reflect' is a node of labkit's"
    yield "Ttl", "", PathError, "the node's name is 'Ttl'"
    yield "print", "", PathError, "a function of Python's"
    twice = 'lk_count_in("x", 2, 0); lk_count("x_0"); return LK_next;'
    yield "twice", node("twice", twice), PathError, "two counters are called x_0"
    yield "while", "", PathError, "'while', a word of C"
    yield "x", " // nothing\n", PathError, "node x: the cell is empty; it has a function:\n  static"
    yield "x", node("y", good), PathError, "node x: the cell has no function x:\n  static enum"
    yield "x", "static int x(struct lk_frame *f)\n{}", PathError, "labkit calls it as\n  static"
    yield "x", node("x", good, before="struct x {int a;};\n"), PathError, "struct x *state)"
    yield (
        "x",
        node("x", "return nope(f);"),
        CompileError,
        "\n     4 |     return nope(f);\n       |            ^",
    )
    yield "x", node("x", "int unused = 1;", good), CompileError, "line 4: unused variable 'unused'"
    yield "x", node("x", f'lk_count("No"); {good}'), PathError, "line 4: lk_count has the name 'No'"
    yield "x", node("x", f'lk_count("held"); {good}'), PathError, "a meaning in the ledger"
    parameter = "LK_PARAM(int, n, 5, 1);\n"
    lines = "return lk_param(n) > f->length ? LK_next : LK_other;"
    yield "x", node("x", lines, before=parameter), PathError, "line 1: LK_PARAM: the range of n is"


@pytest.mark.parametrize(("name", "source", "error", "said"), list(errors()))
def test_what_does_not_become_a_node(
    name: str, source: str, error: type[LabError], said: str
) -> None:
    with pytest.raises(error) as told:
        lk.node.compile(name, source)
    assert said in str(told.value)
    assert name in ("reflect",) or name not in KINDS


def test_a_machine_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"no C compiler .* apt-get install gcc.*python_node"):
        lk.node.compile("alone", node("alone", "return f->length ? LK_next : LK_other;"))
    monkeypatch.setenv("CC", "/no/such/cc -m32")
    with pytest.raises(LabError, match="CC is '/no/such/cc -m32', and there is no such program"):
        lk.node.compile("alone", node("alone", "return f->length ? LK_next : LK_other;"))


def test_a_path_file_brings_its_source_and_runs_none_of_it(ttl: Callable[..., Node]) -> None:
    path = lk.Path(lk.rx("a") >> ttl(by=7) >> lk.tx("b"))
    text = path.to_json()
    assert lk.Path.from_json(text) == path
    lk.node.compile("ttl", TTL + "// other\n")
    with pytest.raises(PathError, match=r"node ttl is code in C .*another version.*trust it"):
        lk.Path.from_json(text)
    changed = text.replace("lk_param(by)", "lk_param(BY)")
    for read in (lk.Path.from_json, lk.node.load):
        with pytest.raises(PathError, match=r"own_nodes\[ttl\]: the source is not the one"):
            read(changed)
    assert set(lk.node.load(text)) == {"ttl"}
    assert lk.Path.from_json(text) == path


def test_the_engine_takes_no_code_of_others(tmp_path: Path) -> None:
    library = tmp_path / f"x-{'0' * 64}.so"
    library.write_bytes(b"")
    with pytest.raises(PermissionError, match="is not what its name says"):
        check_library(library)
    os.chmod(library, 0o666)
    with pytest.raises(PermissionError, match="no file that this user alone can write to"):
        check_library(library)
