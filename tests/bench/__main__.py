# SPDX-License-Identifier: BSD-3-Clause
"""make bench: prints the table and stores it in build/bench/."""

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, product
from pathlib import Path

from tests.bench import (
    captures,
    connections,
    flows,
    functions,
    generator,
    l3fwd,
    lanes,
    lines,
    live,
    ovs,
    recorder,
    reflect,
    router,
    shares,
    switch,
    tunnels,
    waiting,
)

ROUNDS = 3
Row = dict[str, str | float]


def in_turns(
    name: str, unit: str, ours: Callable[[], float], peer: Callable[[], float], peer_name: str
) -> Row:
    """Ours, peer, ours, peer, …: the ratio of each pair, so that a drifting machine cancels out."""
    pairs = [(ours(), peer()) for _ in range(ROUNDS)]
    ratios = [a / b for a, b in pairs]
    return {
        "what": name,
        "ours": statistics.median(a for a, _ in pairs),
        "peer": statistics.median(b for _, b in pairs),
        "unit": unit,
        "peer_name": peer_name,
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
    }


def alone(name: str, unit: str, measure: Callable[[], float], goal: float | None = None) -> Row:
    """The median of a few runs, beside the goal it should stay below where there is one."""
    values = [measure() for _ in range(ROUNDS)]
    row: Row = {"what": name, "ours": statistics.median(values), "unit": unit}
    return row if goal is None else row | {"goal": goal}


def line(row: Row) -> str:
    text = f"{row['what']:<50} {row['ours']:>9.3f} {row['unit']:<6}"
    if "ratio" in row:
        text += (
            f" {row['peer']:>9.3f} {row['peer_name']:<16} ratio {row['ratio']:.2f} "
            f"({row['ratio_min']:.2f} to {row['ratio_max']:.2f})"
        )
    return text + (f" goal: below {row['goal']}" if "goal" in row else "")


def live_rows() -> Iterator[Row]:
    """Live views of 8 lines and 600 points at 10 Hz; once, each takes a minute and a half."""
    for what, begin in (("live view", live.VIEW), ("live traffic, 4 flows", live.TRAFFIC)):
        found = live.measure(begin)
        yield {"what": f"{what}, kernel CPU", "ours": found["cpu"], "unit": "%", "goal": 3.0}
        yield {"what": f"{what}, an update", "ours": found["bytes"], "unit": "bytes", "goal": 4e3}
        yield {"what": f"{what}, page frames", "ours": found["frames"], "unit": "/s"}
        yield {"what": f"{what}, count to pixel", "ours": found["median"], "unit": "ms"}
        yield {"what": "the same, p99", "ours": found["p99"], "unit": "ms", "goal": 250.0}


def generator_rows() -> Iterator[Row]:
    """Ours with one varying field, and with the signature, against both of testpmd's.

    What txonly puts into a ring nobody takes out, so there flowgen is the only peer.
    """
    for size, signed in product((64, 1400), (False, True)):
        made = f"{size} B, {'field and signature' if signed else 'one field'}"
        null = partial(generator.ours_on_null, size, signature=signed)
        ring = partial(generator.ours_on_ring, size, signature=signed)
        for device, vdev, ours, mode in (
            ("net_null", "net_null0,no-rx=1", null, "txonly"),
            ("net_null", "net_null0,no-rx=1", null, "flowgen"),
            ("net_ring", "net_ring0", ring, "flowgen"),
        ):
            peer = partial(generator.testpmds, vdev, mode, size)
            yield in_turns(f"generate, {device}, {made}", "Mpps", ours, peer, f"testpmd {mode}")
    for size, latency in product((64, 1400), (False, True)):
        what = f"sent and tracked{', latency too' if latency else ''}, net_ring, {size} B"
        yield alone(what, "Mpps", partial(generator.tracked, size, latency=latency))


def share_rows() -> Iterator[Row]:
    """Two lanes on two CPUs against one, of which 1.8 times as much is the goal; sixteen on one
    CPU against one: what a lane costs beside others, but for what CPUs tell each other."""
    for what, measure in (
        ("sent and tracked, ring", shares.on_ring),
        ("sent and tracked, memif", shares.on_memif),
        ("made, net_null", shares.on_null),
    ):
        one, two = partial(measure, 1, 1), partial(measure, 2, 2)
        yield in_turns(f"{what}, 64 B, two lanes", "Mpps", two, one, "one lane")
    one, many = partial(shares.on_null, 1, 1), partial(shares.on_null, 16, 1)
    yield in_turns("made, net_null, 64 B, 16 lanes on one CPU", "Mpps", many, one, "one lane")


def flow_rows() -> Iterator[Row]:
    """Live flows against a trial of the same stream; a frame's cost by the number of flows."""
    null = partial(generator.ours_on_null, 64, signature=True)
    yield in_turns("a live flow, net_null, 64 B", "Mpps", flows.live_on_null, null, "a trial")
    tracked = partial(generator.tracked, 64, latency=False)
    name = "a live flow, sent and tracked, net_ring, 64 B"
    yield in_turns(name, "Mpps", flows.tracked_on_one_cpu, tracked, "a trial")
    one = partial(flows.paced_on_null, 1)
    for number in flows.NUMBERS[1:]:
        many = partial(flows.paced_on_null, number)
        yield in_turns(f"{number:,} paced flows, net_null, 64 B", "Mpps", many, one, "one flow")
    yield alone("flows both ways over a cable, 64 B", "Mpps", flows.both_ways)
    yield alone("start of 256 flows", "s", partial(flows.start_seconds, 256), 2.0)


def router_rows() -> Iterator[Row]:
    """A router, beside what only rewrites MACs, on the same vdevs."""
    for count in router.ROUTES:
        name = f"route, net_pcap, 64 B, {count:,} prefix{'es' * (count > 1)}"
        ours, peer = partial(router.ours, count), partial(router.testpmds, count)
        yield in_turns(name, "Mpps", ours, peer, "testpmd mac")
    if l3fwd.PROGRAM.exists():
        yield in_turns(name, "Mpps", ours, partial(router.l3fwds, count), "l3fwd")
    else:
        print(f"{name}: no l3fwd; scripts/build-l3fwd builds it", flush=True)


def function_rows() -> Iterator[Row]:
    """Network functions, beside Open vSwitch's, on the same vdevs."""
    for function in functions.functions():
        if ovs.SWITCH.exists():
            ours, peer = (
                partial(functions.ours, function),
                partial(functions.open_vswitch, function),
            )
            yield in_turns(f"{function.name}, 64 B", "Mpps", ours, peer, "OVS-DPDK")


def switch_rows() -> Iterator[Row]:
    """A learning switch, beside what only forwards and what learns, on the same vdevs."""
    for stations in switch.STATIONS:
        name = f"switch, net_pcap, 64 B, {2 * stations:,} stations"
        ours = partial(switch.ours, stations)
        yield in_turns(name, "Mpps", ours, partial(switch.testpmds, stations), "testpmd mac")
        if ovs.SWITCH.exists():
            yield in_turns(name, "Mpps", ours, partial(switch.open_vswitch, stations), "OVS-DPDK")
        else:
            print(f"{name}: no Open vSwitch on DPDK; install openvswitch-switch-dpdk", flush=True)


def connection_rows() -> Iterator[Row]:
    """What finding, filtering and translating a million connections costs."""
    for what, ours, peer, name in (
        ("conntrack, 1,000,000 connections", connections.tracked, connections.mpps, "without it"),
        ("firewall, 100 rules", connections.filtered, connections.mpps, "without it"),
        ("conntrack and nat, 1,000,000", connections.translated, connections.tracked, "conntrack"),
    ):
        yield in_turns(f"{what}, 64 B", "Mpps", ours, peer, name)


def line_rows() -> Iterator[Row]:
    """Slow, long lines: how far they are off, beside the kernel's tbf, and how fast they can be."""
    ours, kernel = lines.full_link(), lines.tbf()
    for whose, left in (("queue and delay", ours), ("the kernel's tbf", kernel)):
        off, apart = (of(left, lines.FRAME_NS) for of in (lines.error_percent, lines.error_us))
        yield {"what": f"rate off, {whose}, 10 Mbit/s", "ours": off, "unit": "%", "goal": 0.5}
        yield {"what": f"between two frames, p99, {whose}", "ours": apart, "unit": "µs"}
    for percent, goal in ((50, 1.0), (99, 20.0)):
        off = partial(lines.delay_error_us, percent)
        yield alone(f"delay of 20 ms off, p{percent}", "µs", off, goal)
    yield alone("delay, rate and loss as one line, 64 B", "Mpps", lines.line_mpps)


def capture_rows() -> Iterator[Row]:
    """A capture as a table and as flows, beside what others make of the same file."""
    captures.capture()
    for what, ours, peer, name in captures.peers():
        yield in_turns(f"a capture of 200,000 frames: {what}", "M/s", ours, peer, name)
    yield alone("frames explained, with their text", "k/s", captures.explained)


def pacing_rows() -> Iterator[Row]:
    """How far the mean rate is off over 5 s, and how the time between departures varies."""
    for rate in (70e3, 140e3, 350e3, 700e3):
        runs = [generator.pacing(rate) for _ in range(ROUNDS)]
        off, jitter = sorted(runs, key=lambda run: run[0])[ROUNDS // 2]
        name = f"{rate / 1e3:.0f} kpps"
        yield {"what": f"mean rate off, {name}", "ours": off, "unit": "%", "goal": 0.1}
        for percent in (50, 99):
            value = float(jitter.percentile(percent))
            yield {"what": f"departure jitter p{percent}, {name}", "ours": value, "unit": "ns"}
    floor = generator.floor()
    for percent in (50, 99):
        value = float(floor.percentile(percent))
        yield {"what": f"latency floor p{percent}", "ours": value, "unit": "ns"}


def main() -> None:
    rows: list[Row] = []

    def add(row: Row) -> None:
        rows.append(row)
        print(line(row), flush=True)

    add(alone("import labkit", "s", waiting.import_seconds, 0.4))
    add(alone("engine start to first echo", "s", waiting.first_echo_seconds, 1.5))
    add(alone("CPU of an idle lab", "%", waiting.idle_cpu_percent, 5.0))
    add(
        in_turns(
            "an empty notebook",
            "s",
            lambda: waiting.empty_notebook_seconds("labkit", "run", "{}"),
            lambda: waiting.empty_notebook_seconds("papermill", "{}", "out.ipynb"),
            "papermill",
        )
    )
    ring = (reflect.ours_on_ring, reflect.testpmd_on_ring, "testpmd 5tswap")
    add(in_turns("reflect, net_ring, 64-B frames", "Mpps", *ring))
    unfiltered = (reflect.filtered_on_ring, reflect.ours_on_ring, "the path without it")
    add(in_turns("a filter and reflect, net_ring, 64-B frames", "Mpps", *unfiltered))
    for name, measure, frames in (
        ("net_ring", lanes.ring_mpps, lanes.FULL),
        ("net_ring", lanes.ring_mpps, reflect.IN_FLIGHT),
        ("net_memif", lanes.memif_mpps, reflect.IN_FLIGHT),
    ):
        two, one = partial(measure, 2, frames), partial(measure, 1, frames)
        what = f"reflect in two lanes, {name}, {frames} frames on a queue"
        add(in_turns(what, "Mpps", two, one, "one lane"))
    with reflect.veth() as (here, peer):
        add(
            in_turns(
                "reflect, af_packet over veth",
                "Mpps",
                lambda: reflect.ours_on_veth(here, peer),
                lambda: reflect.testpmd_on_veth(here, peer),
                "testpmd 5tswap",
            )
        )
        add(
            in_turns(
                "frames of bytes from Python",
                "kpps",
                waiting.bulk_send_kpps,
                lambda: waiting.scapy_send_kpps(here),
                "scapy L2 socket",
            )
        )
        add(
            in_turns(
                "frames of bytes from Python, one by one",
                "kpps",
                waiting.single_send_kpps,
                lambda: waiting.single_scapy_send_kpps(here),
                "scapy L2 socket",
            )
        )
    add(alone("a frame's answer, worker awake", "µs", waiting.answer_us, 100))
    add(alone("a frame's answer, from rest", "µs", lambda: waiting.answer_us(0.02), 1500))
    add(alone("sr1 of scapy packets, worker awake", "µs", waiting.sr1_us))
    add(alone("sr1 of scapy packets, from rest", "µs", lambda: waiting.sr1_us(0.02), 1500))
    for what, tunnel, size, reads in (
        ("VXLAN/IPv4 encap, 64 B", tunnels.VXLAN_4, 64, False),
        ("GENEVE/IPv4 encap, 64 B", tunnels.GENEVE_4, 64, False),
        ("GUE/IPv4 encap, 64 B", tunnels.GUE_4, 64, False),
        ("VXLAN/IPv6 encap, 64 B", tunnels.VXLAN_6, 64, True),
        ("VXLAN/IPv6 encap, 1400 B", tunnels.VXLAN_6, 1400, True),
    ):
        add(
            in_turns(
                what,
                "Mpps",
                partial(tunnels.encap_mpps, tunnel, size),
                partial(tunnels.roofline_mpps, tunnel, size, reads=reads),
                "memory roofline",
            )
        )
        add(
            in_turns(
                what.replace("encap", "decap"),
                "Mpps",
                partial(tunnels.decap_mpps, tunnel, size),
                partial(tunnels.encap_mpps, tunnel, size),
                "encap",
            )
        )
    add(alone("rx, decap, reflect, encap, tx", "Mpps", tunnels.path_mpps))
    add(alone("recorder at 10 Hz, cost", "%", lambda: recorder.cost_percent(10), 1.0))
    add(alone("recorder at 1000 Hz, cost", "%", lambda: recorder.cost_percent(1000), 5.0))
    add(alone("recorder at 10 Hz, its CPU", "%", lambda: recorder.cpu_percent(10), 1.0))
    add(alone("a sample of it in Python", "µs", recorder.sample_microseconds, 200.0))
    sent = (generator_rows(), share_rows(), flow_rows(), pacing_rows())
    through = (switch_rows(), router_rows(), connection_rows(), function_rows(), line_rows())
    for row in chain(capture_rows(), live_rows(), *sent, *through):
        add(row)
    folder = Path("build/bench")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{time.strftime('%Y-%m-%dT%H%M%S')}.json"
    machine = {"machine": platform.processor() or platform.machine(), "python": sys.version}
    file.write_text(json.dumps({**machine, "rounds": ROUNDS, "rows": rows}, indent=2))
    print(f"stored in {file}")


if __name__ == "__main__":
    main()
