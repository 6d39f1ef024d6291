# SPDX-License-Identifier: BSD-3-Clause
"""Opens what was stored, without DPDK on the machine."""

from pathlib import Path

from labkit.errors import LabError
from labkit.notebooks.results import Run, is_run, load_run


def load(path: str | Path) -> Run:
    """Opens stored results: the folder of `labkit run --report`, or a zip of it.

    Needs neither DPDK nor Linux. Raises LabError when there are no results there, when they are
    damaged, or when a later labkit wrote them.
    """
    where = Path(path)
    if is_run(where):
        return load_run(where)
    if not where.exists():
        raise LabError(f"{where}: there is no such file or folder")
    raise LabError(f"{where} holds no results; name a folder of labkit run --report, or its zip")
