# SPDX-License-Identifier: BSD-3-Clause
"""The pages that show a view, as far as they were heard of.

While a cell runs, a page may be heard at once (of a kernel with subshells) or after it. Messages of
one page may then be handled in another order than they were sent: each has a number.
"""


class Pages:
    """The pages of one view."""

    def __init__(self) -> None:
        self._in_sight: dict[str, bool] = {}
        self._ours: set[str] = set()
        self._newest: dict[tuple[str, str], int] = {}  # numbers, by page and what they are about

    def __bool__(self) -> bool:
        return bool(self._in_sight)

    def __contains__(self, page: str) -> bool:
        return page in self._in_sight

    @property
    def is_seen(self) -> bool:
        """Whether somebody may look: at one that is in sight, or was not heard of yet."""
        sights = tuple(self._in_sight.values())  # another thread may hear a page meanwhile
        return not sights or any(sights)

    @property
    def are_ours(self) -> bool:
        """Whether outputs of labkit's own (js/output.js) show the view in all of them.

        Then it keeps its place when its picture is brought up to date.
        """
        return bool(self._in_sight) and self._in_sight.keys() <= self._ours

    def is_news(self, page: str, number: int, about: str) -> bool:
        """Whether a message is newer than what the page has told about this before."""
        is_newer = number > self._newest.get((page, about), -1)
        if is_newer:
            self._newest[page, about] = number
        return is_newer

    def saw(self, page: str, is_in_sight: bool | None, *, has_outputs: bool) -> None:
        """A page told of itself.

        is_in_sight: None: it is there, in sight if it has not told otherwise
        has_outputs: it shows the view in outputs of labkit's
        """
        if is_in_sight is None:
            is_in_sight = self._in_sight.get(page, True)
        self._in_sight[page] = is_in_sight
        if has_outputs:
            self._ours.add(page)

    def forget(self, page: str) -> None:
        """It shows the view no longer."""
        self._in_sight.pop(page, None)
        self._ours.discard(page)
