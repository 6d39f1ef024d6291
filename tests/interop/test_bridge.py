# SPDX-License-Identifier: BSD-3-Clause
"""The switch and Linux's bridge, given the same frames, let the same out of the same ports."""

import pytest

import labkit as lk
from tests.linux_bridge import VLANS, answers_as_linux


@pytest.mark.parametrize("has_vlans", [True, False])
def test_frames_leave_by_the_same_ports_as_of_linux(lab: lk.Lab, has_vlans: bool) -> None:
    answers_as_linux(lab, VLANS if has_vlans else None)
