# SPDX-License-Identifier: BSD-3-Clause
"""What a node did to a frame: headers put on or taken off, and fields that it changed."""

from difflib import SequenceMatcher

from labkit.packet.explanation import explain
from labkit.packet.layer import WITHOUT_HEADER, Layer

MOST_FIELDS = 12
LONGEST = 60  # letters of a value


def effects(before: bytes, after: bytes) -> list[str]:
    """Sentences on the difference of two frames, none where they are alike.

    >>> effects(frame, decapsulated)
    ['takes off IP, UDP, VXLAN, Ethernet']
    """
    if before == after:
        return []
    old, new = explain(before).layers, explain(after).layers
    found: list[str] = []
    kinds = [layer.kind for layer in old], [layer.kind for layer in new]
    for change, a, b, c, d in SequenceMatcher(None, *kinds, autojunk=False).get_opcodes():
        if change == "equal":
            for one, other in zip(old[a:b], new[c:d], strict=True):
                found += _changes(one, other)
            continue
        if gone := _names(old[a:b]):
            found.append(f"takes off {gone}")
        if come := _names(new[c:d]):
            found.append(f"puts on {come}")
    if not found:
        found.append(f"changes the data: {len(before):,} bytes before, {len(after):,} after")
    if len(found) > MOST_FIELDS:
        found[MOST_FIELDS:] = [f"and {len(found) - MOST_FIELDS} more fields"]
    return found


def _names(layers: tuple[Layer, ...]) -> str:
    return ", ".join(layer.name for layer in layers if layer.kind not in WITHOUT_HEADER)


def _changes(before: Layer, after: Layer) -> list[str]:
    name = after.name if before.name == after.name else f"{before.name} becomes {after.name}:"
    fields, now = list(before.fields), dict(after.fields)
    changed = [
        f"{name} {field}: {_short(value)} → {_short(now[field])}"
        for field, value in fields
        if field in now and now[field] != value
    ]
    if not changed and before.kind in WITHOUT_HEADER and before.data != after.data:
        return [f"changes the {after.name}"]
    return changed if changed or before.name == after.name else [name.rstrip(":")]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
