# SPDX-License-Identifier: BSD-3-Clause
"""A frame has the same layers whoever takes it apart, whatever was imported before."""

import subprocess
import sys

import pytest

import labkit as lk

PEERS = """
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
import labkit as lk

def names(packet):
    return [layer.__name__ for layer in packet.layers()]

with lk.Lab() as lab:
    client, server = lab.cable()
    frame = bytes(Ether(src=client.mac, dst=server.mac) / IP(src="10.0.0.1", dst="10.0.0.2")
                  / UDP(sport=1, dport={port}) / bytes.fromhex("{payload}"))
    lab.run(lk.rx(server) >> lk.collect(server))
    heard = server.socket()
    with lab.trace(1) as trace:
        client.send(frame)
    found = names(trace.steps[0].dissect())
    assert names(server.receive(1)[0]) == found, "receive"
    assert names(heard.recv()) == found, "socket"
    print(*found)
"""
INNER = "0200000000020200000000010800" + "45000014000000004000000000000000" + "00000000"
DNS = "1234" + "0100" + "0001" + "0000" * 3 + "00" + "00010001"


@pytest.mark.parametrize(
    ("port", "payload", "layers"),
    [
        (6081, "0000655800002a00" + INNER, "Ether IP UDP GENEVE Ether IP"),
        (4789, "0800000000002a00" + INNER, "Ether IP UDP VXLAN Ether IP"),
        (53, DNS, "Ether IP UDP DNS"),
    ],
)
def test_layers_in_a_process_that_imported_nothing_else(
    port: int, payload: str, layers: str
) -> None:
    code = PEERS.format(port=port, payload=payload)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.split() == layers.split(), ran.stderr


def test_a_frame_too_short_for_a_header_is_received(lab: lk.Lab) -> None:
    client, server = lab.cable()
    server.receive(1, timeout=0)
    client.send(b"short")
    (packet,) = server.receive(1)
    assert bytes(packet) == b"short"
    assert [layer.__name__ for layer in packet.layers()] == ["Raw"]


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
