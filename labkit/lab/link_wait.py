# SPDX-License-Identifier: BSD-3-Clause
"""The wait for a NIC's link, which the start of its port may have taken down."""

import time
import warnings

from labkit.lab.port import Port
from labkit.units import plain

LOOK_SECONDS = 0.05


def await_link(port: Port, seconds: float, stacklevel: int) -> None:
    """Waits for the link of a NIC; warns when it stays down.

    stacklevel: of who is to be warned, as warnings.warn() counts
    """
    if port.last_info.is_virtual:
        return
    end = time.monotonic() + seconds
    while not (info := port.info).link_up and not info.is_gone:
        if time.monotonic() >= end:
            warnings.warn(
                f"port {port.name}: no link after {plain(seconds)} s; what it sends is lost until "
                "there is one, which port.link_events tells. Look at the cable, at the other end, "
                "and at speed_mbps=; link_timeout= waits longer",
                stacklevel=stacklevel + 1,
            )
            return
        time.sleep(LOOK_SECONDS)
