# SPDX-License-Identifier: BSD-3-Clause
"""A kernel interface as a source: driver statistics, the kernel's own, qdiscs and softnet."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Offers
from labkit.machine.nics import read, read_int
from labkit.sources.base import Sample, Schema, Source, SourceError, readonly
from labkit.text import reason, unique

if TYPE_CHECKING:
    from pyroute2 import IPRoute
    from pyroute2.ethtool.ioctl import IoctlEthtool

ANSWER_SECONDS = 5.0
CLASS = Path("/sys/class/net")
SOFTNET = Path("/proc/net/softnet_stat")
# Columns of /proc/net/softnet_stat (net/core/net-procfs.c, softnet_seq_show)
SOFTNET_COLUMNS = {
    0: "processed",
    1: "dropped",
    2: "time_squeeze",
    9: "received_rps",
    10: "flow_limit",
    11: "backlog",
}
ROOT_PARENT = 0xFFFFFFFF


def _interfaces(_: Mapping[str, Any]) -> list[str]:
    return sorted(path.name for path in CLASS.glob("*"))


@checked(SourceError)
class Ethtool(Source):
    """The counters of an interface of this network namespace.

    Names: the driver's as `ethtool -S` shows them, without the blanks in front, and with "#2", "#3"
    behind one that comes again (vmxnet3 has each once a queue);
    interface/NAME of /sys/class/net/*/statistics;
    qdisc/PARENT/KIND/packets|bytes|drops|overlimits|requeues|backlog_packets|backlog_bytes;
    softnet/cpuN/processed|dropped|time_squeeze|…, which all interfaces share. Gone while there is
    no interface of this name.
    """

    def __init__(self, interface: Annotated[str, Offers(_interfaces)]) -> None:
        super().__init__(f"interface {interface}")
        self.interface = interface
        self._driver = ""
        self._ethtool: IoctlEthtool | None = None
        self._netlink: IPRoute | None = None
        # pyroute2 runs an event loop of its own, which cannot be where Jupyter's runs already. It
        # is imported late because it is slow.
        self._apart: ThreadPoolExecutor | None = None
        self._unanswered: Future[Sample | None] | None = None  # what the kernel has not answered

    def _connect(self) -> None:
        self._apart = ThreadPoolExecutor(1, "labkit-netlink")
        try:
            self._apart.submit(self._connect_apart).result(ANSWER_SECONDS)
        except TimeoutError:
            self._apart.shutdown(wait=False)
            raise SourceError(self._silence()) from None
        except BaseException:
            self._apart.shutdown()
            raise

    def _silence(self) -> str:
        return (
            f"the kernel has not answered for {ANSWER_SECONDS:g} s what interface {self.interface} "
            "counts: its driver hangs, or another process keeps the kernel's lock of interfaces; "
            "dmesg may say why"
        )

    def _connect_apart(self) -> None:
        from pyroute2 import IPRoute
        from pyroute2.ethtool.ioctl import IoctlEthtool

        if not (CLASS / self.interface).exists():
            there = ", ".join(sorted(path.name for path in CLASS.iterdir()))
            raise SourceError(
                f"there is no interface {self.interface!r} in this network namespace; there are "
                f"{there}"
            )
        self._ethtool = IoctlEthtool(self.interface)
        self._netlink = IPRoute()

    def _disconnect(self) -> None:
        assert self._apart is not None
        end = self._apart.submit(self._disconnect_apart)  # once the kernel has answered
        self._apart.shutdown(wait=False)
        if self._answers:
            end.result()

    def _disconnect_apart(self) -> None:
        if self._ethtool is not None:
            self._ethtool.close()
        if self._netlink is not None:
            self._netlink.close()
        self._ethtool = self._netlink = None

    def _read(self) -> Sample | None:
        assert self._apart is not None
        if not self._answers:
            return None
        self._unanswered = self._apart.submit(self._read_apart)
        try:
            return self._unanswered.result(ANSWER_SECONDS)
        except TimeoutError:
            self._state = ("gone", self._silence())
            return None

    @property
    def _answers(self) -> bool:
        return self._unanswered is None or self._unanswered.done()

    def _read_apart(self) -> Sample | None:
        from pyroute2.netlink.exceptions import NetlinkError

        try:
            counters = [
                *self._driver_counters(),
                *self._interface_counters(),
                *self._qdisc_counters(),
                *softnet_counters(),
            ]
        except (OSError, NetlinkError) as error:
            self._state = ("gone", f"there is no interface {self.interface} now ({reason(error)})")
            return None
        if self._state[0] != "live":
            self._state = ("live", f"{self.label} is there")
            self._schema = Schema(())  # its counters begin anew
        names = tuple(unique(name for name, _ in counters))
        if names != self._schema.names:
            self._schema = Schema.of(names, {"": self._find_driver()})
        return self._sample(readonly([value for _, value in counters]))

    def _driver_counters(self) -> Iterator[tuple[str, int]]:
        from pyroute2.ethtool.ioctl import NoSuchDevice, NotSupportedError

        assert self._ethtool is not None
        # Asked anew each time: their number changes with the queues, and the kernel writes as many
        # as there are.
        self._ethtool.stat_names = None
        try:
            for name, value in self._ethtool.get_statistics():
                yield name.strip(), value
        except NotSupportedError:
            return
        except NoSuchDevice as error:
            raise OSError("ethtool: no such device") from error

    def _interface_counters(self) -> Iterator[tuple[str, int]]:
        folder = CLASS / self.interface
        for path in sorted((folder / "statistics").iterdir()):
            value = read_int(path)
            if value is not None:
                yield f"interface/{path.name}", value
        # An interface that is down does not tell of its carrier.
        yield "interface/carrier", read_int(folder / "carrier") or 0
        yield "interface/carrier_changes", read_int(folder / "carrier_changes") or 0

    def _qdisc_counters(self) -> Iterator[tuple[str, int]]:
        assert self._netlink is not None
        index = read_int(CLASS / self.interface / "ifindex")
        if index is None:
            raise OSError("it has no index")
        for qdisc in self._netlink.get_qdiscs(index=index):
            stats = qdisc.get_attr("TCA_STATS2")
            if stats is None:
                continue
            where = f"qdisc/{_handle(qdisc['parent'])}/{qdisc.get_attr('TCA_KIND')}"
            basic: dict[str, Any] = stats.get_attr("TCA_STATS_BASIC") or {}
            queue: dict[str, Any] = stats.get_attr("TCA_STATS_QUEUE") or {}
            for counters, key, name in (
                (basic, "packets", "packets"),
                (basic, "bytes", "bytes"),
                (queue, "drops", "drops"),
                (queue, "overlimits", "overlimits"),
                (queue, "requeues", "requeues"),
                (queue, "qlen", "backlog_packets"),
                (queue, "backlog", "backlog_bytes"),
            ):
                if key in counters:
                    yield f"{where}/{name}", counters[key]

    def _find_driver(self) -> str:
        """The driver; of a virtual interface, its kind (veth, vxlan)."""
        assert self._netlink is not None
        driver = CLASS / self.interface / "device/driver"
        if driver.exists():
            return driver.resolve().name
        for link in self._netlink.get_links(ifname=self.interface):
            info = link.get_attr("IFLA_LINKINFO")
            if info is not None:
                return str(info.get_attr("IFLA_INFO_KIND"))
        return ""


def _handle(parent: int) -> str:
    return "root" if parent == ROOT_PARENT else f"{parent >> 16:x}:{parent & 0xFFFF:x}"


def softnet_counters() -> Iterator[tuple[str, int]]:
    """Of each CPU: what its receive softirq did (/proc/net/softnet_stat, hexadecimal)."""
    for line, text in enumerate(read(SOFTNET).splitlines()):
        columns = [int(column, 16) for column in text.split()]
        cpu = columns[12] if len(columns) > 12 else line
        for position, name in SOFTNET_COLUMNS.items():
            if position < len(columns):
                yield f"softnet/cpu{cpu}/{name}", columns[position]
