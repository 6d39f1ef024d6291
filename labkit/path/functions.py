# SPDX-License-Identifier: BSD-3-Clause
"""Nodes with state that decide when a frame goes on, and which: police, queue, shape."""

from collections.abc import Mapping
from typing import Literal

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.allowances import (
    Allowance,
    as_allowance,
    check_unit,
    default_burst,
    policed,
    shaped,
)
from labkit.path.cells import Cell
from labkit.path.chain import Chain, Node
from labkit.path.classes import QUEUE_NAME, Classes, TrafficClass
from labkit.path.declaration import node
from labkit.path.dscp import GreenMark, RedMark, YellowMark, dscp
from labkit.path.function_types import (
    UNLIMITED,
    AmountType,
    Aqm,
    Burst,
    Interval,
    Limit,
    Load,
    LoadType,
    Overhead,
    OwnState,
    State,
    Switch,
    Target,
    overhead_of,
)
from labkit.path.release import new_state, released_by
from labkit.path.types import Name, Seed
from labkit.text import near, shown

BOTH = ("next", "other")
COLORS = ("green", "yellow", "red")
INTERVAL = 0.1  # s, of CoDel (RFC 8289 4.3)
TARGETS = {"codel": 0.005, "fq_codel": 0.005, "pie": 0.015}  # s (RFC 8289 4.3, RFC 8033 4.2)
CODELS = ("codel", "fq_codel")


# Police


@node(
    role="process",
    reads_due=True,
    kind="police",
    outputs=BOTH,
    reference="RFC 2697, RFC 2698, rte_meter",
    counters=(
        *("green", "yellow", "red", "green_bytes", "yellow_bytes", "red_bytes"),
        *("marked", "unmarked"),
    ),
    table={
        "color": Cell.choice(*COLORS),
        **dict.fromkeys(("frames", "bytes", "dscp"), Cell.WHOLE),
    },
)
def policer(
    rate: Load,
    burst: Burst,
    excess_burst: Burst | None = None,
    peak: Load | None = None,
    peak_burst: Burst | None = None,
    overhead: Overhead = 4,
    green: GreenMark | None = None,
    yellow: YellowMark | None = None,
    red: RedMark | None = None,
    color_aware: Switch = False,
    *,
    name: Name = None,
) -> None:
    """Lets frames pass as long as a rate and a burst allow it."""


@checked(PathError, but=EVERY)
def police(
    rate: float | str | Allowance,
    burst: str | None = None,
    *,
    excess_burst: str | None = None,
    peak: float | str | None = None,
    peak_burst: str | None = None,
    mark: Mapping[str, str | int] | None = None,
    color_aware: bool = False,
    baseline: float | str | None = None,
    credits: str | None = None,  # noqa: A002
    weight: int = 1,
    name: str | None = None,
) -> Node:
    """Lets frames pass as long as a rate and a burst allow it; the others leave by `other`, or end
    in drop_police_exceeded where nothing is behind it. Nothing waits.

    rate: such as "100 Mbit/s" (frames with their FCS; "100 Mbit/s L1": with preamble and gap too)
    or "10 kpps"; a number is frames a second; "unlimited"; or what lk.allowance() made
    burst: what may pass at once after a rest, such as "64 kB" or "100 packets", in the unit of the
    rate; None: what comes in 10 ms, 64 kB or 64 packets at least. Frames that a worker takes
    together, up to 128 of them, came at one moment for it: a burst that is smaller lets less pass.
    excess_burst: a second bucket, filled when the first one is full (RFC 2697): frames that take
    from it pass and are counted yellow
    peak, peak_burst: a higher rate above which nothing passes (RFC 2698); between the two frames
    pass and are counted yellow
    mark: DSCPs by colour, such as {"green": "AF11", "yellow": "AF12", "red": "AF13"}: frames of
    that colour have it written into their IP header and pass, red ones too
    color_aware: a frame is never better than it came: AFx2 was yellow, AFx3 red (RFC 2597), any
    other green
    baseline, credits: as of lk.allowance(): the rate holds while there are credits
    weight: with an allowance or credits, how often a frame takes its tokens

    RunningPath.counters.functions tells green, yellow and red frames, and bytes, frames marked, and
    those that passed unmarked because they have no IP header; with an allowance or credits frames
    passed and exceeded, passed_bytes. RunningPath.tables has a row for each colour. The rate is
    kept within 0.01 %.
    """
    if isinstance(rate, Allowance) or rate == UNLIMITED or baseline is not None or credits:
        for what, value in (
            *(("excess_burst", excess_burst), ("peak", peak), ("mark", mark)),
            ("color_aware", color_aware or None),
        ):
            if value is not None:
                raise PathError(f"{what} is {shown(value)}, which an allowance has not; leave it")
        return policed(as_allowance(rate, burst, baseline, credits), weight, name)
    _check_no_weight(weight, rate)
    of_frames = _of_frames("rate", rate)
    burst = burst if burst is not None else default_burst(rate)
    if excess_burst is not None and peak is not None:
        raise PathError("excess_burst and peak: a policer has one of the two (RFC 2697, RFC 2698)")
    if peak is None and peak_burst is not None:
        raise PathError(f"peak_burst is {shown(peak_burst)}, but there is no peak=; give both")
    if peak is not None:
        peak_burst = peak_burst if peak_burst is not None else default_burst(peak)
        if _number("peak", peak, LoadType()) < _number("rate", rate, LoadType()):
            raise PathError(f"peak is {shown(peak)}; it is at least the rate, {shown(rate)}")
        if _of_frames("peak", peak) != of_frames:
            raise PathError(f"peak is {shown(peak)}; it is in the unit of the rate, {shown(rate)}")
    bursts = {"burst": burst, "excess_burst": excess_burst, "peak_burst": peak_burst}
    for what, amount in bursts.items():
        check_unit(what, amount, rate, AmountType())
    _check_marks(mark)
    green, yellow, red = ((mark or {}).get(color) for color in COLORS)
    return policer(
        *(rate, burst, excess_burst, peak, peak_burst, overhead_of(rate)),
        *(green, yellow, red, color_aware),
        name=name,
    )


def _check_marks(mark: Mapping[str, str | int] | None) -> None:
    if mark is None:
        return
    if not isinstance(mark, Mapping):
        raise PathError(f'mark is {shown(mark)}; it is DSCPs by colour, such as {{"red": "AF13"}}')
    for color, code in mark.items():
        if color not in COLORS:
            raise PathError(f"mark has no colour {color!r}{near(str(color), COLORS)}")
        dscp(f"mark[{color!r}]", code)


# Queues


@node(
    role="process",
    tells_due=True,
    kind="queue",
    outputs=(),
    reference="RFC 7567",
    counters=(
        *("passed", "delayed", "marked", "wait_ns", "longest_wait_ns"),
        *("held", "held_bytes", "most_held"),
    ),
    table={
        "of": QUEUE_NAME,
        **dict.fromkeys(("held", "held_bytes", "passed", "passed_bytes", "dropped"), Cell.WHOLE),
        **dict.fromkeys(("mean_wait_s", "longest_wait_s"), Cell.SECONDS),
    },
)
def waiting(
    state: OwnState,
    rate: Load,
    limit: Limit,
    aqm: Aqm = "fifo",
    burst: Burst = "0 B",
    target: Target | None = None,
    interval: Interval | None = None,
    ecn: Switch = False,
    overhead: Overhead = 4,
    seed: Seed = 0,
    classes: Classes | None = None,
    *,
    name: Name = None,
) -> None:
    """Holds frames until the link behind it has sent those before."""


@node(role="source", brings_frames_in=False, tells_due=True)
def queue_release(state: State, *, name: Name = None) -> None:
    """Lets go of the frames of a queue when the link has sent them."""


@checked(PathError, but=EVERY)
def queue(
    rate: float | str,
    limit: str = "1000 packets",
    aqm: Literal["fifo", "red", "codel", "fq_codel", "pie"] = "fifo",
    *,
    target: float | str | None = None,
    interval: float | str | None = None,
    ecn: bool = False,
    classes: Mapping[str, TrafficClass] | None = None,
    seed: int = 0,
    name: str | None = None,
) -> Chain:
    """A link of this rate with a queue in front of it: frames wait for those before them.

    rate: such as "10 Mbit/s" (frames with their FCS; "10 Mbit/s L1": with preamble and gap too) or
    "10 kpps"; a number is frames a second. A frame leaves when the link has sent all of it.
    limit: what the queue holds, the frame that the link sends included, such as "1000 packets" or
    "1 MB"; what finds it full ends in drop_queue_full
    aqm: how it is managed; what that drops ends in drop_queue_early.
    "fifo": not at all. "red": random early detection, gentle, from a mean of a sixth of the limit,
    with 10 % at half of it (RFC 7567). "codel": RFC 8289. "fq_codel": 1,024 flows in turn, each
    with CoDel; what is too much goes from the longest (RFC 8290). "pie": RFC 8033.
    target: the delay that CoDel (5 ms by default) and PIE (15 ms) aim at
    interval: in which CoDel expects the delay to go down, 100 ms by default
    ecn: frames whose sender can take it are marked in place of being dropped early (RFC 3168)
    classes: queues of their own for some frames, lk.TrafficClass by name; frames are compared with
    them in this order, and the last one takes the rest. Each has its own limit, and its own CoDel
    with aqm="codel"; "fifo" is the other choice.
    seed: of RED's and PIE's random numbers

        lk.queue("10 Mbit/s", classes={
            "voice": lk.TrafficClass("EF", strict=True, limit="50 packets"),
            "video": lk.TrafficClass(["AF41", "AF42"], weight=3),
            "other": lk.TrafficClass(),
        })

    RunningPath.tables tells of each class, and of each flow of "fq_codel" that has had frames:
    frames and bytes held now, those that passed, frames dropped, mean and longest wait. A flow is
    told by the addresses, protocol and ports of its first frame that waits, or by its number.
    RunningPath.counters.functions tells, by node: frames passed, delayed (they had to wait) and
    marked; wait_ns in sum and longest_wait_ns, without the time of sending; held and held_bytes
    now, most_held. Frames wait in buffers of the port that they came by, of which it has some
    thousands: a limit beyond that is the port's.
    """
    for what, given, managed in (("target", target, TARGETS), ("interval", interval, CODELS)):
        if given is not None and aqm not in managed:
            raise PathError(
                f"{what} is {shown(given)}, but aqm={aqm!r} has none; leave it out, or choose "
                f"{', '.join(managed)}"
            )
    if classes is not None and aqm not in ("fifo", "codel"):
        raise PathError(
            f"aqm is {aqm!r}, and there are classes, of which each is a queue of its own: leave "
            'one of the two out, or write aqm="codel"'
        )
    target = TARGETS.get(aqm) if target is None else target
    if interval is None and aqm in CODELS:
        interval = INTERVAL
    return _queue(rate, limit, aqm, "0 B", target, interval, ecn, seed, name, classes)


@checked(PathError, but=EVERY)
def shape(
    rate: float | str | Allowance,
    burst: str | None = None,
    limit: str = "1000 packets",
    *,
    baseline: float | str | None = None,
    credits: str | None = None,  # noqa: A002
    weight: int = 1,
    name: str | None = None,
) -> Chain:
    """A token bucket with a queue: what a burst allows passes at once, the rest waits.

    rate, limit: as of queue()
    burst: what passes at once after a rest, such as "64 kB", in the unit of the rate; None: what
    comes in 10 ms, 64 kB or 64 packets at least
    Its counters are those of queue().

    rate may be "unlimited", or what lk.allowance() made, which others draw from, too. baseline,
    credits: as of lk.allowance(): the rate holds while there are credits; weight: how often a frame
    takes its tokens. The node is called "shape" then, and counts frames passed, delayed (they had
    to wait), dropped and exceeded, which is both; wait_ns in sum and longest_wait_ns; held and
    held_bytes now, most_held.
    """
    if isinstance(rate, Allowance) or rate == UNLIMITED or baseline is not None or credits:
        return shaped(as_allowance(rate, burst, baseline, credits), limit, weight, name)
    _check_no_weight(weight, rate)
    burst = burst if burst is not None else default_burst(rate)
    check_unit("burst", burst, rate, AmountType())
    return _queue(rate, limit, "fifo", burst, None, None, False, 0, name)


def _queue(
    rate: float | str,
    limit: str,
    aqm: Literal["fifo", "red", "codel", "fq_codel", "pie"],
    burst: str,
    target: float | str | None,
    interval: float | str | None,
    ecn: bool,  # of its callers, by name
    seed: int,
    name: str | None,
    classes: Mapping[str, TrafficClass] | None = None,
) -> Chain:
    _of_frames("rate", rate)
    state = new_state()
    overhead = overhead_of(rate)
    entry = waiting(
        *(state, rate, limit, aqm, burst, target, interval, ecn, overhead, seed, classes),
        name=name,
    )
    return released_by(entry, queue_release(state, name=name and f"{name}_release"))


def _number(what: str, value: float | str, kind: LoadType) -> float:
    kind.check("police", what, value)
    return kind.amount(value).number


def _of_frames(what: str, value: float | str) -> bool:
    kind = LoadType()
    kind.check("rate", what, value)
    return kind.amount(value).of_frames


def _check_no_weight(weight: int, rate: float | str) -> None:
    if weight != 1:
        raise PathError(
            f"weight is {shown(weight)}, but the rate is {shown(rate)}; it is one of frames that "
            "draw from what lk.allowance() makes"
        )
