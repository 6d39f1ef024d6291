# SPDX-License-Identifier: BSD-3-Clause
"""The ports at both ends of what connects two hosts, and a look whether it does."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from labkit.errors import EngineDied, LabError
from labkit.lab.lab import Lab
from labkit.lab.port import Port

LINK_SECONDS = 10.0
LOOK_SECONDS = 0.01
ROLES = {True: "server", False: "client"}  # of a memif: the notebook's host waits for the other


def pci_of(device: str) -> tuple[str, ...]:
    """The NIC that an engine must be started for, to open this port: EalConfig(pci=...)."""
    return (device.removeprefix("pci:"),) if device.startswith("pci:") else ()


@contextmanager
def wire_port(lab: Lab, device: str, mtu: int, *, is_near: bool) -> Iterator[Port]:
    """This host's end, as long as it is needed.

    Raises LabError where it takes no packets of that MTU.
    """
    is_memif = device.startswith("memif:")
    if is_memif:
        port = lab.port(device, "wire", mtu=mtu, role=ROLES[is_near])
    else:
        port = lab.port(device, "wire")
    try:
        if port.mtu < mtu:
            raise LabError(
                f"mtu is {mtu} and {device} takes packets of up to {port.mtu} bytes; give "
                f"mtu={port.mtu}, or raise the port's (ip link set … mtu {mtu})"
            )
        yield port
    finally:
        for path in tuple(lab.paths.values()):
            if port.name in path.path.ports:
                with suppress(EngineDied):  # and the path with it
                    path.stop()
        with suppress(EngineDied):
            port.close()


def wait_for_link(port: Port, device: str, host: str) -> None:
    """Until the link is up; LabError where it does not come up."""
    end = time.monotonic() + LINK_SECONDS
    while not port.info.link_up:
        if time.monotonic() > end:
            raise LabError(
                f"the link of {device} is down for {LINK_SECONDS:g} s; is the cable to host "
                f"{host} in, and its port up there?"
            )
        time.sleep(LOOK_SECONDS)
