# SPDX-License-Identifier: BSD-3-Clause
"""The process of a notebook's kernel, and how it ended."""

import signal
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from labkit.machine.limits import limits_told


class KernelProcess(AsyncKernelManager):
    """Starts a kernel, and keeps the exit code of one that died.

    Attributes
    ----------
    exit_code: of the last kernel of this process that was found dead; below 0 a signal
    """

    exit_code: int | None = None

    async def is_alive(self) -> bool:  # type: ignore[override]  # as AsyncKernelManager has it
        """Whether the process runs."""
        process: Any = getattr(self.provisioner, "process", None)
        alive: bool = await self._async_is_alive()
        if not alive and process is not None:
            KernelProcess.exit_code = process.returncode
        return alive


def how_it_died() -> str:
    """What is known of it, such as "SIGSEGV" or "exit code 3"; empty when nothing is."""
    code = KernelProcess.exit_code
    if code is None or code >= 0:
        return "" if code is None else f"exit code {code}"
    name = signal.Signals(-code).name
    told = limits_told(name)
    return f"{name} ({told})" if told else name
