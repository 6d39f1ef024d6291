# SPDX-License-Identifier: BSD-3-Clause
"""Where frames come in a path without having passed certain nodes; all by their places."""

from collections.abc import Collection, Iterable


def reached_past(
    by: Collection[int], sources: Iterable[int], joins: Iterable[tuple[int, int]]
) -> dict[int, int]:
    """Places that frames of these sources come to by none of the nodes `by`, which are among them
    if they are the first on a way; for each place a source of such frames."""
    behind: dict[int, list[int]] = {}
    for source, target in joins:
        behind.setdefault(source, []).append(target)
    found: dict[int, int] = {}
    todo = [(place, place) for place in sources]
    while todo:
        place, source = todo.pop()
        if place in found:
            continue
        found[place] = source
        if place not in by:
            todo += [(target, source) for target in behind.get(place, ())]
    return found
