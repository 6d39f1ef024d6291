# SPDX-License-Identifier: BSD-3-Clause
"""make bench: prints the table and stores it in build/bench/."""

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.bench import reflect, tunnels, waiting

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
    row: Row = {
        "what": name,
        "ours": statistics.median(measure() for _ in range(ROUNDS)),
        "unit": unit,
    }
    return row if goal is None else row | {"goal": goal}


def line(row: Row) -> str:
    text = f"{row['what']:<34} {row['ours']:>9.3f} {row['unit']:<6}"
    if "ratio" in row:
        text += (
            f" {row['peer']:>9.3f} {row['peer_name']:<16} ratio {row['ratio']:.2f} "
            f"({row['ratio_min']:.2f} to {row['ratio_max']:.2f})"
        )
    return text + (f" goal: below {row['goal']}" if "goal" in row else "")


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
    folder = Path("build/bench")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{time.strftime('%Y-%m-%dT%H%M%S')}.json"
    machine = {"machine": platform.processor() or platform.machine(), "python": sys.version}
    file.write_text(json.dumps({**machine, "rounds": ROUNDS, "rows": rows}, indent=2))
    print(f"stored in {file}")


if __name__ == "__main__":
    main()
