# SPDX-License-Identifier: BSD-3-Clause
"""A capture at a glance."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np

import labkit as lk
from tests.captures.files import FIRST_NS, all_kinds, pcap

DAY_NS = 86_400 * 10**9


def test_a_summary_counts_what_is_there(tmp_path: Path) -> None:
    frames = all_kinds()
    capture = lk.Capture(pcap(tmp_path / "kinds.pcap", frames))
    summary, table = capture.summary, capture.table()
    assert (summary.frames, summary.bytes) == (len(frames), sum(map(len, frames)))
    assert summary.protocols["frames"].sum() == len(frames)
    layers = table["layers"].value_counts()
    assert dict(zip(summary.protocols["layers"], summary.protocols["frames"], strict=True)) == (
        layers[layers > 0].to_dict()
    )
    sent = summary.talkers.set_index("address")["frames sent"]
    assert sent[sent > 0].to_dict() == table["ip_src"].value_counts().loc[lambda n: n > 0].to_dict()
    assert summary.seconds == (len(frames) - 1) / 1000
    assert summary.rate["frames"].sum() == len(frames)
    assert [one.link_type for one in capture.interfaces] == [1]
    assert "kinds.pcap" in repr(summary)
    said = re.findall(r">([^<>]+)</td>", capture._repr_html_())
    facts = dict(pairwise(said))
    assert facts["frames"] == str(len(frames))
    assert facts["bytes on the wire"] == f"{summary.bytes:,}"


def test_rates_over_any_span(tmp_path: Path) -> None:
    """Stretches double until they are few; times may go back, and leave long pauses."""
    rng = np.random.default_rng(1)
    times = FIRST_NS + rng.integers(0, 3 * DAY_NS, 3000)
    times[:100] = FIRST_NS - DAY_NS + np.arange(100)
    frames = [all_kinds()[1]] * len(times)
    rate = lk.Capture(pcap(tmp_path / "long.pcap", frames, times_ns=times.tolist())).summary.rate
    assert 100 < len(rate) <= 512
    assert rate["frames"].sum() == len(times)
    assert rate["bytes"].sum() == len(times) * len(frames[0])
    assert rate["frames"].iloc[0] == 100


def test_a_capture_of_nothing(tmp_path: Path) -> None:
    summary = lk.Capture(pcap(tmp_path / "none.pcap", [])).summary
    assert (summary.frames, summary.seconds) == (0, None)
    assert "frames" in summary._repr_html_()
