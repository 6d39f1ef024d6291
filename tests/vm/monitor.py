# SPDX-License-Identifier: BSD-3-Clause
"""QEMU's monitor, from inside of the guest: pulls cables and takes NICs away (QMP)."""

import json
from pathlib import Path
from typing import Any

PORTS = Path("/sys/class/virtio-ports")


def monitor(command: str, **arguments: Any) -> Any:
    """Has QEMU do something, such as set_link; what it answers."""
    (name,) = (p.parent.name for p in PORTS.glob("*/name") if p.read_text().strip() == "monitor")
    with open(f"/dev/{name}", "r+b", buffering=0) as port:
        for number, what in enumerate(({"execute": "qmp_capabilities"}, None)):
            asked = what or {"execute": command, "arguments": arguments}
            port.write(json.dumps(asked | {"id": number}).encode() + b"\n")
            answer: dict[str, Any] = {}
            while answer.get("id") != number:  # a greeting and events come between
                answer = json.loads(port.readline())
    assert "return" in answer, answer
    return answer["return"]


def set_link(nic: str, *, up: bool) -> None:
    monitor("set_link", name=nic, up=up)


def unplug(nic: str) -> None:
    monitor("device_del", id=nic)
