# SPDX-License-Identifier: BSD-3-Clause
"""What a host tells of itself; these functions run on its worker."""

import os
from typing import TYPE_CHECKING, Any

from labkit.machine import description

if TYPE_CHECKING:
    from labkit.hosts.session import Session


def about() -> dict[str, Any]:
    """The machine and its versions, without an engine."""
    return {**description.describe(), "user": os.geteuid()}


def about_engine(session: "Session") -> dict[str, Any]:
    """The machine, its versions and those of its engine."""
    lab = session.lab
    return description.describe(lab.dpdk_version, lab.eal.arguments(""))
