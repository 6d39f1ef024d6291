# SPDX-License-Identifier: BSD-3-Clause
"""Counters of the lanes of a path, added up."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from labkit.engine.answers import LaneCounts


class Sums(TypedDict):
    """What a path and its lanes have alike."""

    nodes: dict[str, list[int]]
    outputs: dict[str, dict[str, int]]
    drops: dict[str, list[int]]
    impairments: dict[str, dict[str, int]]


def summed(lanes: Sequence[LaneCounts]) -> Sums:
    """What all lanes counted together."""
    return {
        "nodes": _columns(lane["nodes"] for lane in lanes),
        "outputs": _by_name(lane["outputs"] for lane in lanes),
        "drops": _columns(lane["drops"] for lane in lanes),
        "impairments": _by_name(lane["impairments"] for lane in lanes),
    }


def _columns(parts: Iterable[Mapping[str, list[int]]]) -> dict[str, list[int]]:
    total: dict[str, list[int]] = {}
    for part in parts:
        for name, values in part.items():
            before = total.get(name, [0] * len(values))
            total[name] = [a + b for a, b in zip(before, values, strict=True)]
    return total


def _by_name(parts: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    total: dict[str, Counter[str]] = {}
    for part in parts:
        for name, values in part.items():
            total.setdefault(name, Counter()).update(values)
    return {name: dict(values) for name, values in total.items()}
