# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of paths and labs on light and dark pages."""

import xml.etree.ElementTree as ET

import pytest

from labkit.figure.theme import DARK
from labkit.lab.drawing import lab_svg
from labkit.path.drawing import path_svg
from tests.path.drawings import (
    SVG,
    busy_echo,
    fork_path,
    host_path,
    port,
)


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    """WCAG 2.2 1.4.3."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def pictures() -> dict[str, str]:
    path, counters = busy_echo()
    ports = [port("client", "server"), port("server", "client", link=False)]
    return {
        "path": path_svg(path, counters),
        "fork": path_svg(fork_path()),
        "lab": lab_svg(ports, [path, host_path()], {path.name: counters}),
        "empty": lab_svg([], []),
    }


@pytest.mark.parametrize("name", pictures())
def test_text_is_legible_in_light_and_dark(name: str) -> None:
    svg = pictures()[name]
    root = ET.fromstring(svg)
    style = root.findtext(f"{SVG}style") or ""
    assert "prefers-color-scheme:dark" in style
    ground = root.find(f"{SVG}rect")
    assert ground is not None

    def look(group: ET.Element, below: str) -> None:
        for element in group:
            if element.tag == f"{SVG}rect":
                below = element.attrib["fill"]
            if element.tag == f"{SVG}text":
                color = element.attrib["fill"]
                assert contrast(color, below) >= 4.5, (element.text, color, below)
                assert contrast(DARK[color], DARK[below]) >= 4.5, (element.text, color, below)
                assert f'[fill="{color}"]' in style
            if element.tag == f"{SVG}g":
                look(element, below)

    look(root, ground.attrib["fill"])


def test_every_colour_has_its_dark_one() -> None:
    for svg in pictures().values():
        root = ET.fromstring(svg)
        used = {e.attrib[k] for e in root.iter() for k in ("fill", "stroke") if k in e.attrib}
        assert used - {"none"} <= set(DARK)
