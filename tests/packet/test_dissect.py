# SPDX-License-Identifier: BSD-3-Clause
"""A frame has the same layers, whatever was imported before."""

import subprocess
import sys

import pytest

LAYERS = """
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from labkit.packet.dissect import dissect

found = []
for ports in ((53, 6081), (53, 4789), (123, 6080), (4789, 6081), (6081, 4789), (53, 9), (68, 67)):
    frame = Ether() / IP(dst="10.0.0.2") / UDP(sport=ports[0], dport=ports[1]) / bytes(60)
    found.append(dissect(bytes(frame))[UDP].payload.name)
print(*found, sep=", ")
"""


@pytest.mark.parametrize(
    "before",
    [
        "",
        "import scapy.all",
        "import scapy.layers.dns, scapy.layers.ntp",
        "import labkit.packet.gue",
    ],
)
def test_layers_do_not_depend_on_what_was_imported_before(before: str) -> None:
    command = [sys.executable, "-c", f"{before}\n{LAYERS}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "GENEVE, VXLAN, GUE, GENEVE, VXLAN, DNS, BOOTP"
