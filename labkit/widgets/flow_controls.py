# SPDX-License-Identifier: BSD-3-Clause
"""What the page asks of flows, done on a thread of its own: no click waits for an engine."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
Message = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What waits to be done.

    Attributes
    ----------
    do, name, value: this, with the flow of this name ("": all of them)
    but: flows that it no longer holds for
    is_late: it holds for none: the page has asked something else since
    answers: the messages that are answered when it is done
    """

    do: str
    name: str
    value: str
    but: frozenset[str]
    is_late: bool
    answers: tuple[Message, ...]


class FlowControls:
    """Controls of one panel, done in the order in which they were heard; every one is answered.

    Of one flow's rates that wait, the last wins. Buttons are all done: to stop and start a flow is
    not what to start it is. Messages of a page may overtake each other (see Pages): what comes late
    does not undo what the page asked after it.

    Attributes
    ----------
    errors: what went wrong last, in words, by flow; of all together under ""
    """

    def __init__(self, traffic: Traffic, tell: Callable[[str, Sequence[Message]], None]) -> None:
        """tell: is called when something was done with this flow, with the messages that asked."""
        self.errors: dict[str, str] = {}
        self._traffic = traffic
        self._tell = tell
        self._wanted: deque[Asked] = deque()
        self._newest: dict[tuple[str, str], dict[str, int]] = {}  # by page and matter: by flow
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self, content: Message) -> None:
        """A message of the page: `do` this with `flow` (none: all of them)."""
        with self._lock:
            asked = self._asked(content)
            if asked.do == "rate" and not asked.is_late:
                asked = self._instead_of_waiting(asked)
            self._wanted.append(asked)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="labkit-flow-controls", daemon=True
                )
                self._thread.start()

    def _asked(self, content: Message) -> Asked:
        """With what it no longer holds for."""
        do, name = str(content.get("do")), str(content.get("flow") or "")
        number, but, is_late = int(content.get("number", 0)), frozenset[str](), False
        if do != "clear":  # which holds whatever else is asked
            matter = "rate" if do == "rate" else "state"
            newest = self._newest.setdefault((str(content.get("page", "")), matter), {})
            is_late = max(newest.get(name, -1), newest.get("", -1)) >= number
            if not name:
                but = frozenset(flow for flow, heard in newest.items() if heard > number)
            newest[name] = max(newest.get(name, -1), number)
        return Asked(do, name, str(content.get("value", "")), but, is_late, (content,))

    def _instead_of_waiting(self, asked: Asked) -> Asked:
        """In the place of rates of the same flow, whose messages it answers too."""
        old = [one for one in self._wanted if (one.do, one.name) == ("rate", asked.name)]
        for one in old:
            self._wanted.remove(one)
        return replace(asked, answers=(*(m for one in old for m in one.answers), *asked.answers))

    def _run(self) -> None:
        try:
            while True:
                with self._lock:
                    if not self._wanted:
                        self._thread = None
                        return
                    asked = self._wanted.popleft()
                if not asked.is_late:
                    self._try(asked)
                self._tell(asked.name, asked.answers)
        except BaseException:
            self._thread = None  # the next one is done on another
            raise

    def _try(self, asked: Asked) -> None:
        try:
            self._do(asked)
            self.errors.pop(asked.name, None)
        except Exception as error:  # the page shows it, whatever it is
            self.errors[asked.name] = str(error).partition("\n")[0] or type(error).__name__

    def _do(self, asked: Asked) -> None:
        there = self._traffic.flows
        if asked.do == "rate":
            text = asked.value.strip()
            there[asked.name].rate = None if text in FASTEST else Rate.parse(text)
            return
        flows: list[Flow] = [there[asked.name]] if asked.name else list(there.values())
        kind = KINDS[asked.do]
        flows = [flow for flow in flows if flow.name not in asked.but]
        if asked.do == "resume":
            flows = [flow for flow in flows if flow.state == "paused"]
        elif asked.do == "pause":
            flows = [flow for flow in flows if flow.state == "started"]
        self._traffic.change(kind, flows)  # what is under way arrives while the panel is watched
