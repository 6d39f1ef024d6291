# SPDX-License-Identifier: BSD-3-Clause
"""A trial against a DUT: what the DUT counted meanwhile stands in the row."""

from typing import Any

from labkit.dut.base import FarEnd
from labkit.hosts.far_port import FarPort
from labkit.lab.port import Port
from labkit.runs.far_end_trial import far_end_trial
from labkit.runs.trial import run_trial
from labkit.runs.trial_settings import TrialSettings
from labkit.traffic.rate import Rate


def dut_trial(
    far_end: FarEnd,
    streams: Any,
    *,
    duration: float,
    latency: bool = False,
    rate: Rate | str | float | None = None,
    receive_on: Port | FarPort | None = None,
    lanes: int | None = None,
) -> dict[str, Any]:
    """The row of lk.trial(far_end.port, streams, warmup=0, ...) with the DUT's columns.

    Raises DutDied when the DUT is gone.
    """
    settings = TrialSettings(duration, latency=latency, progress=False, lanes=lanes)
    done = far_end_trial(
        far_end,
        lambda *told: run_trial(far_end.port, streams, settings, rate, receive_on, *told),
    )
    row = dict(done.row)
    if done.latency is not None:
        row["latency_histogram"] = done.latency.export().decode()
    return row
