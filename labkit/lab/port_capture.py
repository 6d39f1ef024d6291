# SPDX-License-Identifier: BSD-3-Clause
"""What a port receives and sends, in a file, while it goes on."""

import base64
import os
import re
import shlex
import shutil
import tempfile
import time
import weakref
from collections.abc import Mapping, MutableSet
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from labkit.arguments.checked import checked
from labkit.arguments.hints import Seconds
from labkit.engine.engine import Engine
from labkit.errors import EngineHung, LabError
from labkit.lab.capture_flush import flush
from labkit.lab.port import Port
from labkit.packet.newest import NewestFrame, frames_from
from labkit.path import nodes
from labkit.path.path import Path as FramePath
from labkit.text import Html, as_utf8, html_table, plural

if TYPE_CHECKING:
    from labkit.captures.capture import Capture

LOOK_SECONDS = 0.02
MOST_LINKED_BYTES = 1 << 20  # of a finished file that a page brings along
MOST_NEWEST = 32
MOST_ROWS = 12  # of these, in a notebook
GOES_ON = "goes on"


class PortCapture:
    """Frames that a port receives and sends, in a file; made by Lab.capture().

    Begins at once. Leaving its context, stop(), a limit, and the end of its port or lab end it. Its
    length is the number of frames that are in the file. A notebook shows the newest of them, and a
    link to the file.
    """

    def __init__(
        self,
        engine: Engine,
        port: Port,
        file: "str | os.PathLike[str] | None",
        params: Mapping[str, Any],
        going_on: "MutableSet[PortCapture]",
    ) -> None:
        """params: of the node lk.capture; going_on: where it stands until it ends."""
        self.port = port
        self._engine = engine
        self._going_on = going_on
        wanted = _private(self, port.name) if file is None else file
        # What a node may be told is said once, where the node is declared.
        node = nodes.capture(wanted, **params)
        checked_node = FramePath(nodes.rx(port) >> node >> nodes.sink()).node("capture")
        self.params = dict(checked_node.params)
        self._number = engine.commands.start_capture(port.name, self.params)
        going_on.add(self)
        self._last: Mapping[str, Any] | None = None
        self._stopped = ""
        self._last = self.counts

    @property
    def counts(self) -> Mapping[str, Any]:
        """written, missed, passed_over, waiting, unsent, bytes, files, file, errno, ended: see
        RunningPath.counters.captures; once it has ended the last ones."""
        if not self._stopped:
            try:
                self._take(self._engine.commands.read_capture(self._number), "it was stopped")
            except EngineHung:
                raise  # it may go on
            except LabError as error:
                self._take(None, str(error).splitlines()[0])
        assert self._last is not None
        return {**self._last, "ended": self._last["ended"] or self._stopped}

    @property
    def file(self) -> Path:
        """The newest file, with everything in it that has come so far."""
        return Path(self.counts["file"])

    @property
    def ended(self) -> str:
        """Why it has ended: "frames", "bytes", "seconds" (its limits), "stopped", or in words what
        went wrong; "" while it goes on."""
        return str(self.counts["ended"])

    @property
    def newest(self) -> list[NewestFrame]:
        """The last 32 frames of the newest file, as far as there are."""
        counts = self.known_counts()
        try:
            file, place = Path(counts["file"]), counts["newest"]
            return frames_from(file, place)[-MOST_NEWEST:] if place else []
        except OSError:
            return []  # somebody has removed it

    def read(self) -> "Capture":
        """The newest file as it is now: its tables, flows and single frames."""
        from labkit.captures.capture import Capture  # late: it loads pandas

        return Capture(self.file)

    def flush(self) -> None:
        """Waits until all frames that have come are in the file; OSError when that failed, LabError
        when its engine died with some of them."""
        flush(self._counts_of_file)

    @checked()
    def wait(self, timeout: Seconds | None = None) -> bool:
        """Waits until it has ended, at most `timeout` seconds (None: as long as it takes); whether
        it has. Raises LabError where nothing would ever end it."""
        limits = [self.params[name] for name in ("frames", "bytes", "seconds")]
        if timeout is None and not any(limits) and not self.ended:
            raise LabError(
                f"the capture of port {self.port.name} has no limit and would be waited for for "
                "ever; pass timeout=, or give it frames=, bytes= or seconds="
            )
        end = None if timeout is None else time.monotonic() + timeout
        while not self.ended:
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def stop(self) -> None:
        """Ends it; its file is complete then, and its counts stay."""
        if self._stopped:
            return
        try:
            self._take(self._engine.commands.stop_capture(self._number), "stopped")
        except LabError as error:
            self._take(None, str(error).splitlines()[0])
            raise

    def close(self) -> None:
        """Ends it with its lab."""
        with suppress(LabError):  # what was counted last stays, though the engine is gone
            self.stop()

    def _counts_of_file(self) -> Mapping[str, Any]:
        """LabError where frames wait for a file that nobody writes any more."""
        counts = self.counts
        if self._stopped and counts["waiting"]:
            raise LabError(
                f"{plural(counts['waiting'], 'frame')} of port {self.port.name} had not been "
                f"written to {as_utf8(counts['file'])} when its capture ended: {counts['ended']}"
            )
        return counts

    def _take(self, counts: Mapping[str, Any] | None, why: str) -> None:
        """What the engine answered; nothing where it has the capture no more."""
        if counts is not None:
            self._last = counts
        if counts is None or why == "stopped":
            self._stopped = why
            self._going_on.discard(self)

    def __enter__(self) -> "PortCapture":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __len__(self) -> int:
        return int(self.counts["written"])

    def __bool__(self) -> bool:
        return True

    def known_counts(self) -> Mapping[str, Any]:
        """Those of now, or the last ones where the engine hangs."""
        try:
            return self.counts
        except EngineHung:
            assert self._last is not None
            return self._last

    def __repr__(self) -> str:
        counts = self.known_counts()
        lost = f", {counts['missed']:,} missed" if counts["missed"] else ""
        state = f"ended: {counts['ended']}" if counts["ended"] else GOES_ON
        return (
            f"<PortCapture of {self.port.name}: {plural(counts['written'], 'frame')}{lost} in "
            f"{as_utf8(counts['file'])}; {state}>"
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": capture_html(self)}


def capture_html(capture: PortCapture) -> str:
    """The newest frames in a table, and a link to the file."""
    from labkit.packet.summary import summary  # late: few captures are shown

    counts, newest = capture.known_counts(), capture.newest
    told = [f"{counts['written']:,} written"]
    told += [
        f"{counts[name]:,} {name.replace('_', ' ')}"
        for name in ("missed", "passed_over", "unsent")
        if counts[name]
    ]
    told.append(f"ended: {counts['ended']}" if counts["ended"] else GOES_ON)
    rows = [
        (_clock(frame.time_ns), frame.way, f"{frame.length:,}", summary(frame.data, frame.length))
        for frame in newest[-MOST_ROWS:]
    ]
    link = _link(Path(counts["file"]), is_whole=bool(counts["ended"]))
    caption = Html(f"{escape(', '.join(told))} &middot; {link}")
    header = ("time", "way", "bytes", "frame")
    return html_table(header, rows or [("no frame yet", "", "", "")], "llrl", caption=caption)


def _clock(time_ns: int) -> str:
    seconds, ns = divmod(time_ns, 10**9)
    return f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{ns // 1000:06}"


def _link(file: Path, *, is_whole: bool) -> str:
    """The file where the notebook's server has it, else, when it is whole and not too long, with
    the page; else the command."""
    name, words = escape(as_utf8(file.name)), "open in Wireshark"
    with suppress(OSError):
        if file.is_relative_to(Path.cwd()):
            place = escape(quote(os.fsencode(file.relative_to(Path.cwd()))))
            return f'<a href="{place}" download="{name}">{words}</a> ({name})'
        if is_whole and file.stat().st_size <= MOST_LINKED_BYTES:
            data = base64.b64encode(file.read_bytes()).decode()
            url = f"data:application/vnd.tcpdump.pcap;base64,{data}"
            return f'<a href="{url}" download="{name}">{words}</a> ({name})'
    return f"wireshark {escape(shlex.quote(as_utf8(str(file))))}"


def _private(capture: PortCapture, port: str) -> str:
    """A file in a folder that goes with the capture."""
    folder = tempfile.mkdtemp(prefix="labkit-capture-")
    weakref.finalize(capture, shutil.rmtree, folder, ignore_errors=True)
    return os.path.join(folder, f"{re.sub(r'[^A-Za-z0-9_-]', '_', port)}.pcapng")
