# SPDX-License-Identifier: BSD-3-Clause
"""What a lab holds of its engine, and keeps when the process is a new one."""

import weakref
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from labkit.engine.client import EngineClient
from labkit.engine.commands import Commands
from labkit.engine.config import EalConfig
from labkit.engine.nic_access import check_nic
from labkit.errors import EngineError, EngineHung


class Engine:
    """An engine that may be started anew. Who is handed it may ask it and look after it.

    Attributes
    ----------
    eal: how DPDK starts
    """

    def __init__(self, eal: EalConfig) -> None:
        self.eal = eal
        self._start()

    def _start(self) -> None:
        # Decided before the attempt: afterwards the pages may be gone that it was decided by.
        eal = replace(self.eal, hugepages=self.eal.uses_hugepages())
        for device in eal.pci_devices.values():
            check_nic(device, eal.memory_mb, hugepages=bool(eal.hugepages))
        try:
            self._client = EngineClient(eal)
        except EngineError:
            # Hugepages that were free a moment ago may be somebody else's by now.
            if self.eal.hugepages is not None or not eal.hugepages:
                raise
            self._client = EngineClient(replace(eal, hugepages=False))
        self._finalizer = weakref.finalize(self, EngineClient.close, self._client)

    @property
    def commands(self) -> Commands:
        """What this process can be asked for; another object after a restart."""
        return self._client.commands

    @property
    def status(self) -> Any:
        """Memory shared with this process (struct lk_status of native/packet/status.h)."""
        return self._client.status

    @property
    def channel(self) -> int:
        """A descriptor that hangs up when this process ends (EPOLLHUP); not to be read."""
        return self._client.channel

    @property
    def hung(self) -> EngineHung | None:
        """What is to be raised of an engine that is known to hang; nothing is asked."""
        return self._client.hung

    @property
    def stands_still(self) -> EngineHung | None:
        """The same, also of a worker that has not come back for seconds."""
        return self._client.stands_still

    @property
    def busy_seconds(self) -> float:
        """Since when it is at work on a command; 0: on none."""
        return self._client.exchanges.busy_seconds

    def unawaited(self) -> AbstractContextManager[None]:
        """Commands of this thread are given meanwhile, and not waited for: they answer None."""
        return self._client.exchanges.unawaited()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._client.is_alive

    @property
    def log(self) -> str:
        """What the engine and DPDK printed."""
        return self._client.log

    def open_log(self) -> int:
        """A descriptor for the log of this process, to be closed by who asked for it."""
        return self._client.open_log()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._client.process.pid

    @property
    def dpdk_version(self) -> str:
        """Such as "DPDK 22.11.11"."""
        return self._client.facts["dpdk"]

    def check_alive(self) -> None:
        """Raises EngineDied, with what is known of it, when the process is gone."""
        if not self.is_alive:
            self.commands.clock()

    def check_answers(self) -> None:
        """The same, also when it is dying at this moment: a process that was killed looks alive
        until its memory is gone, but answers nothing. EngineHung when it hangs, or its workers do.
        For where nothing came back, before anybody else is blamed."""
        self.commands.clock()
        self.check_walks()

    def check_walks(self) -> None:
        """Raises EngineHung when a worker has stood still for seconds; nothing is asked."""
        self._client.check_walks()

    def restart(self) -> None:
        """A new process, without ports and paths."""
        self._client.check_ours()
        self.close()
        self._start()

    def kill(self) -> None:
        """Ends the process at once."""
        self._client.kill()
        self._finalizer.detach()

    def close(self) -> None:
        """Ends the process, by force when it hangs; nothing when it has ended."""
        self._client.close()
        self._finalizer.detach()
