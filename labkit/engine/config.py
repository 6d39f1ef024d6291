# SPDX-License-Identifier: BSD-3-Clause
"""How the engine starts DPDK's environment abstraction layer (EAL)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from labkit.arguments.checked import checked, fitting
from labkit.arguments.hints import Between, Seconds
from labkit.engine.command_calls import SECONDS
from labkit.errors import LabError
from labkit.machine.cpus import usable_cpus
from labkit.machine.hugepages import free_hugepage_mb, hugepages_can_be_mapped
from labkit.machine.pci_address import PciDevice, pci_device
from labkit.text import near

LOGS_VARIABLE = "LABKIT_ENGINE_LOGS"  # a folder that keeps the logs when their engines are gone
MAIN_LCORE = 0
FEWEST_WORKERS, MOST_WORKERS = 8, 63


@checked()
@dataclass(frozen=True)
class EalConfig:
    """EAL settings. The defaults work without root, hugepages or a NIC.

    Attributes
    ----------
    memory_mb: memory for packet buffers in MiB, 64 to 1,048,576. Without hugepages it is only
        reserved, and taken from the system as buffers are used (EAL option -m).
    hugepages: True needs them, False never uses them, None uses them when enough are free
        (--in-memory; without them --no-huge).
    max_workers: lcores that lanes of paths can run on, 1 to 63 (--lcores). None: one for each CPU,
        but 8 at least.
    cpus: CPUs the engine may use; None: those this process may use.
    pci: PCI addresses whose devices the engine takes, one or a list, such as "0000:00:06.0" or with
        arguments of its driver "0000:00:06.0,large_llq_hdr=1" (--allow). PortError tells why a
        device cannot be had.
    telemetry: open DPDK's telemetry socket for this user (--telemetry, --no-telemetry).
    file_prefix: name of the engine's runtime directory; None: one of its own (--file-prefix).
    log_levels: such as ("lib.eal:debug",) (--log-level).
    extra: further EAL arguments, passed on as they are.
    deadlines: seconds that the engine may take for a command, by its name, where a device needs
        more than the usual, such as {"start_port": 120} (labkit/engine/commands.py); then
        EngineHung is raised.
    """

    memory_mb: Annotated[int, Between(64, 1 << 20, "MiB")] = 512
    hugepages: bool | None = None
    max_workers: Annotated[int, Between(1, MOST_WORKERS)] | None = None
    cpus: tuple[int, ...] | None = None
    pci: str | tuple[str, ...] = ()
    telemetry: bool = True
    file_prefix: str | None = None
    log_levels: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    deadlines: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name in ("cpus", "log_levels", "extra"):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, tuple(given))
        given_pci = (self.pci,) if isinstance(self.pci, str) else self.pci
        object.__setattr__(self, "pci", tuple(str(pci_device(text)) for text in given_pci))
        for command, seconds in self.deadlines.items():
            if command not in SECONDS:
                raise LabError(
                    f"deadlines: there is no command {command!r}{near(command, SECONDS)}"
                )
            fitting(f"deadlines[{command!r}]", seconds, Seconds)
        missing = set(self.cpus or ()).difference(usable_cpus())
        if missing:
            usable = ", ".join(map(str, usable_cpus()))
            raise LabError(f"cpus names {sorted(missing)}; this process may use: {usable}")
        if self.cpus == ():
            raise LabError("cpus is empty; leave it None to use every CPU of this process")

    @property
    def pci_devices(self) -> dict[str, PciDevice]:
        """The devices of `pci` by their addresses."""
        return {device.address: device for device in map(pci_device, self.pci)}

    def usable_cpus(self) -> tuple[int, ...]:
        """CPUs of the engine, sorted."""
        return tuple(sorted(self.cpus or usable_cpus()))

    def workers(self) -> int:
        """What `max_workers` comes to."""
        cpus = len(self.usable_cpus())
        return self.max_workers or min(max(cpus, FEWEST_WORKERS), MOST_WORKERS)

    def uses_hugepages(self) -> bool:
        """What `hugepages` comes to on this machine now."""
        if self.hugepages is None:
            return free_hugepage_mb() >= self.memory_mb and hugepages_can_be_mapped()
        return self.hugepages

    def arguments(self, prefix: str) -> list[str]:
        """The EAL command line of an engine with this file prefix."""
        cpus = ",".join(map(str, self.usable_cpus()))
        # Every lcore may run on every CPU: rte_eal_init would otherwise pin the calling thread, and
        # all that come after it, to one. Workers are pinned when they start.
        lcores = ",".join(f"{lcore}@({cpus})" for lcore in range(self.workers() + 1))
        memory = ["--in-memory"] if self.uses_hugepages() else ["--no-huge", "--no-shconf"]
        return [
            "labkit",
            f"--lcores={lcores}",
            f"--main-lcore={MAIN_LCORE}",
            f"--file-prefix={prefix}",
            "-m",
            str(self.memory_mb),
            *memory,
            *(f"--allow={device}" for device in self.pci),
            *([] if self.pci else ["--no-pci"]),
            "--telemetry" if self.telemetry else "--no-telemetry",
            *(f"--log-level={level}" for level in self.log_levels),
            *self.extra,
        ]
