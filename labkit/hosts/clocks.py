# SPDX-License-Identifier: BSD-3-Clause
"""How well a host's clock is kept, as who keeps it says: chrony, or linuxptp."""

import shutil
import subprocess
from dataclasses import dataclass

COMMAND_SECONDS = 5.0
CHRONYC = ("chronyc", "-c", "tracking")
PMC = ("pmc", "-u", "-b", "0", "GET TIME_STATUS_NP", "GET CURRENT_DATA_SET")
CHRONY_FIELDS = 14
OFFSET, ROOT_DELAY, ROOT_DISPERSION, LEAP = 4, 10, 11, 13  # of chronyc -c tracking
NOT_SYNCHRONISED = "Not synchronised"
STEPS_OF_MASTER = 0


@dataclass(frozen=True)
class StatedClock:
    """What a host's clock is off by at most, as it is told there.

    Attributes
    ----------
    source: "chrony" or "ptp"
    error_ns: CLOCK_REALTIME is within this of the reference
    reference: "UTC" of chrony; of ptp the grandmaster: two hosts need the same
    """

    source: str
    error_ns: float
    reference: str


def stated_clock() -> StatedClock | None:
    """Of this host; None where nobody keeps its clock, or nobody says how well."""
    told = [clock for clock in (_chrony(_said(CHRONYC)), _ptp(_said(PMC))) if clock]
    return min(told, key=lambda clock: clock.error_ns, default=None)


def _said(command: tuple[str, ...]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _chrony(said: str) -> StatedClock | None:
    """The clock is within root dispersion + half the root delay of UTC (chronyc(1), tracking), and
    what is still to be corrected."""
    fields = said.strip().split(",")
    if len(fields) != CHRONY_FIELDS or fields[LEAP] == NOT_SYNCHRONISED:
        return None
    try:
        offset, delay, dispersion = (
            float(fields[at]) for at in (OFFSET, ROOT_DELAY, ROOT_DISPERSION)
        )
    except ValueError:
        return None
    return StatedClock("chrony", 1e9 * (abs(offset) + dispersion + delay / 2), "UTC")


def _ptp(said: str) -> StatedClock | None:
    """The offset from the master, which an asymmetric path makes wrong by its mean delay at most
    (pmc(8); IEEE 1588 11.3). ptp4l must steer the system's clock, or phc2sys follow it."""
    values: dict[str, str] = {}
    for line in said.splitlines():
        words = line.split()
        if len(words) == 2:
            values[words[0]] = words[1]
    try:
        offset, delay = float(values["offsetFromMaster"]), float(values["meanPathDelay"])
        steps = int(values["stepsRemoved"])
    except (KeyError, ValueError):
        return None
    is_there = values.get("gmPresent") == "true" and steps > STEPS_OF_MASTER
    reference = values.get("gmIdentity", "")
    return StatedClock("ptp", abs(offset) + abs(delay), reference) if is_there else None
