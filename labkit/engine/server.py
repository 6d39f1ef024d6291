# SPDX-License-Identifier: BSD-3-Clause
"""The engine process: answers commands until its parent is gone.

It implements labkit.engine.commands. One command runs at a time, none waits for traffic.
"""

import os
import select
import shutil
import signal
import socket
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit.engine import protocol
from labkit.engine.answers import (
    CaptureCounts,
    Clock,
    EngineFacts,
    Fields,
    FlowCounts,
    Histogram,
    LinkChange,
    PathCounts,
    PortFacts,
    PortLimits,
    Rows,
    RssFacts,
    TraceStep,
    TraceSteps,
    WorkerFacts,
)
from labkit.engine.binding import c_string, call, ffi, lib
from labkit.engine.command_calls import answer_to
from labkit.engine.commands import Commands, Descriptors
from labkit.engine.paths import Paths, node_kinds
from labkit.engine.ports import Ports
from labkit.engine.recorders import Recorders
from labkit.engine.rss import rss_facts, set_rss, set_rss_table
from labkit.engine.sick_ports import SickPorts
from labkit.engine.workers import Workers
from labkit.machine.limits import raise_soft_limits

GRACE_SECONDS = 3.0  # for an orderly end after the parent is gone
TRACE_SETTLE_SECONDS = 0.002  # longer than any walk of a graph


class EngineServer:
    """The state of the engine, and its commands."""

    def __init__(self) -> None:
        self.ports = Ports()
        self.sick_ports = SickPorts(self.ports)
        self.workers: Workers
        self.paths: Paths
        self.recorders: Recorders
        self.trace_snaplen = 0

    def start(self, arguments: Sequence[str], cpus: Sequence[int], max_workers: int) -> EngineFacts:
        strings = [ffi.new("char[]", argument.encode()) for argument in arguments]
        call("lk_eal_start", len(strings), ffi.new("char *[]", strings))
        self.workers = Workers(tuple(cpus), max_workers)
        self.paths = Paths(self.ports, self.workers, self.sick_ports)
        self.recorders = Recorders(self.ports, self.paths, self.workers)
        return {"dpdk": c_string(lib.lk_dpdk_version()), "kinds": node_kinds(), "pid": os.getpid()}

    def clock(self) -> Clock:
        tsc = lib.lk_clock_tsc()
        return {
            "tsc": tsc,
            "tsc_hz": lib.lk_clock_tsc_hz(),
            "realtime_ns": lib.lk_clock_realtime_ns(tsc),
        }

    def cable(self, names: Sequence[str], queues: int, ring_size: int) -> None:
        self.ports.cable(names, queues, ring_size)

    def ports_left(self) -> int:
        return self.ports.left()

    def attach_device(
        self, name: str, bus: str, device: str, arguments: str, fanout: bool
    ) -> PortLimits:
        return self.ports.probe(name, bus, device, arguments, fanout)

    def port_limits(self, name: str) -> PortLimits:
        return self.ports.limits(name)

    def start_port(
        self,
        name: str,
        settings: Fields,
        offloads: Sequence[str],
        mac: str | None,
        for_driver: bool,
    ) -> PortFacts:
        return self.ports.start(name, settings, list(offloads), mac, for_driver)

    def port_info(self, name: str) -> PortFacts:
        return self.ports.info(name)

    def port_memory(self, name: str) -> Fields:
        return self.ports.memory(name)

    def link_changes(self, name: str) -> list[LinkChange]:
        return self.ports.link_changes(name)

    def set_promiscuous(self, name: str, on: bool) -> None:
        self.ports.set_promiscuous(name, on)

    def set_link(self, name: str, up: bool) -> None:
        self.ports.set_link(name, up)

    def xstats(self, name: str) -> dict[str, int]:
        return {**self.sick_ports.told_of_instance(name), **self.ports.xstats(name)}

    def unread(self, name: str, queues: Sequence[int]) -> list[int | None]:
        return self.ports.unread(name, queues)

    def rss(self, name: str) -> RssFacts:
        return rss_facts(self.ports.by_name[name].id)

    def set_rss(self, name: str, key: str | None, fields: Sequence[str]) -> None:
        set_rss(self.ports.by_name[name].id, key, fields)

    def set_rss_table(self, name: str, queues: Sequence[int]) -> None:
        set_rss_table(self.ports.by_name[name].id, queues)

    def waiting(self) -> dict[str, int]:
        return self.ports.waiting()

    def attach_frames(self, name: str, sizes: Sequence[int], descriptors: Descriptors) -> None:
        self.ports.attach_frames(name, descriptors, sizes)

    def listen_frames(self, name: str, slot: int, descriptors: Descriptors) -> None:
        call("lk_port_listen", self.ports.by_name[name].id, slot, descriptors[0])

    def close_port(self, name: str) -> list[str]:
        users = self.paths.users_of(name)
        if not users:
            self.paths.captures.stop_of(name)
            self.ports.close(name)
        return users

    def make_sick(self, name: str, device: Mapping[str, Any]) -> None:
        self.sick_ports.make(name, device)

    def cure_sick(self, name: str, sends: bool) -> None:
        self.sick_ports.cure(name, sends=sends)

    def lose_held(self, name: str) -> None:
        self.sick_ports.flush(name, sends=False)

    def sick_counts(self, name: str) -> Fields:
        return self.sick_ports.counts(name)

    def lost_by_sick(self) -> dict[str, int]:
        return self.sick_ports.lost()

    def tell_driver(self, name: str, counters: Mapping[str, Sequence[Any]]) -> None:
        self.sick_ports.tell(name, {key: (o, x, v) for key, (o, x, v) in counters.items()})

    def driver_xstats(self, name: str) -> dict[str, int]:
        return self.sick_ports.told(name)

    def say(self, lines: Sequence[str]) -> None:
        print(*lines, sep="\n", flush=True)

    def run_path(self, name: str, path: Mapping[str, Any], lanes: int = 1) -> list[int]:
        return self.paths.run(name, path, lanes)

    def replace_path(self, name: str, path: Mapping[str, Any], lanes: int = 1) -> PathCounts:
        return self.paths.replace(name, path, lanes)

    def stop_path(self, name: str) -> PathCounts | None:
        return self.paths.stop(name)

    def counters(self, names: Sequence[str]) -> dict[str, PathCounts]:
        return {name: self.paths.counters(name) for name in names}

    def change_node(self, name: str, node: Mapping[str, Any]) -> None:
        self.paths.change(name, dict(node))

    def read_rows(self, name: str, node: str, cursor: int, width: int) -> Rows:
        cells, after = self.paths.rows(name, node, cursor, width)
        return {"cells": b64encode(cells).decode(), "cursor": after}

    def clear_rows(self, name: str, node: str) -> None:
        self.paths.clear_rows(name, node)

    def free_workers(self, going: Sequence[str]) -> int:
        paths = self.paths.by_name
        return self.workers.free({g for name in going if name in paths for g in paths[name].graphs})

    def describe_workers(self) -> list[WorkerFacts]:
        return self.workers.describe()

    def load_node(self, node: Mapping[str, Any]) -> None:
        self.paths.own.load(node)

    def attach_python(
        self, name: str, state: str, sizes: Sequence[int], descriptors: Descriptors
    ) -> None:
        self.paths.attach_python(name, state, descriptors, sizes)

    def start_capture(self, port: str, params: Mapping[str, Any]) -> int:
        return self.paths.captures.start(self.ports, port, params)

    def read_capture(self, number: int) -> CaptureCounts | None:
        return self.paths.captures.read(number)

    def stop_capture(self, number: int) -> CaptureCounts | None:
        return self.paths.captures.stop(number)

    def start_recorder(
        self, rows: int, room: int, interval_ns: int, descriptors: Descriptors
    ) -> int:
        return self.recorders.start(descriptors[0], rows, room, interval_ns)

    def recorder_schema(self, generation: int) -> list[str] | None:
        return self.recorders.schema(generation)

    def stop_recorder(self, number: int) -> None:
        self.recorders.stop(number)

    def create_probe(self, run: str, frame: str, payload_length: int, settings: Fields) -> None:
        headers = bytes.fromhex(frame)
        buffer = ffi.new("uint8_t[]", headers)
        config = {"frame": buffer, "header_length": len(headers), "payload_length": payload_length}
        probe = lib.lk_probe_create(ffi.new("struct lk_probe_config *", config | settings))
        if probe == ffi.NULL:
            raise MemoryError(f"no memory for {settings['count']} probes")
        self.paths.probes[run] = probe

    def probe_counts(self, run: str) -> Fields:
        counts = ffi.new("struct lk_probe_counts *")
        lib.lk_probe_counts(self.paths.probes[run], counts)
        return {name: getattr(counts, name) for name, _ in ffi.typeof(counts[0]).fields}

    def probe_round_trips(self, run: str, count: int) -> list[float]:
        out = ffi.new("double[]", count)
        n = lib.lk_probe_round_trips(self.paths.probes[run], out, count)
        return list(out[0:n])

    def stop_probe(self, run: str) -> None:
        lib.lk_probe_stop(self.paths.probes[run])

    def free_probe(self, run: str) -> None:
        self.paths.stop_run(run)
        if run in self.paths.probes:
            lib.lk_probe_free(self.paths.probes.pop(run))

    def create_trial(
        self, run: str, settings: Fields, streams: Sequence[Mapping[str, Any]]
    ) -> None:
        self.paths.trials.create(run, settings, streams)

    def start_trial(self, run: str) -> None:
        lib.lk_trial_start(self.paths.trials.by_run[run])

    def stop_trial(self, run: str) -> None:
        lib.lk_trial_stop(self.paths.trials.by_run[run])

    def trial_counts(self, run: str) -> Fields:
        return self.paths.trials.counts(run)

    def trial_streams(self, run: str, streams: int) -> list[Fields]:
        return self.paths.trials.stream_counts(run, streams)

    def trial_lanes(self, run: str, lanes: int) -> list[Fields]:
        return self.paths.trials.lane_counts(run, lanes)

    def trial_ticks(self, run: str, room: int) -> dict[str, list[int]]:
        return self.paths.trials.ticks(run, room)

    def trial_histogram(self, run: str, index: int) -> Histogram:
        return self.paths.trials.histogram(run, index)

    def free_trial(self, run: str) -> None:
        self.paths.stop_run(run)
        self.paths.trials.free(run)

    def create_traffic(self, run: str, room: int, lanes: int, receivers: int) -> None:
        self.paths.trials.create_live(run, room, lanes, receivers)

    def change_traffic(
        self,
        changes: Mapping[str, Sequence[Mapping[str, Any]]],
        streams: Sequence[Mapping[str, Any]],
        is_shared: bool,
        wait_ns: int,
    ) -> list[str]:
        return self.paths.trials.change_all(changes, streams, wait_ns, is_shared=is_shared)

    def flow_counts(self, runs: Mapping[str, int]) -> FlowCounts:
        return self.paths.trials.flow_counts(runs)

    def start_trace(self, packets: int, steps: int, snaplen: int) -> None:
        call("lk_trace_start", packets, steps, snaplen)
        self.trace_snaplen = snaplen

    def read_trace(self, first: int) -> TraceSteps:
        names, drops = self.paths.node_names(), self.paths.drop_names()
        step = ffi.new("struct lk_trace_step *")
        kept = ffi.new("uint8_t[]", max(1, self.trace_snaplen))
        steps: list[TraceStep] = []
        while lib.lk_trace_read(first + len(steps), step, kept):
            path, lane, nodes = names.get(step.graph, (None, 0, []))
            drop = drops[-1 - step.node] if step.node < 0 else None
            steps.append(
                {
                    "packet": step.packet,
                    "path": path,
                    "lane": lane,
                    "node": drop or (nodes[step.node] if nodes else None),
                    "length": step.length,
                    "bytes": bytes(ffi.buffer(kept, step.kept)).hex(),
                    "time_ns": lib.lk_clock_realtime_ns(step.tsc),
                }
            )
        return {"packets": lib.lk_trace_packets(), "steps": steps}

    def stop_trace(self) -> None:
        lib.lk_trace_stop()
        time.sleep(TRACE_SETTLE_SECONDS)

    def end(self) -> list[str]:
        """Stops everything in order; returns what went wrong."""
        if not hasattr(self, "paths"):
            return []
        lib.lk_trace_stop()
        self.recorders.stop_all()
        self.paths.stop_all()
        self.paths.captures.stop_of(None)
        self.workers.stop_all()
        failures = self.ports.close_all()
        lib.lk_eal_stop()
        return failures


def serve(channel: socket.socket, status: Any) -> None:
    """Runs commands until the parent closes the channel."""
    engine = EngineServer()
    commands: Commands = engine
    while True:
        try:
            message, descriptors = protocol.receive(channel)
        except EOFError:
            break
        command, arguments = message["command"], message["arguments"]
        ffi.buffer(status.command)[:] = command.encode().ljust(len(status.command), b"\0")
        try:
            result = answer_to(commands, command, arguments, descriptors)
            reply: dict[str, Any] = {"result": result}
        except Exception as error:  # whatever it is, the parent raises it where it asked
            reply = {"error": str(error) or repr(error), "type": type(error).__name__}
        ffi.buffer(status.command)[:] = bytes(len(status.command))
        protocol.send(channel, reply)
    for failure in engine.end():
        print(failure, flush=True)


def end_with_parent(channel: socket.socket, runtime: Path) -> None:
    """Ends the process when the parent is gone and the orderly way takes too long."""
    poll = select.poll()
    poll.register(channel, select.POLLRDHUP)
    poll.poll()
    time.sleep(GRACE_SECONDS)
    shutil.rmtree(runtime, ignore_errors=True)
    os._exit(1)


def main(channel_descriptor: int, status_descriptor: int, runtime: str) -> None:
    # The parent decides when the engine ends; a Ctrl-C in its terminal is not for us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise_soft_limits()
    channel = socket.socket(fileno=channel_descriptor)
    status = ffi.cast(
        "struct lk_status *",
        lib.lk_ring_map(status_descriptor, lib.LK_STATUS_BYTES),
    )
    call("lk_fault_start", status)
    threading.Thread(target=end_with_parent, args=(channel, Path(runtime)), daemon=True).start()
    try:
        serve(channel, status)
    except OSError:
        pass  # the parent went away between a command and its answer
    finally:
        shutil.rmtree(runtime, ignore_errors=True)
    # Static destructors of DPDK's libraries have nothing left to do and may hang on a dead device.
    sys.stdout.flush()
    os._exit(0)
