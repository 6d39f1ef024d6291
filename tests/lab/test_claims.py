# SPDX-License-Identifier: BSD-3-Clause
"""A device that one port of a lab has for itself is refused to the next one, by name."""

from pathlib import Path

import pytest
from scapy.utils import wrpcap

import labkit as lk
from labkit.lab.claims import claims_of
from labkit.lab.device import Device
from tests.network import unique_name, veth_host

FRAME = bytes.fromhex("020000000001 020000000002 88b5") + bytes(46)


def test_a_nic_is_claimed_whatever_its_arguments() -> None:
    plain = Device("pci", "0000:00:06.0", "pci", "")
    other = Device("pci", "0000:00:06.0", "pci", "", {"large_llq_hdr": 1})
    assert claims_of(plain, 1).keys() == claims_of(other, 4).keys() != set()


def test_a_file_that_is_written_to(lab: lk.Lab, tmp_path: Path) -> None:
    wrpcap(str(tmp_path / "in.pcap"), [FRAME], linktype=1)
    device, out = f"pcap:{tmp_path}/in.pcap", str(tmp_path / "out.pcap")
    first = lab.port(device, "first", tx=out)
    lab.port(device, "reader")  # reading has room for many
    with pytest.raises(lk.PortError, match=rf"port first of this lab has the file {out}"):
        lab.port(device, "second", tx=out)
    first.close()
    lab.port(device, "second", tx=out).send(FRAME)


def test_an_end_of_a_memif(lab: lk.Lab) -> None:
    name = unique_name("lkmemif")
    server = lab.port(f"memif:{name}", "server", role="server")
    with pytest.raises(lk.PortError, match="port server of this lab has the server's end 0"):
        lab.port(f"memif:{name}", "again", role="server")
    lab.port(f"memif:{name}", "client")
    lab.port(f"memif:{name}", "other", role="server", id=1)
    server.send(FRAME)


def test_queues_of_an_interface(lab: lk.Lab) -> None:
    with veth_host() as host:
        wire = lab.port(f"af_xdp:{host.outside}", "wire")
        with pytest.raises(
            lk.PortError, match=rf"port wire of this lab has queue 0 of interface {host.outside}"
        ):
            lab.port(f"af_xdp:{host.outside}", "again")
        wire.send([FRAME])
        wire.close()
        listeners = [lab.port(f"af_packet:{host.outside}", name) for name in ("one", "two")]
        assert [port.info.link_up for port in listeners] == [True, True]
        lab.port(f"af_packet:{host.outside}", "fan", queues=2)
        with pytest.raises(lk.PortError, match=r"port fan of this lab has the fanout group"):
            lab.port(f"af_packet:{host.outside}", "again", queues=2)
        lab.close()
