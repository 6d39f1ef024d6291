# SPDX-License-Identifier: BSD-3-Clause
"""What was seen: lines of logs, readings of counters, facts, each with where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Clock = Literal["wall", "boot", ""]  # of a time: since the epoch, since the machine began, none


@dataclass(frozen=True, order=True)
class Place:
    """Where something stands.

    Attributes
    ----------
    file: its name, with that of the archive around it: "sos.tar.xz:var/log/messages"
    line: its number from 1; 0: the file as a whole
    """

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Moment:
    """When something was, as far as that is known.

    Attributes
    ----------
    clock: "wall": seconds since the epoch; "boot": since the machine began; "": unknown
    seconds: on that clock
    """

    clock: Clock = ""
    seconds: float = 0.0


UNKNOWN = Moment()


@dataclass(frozen=True)
class Event:
    """A line of a log, or an entry of an event log.

    Attributes
    ----------
    text: without what stands before the message
    device: the interface or PCI address that it names, "" for none
    repeats: lines alike before it that are kept as this one alone
    """

    text: str
    place: Place
    moment: Moment = UNKNOWN
    device: str = ""
    repeats: int = 0


@dataclass(frozen=True)
class Reading:
    """Counters of a device at one time, by the names that labkit's live sources have for them.

    Attributes
    ----------
    device: the interface, or "" where the file does not say
    order: of the readings of one device, where no time is known
    part: of a recording, from 1, which is judged apart from its others; 0: of no recording
    """

    counters: Mapping[str, int]
    place: Place
    moment: Moment = UNKNOWN
    device: str = ""
    order: int = 0
    part: int = 0


@dataclass(frozen=True)
class Fact:
    """What is so: driver, version, a ring's size, an MTU.

    Attributes
    ----------
    name: "driver", "version", "ring/rx", "ring/rx_max", "feature/tx-checksum-ip-generic" …
    """

    name: str
    value: str
    place: Place
    device: str = ""


@dataclass(frozen=True)
class Note:
    """What was done with a file, or why nothing: "a kernel log, 1,204 lines", "cut at line 7"."""

    place: Place
    text: str
    is_fault: bool = False


Item = Event | Reading | Fact | Note


@dataclass
class Evidence:
    """All that was found in the files of a case."""

    events: list[Event] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def add(self, item: Item) -> None:
        """Puts it where it belongs."""
        match item:
            case Event():
                self.events.append(item)
            case Reading():
                self.readings.append(item)
            case Fact():
                self.facts.append(item)
            case Note():
                self.notes.append(item)
