# SPDX-License-Identifier: BSD-3-Clause
"""What Linux's vxlan device and Open vSwitch make of every malformed frame, beside our receiver.

python -m tests.interop.test_tunnel_deviations   measures anew and writes the table

Linux's geneve device is measured in a virtual machine, tests/vm/test_deviations.py.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests import tunnel_deviations
from tests.tunnel_deviations import GOOD, deviations
from tests.tunnel_peers import Peer, linux_vxlan, open_vswitch
from tests.tunnels import FRAMES

CONTROL = FRAMES["tcp_v4"]
OUTGOING = 4  # PACKET_OUTGOING: what the interface's own host sends
WAIT_SECONDS = 1.0

# column of the table, protocol, outer IP version
REAL: tuple[tuple[str, str, int, Callable[[], AbstractContextManager[Peer]]], ...] = (
    ("linux_device", "vxlan", 4, lambda: linux_vxlan(4)),
    ("linux_device", "vxlan", 6, lambda: linux_vxlan(6)),
    ("open_vswitch", "vxlan", 4, lambda: open_vswitch("vxlan", 4)),
    ("open_vswitch", "vxlan", 6, lambda: open_vswitch("vxlan", 6)),
    ("open_vswitch", "geneve", 4, lambda: open_vswitch("geneve", 4)),
    ("open_vswitch", "geneve", 6, lambda: open_vswitch("geneve", 6)),
)


class Judge:
    """Sends frames to a peer, each followed by a good one, and sees which come out."""

    def __init__(self, peer: Peer, protocol: str, version: int) -> None:
        self.peer, self.outer, self.inner = peer, peer.outer_socket(), peer.listen()
        self.control = GOOD[protocol](version).encap(CONTROL)
        for _ in range(20):
            if self._comes_out(WAIT_SECONDS / 4) is not None:
                return
        raise AssertionError("good frames do not come out of the peer's tunnel")

    def _comes_out(self, seconds: float) -> list[bytes] | None:
        """What came out before the control frame; None when that did not."""
        self.outer.send(self.control)
        found: list[bytes] = []
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.inner.settimeout(left)
            try:
                frame, address = self.inner.recvfrom(65535)
            except TimeoutError:
                break
            if address[2] == OUTGOING:
                continue
            if frame[14 : len(CONTROL)] == CONTROL[14:]:
                return found
            found.append(frame)
        return None

    def takes(self, frame: bytes) -> bool:
        # Open vSwitch looks at GENEVE options in its slow path alone: the flow of a good frame lets
        # bad options through, and the one that it installs for a bad frame swallows good ones.
        self.peer.forget()
        self.outer.send(frame)
        self.peer.forget()
        for _ in range(3):
            found = self._comes_out(WAIT_SECONDS)
            if found is not None:
                return bool(found)
        raise AssertionError("the peer's tunnel went silent")

    def close(self) -> None:
        self.outer.close()
        self.inner.close()


def measure(protocol: str, version: int, peer: Peer) -> dict[str, str]:
    """takes or refuses, by deviation."""
    judge = Judge(peer, protocol, version)
    try:
        return {
            deviation.name: "takes" if judge.takes(deviation.frame) else "refuses"
            for deviation in deviations()
            if (deviation.protocol, deviation.outer) == (protocol, version)
        }
    finally:
        judge.close()


@pytest.mark.parametrize(
    ("column", "protocol", "version", "peer"),
    [pytest.param(*row, id=f"{row[0]}-{row[1]}-v{row[2]}") for row in REAL],
)
def test_table_says_what_they_do(
    column: str,
    protocol: str,
    version: int,
    peer: Callable[[], AbstractContextManager[Peer]],
) -> None:
    with peer() as there:
        measured = measure(protocol, version, there)
    table = tunnel_deviations.stored()
    assert measured == {name: table[name][column] for name in measured}


def all_measured() -> Iterator[tuple[str, str, str]]:
    for column, protocol, version, peer in REAL:
        with peer() as there:
            for name, result in measure(protocol, version, there).items():
                yield name, column, result


def main() -> None:
    found = {
        name: {"linux_device": row["linux_device"]}
        for name, row in tunnel_deviations.stored().items()
        if row["protocol"] == "geneve"
    }
    for name, column, result in all_measured():
        found.setdefault(name, {})[column] = result
    tunnel_deviations.write(found)


if __name__ == "__main__":
    main()
