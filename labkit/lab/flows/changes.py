# SPDX-License-Identifier: BSD-3-Clause
"""What flows are to become, told to the engine: those of all ports at one moment."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from labkit.engine.engine import Engine
from labkit.errors import LabError
from labkit.lab.addresses import destination_mac
from labkit.lab.flows.flow import Flow
from labkit.traffic.program import Compiled
from labkit.traffic.replay import Playback, Replay

CHANGE_SECONDS = 2.0
MOST_KEPT = 256  # compiled streams that no flow has any more
WITH_FRAMES = ("LK_FLOW_START", "LK_FLOW_SET")


class FlowChanges:
    """Tells the engine, and keeps what was compiled."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._made: dict[tuple[int, str], tuple[Any, Compiled]] = {}

    def make(self, kind: str, flows: Sequence[Flow], *, is_shared: bool) -> None:
        """Has the engine change flows, and waits until it has; LabError when it does not.

        is_shared: frames may arrive on ports of several workers
        """
        numbered: dict[int, int] = {}  # where a compiled stream stands in
        streams: list[Compiled | Playback] = []
        changes: dict[str, list[dict[str, Any]]] = {}
        numbers = Counter(flow.run for flow in flows)
        for flow in flows:
            of_run = changes.setdefault(flow.run, [])
            change: dict[str, Any] = {"kind": kind, "index": flow.index}
            if kind in WITH_FRAMES:
                change |= flow.to_engine(len(of_run), numbers[flow.run])
                compiled = self._compiled(flow, len(flows))
                if id(compiled) not in numbered:
                    numbered[id(compiled)] = len(streams)
                    streams.append(compiled)  # held, so that none has the id of one that is gone
                change["stream"] = numbered[id(compiled)]
            of_run.append(change)
        told = [stream.to_dict() for stream in streams]
        late = self._engine.commands.change_traffic(
            changes, told, is_shared, round(CHANGE_SECONDS * 1e9)
        )
        if late:
            ports = ", ".join(dict.fromkeys(flow.on.name for flow in flows if flow.run in late))
            raise LabError(
                f"the worker of port {ports} did not take the change within {CHANGE_SECONDS:g} s: "
                "its driver or the machine holds it up; lab.workers tells, lab.restart() ends it"
            )

    def _compiled(self, flow: Flow, flows: int) -> Compiled | Playback:
        """Its frames as the generator makes them; made once for flows of one stream and port."""
        if isinstance(flow.stream, Replay):
            return flow.stream.play(flow.pps or 0.0, flow.rate)
        key = id(flow.stream), flow.on.name
        if key not in self._made:
            if len(self._made) > 2 * flows + MOST_KEPT:
                self._made.clear()
            destination = destination_mac(flow.on, flow.stream)
            # With the stream, whose id is not given anew as long as it is held.
            self._made[key] = flow.stream, flow.stream.compile(flow.on.mac, destination)
        return self._made[key][1]
