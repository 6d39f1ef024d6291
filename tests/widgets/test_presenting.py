# SPDX-License-Identifier: BSD-3-Clause
"""Large type for a projector: pictures and text grow, numbers stay, and all of it is undone."""

import re
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

import labkit as lk
from labkit.figure.large import scale
from labkit.figure.picture import Picture
from labkit.widgets import presenting

PATH = lk.Path(lk.rx("a") >> lk.filter("udp") >> lk.reflect() >> lk.capture("x.pcap") >> lk.tx("a"))


@pytest.fixture(autouse=True)
def at_a_desk() -> Iterator[None]:
    yield
    lk.present(False)


def widths(html: str) -> list[int]:
    return [int(width) for width in re.findall(r'<img [^>]*?width="(\d+)"', html)]


def drawn(picture: Picture) -> str:
    html = picture._repr_html_()
    assert html is not None
    return html


def test_a_figure_is_as_wide_and_its_text_larger() -> None:
    picture = Picture(figsize=(8, 4), layout="constrained")
    picture.subplots().plot([1, 2])
    before, size = drawn(picture), tuple(picture.get_size_inches())
    lk.present(scale=2)
    assert widths(drawn(picture)) == widths(before)
    assert drawn(picture) != before
    assert tuple(picture.get_size_inches()) == size
    lk.present(False)
    assert widths(drawn(picture)) == widths(before)


def test_a_path_takes_more_rows() -> None:
    before = PATH._repr_mimebundle_()["text/html"]
    lk.present()
    large = PATH._repr_mimebundle_()["text/html"]
    lk.present(False)
    assert PATH._repr_mimebundle_()["text/html"] == before
    assert widths(large)[0] < 1.6 * widths(before)[0]


@pytest.mark.parametrize("wanted", [0.5, 7, float("nan"), "large", True])
def test_what_is_no_scale(wanted: object) -> None:
    with pytest.raises(lk.LabError, match="scale"):
        lk.present(scale=wanted)  # type: ignore[arg-type]
    assert scale() == 1


def test_a_notebooks_style_is_taken_away_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []

    class Handle:
        def update(self, parts: dict[str, str], raw: bool) -> None:
            shown.append(parts)

    def display(parts: dict[str, str], raw: bool, display_id: bool) -> Handle:
        shown.append(parts)
        return Handle()

    shell = InteractiveShell.instance()
    monkeypatch.setattr(shell, "kernel", object(), raising=False)
    monkeypatch.setattr("IPython.display.display", display)
    lk.present()
    lk.present(scale=2)
    lk.present(False)
    assert "--jp-code-font-size:20.8px" in shown[0]["text/html"]
    assert [bool(parts["text/html"]) for parts in shown] == [True, False, True, False]
    assert presenting._displays == []
    InteractiveShell.clear_instance()
