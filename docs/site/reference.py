# SPDX-License-Identifier: BSD-3-Clause
"""Reference pages of what the library itself lists: nodes, drops, counters."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import labkit as lk
from docs.site.docstrings import marked_up
from docs.site.node_drops import own_drops
from labkit.manual.drops import advice
from labkit.packet.codec import VERDICTS, Verdict
from labkit.path.kinds import KINDS, REQUIRED, NodeKind
from labkit.sources.catalogue import Metric, metrics

# Sections of the page of drops: a title, and how the names in it begin.
DROPS = (
    ("Where frames leave: ports and cables", ("tx_", "rx_", "no_room", "unhandled")),
    ("Ethernet, VLAN, ARP", ("eth_", "vlan_truncated", "vlan_too", "arp_")),
    ("IPv4 and IPv6", ("ipv4_", "ipv6_", "ip_")),
    ("UDP, ICMP, neighbour discovery", ("udp_", "icmp_", "nd_")),
    ("Filters, policers, queues, delay lines", ("filter_", "police_", "queue_", "delay_")),
    ("Length", ("over_mtu", "header_too", "mtu_", "fragment_", "reassemble_")),
    ("Connections, firewall, NAT", ("conntrack_", "firewall_", "nat_")),
    ("Switch, VLANs, links", ("switch_", "vlan_", "wire_")),
    ("Router", ("route_", "neighbour_")),
    ("Tunnels", ("tunnel_", "vxlan_", "geneve_", "gue_", "gre_", "etherip_", "inner_")),
    ("Around a tunnel: outer headers", ("outer_",)),
    ("Probes, bad lines, Python", ("probe_", "impair_", "python_")),
)
# Pages of counters: a file, a title, and who reports first what stands there.
COUNTERS = (
    ("labkit", "The lab's own", ("labkit",)),
    ("ena", "ENA: EC2's NIC", ("ena", "net_ena", "SSR", "CloudWatch")),
    ("linux", "Linux: any interface", ("Linux", "veth")),
    ("dpdk", "DPDK: any port", ("ethdev",)),
    ("intel", "Intel", ("i40e", "net_i40e", "ixgbe", "net_ixgbe", "igb", "e1000", "net_e1000")),
    (
        "virtual",
        "virtio, vhost, vmxnet3",
        ("virtio", "net_virtio", "net_vhost", "vmxnet3", "net_vmx"),
    ),
)


def write(folder: Path) -> None:
    """All pages."""
    (folder / "drops.rst").write_text(_page("Drops", _drops()))
    (folder / "nodes.rst").write_text(_page("Nodes", _nodes()))
    rest = list(metrics())
    for file, title, who in COUNTERS:
        here = [m for m in rest if m.reported_by[0].startswith(who)]
        rest = [m for m in rest if m not in here]
        (folder / f"counters_{file}.rst").write_text(_page(title, _counters(here)))
    assert not rest, f"docs/site/reference.py: no page of COUNTERS takes {rest[0]}"


def _page(title: str, lines: Iterable[str]) -> str:
    return "\n".join([title, "=" * len(title), "", *lines, ""])


# Drops


def _drops() -> Iterator[str]:
    yield from (
        "Every reason to refuse a frame is a node of the graph. Its frames are counted under its",
        "name: in ``path.drops``, in the ledger, beside the node in the path's picture, and as the",
        "counter ``path/PATH/drop_...``. *Source* is where the rule stands. Which byte it was",
        "``lk.explain(frame)`` and ``lab.trace()`` show; ``labkit docs NAME`` tells what is here.",
    )
    rest = [verdict for verdict in VERDICTS if verdict.is_drop]
    by_title: dict[str, list[Verdict]] = {}
    for title, beginnings in DROPS:
        by_title[title] = [v for v in rest if v.name.startswith(beginnings)]
        rest = [v for v in rest if v not in by_title[title]]
    by_title |= {"Others": rest} if rest else {}
    for title, verdicts in by_title.items():
        yield from ("", title, "-" * len(title))
        for verdict in verdicts:
            yield from _drop(verdict)


def _drop(verdict: Verdict) -> Iterator[str]:
    name = f"drop_{verdict.name}"
    yield from ("", f".. drop:: {name}", "", f"   {marked_up(verdict.sentence)}")
    told = advice(name)
    if told:
        yield from ("", f"   *What to do:* {marked_up(told)}")
    nodes = [kind for kind in KINDS if verdict.name in own_drops(kind)]
    if nodes:
        yield from ("", f"   *Nodes:* {', '.join(f':node:`{kind}`' for kind in nodes)}")
    if verdict.source:
        yield from ("", f"   *Source:* {marked_up(verdict.source)}")


# Nodes


def _nodes() -> Iterator[str]:
    yield from (
        "A path is made of these. Their makers are ``lk.NAME`` unless it says otherwise; the",
        ":doc:`API <../api/path>` has their arguments with units and ranges. *Counters* stand in",
        '``path.counters.functions["NODE"]``, rows of *tables* in ``path.tables["NODE"]``.',
        "A frame of an output that leads nowhere is dropped as well.",
    )
    kinds = sorted(KINDS.values(), key=lambda kind: kind.name)
    for title, here in (
        ("Where frames come from", [k for k in kinds if is_made(k) and k.role == "source"]),
        ("What looks at a frame", [k for k in kinds if is_made(k) and k.role == "process"]),
        ("Where frames go", [k for k in kinds if is_made(k) and k.role == "end"]),
        ("Nodes that others bring along", [k for k in kinds if not is_made(k)]),
    ):
        yield from ("", title, "-" * len(title))
        for kind in here:
            yield from _node(kind)


def _node(kind: NodeKind) -> Iterator[str]:
    yield from ("", f".. node:: {kind.name}", "", f"   {marked_up(kind.sentence)}", "")
    if kind.parameters:
        shown = (
            f"``{p.name}``" if p.default is REQUIRED else f"``{p.name}={p.default!r}``"
            for p in kind.parameters
        )
        yield from (f"   *Parameters:* {', '.join(shown)}", "")
    if kind.outputs:
        yield from (f"   *Outputs:* {_codes(kind.outputs)}", "")
    drops = [f":drop:`drop_{name}`" for name in own_drops(kind.name)]
    if drops:
        yield from (f"   *Drops of its own:* {', '.join(drops)}", "")
    if kind.counters:
        yield from (f"   *Counters:* {_codes(kind.counters)}", "")
    if kind.table:
        yield from (f"   *Table:* {_codes(kind.table)}", "")
    if kind.reference:
        yield from (f"   *Follows:* {marked_up(kind.reference)}", "")


def is_made(kind: NodeKind) -> bool:
    """Whether lk.NAME makes such nodes, alone or with others."""
    return kind.name in vars(lk)["__all__"]


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"``{name}``" for name in names)


# Counters


def _counters(found: Iterable[Metric]) -> Iterator[str]:
    yield "``{n}`` stands for a number, ``{name}`` for any name. ``lk.xstats.describe(NAME)`` tells"
    yield "the same."
    for metric in sorted(found, key=lambda metric: metric.name):
        unit = f" of {metric.unit}" if metric.unit else ""
        yield from ("", f".. counter:: {metric.name}", "", f"   {marked_up(metric.meaning)}", "")
        if metric.advice:
            yield from (f"   *What to do:* {marked_up(metric.advice)}", "")
        counts = f"; counts as {metric.counts}" if metric.counts else ""
        yield from (f"   A {metric.kind}{marked_up(unit + counts)}. *Reported by:*", "")
        yield f"   {marked_up(', '.join(metric.reported_by))}. *Source:* {marked_up(metric.origin)}"
