# SPDX-License-Identifier: BSD-3-Clause
"""Whose counters a port's driver tells, and which ports an instance takes."""

import pytest

import labkit as lk
from labkit.errors import PathError
from tests.ec2.instance import FREE, SLOW, Instance, syn
from tests.lab.test_functions import frames
from tests.patience import wait_until

OUT = "bw_out_allowance_exceeded"
AVAILABLE = "conntrack_allowance_available"


def _next(vm: Instance, **limits: object) -> None:
    """Another instance at the same ports."""
    vm.path.stop()
    vm.ec2 = lk.nitro("m6i.xlarge", **{**FREE, **limits})  # type: ignore[arg-type]
    vm.path, vm.sent = vm.a.lab.run(vm.ec2.egress(vm.a, vm.b)), 0


@pytest.mark.parametrize("driver", ["ena", "net_ena"])
def test_another_instance_counts_from_zero(lab: lk.Lab, driver: str) -> None:
    """Also what its interface has sent; and it tells by the names of its own driver."""
    vm = Instance(lab, bandwidth=SLOW, bandwidth_burst="10 kB", queue="20 kB")
    vm.send(*frames(20))
    assert vm.told(OUT, "interface/tx_packets") == [10, 20]
    _next(vm, driver=driver)
    risen = {name for name, count in vm.ec2.counters().items() if count > 1}
    assert risen == {AVAILABLE}
    vm.send(*frames(5))
    sent = "interface/tx_packets" if driver == "ena" else "tx_good_packets"
    assert vm.told(OUT, sent) == [0, 5]
    assert ("tx_good_packets" in vm.ec2.counters()) == (driver == "net_ena")


def test_a_recording_of_two_instances_accuses_the_one_that_it_was(lab: lk.Lab) -> None:
    """Its names change when another one begins, so no rate goes over both."""
    vm = Instance(lab, bandwidth=SLOW, bandwidth_burst="10 kB", queue="20 kB")
    vm.send(*frames(20))
    assert vm.told(OUT) == [10]
    _next(vm, connections=5)
    with lk.record(lab, hz=20) as record:
        wait_until(lambda: len(record.table) > 2)
        vm.send(*(syn(n) for n in range(1, 41)))
        told = "driver/a/conntrack_allowance_exceeded"
        wait_until(lambda: record.table[told].iloc[-1] == 35)
    found = [finding.id for finding in lk.trouble.look(record).findings]
    assert "conntrack-allowance" in found
    assert "bandwidth-out-allowance" not in found


def test_what_is_left_of_both_ways_tables_is_the_least(lab: lk.Lab) -> None:
    """Two paths have a table each: whichever is the fuller refuses first, started last or not."""
    out = Instance(lab, connections=10)
    back = lab.run(out.ec2.ingress(out.a, out.b))
    out.send(*(syn(n) for n in range(1, 9)))
    assert out.told(AVAILABLE) == [2]
    out.net.send([syn(n) for n in range(1, 4)])
    wait_until(lambda: back.ledger.sent == 3 and back.ledger.is_balanced)
    assert out.told(AVAILABLE) == [2]


def test_counters_are_xstats_of_the_port(lab: lk.Lab) -> None:
    """Beside the port's own packets, under names that the catalogue knows."""
    vm = Instance(lab, bandwidth=SLOW, bandwidth_burst="10 kB", queue="20 kB")
    before = vm.a.xstats()
    vm.send(*frames(20))
    vm.told()
    seen = vm.a.xstats()
    assert (before[OUT], seen[OUT]) == (0, 10)
    assert seen["rx_good_packets"] == 20
    assert "interface/tx_packets" not in seen
    assert OUT not in vm.b.xstats()
    assert lk.xstats.describe(OUT).unit == "packets"
    for counters, quantity in ((seen, "received"), (vm.ec2.counters(), "sent")):
        table = lk.xstats.normalise(counters).set_index("quantity")["value"]
        assert table["held back by the platform"] == 10
        assert table[quantity] == 20
    with pytest.raises(lk.LabError, match="counter 'rx' is 'many'; counters are whole numbers"):
        lk.xstats.normalise({"rx": "many"})  # type: ignore[dict-item]


def test_an_interface_has_so_many_queues(lab: lk.Lab) -> None:
    ec2 = lk.nitro("m6i.large", bandwidth="12.5 Gbit/s")
    ports = [lab.cable(f"vm{n}", f"a{n}", queues=2)[1] for n in range(4)]
    _, wide = lab.cable("vm", "wide", queues=4)
    _, b = lab.cable("net", "b", queues=4)
    with pytest.raises(PathError, match=r"port wide has 4 queues; an interface of m6i.large has 2"):
        ec2.egress(wide, b)
    for port in ports[:3]:
        ec2.egress(port, b)
    with pytest.raises(PathError, match=r"ports a0, a1, a2, a3 have 8 queues; all .* have 6 at"):
        ec2.egress(ports[3], b)
    assert "not modelled" in ec2.limits.loc["tx_ring", "what"]


def test_credits_are_what_the_table_says_at_any_scale(lab: lk.Lab) -> None:
    for options in ({"scale": 1000}, {"baseline": "1 Mbit/s", "credits": "1000 TB", "scale": 100}):
        (_, a), (_, b) = lab.cable(), lab.cable()
        ec2 = lk.nitro("m6i.xlarge", bandwidth="12.5 Gbit/s", **{"baseline": 1.56e9, **options})  # type: ignore[arg-type]
        path = lab.run(ec2.egress(a, b))
        of = path.tables["bw_out"].set_index("level").loc["credits", "of"]
        assert of == pytest.approx(ec2.limits.loc["credits", "here"], rel=1e-3)
        path.stop()


def test_micro_bursts_are_told_from_load(lab: lk.Lab) -> None:
    """Most of few packets were over the bandwidth, of which the mean is a few percent."""
    vm = Instance(lab, bandwidth="20 Mbit/s", bandwidth_burst="10 kB", queue="20 kB")
    with lk.record(lab, hz=20) as record:
        name = f"driver/a/{OUT}"
        wait_until(lambda: name in record.table.columns and len(record.table) > 3)
        vm.send(*frames(100))
        wait_until(lambda: (record.table.index[-1] - record.table.index[0]).total_seconds() > 1.5)
    found = {finding.id: finding.level for finding in lk.trouble.look(record).findings}
    assert found["micro-bursts"] == found["bandwidth-out-allowance"] == "likely"
