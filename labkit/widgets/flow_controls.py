# SPDX-License-Identifier: BSD-3-Clause
"""What the page asks of flows, done on a thread of its own: no click waits for an engine."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from labkit.lab.flows.flow import Flow
from labkit.lab.flows.traffic import Traffic
from labkit.traffic.rate import Rate

KINDS = {
    "start": "LK_FLOW_START",
    "stop": "LK_FLOW_STOP",
    "pause": "LK_FLOW_PAUSE",
    "resume": "LK_FLOW_RESUME",
    "clear": "LK_FLOW_CLEAR",
}
FASTEST = ("", "max")  # typed for a rate: as fast as the port takes frames


class FlowControls:
    """Controls of one panel. Of one flow's rates that wait, the last wins.

    Attributes
    ----------
    errors: what went wrong last, in words, by flow; of all together under ""
    """

    def __init__(self, traffic: Traffic, tell: Callable[[dict[str, Any]], None]) -> None:
        """tell: is called when one was done, with what the page said of it."""
        self.errors: dict[str, str] = {}
        self._traffic = traffic
        self._tell = tell
        self._wanted: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self, content: dict[str, Any]) -> None:
        """A message of the page: `do` this with `flow` (none: all of them)."""
        kind = "rate" if content.get("do") == "rate" else "state"
        with self._lock:
            key = str(content.get("flow") or ""), kind
            self._wanted.pop(key, None)  # the newest is the last
            self._wanted[key] = content
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="labkit-flow-controls", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._thread = None
                    return
                key = next(iter(self._wanted))
                content = self._wanted.pop(key)
            name = key[0]
            try:
                self._do(name, content)
                self.errors.pop(name, None)
            except Exception as error:  # the page shows it, whatever it is
                self.errors[name] = str(error).partition("\n")[0] or type(error).__name__
            self._tell(content)

    def _do(self, name: str, content: dict[str, Any]) -> None:
        flows: Sequence[Flow] = tuple(self._traffic.flows.values())
        if name:
            flows = [self._traffic.flows[name]]
        if content["do"] == "rate":
            text = str(content.get("value", "")).strip()
            flows[0].rate = None if text in FASTEST else Rate.parse(text)
            return
        kind = KINDS[content["do"]]
        if content["do"] == "resume":
            flows = [flow for flow in flows if flow.state == "paused"]
        elif content["do"] == "pause":
            flows = [flow for flow in flows if flow.state == "started"]
        self._traffic.change(kind, flows)  # what is under way arrives while the panel is watched
