# SPDX-License-Identifier: BSD-3-Clause
"""Several frames of a capture, explained."""

from collections.abc import Sequence
from typing import overload

from labkit.captures.frame import CapturedFrame
from labkit.packet.explanation import Explanation
from labkit.text import Html


class Explained(Sequence[Explanation]):
    """Explanations one behind the other, as text and in a notebook.

    Attributes
    ----------
    frames: that are explained
    """

    def __init__(self, frames: Sequence[CapturedFrame]) -> None:
        self.frames = tuple(frames)
        self._explained = tuple(frame.explain() for frame in self.frames)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of the frames in their capture."""
        return tuple(frame.number for frame in self.frames)

    def __len__(self) -> int:
        return len(self._explained)

    @overload
    def __getitem__(self, place: int) -> Explanation: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Explanation]: ...

    def __getitem__(self, place: int | slice) -> Explanation | Sequence[Explanation]:
        return self._explained[place]

    def __repr__(self) -> str:
        both = zip(self.frames, self._explained, strict=True)
        return "\n\n".join(f"{frame!r}\n{one!r}" for frame, one in both) or "no frame"

    def _repr_html_(self) -> Html:
        return Html("".join(frame._repr_html_() for frame in self.frames) or "<p>no frame</p>")
