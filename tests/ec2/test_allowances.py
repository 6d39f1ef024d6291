# SPDX-License-Identifier: BSD-3-Clause
"""What an instance's limits do to frames, and what its driver tells of it."""

import random
import time
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.vxlan import VXLAN

import labkit as lk
from labkit.errors import PathError
from tests.ec2.instance import ETHER, SLOW, Instance, syn, udp
from tests.lab.test_functions import frames
from tests.patience import exactly, wait_until

OUT, IN, PPS = (f"{what}_allowance_exceeded" for what in ("bw_out", "bw_in", "pps"))


def test_bandwidth_out_is_queued_and_then_dropped(lab: lk.Lab) -> None:
    """Counted once, whether a frame waits or is dropped."""
    vm = Instance(lab, bandwidth=SLOW, bandwidth_burst="50 kB", queue="20 kB")
    vm.send(*frames(100))
    assert vm.path.ledger.held == 20
    assert vm.path.drops == {"drop_queue_full": 30}
    assert vm.told(OUT, IN, PPS) == [50, 0, 0]
    assert len(exactly(vm.net, 50)) == 50


def test_bandwidth_in_is_another_one(lab: lk.Lab) -> None:
    vm = Instance(lab, "both", bandwidth=SLOW, bandwidth_burst="50 kB", queue="20 kB")
    vm.send(*frames(100), by=vm.net)
    assert vm.told(OUT, IN) == [0, 50]
    vm.send(*frames(60))
    assert vm.told(OUT, IN) == [10, 50]


def test_both_ways_and_all_interfaces_share_the_packets(lab: lk.Lab) -> None:
    """Two interfaces, each a path of its own, and both ways of one of them."""
    begin = time.monotonic()
    one = Instance(lab, "both", pps=1, pps_burst=100, pps_queue=1)
    vm, a = lab.cable("vm2", "a2")
    _, b = lab.cable("net2", "b2")
    two = lab.run(one.ec2.egress(a, b))
    one.send(*frames(60))
    one.send(*frames(60), by=one.net)
    vm.send(frames(60))
    wait_until(lambda: two.ledger.sent == 60)
    left = 180 - one.path.ledger.held - two.ledger.held
    left -= sum(one.path.drops.values()) + sum(two.drops.values())
    assert 100 <= left <= 101 + time.monotonic() - begin
    exceeded = one.ec2.counters(one.a)[PPS] + one.ec2.counters(a)[PPS]
    assert 79 - (time.monotonic() - begin) <= exceeded <= 80
    with pytest.raises(PathError, match="interfaces at ports a, a2"):
        one.ec2.counters()


def test_short_frames_meet_the_packets_long_ones_the_bandwidth(lab: lk.Lab) -> None:
    """The 64-byte wall against the 9,001-byte wall."""
    walls = {}
    for size in (64, 9000):
        vm = Instance(
            lab,
            **{"bandwidth": SLOW, "bandwidth_burst": "1 MB", "queue": "20 kB"},
            **{"pps": 1, "pps_burst": 400, "pps_queue": 1},
        )
        vm.send(*(udp(n, size) for n in range(600)))
        walls[size] = [told > 100 for told in vm.told(PPS, OUT)]
        vm.path.stop()
        for port in (vm.vm, vm.net):
            port.close()
        for port in (vm.a, vm.b):
            port.close()
    assert walls == {64: [True, False], 9000: [True, True]}


def test_one_flow_against_many(lab: lk.Lab) -> None:
    """No counter rises at the limit of a flow."""
    vm = Instance(lab, flow=SLOW, flow_burst="10 kB", flow_queue="20 kB")
    vm.send(*frames(64))
    assert vm.node("flow_out")["passed"] == 10
    vm.send(*(udp(sport) for sport in range(2000, 2064)))
    assert vm.node("flow_out")["passed"] == 74
    assert vm.told(OUT, PPS) == [0, 0]


def test_dns_dies_while_other_traffic_is_fine(lab: lk.Lab) -> None:
    begin = time.monotonic()
    vm = Instance(lab, resolver="10.0.0.2")
    services = ("169.254.169.253", "169.254.169.254", "169.254.169.123", "10.0.0.2")
    for _ in range(5):
        vm.send(*(udp(n, 100, 53, services[n % 4]) for n in range(410)))
    vm.send(*(udp(n, dst="10.0.0.9") for n in range(100)))
    (exceeded,) = vm.told("linklocal_allowance_exceeded")
    assert 2050 - 1024 - 1024 * (time.monotonic() - begin) - 1 <= exceeded <= 2050 - 1024
    assert vm.told(OUT, PPS) == [0, 0]
    assert vm.path.drops.get("drop_police_exceeded", 0) == exceeded
    assert vm.path.ledger.received == 2150 - exceeded


def test_the_1025th_query_of_a_second_is_one_too_many(lab: lk.Lab) -> None:
    vm = Instance(lab, link_local=1, link_local_burst="1024 packets")
    begin = time.monotonic()
    for _ in range(5):
        vm.send(*(udp(n, 100, 53, "169.254.169.253") for n in range(205)))
    (exceeded,) = vm.told("linklocal_allowance_exceeded")
    assert exceeded == 1 or (exceeded == 0 and time.monotonic() - begin >= 1)


def test_fragments_count_as_packets(lab: lk.Lab) -> None:
    vm = Instance(lab, fragments=1, fragments_burst="100 packets")
    parts = [
        ETHER / IP(dst="10.0.0.2", id=n, flags=flags, frag=at) / bytes(800)
        for n in range(100)
        for flags, at in (("MF", 0), (0, 100))
    ]
    begin = time.monotonic()
    vm.send(*parts, *(udp(n) for n in range(50)))
    (exceeded,) = vm.told(PPS)
    assert 100 - (time.monotonic() - begin) - 1 <= exceeded <= 100
    assert vm.path.ledger.received == 250 - exceeded


def test_a_full_table_of_connections_keeps_the_old_ones(lab: lk.Lab) -> None:
    vm = Instance(lab, "both", connections=10)
    told = ("conntrack_allowance_exceeded", "conntrack_allowance_available")
    vm.send(*(syn(n) for n in range(1, 9)))
    assert vm.told(*told) == [0, 2]
    vm.send(*(syn(n) for n in range(9, 29)))
    assert vm.told(*told) == [18, 0]
    vm.send(*(syn(n, "A") for n in range(1, 11)))
    assert vm.told(*told) == [18, 0]
    assert vm.path.ledger.received == 20
    assert vm.path.drops == {"drop_conntrack_full": 18}


def test_untracked_traffic_needs_no_entry(lab: lk.Lab) -> None:
    vm = Instance(lab, connections=10, untracked="tcp port 80")
    vm.send(*(syn(n) for n in range(1, 51)))
    assert vm.path.ledger.received == 50


@pytest.mark.parametrize(("wide", "counter"), [(False, 5), (True, 0)])
def test_headers_that_do_not_fit_the_queue(lab: lk.Lab, *, wide: bool, counter: int) -> None:
    """VXLAN over IPv6: 112 bytes, of which regular entries have 96."""
    inner = ETHER / IP(dst="10.0.0.2") / UDP(dport=9)
    tunnel = ETHER / IPv6(dst="2001:db8::1") / UDP(dport=4789) / VXLAN() / inner
    vm = Instance(lab, wide_llq=wide)
    vm.send(*[tunnel] * 5, udp(1))
    assert vm.told("queue_0_tx_prepare_ctx_err") == [counter]
    assert vm.path.drops == ({"drop_header_too_long": 5} if counter else {})


def test_a_packet_that_needs_the_full_evaluation_counts_once(lab: lk.Lab) -> None:
    """It waits in one place, for all that it takes of the packets."""
    vm = Instance(lab, slow_weight=10, pps=1, pps_burst=64, pps_queue=1000)
    vm.send(*(udp(sport) for sport in range(1, 101)))
    assert vm.told(PPS) == [94]
    assert vm.path.ledger.held == 94
    assert vm.node("slow_out")["exceeded"] == 94


def test_new_flows_have_a_rate_of_their_own(lab: lk.Lab) -> None:
    vm = Instance(
        lab,
        **{"new_flows": 1, "slow_weight": 10, "idle": 3600},
        **{"pps": 1, "pps_burst": 1000, "pps_queue": 1},
    )
    for sport in range(1, 101):
        vm.send(udp(sport))
    before = vm.node("new_flows_out")
    assert before["passed"] + before["exceeded"] == 100
    assert before["passed"] >= 64, "the least that a rate lets pass at once"
    vm.send(*(udp(1) for _ in range(50)))
    assert vm.node("new_flows_out") == before
    assert vm.node("evaluation_out")["fast"] == 50
    assert vm.node("slow_out")["passed"] + vm.node("slow_out")["exceeded"] >= 64


def test_the_mtu_of_the_internet(lab: lk.Lab) -> None:
    vm = Instance(lab, over_internet=True)
    vm.send(udp(1, 1518), udp(1, 1519))
    assert vm.path.drops == {"drop_over_mtu": 1}


def test_the_plateau_of_the_published_tables(lab: lk.Lab) -> None:
    """8,500 bytes at 8.52 Gbit/s: a queue of 9.5 MB is 8.9 ms, a thousand times as long here: it
    fills, whatever the sender's pace."""
    vm = Instance(lab, flow="8.52 Gbit/s", scale=1000)
    for _ in range(4):
        vm.send(*[udp(1, 8500)] * 500)
    found = vm.node("flow_out")
    assert 8.9 <= found["longest_wait_ns"] / 1000 / 1e6 <= 8.93
    assert found["dropped"] > 0


def test_the_guide_s_example_of_a_micro_burst(lab: lk.Lab) -> None:
    """10 Gbit in half a second, on 10 Gbit/s: of 1,250 MB the 625 MB pass that the half second has
    room for, 9.5 MB wait, and the rest is dropped. Here in kB, and at one moment."""
    vm = Instance(lab, bandwidth=SLOW, bandwidth_burst="625 kB", queue="9.5 kB")
    for _ in range(5):
        vm.send(*frames(250))
    assert vm.told(OUT) == [625]
    counted = vm.node("bw_out")
    assert [counted[what] for what in ("delayed", "dropped")] == [9, 616]
    assert vm.path.ledger.received == 625


def test_a_rate_lets_no_more_pass_than_its_time(lab: lk.Lab) -> None:
    """The same spread over half a second or, on a busy machine, more."""
    vm = Instance(lab, bandwidth="10 Mbit/s", bandwidth_burst="1 kB", queue="9.5 kB")
    with lab.traffic() as traffic:
        stream = lk.Stream(udp(1, 900), size=1000)
        flow = traffic.add(stream, on=vm.vm, to=vm.net, rate=2500, count=1250, overdue="catch_up")
        begin = time.monotonic()
        flow.start()
        wait_until(lambda: vm.path.ledger.sent == 1250)
        seconds = time.monotonic() - begin
        wait_until(lambda: vm.path.ledger.is_balanced)
    counted = vm.node("bw_out")
    waited_or_passed = 1250 - counted["dropped"]
    assert 10 <= waited_or_passed <= 1 + 9 + 10e6 / 8 / 1000 * seconds + 1
    assert counted["exceeded"] == counted["delayed"] + counted["dropped"]


def test_counters_go_on_when_a_path_is_stopped(lab: lk.Lab) -> None:
    vm = Instance(lab, bandwidth=SLOW, bandwidth_burst="10 kB", queue="20 kB")
    vm.send(*frames(20))
    assert vm.told(OUT) == [10]
    vm.path.stop()
    assert vm.ec2.counters()[OUT] == 10
    vm.path, vm.sent = lab.run(vm.ec2.egress(vm.a, vm.b)), 0
    vm.send(*frames(20))
    assert vm.told(OUT) == [20]


def test_names_are_those_of_the_driver(lab: lk.Lab) -> None:
    vm = Instance(lab, driver="net_ena")
    vm.send(*frames(20))
    told = vm.ec2.counters()
    assert told["tx_good_packets"] == told["tx_q0_packets"] == 20
    assert told["rx_good_packets"] == 0
    assert told["tx_q0_prepare_ctx_err"] == 0
    assert "     bw_out_allowance_exceeded: 0" in vm.ec2.ethtool().splitlines()


def test_a_recording_shows_what_was_exceeded(lab: lk.Lab) -> None:
    """lk.trouble takes the lab's port for an ENA, and names the allowance."""
    vm = Instance(lab, bandwidth=SLOW, bandwidth_burst="10 kB", queue="20 kB")
    with lk.record(lab, hz=20) as record:
        name = f"driver/a/{OUT}"
        wait_until(lambda: name in record.table.columns and len(record.table) > 3)
        for _ in range(3):
            vm.send(*frames(50))
        wait_until(lambda: record.table[name].iloc[-1] == 140)
    case = lk.trouble.look(record)
    found = {finding.id: (finding.device, finding.level) for finding in case.findings}
    assert found["bandwidth-out-allowance"] == ("a", "likely")


def test_what_ethtool_shows_is_evidence(lab: lk.Lab, tmp_path: Path) -> None:
    vm = Instance(lab, connections=5)
    files = [tmp_path / "ethtool_S_eth0_before.txt", tmp_path / "ethtool_S_eth0_after.txt"]
    files[0].write_text(vm.ec2.ethtool())
    vm.send(*(syn(n) for n in range(1, 40)))
    vm.told()
    files[1].write_text(vm.ec2.ethtool())
    found = [finding.id for finding in lk.trouble.look(*files).findings]
    assert "conntrack-allowance" in found


def test_any_bytes_go_through(lab: lk.Lab) -> None:
    """Frames that are cut, changed and made up, both ways: each is accounted for."""
    drawn = random.Random(17)
    vm = Instance(lab, "both", new_flows="1 kpps", slow_weight=3, pps="1 Gpps")
    inner = ETHER / IP(dst="10.0.0.2") / UDP(dport=9)
    seeds = [
        bytes(ETHER / IPv6(dst="2001:db8::1") / UDP(dport=4789) / VXLAN() / inner),
        bytes(ETHER / IP(dst="169.254.169.253", flags="MF") / UDP(dport=6081) / bytes(64)),
        bytes(ETHER / IP(dst="10.0.0.2") / UDP(dport=6080) / bytes(64)),
        bytes(syn(1)),
    ]
    for by in (vm.vm, vm.net):
        made = []
        for _ in range(2000):
            frame = bytearray(drawn.choice(seeds))
            for _ in range(drawn.randrange(6)):
                frame[drawn.randrange(len(frame))] = drawn.randrange(256)
            made.append(bytes(frame[: drawn.randrange(14, len(frame) + 1)]))
        vm.send(*made, by=by)
    wait_until(lambda: vm.path.ledger.is_balanced and vm.path.ledger.held == 0)
