# SPDX-License-Identifier: BSD-3-Clause
"""A topology in a notebook: its links with what goes over them, while it runs."""

import threading

from labkit.lab.topology.network import Network
from labkit.widgets.following import follow

UPDATE_SECONDS = 1.0


def show(network: Network) -> threading.Thread:
    """Displays it below the cell that runs, and brings that up to date on a thread, which ends with
    the topology."""

    def state() -> tuple[object, bool]:
        return network.seen, network.path.is_running

    return follow(network._repr_mimebundle_, state, UPDATE_SECONDS, "labkit-topology")
