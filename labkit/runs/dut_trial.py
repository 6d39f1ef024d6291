# SPDX-License-Identifier: BSD-3-Clause
"""A trial against a DUT: what the DUT counted meanwhile stands in the row."""

from typing import Any

from labkit.dut.base import FarEnd
from labkit.lab.port import Port
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
    receive_on: Port | None = None,
    lanes: int | None = None,
) -> dict[str, Any]:
    """The row of lk.trial(far_end.port, streams, warmup=0, ...) with the DUT's columns.

    Raises DutDied when the DUT is gone.
    """
    settings = TrialSettings(duration, latency=latency, progress=False, lanes=lanes)
    before = far_end.counters()
    done = run_trial(
        far_end.port,
        streams,
        settings,
        rate,
        receive_on,
        lambda: far_end.counters().since(before).outside,
    )
    far_end.check()
    drops = far_end.counters().since(before)
    row = {"config": far_end.name or None, **done.row, **drops.columns}
    if done.latency is not None:
        row["latency_histogram"] = done.latency.export().decode()
    # The ledger of the trial names what nodes of the lab dropped; the DUT tells of the rest.
    row["unexplained"] = done.ledger.unexplained - drops.outside
    others = len(done.problems) - (not done.ledger.is_balanced)
    row["balanced"] = row["unexplained"] == 0 and not others
    return row
