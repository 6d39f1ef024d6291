# SPDX-License-Identifier: BSD-3-Clause
"""labkit: an interactive network lab on a real DPDK dataplane.

Importing it starts nothing and loads no DPDK library; names are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.batch import FrameBatch as FrameBatch
    from labkit.cluster import dask_executor as dask_executor
    from labkit.diagnosis import doctor as doctor
    from labkit.engine.config import EalConfig as EalConfig
    from labkit.errors import ChecksFailed as ChecksFailed
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
    from labkit.ledger import Ledger as Ledger
    from labkit.loading import load as load
    from labkit.neighbours import resolve as resolve
    from labkit.nodes import arp_responder as arp_responder
    from labkit.nodes import capture as capture
    from labkit.nodes import collect as collect
    from labkit.nodes import decap as decap
    from labkit.nodes import encap as encap
    from labkit.nodes import icmp_echo as icmp_echo
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
    from labkit.runs.echo import EchoRun as EchoRun
    from labkit.runs.echo import echo as echo
    from labkit.tunnels import Decapsulated as Decapsulated
    from labkit.tunnels import Geneve as Geneve
    from labkit.tunnels import GeneveOption as GeneveOption
    from labkit.tunnels import Gue as Gue
    from labkit.tunnels import Tunnel as Tunnel
    from labkit.tunnels import Vxlan as Vxlan

_HOME = {
    "dask_executor": "cluster",
    "doctor": "diagnosis",
    "EchoRun": "runs.echo",
    "echo": "runs.echo",
    "EalConfig": "engine.config",
    "ChecksFailed": "errors",
    "EngineDied": "errors",
    "EngineError": "errors",
    "LabError": "errors",
    "ParameterError": "errors",
    "PathError": "errors",
    "PortError": "errors",
    "Refused": "errors",
    "TunnelError": "errors",
    "Unreachable": "errors",
    "Explanation": "explanation",
    "explain": "explanation",
    "FrameBatch": "batch",
    "GeneveOption": "tunnels",
    "load": "loading",
    "Lab": "lab",
    "Ledger": "ledger",
    "arp_responder": "nodes",
    "capture": "nodes",
    "collect": "nodes",
    "decap": "nodes",
    "encap": "nodes",
    "icmp_echo": "nodes",
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
    "resolve": "neighbours",
    "Decapsulated": "tunnels",
    "Geneve": "tunnels",
    "Gue": "tunnels",
    "Tunnel": "tunnels",
    "Vxlan": "tunnels",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
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
