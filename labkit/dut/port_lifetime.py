# SPDX-License-Identifier: BSD-3-Clause
"""The ports that a DUT makes live as long as it does."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from labkit.errors import EngineDied
from labkit.lab.port import Port
from labkit.lab.running_path import RunningPath


@contextmanager
def closing(*ports: Port) -> Iterator[None]:
    """Closes the ports in the end, and stops what paths are on them: without the DUT they lead
    nowhere."""
    try:
        yield
    finally:
        with ExitStack() as stack:  # what goes wrong with one of them does not keep the others
            for port in ports:
                stack.callback(port.close)
            names = {port.name for port in ports}
            for path in tuple(ports[0].lab.paths.values()):
                if names & set(path.path.ports):
                    stack.callback(_stop, path)


def _stop(path: RunningPath) -> None:
    with suppress(EngineDied):  # and the path with it
        path.stop()
