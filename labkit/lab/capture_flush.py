# SPDX-License-Identifier: BSD-3-Clause
"""What a capture holds, in its files."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

PATIENCE_SECONDS = 10.0


def flush(read: Callable[[], Mapping[str, Any]]) -> None:
    """Waits until everything that has come so far is in the files of a capture.

    read: its counts; the engine has it write before it answers, and waits a second for the disk

    Raises OSError when it could not be written, TimeoutError when a disk takes too long.
    """
    counts = read()
    came = _done(counts) + counts["waiting"]
    end = time.monotonic() + PATIENCE_SECONDS
    while _done(counts) < came:
        if time.monotonic() > end:
            raise TimeoutError(
                f"{counts['file']}: {counts['waiting']:,} frames wait for the disk, which took too "
                f"few in {PATIENCE_SECONDS:g} s"
            )
        counts = read()
    if counts["errno"]:
        raise OSError(counts["errno"], os.strerror(counts["errno"]), counts["file"])


def _done(counts: Mapping[str, Any]) -> int:
    return int(counts["written"] + counts["missed"] + counts["passed_over"])
