# SPDX-License-Identifier: BSD-3-Clause
"""What a port's device and driver are set to, where that is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.errors import PortError
from labkit.text import near

DESCRIPTORS = 1024  # of a queue when no number is asked for, where the driver takes that many
LEAST_MBUFS, MOST_MBUFS = 256, 1 << 22
LINK_SECONDS = 10.0  # autonegotiation of copper takes up to 4 s, some modules take 9
# What a device may do before nodes see a frame. What they know of it they read in the frame.
OFFLOADS = (
    "rx_ipv4_cksum",
    "rx_udp_cksum",
    "rx_tcp_cksum",
    "rx_vlan_strip",
    "rx_rss_hash",
    "rx_scatter",
)


@dataclass(frozen=True)
class NicSettings:
    """Settings of a port's device; see Lab.port().

    Attributes
    ----------
    rx_descriptors, tx_descriptors: of a queue; None: 1,024, or the driver's number next to it
    mbufs: buffers, in a pool of the port's own; None: as many as queues and workers need
    offloads: of what it receives
    speed_mbps: without agreeing on one with the other end; None: agreed on
    pause_frames: sends and obeys them; False: switched off while the port is open
    link_timeout: seconds that its opening waits for the link
    """

    rx_descriptors: int | None = None
    tx_descriptors: int | None = None
    mbufs: int | None = None
    offloads: tuple[str, ...] = ()
    speed_mbps: int | None = None
    pause_frames: bool = False
    link_timeout: float = LINK_SECONDS

    @property
    def fields(self) -> dict[str, int]:
        """Fields of struct lk_port_config."""
        return {
            "rx_descriptors": self.rx_descriptors or 0,
            "tx_descriptors": self.tx_descriptors or 0,
            "mbufs": self.mbufs or 0,
            "speed": self.speed_mbps or 0,
            "pause_frames": int(self.pause_frames),
        }

    def check(self, name: str, limits: Mapping[str, Any], queues: int) -> None:
        """Raises PortError for what the driver does not take (rte_eth_dev_info_get)."""
        driver = limits["driver"]
        for side in ("rx", "tx"):
            wanted = getattr(self, f"{side}_descriptors")
            low, high = limits[f"{side}_descriptor_range"]
            if wanted is not None and not max(low, 1) <= wanted <= high:
                raise PortError(
                    f"{name}: {side}_descriptors is {wanted}; {driver} takes {max(low, 1)} to "
                    f"{high} for each queue"
                )
        self._check_mbufs(name, limits, queues)
        self._check_offloads(name, limits)
        speeds = limits["known_speeds_mbps"]
        if self.speed_mbps is not None and self.speed_mbps not in speeds:
            there = ", ".join(map(str, speeds)) or "none, as it has no link of its own"
            raise PortError(
                f"{name}: speed_mbps is {self.speed_mbps}; {driver} tells of these: {there}; leave "
                "it out for the one that both ends agree on"
            )

    def _check_mbufs(self, name: str, limits: Mapping[str, Any], queues: int) -> None:
        if self.mbufs is None:
            return
        least = LEAST_MBUFS
        if not limits["is_virtual"]:
            least += (self.rx_descriptors or DESCRIPTORS) * queues
        if not least <= self.mbufs <= MOST_MBUFS:
            raise PortError(
                f"{name}: mbufs is {self.mbufs}; the range is {least} to {MOST_MBUFS}: a NIC's "
                f"receive queues are full of them, and {LEAST_MBUFS} are under way"
            )

    def _check_offloads(self, name: str, limits: Mapping[str, Any]) -> None:
        known = [offload for offload in limits["known_offloads"] if offload in OFFLOADS]
        for offload in self.offloads:
            if offload not in OFFLOADS:
                ours = "; what a port sends is finished in software"
                more = ours if offload.startswith("tx_") else near(offload, OFFLOADS)
                raise PortError(
                    f"{name}: {offload!r} is no offload that a port is opened with{more}"
                )
            if offload not in known:
                raise PortError(
                    f"{name}: {limits['driver']} cannot do {offload}; it can do: "
                    f"{', '.join(known) or 'none of those that a port is opened with'}"
                )


DEFAULTS = NicSettings()
