# SPDX-License-Identifier: BSD-3-Clause
"""The machines and their NICs: two of each model, the ends of one cable."""

from dataclasses import dataclass

MTU = 9600  # of the host's side


@dataclass(frozen=True)
class Model:
    """A pair of NICs.

    name: as tests know it
    device: QEMU's, with its options
    slot: of the first NIC on the PCI bus; the second is in the next one
    queues: of each NIC that the host's side has
    is_pluggable: each is behind a port of its own, from which it can be taken
    """

    name: str
    device: str
    slot: int
    queues: int = 1
    is_pluggable: bool = False

    @property
    def addresses(self) -> tuple[str, str]:
        """On the PCI bus. Behind ports the firmware numbers buses from 1."""
        if self.is_pluggable:
            return "0000:01:00.0", "0000:02:00.0"
        return f"0000:00:{self.slot:02x}.0", f"0000:00:{self.slot + 1:02x}.0"

    @property
    def identifiers(self) -> tuple[str, str]:
        """QEMU's names of the two, as its monitor takes them."""
        return f"{self.name}-0", f"{self.name}-1"

    @property
    def macs(self) -> tuple[str, str]:
        return f"52:54:00:00:{self.slot:02x}:01", f"52:54:00:00:{self.slot:02x}:02"


VIRTIO = "virtio-net-pci,disable-legacy=on"
MODELS = (
    Model("e1000e", "e1000e", 4),
    Model("e1000", "e1000", 6),
    Model("vmxnet3", "vmxnet3", 8),
    Model("virtio", f"{VIRTIO},iommu_platform=on,mq=on,rss=on,vectors=10", 10, queues=4),
    Model("igb", "igb", 12),
    # Its driver goes round the IOMMU, so that the NIC never answers rte_eth_dev_start.
    Model("hung", VIRTIO, 14),
    Model("plug", "e1000e", 16, is_pluggable=True),
)
BY_NAME = {model.name: model for model in MODELS}

# What `labkit.machine` on the kernel's command line says: the NICs of the machine of that name.
MACHINES = {
    "iommu": MODELS,
    "plain": (BY_NAME["e1000e"],),
}
