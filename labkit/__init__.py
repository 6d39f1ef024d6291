# SPDX-License-Identifier: BSD-3-Clause
"""labkit: an interactive network lab on a real DPDK dataplane.

Importing it starts nothing and loads no DPDK library; names are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit import dut as dut
    from labkit.comparison import Comparison as Comparison
    from labkit.comparison import compare as compare
    from labkit.diagnosis import doctor as doctor
    from labkit.engine.config import EalConfig as EalConfig
    from labkit.errors import DutDied as DutDied
    from labkit.errors import EngineDied as EngineDied
    from labkit.errors import EngineError as EngineError
    from labkit.errors import LabError as LabError
    from labkit.errors import PathError as PathError
    from labkit.errors import PortError as PortError
    from labkit.errors import Unreachable as Unreachable
    from labkit.lab import Lab as Lab
    from labkit.latency import LatencyHistogram as LatencyHistogram
    from labkit.latency import calibrate as calibrate
    from labkit.ledger import Ledger as Ledger
    from labkit.neighbours import resolve as resolve
    from labkit.nodes import arp_responder as arp_responder
    from labkit.nodes import capture as capture
    from labkit.nodes import collect as collect
    from labkit.nodes import icmp_echo as icmp_echo
    from labkit.nodes import impair as impair
    from labkit.nodes import inject as inject
    from labkit.nodes import nd_responder as nd_responder
    from labkit.nodes import reflect as reflect
    from labkit.nodes import refuse as refuse
    from labkit.nodes import rx as rx
    from labkit.nodes import sink as sink
    from labkit.nodes import tx as tx
    from labkit.nodes import udp_echo as udp_echo
    from labkit.path import Path as Path
    from labkit.port import Port as Port
    from labkit.results import Results as Results
    from labkit.results import load as load
    from labkit.runs.echo import EchoRun as EchoRun
    from labkit.runs.echo import echo as echo
    from labkit.runs.search import SearchFailed as SearchFailed
    from labkit.runs.search import SearchRun as SearchRun
    from labkit.runs.search import search as search
    from labkit.runs.sweep import SweepFailed as SweepFailed
    from labkit.runs.sweep import sweep as sweep
    from labkit.runs.trial import Trial as Trial
    from labkit.runs.trial import trial as trial
    from labkit.traffic.fields import vary as vary
    from labkit.traffic.rate import Rate as Rate
    from labkit.traffic.replay import Replay as Replay
    from labkit.traffic.sizes import IMIX as IMIX
    from labkit.traffic.sizes import Sizes as Sizes
    from labkit.traffic.stream import Stream as Stream

_HOME = {
    "Comparison": "comparison",
    "compare": "comparison",
    "doctor": "diagnosis",
    "EchoRun": "runs.echo",
    "echo": "runs.echo",
    "EalConfig": "engine.config",
    "DutDied": "errors",
    "EngineDied": "errors",
    "EngineError": "errors",
    "LabError": "errors",
    "PathError": "errors",
    "PortError": "errors",
    "Unreachable": "errors",
    "Lab": "lab",
    "LatencyHistogram": "latency",
    "calibrate": "latency",
    "Ledger": "ledger",
    "arp_responder": "nodes",
    "capture": "nodes",
    "collect": "nodes",
    "icmp_echo": "nodes",
    "impair": "nodes",
    "inject": "nodes",
    "nd_responder": "nodes",
    "reflect": "nodes",
    "refuse": "nodes",
    "rx": "nodes",
    "sink": "nodes",
    "tx": "nodes",
    "udp_echo": "nodes",
    "Path": "path",
    "Port": "port",
    "resolve": "neighbours",
    "Results": "results",
    "load": "results",
    "SearchFailed": "runs.search",
    "SearchRun": "runs.search",
    "search": "runs.search",
    "SweepFailed": "runs.sweep",
    "sweep": "runs.sweep",
    "Trial": "runs.trial",
    "trial": "runs.trial",
    "vary": "traffic.fields",
    "Rate": "traffic.rate",
    "Replay": "traffic.replay",
    "IMIX": "traffic.sizes",
    "Sizes": "traffic.sizes",
    "Stream": "traffic.stream",
}

_MODULES = ("dut",)

__all__ = [*_HOME, *_MODULES]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"labkit.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'labkit' has no attribute {name!r}")
    # A submodule of the same name, such as labkit.echo, must not hide the public one.
    value = getattr(import_module(f"labkit.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
