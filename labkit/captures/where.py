# SPDX-License-Identifier: BSD-3-Clause
"""Which frames are wanted: a capture filter, compiled for each link type that a file has."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import numpy as np

from labkit.errors import FilterError
from labkit.packet.capture_reader import CapturedBatch
from labkit.packet.filter import Filter, compile_filter

TRIED = (1, 101, 113, 276)  # Ethernet, raw IP, Linux cooked


class Where:
    """A capture filter as tcpdump takes it, such as "udp port 4789"; FilterError where it is wrong.

    text: None or "": all frames
    """

    def __init__(self, text: str | None) -> None:
        self._text = text or ""
        self._compiled = cache(self._compile)
        # Wrong for all of them: it is told before anything is read.
        if all(self._compiled(link_type) is None for link_type in TRIED):
            compile_filter(self._text)

    def runs(self, batch: CapturedBatch) -> Iterator[tuple[CapturedBatch, Filter | None]]:
        """The batch in runs of one link type, each with the filter that is for it; None: all are
        wanted. Frames of a link type that the filter cannot be meant for are left out."""
        if not self._text:
            yield batch, None
            return
        links = batch.records["link_type"]
        bounds = [0, *(np.flatnonzero(np.diff(links)) + 1).tolist(), len(links)]
        for first, last in pairwise(bounds):
            chosen = self._compiled(int(links[first])) if first < last else None
            if chosen is not None:
                yield batch.cut(first, last), chosen

    def _compile(self, link_type: int) -> Filter | None:
        """None: libpcap has no such filter for this link type, as "ether host" for raw IP."""
        try:
            return compile_filter(self._text, link_type)
        except FilterError:
            return None
