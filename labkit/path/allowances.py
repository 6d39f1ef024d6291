# SPDX-License-Identifier: BSD-3-Clause
"""Allowances: token buckets that nodes of several paths share, with credits above a baseline."""

import secrets
from dataclasses import dataclass, field, replace
from typing import Annotated

from labkit.arguments.checked import EVERY, checked
from labkit.arguments.hints import Between
from labkit.errors import PathError
from labkit.path.cells import Cell
from labkit.path.chain import Chain, Node
from labkit.path.declaration import node
from labkit.path.function_types import (
    UNLIMITED,
    AllowanceName,
    Amount,
    AmountType,
    AnyLoad,
    AnyLoadType,
    Burst,
    Credits,
    Limit,
    Overhead,
    OwnState,
    State,
    Weight,
    overhead_of,
)
from labkit.path.release import new_state, released_by
from labkit.path.types import Name
from labkit.path.values import Value
from labkit.text import shown
from labkit.units import QuantityError

BURST_SECONDS = 0.01  # of its rate, by default
LEAST_BURST = {True: 64, False: 64_000}  # frames, bytes
BOTH = ("next", "other")

TABLE = {"level": Cell.choice("burst", "credits"), "tokens": Cell.WHOLE, "of": Cell.WHOLE}


@dataclass(frozen=True)
class Allowance:
    """A rate that all nodes which draw from it share; made by lk.allowance().

    Attributes
    ----------
    rate, burst: what passes at most
    baseline, credits: what passes for ever, and how much above it until it is used up; None: the
        rate is there for ever
    overhead: bytes that count beside a frame in memory; None: as the rate says
    name: by which an engine knows it
    """

    rate: float | str
    burst: str
    baseline: float | str | None = None
    credits: str | None = None
    overhead: int | None = None
    name: str = field(default_factory=lambda: f"allowance-{secrets.token_hex(6)}")

    @property
    def of_frames(self) -> bool:
        """It counts packets, not bytes."""
        return AnyLoadType().amount(self.rate).of_frames

    @property
    def parameters(self) -> dict[str, Value]:
        """As nodes have them."""
        return {
            "allowance": self.name,
            "rate": self.rate,
            "burst": self.burst,
            "baseline": self.baseline,
            "credits": self.credits,
            "overhead": counted_overhead(self.rate, self.overhead),
        }


@checked(PathError, but=EVERY)
def allowance(
    rate: float | str,
    burst: str | None = None,
    *,
    baseline: float | str | None = None,
    credits: str | None = None,  # noqa: A002  # the word of who rents instances
    overhead: Annotated[int, Between(-14, 1000, "B")] | None = None,
    name: str | None = None,
) -> Allowance:
    """A rate that nodes share: whatever draws from it, in any path, direction or lane of a lab,
    passes no more than it together.

        both = lk.allowance("1 Mpps", burst="1000 packets")
        lab.run(lk.rx(a) >> lk.shape(both) >> lk.tx(b), name="out")
        lab.run(lk.rx(b) >> lk.shape(both) >> lk.tx(a), name="in")

    rate: such as "10 Gbit/s" (frames with their FCS; "10 Gbit/s L1": with preamble and gap too),
    "1 Mpps", or "unlimited"
    burst: what may pass at once after a rest, such as "64 kB" or "100 packets", in the unit of the
    rate; None: what comes in 10 ms, 64 kB or 64 packets at least. A longer frame takes all of it.
    baseline, credits: a second bucket. While there are credits, such as "500 MB", frames pass at
    the rate; then at the baseline, with which credits come back while less passes. They are full
    at first.
    overhead: bytes that count beside a frame in memory; None: its FCS, with L1 what stands between
    two frames, too
    name: of the allowance: nodes that name the same, with the same numbers, share it; None: one of
    its own

    RunningPath.tables of a node that draws from it tells the tokens that there are now, `of` so
    many, in bytes or packets: of its burst, and of its credits.

    Whoever comes first is served first: a frame takes its tokens when it comes, and leaves when
    they are there. Over any time t it passes rate x t + burst at most. Times are the frames' own
    (the TSC of the burst that brought them); rates are kept within 0.01 %.
    """
    of_frames = _amount("rate", rate).of_frames
    burst = burst if burst is not None else default_burst(rate)
    check_unit("burst", burst, rate, AmountType())
    if (baseline is None) != (credits is None):
        given, lacks = ("baseline", "credits") if credits is None else ("credits", "baseline")
        value = baseline if credits is None else credits
        raise PathError(f"{given} is {shown(value)}, but there is no {lacks}=; give both")
    if baseline is not None:
        found = _amount("baseline", baseline)
        if rate == UNLIMITED or found.of_frames != of_frames:
            raise PathError(
                f"baseline is {shown(baseline)}; it is in the unit of the rate, {shown(rate)}"
            )
        if not 0 < found.number <= _amount("rate", rate).number:
            raise PathError(f"baseline is {shown(baseline)}; it is at most the rate, {shown(rate)}")
        check_unit("credits", credits, rate, AmountType(1, most_bytes=2**50, most_frames=2**50))
    made = Allowance(rate, burst, baseline, credits, overhead)
    return made if name is None else replace(made, name=name)


# Nodes that draw from one


@node(
    role="process",
    reads_due=True,
    outputs=BOTH,
    reference="RFC 2697",
    counters=("passed", "exceeded", "passed_bytes"),
    table=TABLE,
)
def allowance_police(
    allowance: AllowanceName,
    rate: AnyLoad,
    burst: Burst,
    baseline: AnyLoad | None = None,
    credits: Credits | None = None,  # noqa: A002
    overhead: Overhead = 4,
    weight: Weight = 1,
    *,
    name: Name = None,
) -> None:
    """Lets frames pass that an allowance has tokens for."""


@node(
    role="process",
    tells_due=True,
    reference="RFC 2475 2.3.3.3",
    counters=(
        *("passed", "delayed", "dropped", "exceeded", "wait_ns", "longest_wait_ns"),
        *("held", "held_bytes", "most_held"),
    ),
    table=TABLE,
)
def shaper(
    state: OwnState,
    allowance: AllowanceName,
    rate: AnyLoad,
    burst: Burst,
    baseline: AnyLoad | None = None,
    credits: Credits | None = None,  # noqa: A002
    overhead: Overhead = 4,
    weight: Weight = 1,
    limit: Limit = "1000 packets",
    *,
    name: Name = None,
) -> None:
    """Holds frames until an allowance has tokens for them."""


@node(role="source", brings_frames_in=False, tells_due=True)
def shaper_release(state: State, *, name: Name = None) -> None:
    """Lets go of the frames of a shaper whose tokens are there."""


def policed(by: Allowance, weight: int, name: str | None) -> Node:
    """A policer that draws from it."""
    params = {**by.parameters, "weight": weight}
    return allowance_police(**params, name=name or "police")  # type: ignore[arg-type]


def shaped(by: Allowance, limit: str, weight: int, name: str | None) -> Chain:
    """A queue whose frames leave when it has tokens for them."""
    state, name = new_state(), name or "shape"
    params = {**by.parameters, "weight": weight, "limit": limit}
    entry = shaper(state, **params, name=name)  # type: ignore[arg-type]
    return released_by(entry, shaper_release(state, name=f"{name}_release"))


def as_allowance(
    rate: "float | str | Allowance",
    burst: str | None,
    baseline: float | str | None,
    credits: str | None,  # noqa: A002
) -> Allowance:
    """Of a node that was given an allowance, or what makes one of its own."""
    if not isinstance(rate, Allowance):
        return allowance(rate, burst, baseline=baseline, credits=credits)
    given = {"burst": burst, "baseline": baseline, "credits": credits}
    for what, value in given.items():
        if value is not None:
            raise PathError(
                f"{what} is {shown(value)}, but the allowance has its own; give it to "
                "lk.allowance()"
            )
    return rate


def counted_overhead(rate: float | str, overhead: int | None) -> int:
    """Bytes that count beside a frame in memory."""
    if overhead is not None:
        return overhead
    return 0 if rate == UNLIMITED else overhead_of(rate)


def default_burst(rate: float | str) -> str:
    """What comes in 10 ms."""
    amount = _amount("rate", rate)
    size = max(LEAST_BURST[amount.of_frames], round(amount.number * BURST_SECONDS))
    return f"{size} packets" if amount.of_frames else f"{size} B"


def check_unit(what: str, amount: str | None, rate: float | str, kind: AmountType) -> None:
    """PathError for what is no amount, or not in the unit of the rate."""
    if amount is None:
        return
    try:
        found = kind.amount(amount)
    except QuantityError as error:
        raise PathError(f"{what} is {shown(amount)}: {error}") from None
    of_frames = _amount("rate", rate).of_frames
    if rate != UNLIMITED and found.of_frames != of_frames:
        unit = "packets" if of_frames else "bytes"
        raise PathError(
            f"{what} is {shown(amount)}; with the rate {shown(rate)} it is in {unit}, such as "
            + ('"100 packets"' if of_frames else '"64 kB"')
        )


def _amount(what: str, value: float | str) -> Amount:
    kind = AnyLoadType()
    kind.check("allowance", what, value)
    return kind.amount(value)
