# SPDX-License-Identifier: BSD-3-Clause
"""Large type for a room with a projector: pictures, tables, code and live views of a notebook.

A style that stands in the output of the cell makes all text of the page larger; pictures are drawn
anew with fewer things beside one another. Numbers, tables and files stay what they are.
"""

from typing import Annotated, Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between
from labkit.figure.large import set_scale
from labkit.units import plain

LARGE = 1.6
# JupyterLab's, and their sizes in pixels
TEXT = {
    **{f"--jp-ui-font-size{n}": size for n, size in enumerate((11, 13, 16, 22))},
    **{f"--jp-content-font-size{n}": size for n, size in enumerate((12, 14, 17, 20, 24, 29))},
    "--jp-code-font-size": 13,
}
VIEW = 14  # pixels, of text in our live views
SMALLER = (
    *(".lk-button", ".lk-select", ".lk-search", ".lk-choice", ".lk-when", ".lk-told", ".lk-level"),
    *(".lk-device", ".lk-state", ".lk-axis", ".lk-seen", "thead th", "details", ".lk-faint"),
)
_displays: list[Any] = []


@checked()
def present(on: bool = True, *, scale: Annotated[float, Between(1, 3, "times")] = LARGE) -> None:
    """Makes text large enough for a projector, and as it was again.

        lk.present()           # text 1.6 times as large; what is shown from now on fits it
        lk.present(False)      # as at a desk

    on: whether to; scale: how much larger text is, 1 to 3

    Tables, code and text of the notebook change at once, pictures and live views when their cells
    run again. In a terminal and in `labkit run` only pictures change. Nothing that is measured or
    saved in files does.
    """
    set_scale(scale if on else 1.0)
    from IPython.core.getipython import get_ipython  # late: IPython is there, or is not needed

    if not hasattr(get_ipython(), "kernel"):
        return
    from IPython.display import display

    while _displays:  # of cells that may be there yet
        _displays.pop().update(_parts(1.0), raw=True)
    if on and scale > 1:
        _displays.append(display(_parts(scale), raw=True, display_id=True))


def _parts(scale: float) -> dict[str, str]:
    if scale == 1:
        return {"text/plain": "", "text/html": ""}
    return {
        "text/plain": f"text is {plain(scale)} times as large until lk.present(False)",
        "text/html": f"<style>{_style(scale)}</style>",
    }


def _style(scale: float) -> str:
    sizes = "".join(f"{name}:{size * scale:.1f}px;" for name, size in TEXT.items())
    view = VIEW * scale
    return (
        f".jp-Notebook{{{sizes}}}"
        f".jp-Notebook .lk-view{{--lk-scale:{scale:.2f};font-size:{view:.1f}px}}"
        f".jp-Notebook .lk-view :is(.lk-table,.lk-title,h4){{font-size:{view:.1f}px}}"
        f".jp-Notebook .lk-view :is({','.join(SMALLER)}){{font-size:{0.9 * view:.1f}px}}"
    )
