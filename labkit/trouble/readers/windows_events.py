# SPDX-License-Identifier: BSD-3-Clause
"""The events of ENA's driver for Windows: what each says, and whether it is an error.

Origin: EC2 user guide, Troubleshoot the ENA Windows driver; event 5007 is of its scenarios.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["error", "information", ""]  # "": the guide does not say
SUBOPTIMAL = 59000  # whose code is the last word of its binary data


@dataclass(frozen=True)
class WindowsEvent:
    """An event of the driver."""

    kind: Kind
    message: str


EVENTS: Mapping[int, WindowsEvent] = {
    5001: WindowsEvent("error", "Hardware is out of resources"),
    5002: WindowsEvent("error", "Adapter has detected a hardware error"),
    5005: WindowsEvent("error", "Adapter has timed out while waiting for an NDIS operation"),
    5007: WindowsEvent("error", "Timed out during an operation"),
    5032: WindowsEvent("error", "Adapter has failed to reset the device"),
    5200: WindowsEvent("information", "Adapter has been initialized"),
    5201: WindowsEvent("information", "Adapter has been halted"),
    5202: WindowsEvent("information", "Adapter has been paused"),
    5203: WindowsEvent("information", "Adapter has been restarted"),
    5204: WindowsEvent("information", "Adapter has been shut down"),
    5205: WindowsEvent("error", "Adapter has been reset"),
    5206: WindowsEvent("error", "Adapter has been surprise removed"),
    5208: WindowsEvent("error", "Adapter initialization routine has failed"),
    5210: WindowsEvent(
        "error", "Adapter has encountered and successfully recovered an internal issue"
    ),
    SUBOPTIMAL: WindowsEvent("", "Sub-optimal configuration"),
}
