# SPDX-License-Identifier: BSD-3-Clause
"""Settings of a port's device, and the buffers that it needs."""

from typing import Any

import pytest

import labkit as lk
from labkit.lab.nic_settings import NicSettings
from labkit.sources import Engine
from tests.network import unique_name
from tests.patience import wait_until

IGB = {
    "driver": "net_e1000_igb",
    "is_virtual": False,
    "rx_descriptor_range": [32, 4096],
    "tx_descriptor_range": [32, 4096],
    "known_offloads": ["rx_vlan_strip", "rx_udp_cksum", "tx_udp_cksum"],
    "known_speeds_mbps": [10, 100, 1000],
}


def test_what_is_asked_for_is_what_there_is(lab: lk.Lab) -> None:
    name = unique_name("lkt")
    tap = lab.port(
        f"tap:{name}",
        "tap",
        rx_descriptors=256,
        tx_descriptors=512,
        mbufs=2047,
        offloads=("rx_ipv4_cksum",),
    )
    for _ in range(2):
        info = tap.info
        assert (info.rx_descriptors, info.tx_descriptors, info.mbufs) == (256, 512, 2047)
        assert info.offloads == ("rx_ipv4_cksum",)
        assert "tx_udp_cksum" in info.known_offloads
        assert info.numa_node is None
        lab.restart()
    ring = lab.port("ring").info
    assert (ring.rx_descriptors, ring.offloads, ring.pause_frames) == (None, (), None)


def test_a_driver_that_keeps_buffers_has_a_pool_for_all_its_queues(lab: lk.Lab) -> None:
    taps = [lab.port(f"tap:{unique_name('lkt')}", queues=queues) for queues in (1, 1, 4)]
    pools = [tap.info.mbufs for tap in taps]
    assert pools[0] == pools[1] < pools[2]
    assert pools[2] >= 4 * 2 * 1024 + 2048
    with Engine(lab) as source:
        wait_until(lambda: len([n for n in source.schema.names if n.endswith("/in_use")]) == 3)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rx_descriptors": 8192}, "rx_descriptors is 8192; net_e1000_igb takes 32 to 4096"),
        ({"tx_descriptors": 1}, "tx_descriptors is 1; net_e1000_igb takes 32 to 4096 for each"),
        ({"mbufs": 2000}, "mbufs is 2000; the range is 2304 to 4194304"),
        ({"offloads": ("rx_vlan_stripe",)}, "is no offload .*did you mean 'rx_vlan_strip'"),
        ({"offloads": ("tx_udp_cksum",)}, "what a port sends is finished in software"),
        ({"offloads": ("rx_rss_hash",)}, "cannot do rx_rss_hash; it can do: rx_vlan_strip, rx_udp"),
        ({"speed_mbps": 10_000}, "net_e1000_igb tells of these: 10, 100, 1000; leave it out"),
    ],
)
def test_refusals(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(lk.PortError, match=says):
        NicSettings(**settings).check("nic", IGB, 2)


def test_buffers_that_there_is_no_memory_for(leftovers: None) -> None:
    with lk.Lab(lk.EalConfig(memory_mb=64, hugepages=False)) as lab:
        with pytest.raises(
            lk.PortError,
            match=r"with 8 queues it needs 24,575 buffers of 2,176 bytes, 96 MiB, and of the "
            r"engine's 64 MiB \d+ are free; .*memory_mb=\d+\)\), or pass fewer queues",
        ):
            lab.port(f"tap:{unique_name('lkt')}", "many", queues=8)
        assert lab.ports == {}
        assert lab.port(f"tap:{unique_name('lkt')}", "few", rx_descriptors=128).info.link_up
