# SPDX-License-Identifier: BSD-3-Clause
"""The pages that show a view, as far as they were heard of: they cannot tell while a cell runs."""


class Pages:
    """The pages of one view."""

    def __init__(self) -> None:
        self._in_sight: dict[str, bool] = {}
        self._ours: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._in_sight)

    @property
    def is_seen(self) -> bool:
        """Whether somebody may look: at one that is in sight, or was not heard of yet."""
        return not self._in_sight or any(self._in_sight.values())

    @property
    def are_ours(self) -> bool:
        """Whether outputs of labkit's own (js/output.js) show the view in all of them.

        Then it keeps its place when its picture is brought up to date.
        """
        return bool(self._in_sight) and self._in_sight.keys() <= self._ours

    def saw(self, page: str, *, is_in_sight: bool, has_outputs: bool) -> None:
        """A page told of itself."""
        self._in_sight[page] = is_in_sight
        if has_outputs:
            self._ours.add(page)

    def forget(self, page: str) -> None:
        """It shows the view no longer."""
        self._in_sight.pop(page, None)
        self._ours.discard(page)
