# SPDX-License-Identifier: BSD-3-Clause
"""Where boxes and edges stand: nothing overlaps."""

import xml.etree.ElementTree as ET
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.path.drawing import path_svg
from labkit.path.layout import Size, columns_of, place
from labkit.path.path import Path
from tests.path.drawings import (
    echo_path,
    is_self_contained,
    long_path,
    tangles,
)


def test_alternatives_stand_below_each_other() -> None:
    assert columns_of(echo_path()) == {
        "rx:server": 0,
        "udp_echo": 1,
        "icmp_echo": 1,
        "arp_responder": 1,
        "nd_responder": 1,
        "refuse": 1,
        "tx:server": 2,
    }


@settings(deadline=None, max_examples=150)
@given(tangles(), st.integers(300, 2000))
def test_boxes_never_overlap_and_edges_lead_right_or_down(path: Path, width: int) -> None:
    sizes = {node.name: Size(90 + 5 * i, 34 + 7 * (i % 5)) for i, node in enumerate(path.nodes)}
    gaps = dict.fromkeys(sizes, 40.0)
    layout = place(path, sizes, gaps, width)
    assert set(layout.places) >= set(sizes)
    boxes = [layout.places[name] for name in sizes]
    for a, b in combinations(boxes, 2):
        assert (
            a.right <= b.x or b.right <= a.x
            or a.y + a.height <= b.y or b.y + b.height <= a.y
        )  # fmt: skip
    for box in boxes:
        assert 0 <= box.x <= box.right <= layout.width + 1e-6
        assert -1e-6 <= box.y <= box.y + box.height <= layout.height + 1e-6
    for edge, route in layout.routes.items():
        start, end = layout.places[edge.source], layout.places[edge.target]
        assert (route[0], route[-1]) == (start, end)
        assert end.column > start.column or end.y > start.y
    is_self_contained(path_svg(path))


def test_a_long_path_goes_on_in_rows_that_fit() -> None:
    root = ET.fromstring(path_svg(long_path(12)))
    assert float(root.attrib["width"]) < 1200
