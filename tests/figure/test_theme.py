# SPDX-License-Identifier: BSD-3-Clause
"""Colours of pictures: told apart by everybody, legible in light and in dark, alike on both sides
of a live view."""

import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from labkit.figure.picture import DASHES, MARKERS, Picture, line_style
from labkit.figure.theme import DARK, DARK_PALETTE, GREYS, GROUND, INK, PALETTE
from labkit.text import shade

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
Vector = npt.NDArray[np.float64]

# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB
EYES = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
    "grey": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}  # fmt: skip
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(color: str) -> Vector:
    parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.asarray(np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4))


def cielab(rgb: Vector) -> Vector:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / np.array([0.9505, 1, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(a: str, b: str, eye: str) -> float:
    """CIE76; 2.3 is what an eye just notices, 10 is plain at a glance."""
    seen = (cielab(EYES[eye] @ linear(color)) for color in (a, b))
    return float(np.linalg.norm(np.subtract(*seen)))


def contrast(a: str, b: str) -> float:
    low, high = sorted(float(EYES["grey"][0] @ linear(color)) for color in (a, b))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("palette", [PALETTE, DARK_PALETTE], ids=["light", "dark"])
def test_the_first_lines_are_told_apart_by_every_eye(palette: tuple[str, ...], eye: str) -> None:
    for a, b in combinations(palette[:4], 2):
        assert distance(a, b, eye) >= 10, (a, b)


@pytest.mark.parametrize("eye", EYES)
def test_greys_beneath_are_told_apart_by_more_than_themselves(eye: str) -> None:
    for a, b in combinations(GREYS, 2):
        assert distance(a, b, eye) >= 9 or MARKERS[GREYS.index(a)] != MARKERS[GREYS.index(b)]


def test_no_two_lines_are_alike() -> None:
    styles = [str(line_style(n)) for n in range(len(PALETTE) * len(DASHES))]
    assert len(set(styles)) == len(styles)
    for n in range(len(styles) - 1):
        a, b = line_style(n), line_style(n + 1)
        assert a["color"] != b["color"]
        assert a["dashes"] != b["dashes"]


def test_lines_stand_out_from_their_ground() -> None:
    """WCAG 2.2 1.4.11 wants 3 for graphics, and 1.4.3 wants 4.5 for words."""
    for color in (*PALETTE, *GREYS):
        assert contrast(color, GROUND) >= 3, color
        assert contrast(DARK[color], DARK[GROUND]) >= 3, color
    assert contrast(DARK[INK], DARK[GROUND]) >= 4.5


def test_the_page_draws_in_the_same_colours() -> None:
    text = (ROOT / "js/palette.js").read_text()
    for name, colors in (("LIGHT", PALETTE), ("DARK", DARK_PALETTE)):
        (listed,) = re.findall(rf"const {name} = \[(.*?)\];", text)
        assert tuple(re.findall(r'"(#\w+)"', listed)) == colors


def test_a_figure_follows_the_page() -> None:
    figure = Picture(figsize=(5, 3))
    axes = figure.subplots()
    axes.plot([1, 2, 3], color=PALETTE[1])
    axes.set(title="a title", xlabel="load", ylabel="loss")
    html = figure._repr_html_()
    assert html is not None
    assert 'alt="a title; loss over load"' in html
    assert "min-width:408px" in html  # 0.85 of 5 inches
    (data,) = re.findall(r'srcset="data:image/svg\+xml;base64,(\S+) 1x"', html)
    root = ET.fromstring(b64decode(data))
    style = root.findtext(f"{SVG}style") or ""
    assert "prefers-color-scheme:dark" in style
    assert f"stroke:{DARK_PALETTE[1]}" in style
    colors = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", b64decode(data).decode()))
    assert colors <= set(DARK), colors - set(DARK)


def test_a_very_large_figure_stays_a_png() -> None:
    figure = Picture()
    figure.subplots().plot(np.random.default_rng(1).random(60_000), "o")
    assert figure._repr_html_() is None
    assert figure._repr_png_().startswith(b"\x89PNG")


def colors_of_words() -> set[str]:
    """Those that modules name which make tables."""
    texts = [file.read_text() for file in (ROOT / "labkit").rglob("*.py")]
    makers = [text for text in texts if re.search(r"labkit\.text import .*(bold|Row|shade)", text)]
    return {color for text in makers for color in re.findall(r'"(#[0-9a-f]{6})"', text)}


@pytest.mark.parametrize("color", sorted(colors_of_words()))
def test_words_in_colour_are_legible_on_both_grounds(color: str) -> None:
    """The browser mixes them with the page's own colour of words."""
    found = re.fullmatch(r"color-mix\(in srgb, (#\w+) (\d+)%, .*\)", shade(color))
    assert found
    share = int(found[2]) / 100
    for words, grounds in (
        ("#000000", ("#ffffff", "#f5f5f5")),
        ("#ffffff", ("#111111", "#212121")),
    ):
        parts = [
            round(share * int(color[i : i + 2], 16) + (1 - share) * int(words[i : i + 2], 16))
            for i in (1, 3, 5)
        ]
        mixed = "#" + "".join(f"{part:02x}" for part in parts)
        for ground in grounds:
            assert contrast(mixed, ground) >= 4.5, (color, mixed, ground)
