# SPDX-License-Identifier: BSD-3-Clause
"""The picture of when what was seen."""

from pathlib import Path

import pytest

import labkit as lk
from labkit.trouble.timeline import timeline
from tests.trouble.test_watched_logs import KERNEL


def test_a_single_moment_stands_in_a_minute(tmp_path: Path) -> None:
    log = tmp_path / "dmesg.txt"
    log.write_text(f"[18509.800135] {KERNEL}\n")
    figure = timeline(lk.trouble.look(log).findings[:1])
    assert figure is not None
    low, high = figure.axes[0].get_xlim()
    assert (low + high) / 2 == pytest.approx(18509.8, abs=0.01)
    assert high - low == pytest.approx(60)
