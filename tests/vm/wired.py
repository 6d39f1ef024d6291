# SPDX-License-Identifier: BSD-3-Clause
"""A lab with the two NICs of a model as its ports, which are the ends of one cable."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import labkit as lk
from labkit.lab.running_path import RunningPath
from tests.patience import wait_until
from tests.vm.binding import bind, skip_without
from tests.vm.nics import Model

SERVER_4, SERVER_6, UDP_PORT = "10.0.0.2", "fd00::2", 9000


class Wired:
    """port a and port b of a lab, opened anew by each test that asks for it."""

    def __init__(self, lab: lk.Lab, model: Model) -> None:
        self.lab, self.model = lab, model
        self.a: lk.Port
        self.b: lk.Port

    def open(self, **settings: Any) -> None:
        """Both ports with these settings of lab.port(), their links up."""
        for path in list(self.lab.paths.values()):
            path.stop()
        for port in list(self.lab.ports.values()):
            port.close()
        self.a, self.b = (
            self.lab.port(f"pci:{address}", name, **settings)
            for address, name in zip(self.model.addresses, "ab", strict=True)
        )
        self.wait_for_link()

    def wait_for_link(self) -> None:
        wait_until(lambda: self.a.info.link_up and self.b.info.link_up)

    def serve(self) -> RunningPath:
        """An echo server on b."""
        return self.lab.echo_server(self.b, [f"{SERVER_4}/24", f"{SERVER_6}/64"], UDP_PORT)

    def echo(
        self, target: str = SERVER_4, sizes: tuple[int, ...] = (18, 1400), count: int = 20
    ) -> None:
        """From a to the server on b: every frame comes back."""
        run = lk.echo(
            self.a,
            target,
            udp_port=UDP_PORT,
            payload_sizes=sizes,
            count=count,
            timeout=20,  # QEMU may stand still for a moment
            progress=False,
        )
        assert run.ledger.received == count * len(sizes), run
        assert run.ledger.is_balanced, run.ledger


@contextmanager
def wired(model: Model, driver: str = "vfio-pci", **eal: Any) -> Iterator[Wired]:
    skip_without(model)
    for address in model.addresses:
        bind(address, driver)
    settings = {"memory_mb": 256, "max_workers": 2} | eal
    with lk.Lab(lk.EalConfig(pci=model.addresses, **settings)) as lab:
        yield Wired(lab, model)
