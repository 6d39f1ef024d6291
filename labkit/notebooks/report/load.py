# SPDX-License-Identifier: BSD-3-Clause
"""Opens what was stored, without DPDK on the machine."""

import os
from pathlib import Path
from typing import Annotated

from labkit.arguments.checked import checked
from labkit.arguments.hints import Offers
from labkit.errors import LabError
from labkit.notebooks.report.results import Run, is_run, load_run
from labkit.results.files import result_names
from labkit.results.results import Results
from labkit.results.results import load as load_results
from labkit.text import alike, did_you_mean


@checked()
def load(where: Annotated[str | os.PathLike[str], Offers(result_names)]) -> Run | Results:
    """Opens stored results: a folder of `labkit run --report` or a zip of it; a folder of
    lk.sweep(save=...) or Results.save(); a data set such as "datasets/udp_echo_ec2".

    Needs neither DPDK nor Linux. Raises LabError when there are no results there, when they are
    damaged, or when a later labkit wrote them.
    """
    path = Path(where)
    if is_run(path):
        return load_run(path)
    if not path.exists() and path.parts[:1] != ("datasets",):
        there = result_names()
        hint = did_you_mean(alike(path.name, there))
        raise LabError(
            f"{where}: there is no such file or folder; data sets are {', '.join(there)}{hint}"
        )
    return load_results(path)
