# SPDX-License-Identifier: BSD-3-Clause
"""The switch beside the bridge of a whole Linux kernel, which has VLANs."""

import subprocess

import labkit as lk
from tests.linux_bridge import VLANS, answers_as_linux

MODULES = ("veth", "af_packet", "bridge", "8021q")


def test_a_switch_with_vlans_answers_as_linux(lab: lk.Lab) -> None:
    subprocess.run(["modprobe", "-a", *MODULES], check=True)
    answers_as_linux(lab, VLANS)
