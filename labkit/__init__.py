# SPDX-License-Identifier: BSD-3-Clause
"""labkit: an interactive network lab on a real DPDK dataplane.

Importing it starts nothing and loads no DPDK library; names are loaded when they are first used.
They are listed in __init__.pyi.
"""

import sys
import warnings

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    _serve_notebook()  # whose shell began after the import
    try:
        value: object = _load(name)
    except AttributeError:
        if name in __all__:  # it is there, and what it needs is broken
            raise
        from labkit.arguments.names import no_attribute  # late: `import labkit` is quick

        raise no_attribute(__name__, name, __all__) from None
    except ModuleNotFoundError as error:
        if error.name not in ("labkit._codec", "labkit._dataplane"):
            raise
        from labkit.errors import LabError  # late, too

        raise LabError(
            f"lk.{name} needs labkit's native modules, which this installation lacks; install "
            "labkit on Linux with DPDK, without LABKIT_NATIVE=OFF"
        ) from None
    if name == "Lab":
        from labkit.lab.flows import hooks  # late: `import labkit` is quick

        value.dashboard = _lab_dashboard  # type: ignore[attr-defined]
        hooks.record[:] = [_record]
    globals()[name] = value
    return value


WITH_PACKETS = (  # what the packet pane shows
    ("labkit.packet.explanation", "Explanation"),
    ("labkit.captures.frame", "CapturedFrame"),
    ("labkit.captures.explained", "Explained"),
    ("labkit.lab.trace", "Trace"),
)


def _serve_notebook() -> None:
    """In a notebook, TAB offers what labkit knows of its arguments; wrong names take one line; live
    traffic, a watch, a port's capture, nodes' tables and topologies are shown live; frames and
    traces in the packet pane."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        from labkit.notebooks.completion import offer_completions  # IPython is not needed elsewhere
        from labkit.notebooks.node_cell import offer_node_cells
        from labkit.notebooks.python_errors import tell_briefly

        offer_completions(shell)
        offer_node_cells(shell)
        tell_briefly(shell)
        if hasattr(shell, "kernel"):  # a terminal shows what repr() tells
            formatter = shell.display_formatter.ipython_display_formatter
            formatter.for_type_by_name("labkit.lab.flows.traffic", "Traffic", _show_traffic)
            formatter.for_type_by_name("labkit.trouble.watching", "Watch", _show_watch)
            formatter.for_type_by_name("labkit.lab.port_capture", "PortCapture", _show_capture)
            formatter.for_type_by_name("labkit.lab.node_tables", "NodeTables", _show_tables)
            formatter.for_type_by_name("labkit.lab.topology.network", "Network", _show_network)
            for module, name in WITH_PACKETS:
                formatter.for_type_by_name(module, name, _show_packets)


def _show_traffic(traffic: object) -> None:
    from labkit.widgets.traffic import show  # late: nothing else needs it

    show(traffic)  # type: ignore[arg-type]


def _show_watch(watch: object) -> None:
    from labkit.widgets.trouble import show  # late, too

    show(watch)  # type: ignore[arg-type]


def _show_capture(capture: object) -> None:
    from labkit.widgets.capture import show  # late, too

    show(capture)  # type: ignore[arg-type]


def _show_tables(tables: object) -> None:
    from labkit.widgets.node_tables import show  # late, too

    show(tables)  # type: ignore[arg-type]


def _show_network(network: object) -> None:
    from labkit.widgets.topology import show  # late, too

    show(network)  # type: ignore[arg-type]


def _show_packets(of: object) -> None:
    from labkit.widgets.packets import show  # late, too

    show(of)


def _lab_dashboard(lab: object, *parts: str) -> object:
    """lk.dashboard(lab, *parts) under its former name, which lies above the lab."""
    warnings.warn(
        "lab.dashboard() is lk.dashboard(lab) now, and goes with the next release",
        DeprecationWarning,
        stacklevel=2,
    )
    return __getattr__("dashboard")(lab, *parts)  # type: ignore[operator]


def _record(traffic: object, *names: str, hz: float) -> object:
    """lk.record(), which lies above the lab, for Traffic.record()."""
    return __getattr__("record")(traffic, *names, hz=hz)  # type: ignore[operator]


_serve_notebook()
