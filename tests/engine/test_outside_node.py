# SPDX-License-Identifier: BSD-3-Clause
"""A node that is no part of labkit: declared here, compiled by itself, loaded into the engine."""

import subprocess
from pathlib import Path

import pytest
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk
from labkit.path import node
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

# An engine runs this when its Python starts.
LOAD = """
import ctypes, os, sys
if "labkit.engine" in sys.orig_argv:
    from labkit import _dataplane
    ctypes.CDLL(_dataplane.__file__, os.RTLD_GLOBAL | os.RTLD_NOLOAD | os.RTLD_NOW)
    ctypes.CDLL({library!r})
"""


@node(role="process", outputs=("next", "other"))
def mark_byte(value: int, limit: float, *, name: Name = None) -> None:
    """Writes a byte into frames, and loses those whose byte before it is at the limit."""


def compiled(folder: Path) -> Path:
    (folder / "mark_byte.c").write_text(CODE)
    flags = subprocess.check_output(["pkg-config", "--cflags", "libdpdk"], text=True).split()
    flags += ["-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-DALLOW_EXPERIMENTAL_API"]
    folders = [f"-I{NATIVE}/dataplane", f"-I{NATIVE}/packet"]
    library = folder / "mark_byte.so"
    command = ["cc", *flags, *folders, folder / "mark_byte.c", "-o", library]
    subprocess.run(command, check=True, timeout=60)
    return library


def test_a_node_from_outside_works_in_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leftovers: None
) -> None:
    (tmp_path / "sitecustomize.py").write_text(LOAD.format(library=str(compiled(tmp_path))))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with lk.Lab() as lab:
        a, b = lab.cable()
        path = lab.run(lk.rx(b) >> mark_byte(7, 2.5) >> lk.collect(b))
        a.send([Ether(src=a.mac, dst=b.mac) / Raw(bytes((n, 0)) + bytes(60)) for n in range(5)])
        assert [frame[14:16] for frame in exactly(b, 3)] == [bytes((n, 7)) for n in range(3)]
        assert path.ledger.drops == {"drop_impair_loss": 2}
        assert path.ledger.is_balanced
