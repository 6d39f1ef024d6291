# SPDX-License-Identifier: BSD-3-Clause
"""How a port's driver spreads frames over its queues: RSS, read, set, predicted and measured."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from labkit.arguments.hints import is_many
from labkit.errors import EngineError, PortError
from labkit.packet.rss_hash import hashed_bytes, toeplitz
from labkit.text import html_table, near, shown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class Rss:
    """Receive side scaling of a port (rte_eth_dev_rss_hash_update, rte_eth_dev_rss_reta_update).

        port.rss.fields = ("ipv4-udp", "ipv4-tcp")   # what is hashed
        port.rss.table = [0, 1]                      # whose queue it is, again and again
        port.rss.queue_of(frame), port.rss.spread    # predicted, measured

    What is set here is set again by lab.restart(). Each raises PortError where the driver cannot.
    In a notebook: the table of `spread` and its picture.
    """

    def __init__(self, port: Any) -> None:  # a Port, which has one
        self._port = port

    @property
    def key(self) -> bytes:
        """Toeplitz' key."""
        key = self._facts()["key"]
        if key is None:
            raise self._unknown("the key of its hash")
        return bytes.fromhex(key)

    @key.setter
    def key(self, key: bytes | str) -> None:
        """Bytes, or hex text."""
        length = len(self.key)
        try:
            data = bytes.fromhex(key.replace(":", "")) if isinstance(key, str) else bytes(key)
        except (TypeError, ValueError):
            raise PortError(f"key is {shown(key)}; it is bytes or hex text") from None
        if len(data) != length:
            raise PortError(
                f"key has {len(data)} bytes; that of port {self._port.name} has {length}"
            )
        self._set("key", data.hex())

    @property
    def fields(self) -> tuple[str, ...]:
        """What it hashes, as testpmd calls it: "ipv4" addresses, "ipv4-udp" addresses and ports."""
        fields = self._facts()["fields"]
        if fields is None:
            raise self._unknown("what it hashes")
        return tuple(fields)

    @fields.setter
    def fields(self, fields: Iterable[str]) -> None:
        """Names of `offered`."""
        if not is_many(fields):
            raise PortError(f"fields is {shown(fields)}; it is names such as ('ipv4-udp',)")
        wanted, offered = list(fields), self.offered
        for name in wanted:
            if name not in offered:
                raise PortError(
                    f"port {self._port.name}: {self._port.last_info.driver} cannot hash by "
                    f"{name!r}{near(str(name), offered)}"
                )
        self._set("fields", wanted)

    @property
    def offered(self) -> tuple[str, ...]:
        """What the driver could hash (flow_type_rss_offloads)."""
        return tuple(self._facts()["offered"])

    @property
    def table(self) -> tuple[int, ...]:
        """The redirection table: the queue for each value of the hash's low bits."""
        table = self._facts()["table"]
        if table is None:
            raise self._unknown("its redirection table")
        return tuple(table)

    @table.setter
    def table(self, queues: Sequence[int]) -> None:
        """A queue for each entry, or fewer that are repeated until all have one."""
        entries, count = len(self.table), self._port.last_info.rx_queues
        if not is_many(queues) or not queues or entries % len(queues):
            raise PortError(
                f"table is {shown(queues)}; it has {entries} entries, or a part of which "
                f"{entries} is a multiple"
            )
        for queue in queues:
            if queue not in range(count):
                raise PortError(
                    f"table has queue {shown(queue)}; port {self._port.name} has 0 to {count - 1}"
                )
        self._set("table", [int(queue) for queue in queues] * (entries // len(queues)))

    # Predicted and measured

    def queue_of(self, frame: Any) -> int:
        """The queue that the hash of a frame, a scapy packet or bytes, leads to."""
        return queue_of(_as_bytes(frame), self.key, self.fields, self.table)

    def predicted(self, frames: Iterable[Any]) -> "pd.Series[int]":
        """How many of these frames each queue gets."""
        import pandas as pd

        key, fields, table = self.key, self.fields, self.table
        queues = [queue_of(_as_bytes(frame), key, fields, table) for frame in frames]
        every = range(self._port.last_info.rx_queues)
        return pd.Series(queues, dtype=int).value_counts().reindex(every, fill_value=0)

    @property
    def spread(self) -> "pd.DataFrame":
        """One row a queue: frames that paths have received from it since they run, their share in
        percent, the lcore of the worker and the path that reads it; missing: nobody does."""
        from labkit.lab.spread import spread  # pandas is slow to load

        return spread(self._port)

    def plot(self) -> "Figure":
        """Frames by queue, in the colour of the worker that reads it."""
        from labkit.lab.spread_figure import spread_figure  # matplotlib is slow to load

        return spread_figure(self.spread, f"Frames by queue of port {self._port.name}")

    @property
    def remark(self) -> str:
        """What is wrong with the spread: frames that all came to one of several queues."""
        from labkit.lab.spread import remark

        return remark(self._port)

    # Within

    def begin_anew(self) -> None:
        """In a new engine: what was set here."""
        for name, value in self._port.declaration.rss.items():
            self._tell(name, value)

    def _facts(self) -> Any:
        return self._port.ask(self._port.commands.rss)

    def _set(self, name: str, value: Any) -> None:
        self._tell(name, value)
        self._port.remember_rss(name, value)

    def _tell(self, name: str, value: Any) -> None:
        port, commands = self._port.name, self._port.commands
        try:
            if name == "table":
                commands.set_rss_table(port, value)
            elif name == "key":
                commands.set_rss(port, value, list(self.fields))
            else:
                commands.set_rss(port, None, value)
        except EngineError as error:
            driver = self._port.last_info.driver
            raise PortError(f"port {port}: {driver} cannot set {name}: {error}") from None

    def _unknown(self, what: str) -> PortError:
        driver = self._port.last_info.driver
        return PortError(f"port {self._port.name}: {driver} does not tell {what}")

    def _lines(self) -> list[tuple[str, str]]:
        facts = self._facts()
        table = facts["table"]
        told = {
            "fields": None if facts["fields"] is None else ", ".join(facts["fields"]) or "none",
            "key": facts["key"] and bytes.fromhex(facts["key"]).hex(":"),
            "table": None if table is None else _short(table),
        }
        return [(name, "the driver does not tell" if v is None else v) for name, v in told.items()]

    def __repr__(self) -> str:
        lines = [f"<Rss of port {self._port.name}>"]
        lines += [f"{name:<7} {value}" for name, value in self._lines()]
        lines.append(self.spread.to_string(index=False))
        return "\n".join([*lines, *filter(None, [self.remark])])

    def _repr_html_(self) -> str:
        told = html_table((), self._lines(), "ll", caption=self.remark)
        spread: Any = self.spread
        picture: Any = self.plot()
        return f"{told}{spread._repr_html_()}{picture._repr_html_() or ''}"


def queue_of(frame: bytes, key: bytes, fields: Collection[str], table: Sequence[int]) -> int:
    """The queue of a frame by key, hashed fields and redirection table."""
    data = hashed_bytes(frame, fields)
    return 0 if data is None else table[toeplitz(key, data) % len(table)]


def _short(table: Sequence[int]) -> str:
    """The part that is repeated."""
    for length in range(1, len(table)):
        if len(table) % length == 0 and list(table) == list(table[:length]) * (
            len(table) // length
        ):
            part = ", ".join(map(str, table[:length]))
            return f"{part}; repeated to {len(table)} entries"
    return ", ".join(map(str, table))


def _as_bytes(frame: Any) -> bytes:
    from labkit.packet.build import whole_frame  # late: scapy is slow

    return frame if isinstance(frame, bytes) else whole_frame(frame)
