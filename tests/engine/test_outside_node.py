# SPDX-License-Identifier: BSD-3-Clause
"""A node that is no part of labkit: declared here, compiled by itself, loaded into the engine."""

import importlib
import subprocess
from pathlib import Path

import pytest
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk
from labkit.errors import PathError
from labkit.path import node
from labkit.path.kinds import KINDS
from labkit.path.path import Path as Path_
from labkit.path.types import Name
from tests.patience import exactly

NATIVE = Path(__file__).parents[2] / "native"

CODE = """
#include "node.h"

static inline enum lk_verdict
mark(struct lk_frame *frame, const struct lk_node_value *values)
{
	if (frame->length < 16)
		return LK_other;
	if (frame->data[14] >= values[1].real)
		return LK_impair_loss;
	frame->data[15] = (uint8_t)values[0].whole;
	return LK_next;
}

LK_FRAME_NODE(mark_byte, mark(frame, self->config.values))
"""

HUB = """
#include <stdlib.h>

#include "node.h"

struct seen {
	uint64_t made;
	uint64_t frames[2]; /* by port */
	uint16_t ports[2];
	uint8_t mark;
};

static int
open_hub(struct lk_node *self)
{
	struct seen *seen = self->state;

	if (self->config.data[0].length != sizeof(seen->ports) || self->config.data[1].length != 1)
		return -1;
	memcpy(seen->ports, self->config.data[0].bytes, sizeof(seen->ports));
	seen->mark = self->config.data[1].bytes[0];
	return 0;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct seen *seen = lk_node_of(node)->state;

	lk_enter(node, objs, count);
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i], *copy = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);
		int from = m->port == seen->ports[1];

		seen->frames[from]++;
		rte_pktmbuf_mtod(m, uint8_t *)[14] = seen->mark;
		lk_pass_one(graph, node, LK_OUTPUT(!from), m);
		if (copy != NULL) {
			*lk_mark_of(copy) = 0;
			seen->made++;
			lk_pass_one(graph, node, LK_OUTPUT(2), copy);
		}
	}
	return count;
}

static uint32_t
rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	struct seen *seen = self->state;

	if (*cursor == 2 || room == 0)
		return 0;
	rows->cells[0] = *cursor;
	rows->cells[1] = seen->frames[*cursor];
	rows->cells[2] = 4;
	rows->cells[3] = 0;
	rows->cells[4] = 0x0a000001 + *cursor;
	rows->cells[5] = UINT64_MAX;
	++*cursor;
	return 1;
}

LK_NODE(hub, process, .state_bytes = sizeof(struct seen), .open = open_hub, .rows = rows)
"""

# An engine runs this when its Python starts.
LOAD = """
import ctypes, os, sys
if "labkit.engine" in sys.orig_argv:
    from labkit import _dataplane
    ctypes.CDLL(_dataplane.__file__, os.RTLD_GLOBAL | os.RTLD_NOLOAD | os.RTLD_NOW)
    ctypes.CDLL({library!r})
    {also}
"""


@node(role="process", outputs=("next", "other"))
def mark_byte(value: int, limit: float, *, name: Name = None) -> None:
    """Writes a byte into frames, and loses those whose byte before it is at the limit."""


# Known to the notebook and to the engine.
HUB_DECLARED = '''
from typing import Annotated

from labkit.path import node
from labkit.path.kinds import KINDS
from labkit.path.path import Path as Path_
from labkit.path.cells import Cell
from labkit.path.function_types import DataType, Outputs, PortList
from labkit.path.types import Name


class ByteType(DataType):
    def check(self, where, name, value):
        return value

    def packed(self, value):
        return bytes([value])


@node(
    role="process",
    outputs=(),
    counters=("made",),
    table={"port": Cell.OUTPUT, "frames": Cell.WHOLE, "address": Cell.IP, "age": Cell.SECONDS},
    asks_where_from=True,
)
def hub(
    ports: PortList, mark: Annotated[int, ByteType()], outputs: Outputs, *, name: Name = None
) -> None:
    """Sends frames to the other port, and a copy to a third place."""
'''


def compiled(folder: Path, name: str = "mark_byte", code: str = CODE) -> Path:
    (folder / f"{name}.c").write_text(code)
    flags = subprocess.check_output(["pkg-config", "--cflags", "libdpdk"], text=True).split()
    flags += ["-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-DALLOW_EXPERIMENTAL_API"]
    folders = [f"-I{NATIVE}/dataplane", f"-I{NATIVE}/packet"]
    library = folder / f"{name}.so"
    command = ["cc", *flags, *folders, folder / f"{name}.c", "-o", library]
    subprocess.run(command, check=True, timeout=60)
    return library


def test_a_node_from_outside_works_in_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leftovers: None
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        LOAD.format(library=str(compiled(tmp_path)), also="")
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with lk.Lab() as lab:
        a, b = lab.cable()
        path = lab.run(lk.rx(b) >> mark_byte(7, 2.5) >> lk.collect(b))
        a.send([Ether(src=a.mac, dst=b.mac) / Raw(bytes((n, 0)) + bytes(60)) for n in range(5)])
        assert [frame[14:16] for frame in exactly(b, 3)] == [bytes((n, 7)) for n in range(3)]
        assert path.ledger.drops == {"drop_impair_loss": 2}
        assert path.ledger.is_balanced


def test_a_node_with_outputs_data_a_table_and_frames_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leftovers: None
) -> None:
    library = compiled(tmp_path, "hub", HUB)
    (tmp_path / "hub_declared.py").write_text(HUB_DECLARED)
    (tmp_path / "sitecustomize.py").write_text(
        LOAD.format(library=str(library), also="import hub_declared")
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    try:
        with lk.Lab() as lab:
            a, far_a = lab.cable("a", "far_a")
            b, far_b = lab.cable("b", "far_b")
            path = lab.run(_with_hub(a, b))
            for port in (far_a, far_b):
                lab.run(lk.rx(port) >> lk.collect(port), port.name)
            far_a.send([Ether(src=far_a.mac, dst=a.mac) / Raw(bytes(46))] * 3)
            assert [frame[14] for frame in exactly(far_b, 3)] == [7] * 3
            far_b.send([Ether(src=far_b.mac, dst=b.mac) / Raw(bytes(46))] * 2)
            assert [frame[14] for frame in exactly(far_a, 2)] == [7] * 2
            assert dict(path.counters.outputs["hub"]) == {"a": 2, "b": 3, "copies": 5}
            assert path.drops == {"drop_unhandled": 5}
            table = path.tables["hub"]
            assert table.to_dict("list") == {
                "port": ["a", "b"],
                "frames": [3, 2],
                "address": ["10.0.0.1", "10.0.0.2"],
                "age": [pytest.approx(float("nan"), nan_ok=True)] * 2,
            }
            ledger = path.ledger
            assert (ledger.made, ledger.is_balanced) == (5, True), ledger
            with pytest.raises(PathError, match=r"has no table 'hob'.*; did you mean 'hub'"):
                path.tables["hob"]
            assert Path_.from_json(path.path.to_json()) == path.path
            path.stop()
            with pytest.raises(lk.LabError, match="was stopped, and the tables of its nodes"):
                path.tables["hub"]
    finally:
        KINDS.forget("hub")


def _with_hub(a: lk.Port, b: lk.Port) -> Path_:
    hub = importlib.import_module("hub_declared").hub([a, b], 7, ["a", "b", "copies"])
    return Path_(
        lk.rx(a) >> hub, lk.rx(b) >> hub, hub["a"] >> lk.tx(a), hub["b"] >> lk.tx(b), name="hub"
    )
