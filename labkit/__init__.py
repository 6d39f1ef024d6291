# SPDX-License-Identifier: BSD-3-Clause
"""labkit: an interactive network lab on a real DPDK dataplane.

Importing it starts nothing and loads no DPDK library; names are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit import dut as dut
    from labkit import sources as sources
    from labkit import xstats as xstats
    from labkit.batch import FrameBatch as FrameBatch
    from labkit.cluster import dask_executor as dask_executor
    from labkit.comparison import Comparison as Comparison
    from labkit.comparison import compare as compare
    from labkit.diagnosis import doctor as doctor
    from labkit.engine.config import EalConfig as EalConfig
    from labkit.errors import ChecksFailed as ChecksFailed
    from labkit.errors import DutDied as DutDied
    from labkit.errors import EngineDied as EngineDied
    from labkit.errors import EngineError as EngineError
    from labkit.errors import LabError as LabError
    from labkit.errors import ParameterError as ParameterError
    from labkit.errors import PathError as PathError
    from labkit.errors import PortError as PortError
    from labkit.errors import Refused as Refused
    from labkit.errors import TunnelError as TunnelError
    from labkit.errors import Unreachable as Unreachable
    from labkit.explanation import Explanation as Explanation
    from labkit.explanation import explain as explain
    from labkit.lab import Lab as Lab
    from labkit.latency import LatencyHistogram as LatencyHistogram
    from labkit.latency import calibrate as calibrate
    from labkit.ledger import Ledger as Ledger
    from labkit.loading import load as load
    from labkit.neighbours import resolve as resolve
    from labkit.nodes import arp_responder as arp_responder
    from labkit.nodes import capture as capture
    from labkit.nodes import collect as collect
    from labkit.nodes import decap as decap
    from labkit.nodes import encap as encap
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
    from labkit.notebooks.parameters import param as param
    from labkit.notebooks.parameters import params as params
    from labkit.notebooks.records import check as check
    from labkit.notebooks.records import checks as checks
    from labkit.notebooks.records import record_result as record_result
    from labkit.path import Path as Path
    from labkit.port import Port as Port
    from labkit.recording import Record as Record
    from labkit.recording import record as record
    from labkit.results import Results as Results
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
    from labkit.tunnels import Decapsulated as Decapsulated
    from labkit.tunnels import Geneve as Geneve
    from labkit.tunnels import GeneveOption as GeneveOption
    from labkit.tunnels import Gue as Gue
    from labkit.tunnels import Tunnel as Tunnel
    from labkit.tunnels import Vxlan as Vxlan
    from labkit.widgets.chart import watch as watch

_HOME = {
    "FrameBatch": "batch",
    "dask_executor": "cluster",
    "compare": "comparison",
    "Comparison": "comparison",
    "doctor": "diagnosis",
    "EalConfig": "engine.config",
    "ChecksFailed": "errors",
    "DutDied": "errors",
    "EngineDied": "errors",
    "EngineError": "errors",
    "LabError": "errors",
    "ParameterError": "errors",
    "PathError": "errors",
    "PortError": "errors",
    "Refused": "errors",
    "TunnelError": "errors",
    "Unreachable": "errors",
    "explain": "explanation",
    "Explanation": "explanation",
    "Lab": "lab",
    "calibrate": "latency",
    "LatencyHistogram": "latency",
    "Ledger": "ledger",
    "load": "loading",
    "resolve": "neighbours",
    "arp_responder": "nodes",
    "capture": "nodes",
    "collect": "nodes",
    "decap": "nodes",
    "encap": "nodes",
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
    "param": "notebooks.parameters",
    "params": "notebooks.parameters",
    "check": "notebooks.records",
    "checks": "notebooks.records",
    "record_result": "notebooks.records",
    "Path": "path",
    "Port": "port",
    "Record": "recording",
    "record": "recording",
    "Results": "results",
    "echo": "runs.echo",
    "EchoRun": "runs.echo",
    "search": "runs.search",
    "SearchFailed": "runs.search",
    "SearchRun": "runs.search",
    "sweep": "runs.sweep",
    "SweepFailed": "runs.sweep",
    "Trial": "runs.trial",
    "trial": "runs.trial",
    "vary": "traffic.fields",
    "Rate": "traffic.rate",
    "Replay": "traffic.replay",
    "IMIX": "traffic.sizes",
    "Sizes": "traffic.sizes",
    "Stream": "traffic.stream",
    "Decapsulated": "tunnels",
    "Geneve": "tunnels",
    "GeneveOption": "tunnels",
    "Gue": "tunnels",
    "Tunnel": "tunnels",
    "Vxlan": "tunnels",
    "watch": "widgets.chart",
}

_MODULES = ("dut", "sources", "xstats")

__all__ = [*_HOME, *_MODULES]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"labkit.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'labkit' has no attribute {name!r}")
    # A submodule of the same name, such as labkit.echo, must not hide the public one.
    try:
        value = getattr(import_module(f"labkit.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name not in ("labkit._codec", "labkit._dataplane"):
            raise
        from labkit.errors import LabError

        raise LabError(
            f"lk.{name} needs labkit's native modules, which this installation lacks; install "
            "labkit on Linux with DPDK, without LABKIT_NATIVE=OFF"
        ) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
