# SPDX-License-Identifier: BSD-3-Clause
"""What a driver's tools would print of a sick NIC, as files."""

from collections.abc import Iterator, Mapping, Sequence

from labkit.fault.driver import QDISC, Driver
from labkit.fault.nic import MARK
from labkit.lab.port import Port


def files_of(
    driver: Driver,
    port: Port,
    before: Mapping[str, int],
    now: Mapping[str, int],
    log: Sequence[str],
) -> Iterator[tuple[str, str]]:
    """Names and texts: counters before and after, where they could be read, and the log."""
    for when, counters in (("1-before", before), ("2-after", now)):
        of_tool: dict[str, dict[str, int]] = {}
        for name, value in counters.items():
            if not name.startswith(MARK):
                tool = next(t for prefix, t in driver.shows.items() if name.startswith(prefix))
                of_tool.setdefault(tool, {})[name] = value
        for tool, shown in of_tool.items():
            file, text = _PRINTED[tool](port, shown)
            yield f"{when}-{port.name}-{file}", text
    if driver.in_kernel:
        text = f"driver: {driver.name}\nbus-info: 0000:00:05.0\n"
        yield f"{port.name}-ethtool_-i_{port.name}.txt", text
    if log:
        yield f"{port.name}-{'dmesg' if driver.in_kernel else 'DPDK'}.log", "\n".join(log) + "\n"


def _testpmd(port: Port, counters: Mapping[str, int]) -> tuple[str, str]:
    lines = [f"###### NIC extended statistics for port {port.last_info.id}"]
    return "xstats.txt", "\n".join([*lines, *(f"{n}: {v}" for n, v in counters.items()), ""])


def _ethtool(port: Port, counters: Mapping[str, int]) -> tuple[str, str]:
    lines = ["NIC statistics:", *(f"     {name}: {value}" for name, value in counters.items())]
    return f"ethtool_-S_{port.name}.txt", "\n".join([*lines, ""])


def _ip(port: Port, counters: Mapping[str, int]) -> tuple[str, str]:
    of = {name.removeprefix("interface/"): value for name, value in counters.items()}
    info = port.last_info
    lines = [
        f"{info.id + 2}: {port.name}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu {info.mtu} qdisc "
        "pfifo_fast state UP mode DEFAULT group default qlen 1000",
        f"    link/ether {info.mac} brd ff:ff:ff:ff:ff:ff",
    ]
    for side, last in (("rx", "missed mcast"), ("tx", "carrier collsns")):
        columns = f"bytes packets errors dropped {last}".split()
        values = [of.get(f"{side}_{column}", 0) for column in columns]
        head = "  ".join(column.rjust(12) for column in columns)
        lines.append(f"    {side.upper()}:  {head.lstrip()}")
        lines.append("    " + "  ".join(str(value).rjust(12) for value in values))
    return f"ip_-s_link_show_{port.name}.txt", "\n".join([*lines, ""])


def _tc(port: Port, counters: Mapping[str, int]) -> tuple[str, str]:
    of = {name.removeprefix(f"{QDISC}/"): value for name, value in counters.items()}
    return f"tc_-s_qdisc_show_dev_{port.name}.txt", (
        f"qdisc pfifo_fast 0: dev {port.name} root refcnt 2 bands 3 "
        "priomap  1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1\n"
        f" Sent {of['bytes']} bytes {of['packets']} pkt (dropped {of['drops']}, overlimits 0 "
        f"requeues {of['requeues']})\n"
        f" backlog {of['backlog_bytes']}b {of['backlog_packets']}p requeues {of['requeues']}\n"
    )


_PRINTED = {"testpmd": _testpmd, "ethtool": _ethtool, "ip": _ip, "tc": _tc}
