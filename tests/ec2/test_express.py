# SPDX-License-Identifier: BSD-3-Clause
"""What goes over ENA Express, and what falls back."""

from scapy.layers.inet import ICMP, IP, UDP

import labkit as lk
from tests.ec2.instance import ETHER, SLOW, syn, udp
from tests.patience import wait_until


def test_express_takes_what_is_eligible_and_short_enough(lab: lk.Lab) -> None:
    """What is too long is eligible, and falls back; ICMP is neither."""
    ec2 = lk.nitro(
        "m6i.32xlarge", express=True, bandwidth="50 Gbit/s", flow=SLOW, flow_burst="20 kB"
    )
    vm, a = lab.cable("vm", "a")
    net, b = lab.cable("net", "b")
    path = lab.run(ec2.both(a, b))
    vm.send([udp(1, 1000)] * 50 + [syn(1)] + [udp(2, 9000)] * 3 + [ETHER / IP() / ICMP()])
    net.send([udp(1, 1000)] * 7)
    wait_until(lambda: path.ledger.sent == 62)
    told = ec2.counters()
    names = ("mode", "eligible_tx_pkts", "tx_pkts", "rx_pkts")
    assert [told[f"ena_srd_{name}"] for name in names] == [3, 54, 51, 7]
    assert path.counters.functions["flow_out"]["passed"] == 3
    assert path.counters.functions["srd_out"]["passed"] == 51
    assert path.ledger.is_balanced


def test_express_has_memory_for_so_many_flows_and_takes_its_time(lab: lk.Lab) -> None:
    """Of ten flows two fall back, which are eligible still, and come as late as the others."""
    ec2 = lk.nitro(
        "m6i.32xlarge",
        **{"express": True, "bandwidth": "50 Gbit/s", "express_delay": "50 ms"},
        **{"express_flows": 8, "express_idle": 3600},
    )
    assert "ena_srd_resource_utilization" in ec2.limits.loc["express_flows", "counter"]
    vm, a = lab.cable("vm", "a")
    net, b = lab.cable("net", "b")
    path = lab.run(ec2.both(a, b))
    vm.send([udp(sport) for sport in range(1, 11)] * 3)
    wait_until(lambda: path.ledger.received == 30)
    told = ec2.counters()
    names = ("eligible_tx_pkts", "tx_pkts", "resource_utilization")
    assert [told[f"ena_srd_{name}"] for name in names] == [30, 24, 100]
    came = [packet[UDP].sport for packet in net.receive(30, timeout=10)]
    assert sorted(came) == sorted([*range(1, 11)] * 3)
    assert path.counters.functions["srd_delay_out"]["passed"] == 30
    assert path.counters.functions["flow_out"]["passed"] == 6
    assert path.ledger.is_balanced


def test_express_takes_its_time_with_what_falls_back(lab: lk.Lab) -> None:
    """Packets that are too long wait as the others of their flow do."""
    ec2 = lk.nitro("m6i.32xlarge", express=True, bandwidth="50 Gbit/s", express_delay="20 ms")
    vm, a = lab.cable("vm", "a")
    net, b = lab.cable("net", "b")
    path = lab.run(ec2.egress(a, b))
    vm.send([udp(1, size) for size in (100, 8950) * 10])
    net.receive(20, timeout=10)
    nodes = path.counters.functions
    assert nodes["srd_delay_out"]["passed"] == 20
    assert nodes["flow_out"]["passed"] == nodes["srd_out"]["passed"] == 10
