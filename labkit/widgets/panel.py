# SPDX-License-Identifier: BSD-3-Clause
"""lk.panel: what runs in the background, in the page."""

from typing import overload

from labkit.arguments.checked import checked
from labkit.lab.flows.traffic import Traffic
from labkit.trouble.watching import Watch
from labkit.widgets.traffic import Panel
from labkit.widgets.trouble import TroublePanel, panel_of


@overload
def panel(of: Traffic) -> Panel: ...
@overload
def panel(of: Watch) -> TroublePanel: ...
@checked()
def panel(of: Traffic | Watch) -> Panel | TroublePanel:
    """Live traffic, or a watch over sick NICs, in the page.

    It is what a cell shows that ends with one of them. It moves while cells run, closes with what
    it shows, and leaves a static table and picture in the notebook.

    Of traffic: a row a flow, with a slider for its rate, buttons, what it sent and received, its
    losses and latencies; and a chart. Its controls act when cells have ended at the latest, in
    their order, and the panel says when some wait. Of a watch: what is the matter, what was, when,
    and how much was judged.

    of: what lab.traffic() or lk.trouble.watch() made
    """
    return panel_of(of) if isinstance(of, Watch) else Panel(of)
