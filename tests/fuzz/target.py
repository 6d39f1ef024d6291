# SPDX-License-Identifier: BSD-3-Clause
"""Builds and runs the fuzz targets (libFuzzer, AddressSanitizer, UBSan): handlers.c, routers.c,
bridge.c, captures.c, reader.c, walks.c, columns.c, and tunnels.c once for each protocol."""

import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.frames import good_frames
from tests.tunnels import TUNNELS, carried
from tests.walks import FRAMES

ROOT = Path(__file__).parents[2]
CODEC = ROOT / "native" / "codec"
FOLDER = ROOT / "build" / "fuzz"
LONGEST_INPUT = 512

# The order of the handlers in handlers.c
KINDS = ("arp_responder", "nd_responder", "icmp_echo", "udp_echo", "refuse", "reflect")
LINKS = (1, 0, 9, 12, 50, 51, 101, 108, 113, 228, 229, 276)  # the order of those in walks.c
HANDLER_SWITCHES = range(8)  # headroom, tailroom, mended checksums
TUNNEL_SWITCHES = (0x01, 0x0B, 0x05, 0x11, 0x21, 0x41, 0x81, 0xC1)  # as named in tunnels.c


@dataclass(frozen=True)
class Target:
    """A fuzz target: its source, the preprocessor's definitions, and sources of native/codec with
    it."""

    name: str
    source: str
    definitions: tuple[str, ...] = ()
    native: tuple[str, ...] = ()
    least_runs: int = 10_000  # in 20 s beside the others

    @property
    def binary(self) -> Path:
        return FOLDER / self.name

    @property
    def corpus(self) -> Path:
        """Of long runs; it grows."""
        return FOLDER / "corpus" / self.name

    def build(self) -> None:
        """Compiles with clang into build/fuzz."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = [
            *("clang", "-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror"),
            *("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"),
            *(f"-D{definition}" for definition in self.definitions),
            *("-I", ROOT / "native" / "packet", "-I", CODEC, ROOT / "tests" / "fuzz" / self.source),
            *(file for pattern in self.native for file in sorted(CODEC.glob(pattern))),
            *("-o", self.binary),
        ]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode != 0:
            raise RuntimeError(f"clang could not build {self.name}:\n{ran.stderr}")

    def write_seeds(self, corpus: Path) -> None:
        """Good input for every switch."""
        corpus.mkdir(parents=True, exist_ok=True)
        seeds = {
            "handlers.c": handler_seeds,
            "routers.c": router_seeds,
            "bridge.c": bridge_seeds,
            "captures.c": capture_seeds,
            "reader.c": capture_seeds,
            "walks.c": walk_seeds,
            "columns.c": walk_seeds,
        }
        for name, data in seeds.get(self.source, self.tunnel_seeds)():
            (corpus / name).write_bytes(data)

    def tunnel_seeds(self) -> Iterator[tuple[str, bytes]]:
        for name, tunnel in TUNNELS.items():
            if self.name != tunnel.PROTOCOL:
                continue
            for inner, frame in carried(tunnel).items():
                for switches in TUNNEL_SWITCHES:
                    outer = tunnel.encap(frame)[: LONGEST_INPUT - 1]
                    yield f"{name}-{inner}-{switches}", bytes([switches]) + outer

    def command(self, corpus: Path, seconds: int, *options: str) -> list[str | Path]:
        """Runs the target on a corpus; input that fails is kept in build/fuzz."""
        return [
            *(self.binary, f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}"),
            *("-timeout=5", f"-artifact_prefix={FOLDER}/{self.name}-", "-print_final_stats=1"),
            *(*options, corpus),
        ]


def handler_seeds() -> Iterator[tuple[str, bytes]]:
    """Good frames for every kind of handler."""
    for name, (_, frame) in good_frames().items():
        for number, kind in enumerate(KINDS):
            for switches in HANDLER_SWITCHES:
                yield f"{name}-{kind}-{switches}", bytes([number, switches]) + frame


def router_seeds() -> Iterator[tuple[str, bytes]]:
    """Good frames for every switch."""
    for name, (_, frame) in good_frames().items():
        for switches in range(4):
            yield f"{name}-{switches}", bytes([switches]) + frame


def bridge_seeds() -> Iterator[tuple[str, bytes]]:
    """Good frames, without a tag and with one."""
    tags = {"untagged": b"", "vlan": b"\x81\x00\x20\x0a", "provider": b"\x88\xa8\x00\x07"}
    for name, (_, frame) in good_frames().items():
        for tag, between in tags.items():
            for switches in range(16):
                seed = frame[:12] + between + frame[12:]
                yield f"{name}-{tag}-{switches}", bytes([switches]) + seed


def capture_seeds() -> Iterator[tuple[str, bytes]]:
    """A frame in every format and byte order, and frames of every kind."""
    for name, (_, frame) in good_frames().items():
        head = struct.pack("<IHHiIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1, 1)
        yield f"frame-{name}", head + struct.pack("<3I", 2, len(frame), len(frame)) + frame
    for order in "<>":
        name = "little" if order == "<" else "big"
        for magic in (0xA1B2C3D4, 0xA1B23C4D):
            head = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
            yield f"{name}-{magic:x}", head + struct.pack(f"{order}4I", 1, 2, 16, 60) + bytes(16)
        told = struct.pack(f"{order}4I", 1, 2, 16, 60)
        modified = struct.pack(f"{order}IHHiIII", 0xA1B2CD34, 2, 3, 0, 0, 65535, 0x24000065)
        yield f"{name}-modified", modified + told + bytes(24)
        options = struct.pack(f"{order}HH4s HHI HH", 1, 4, b"text", 2, 4, 4 << 5, 0, 0)
        blocks = [
            (0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1)),
            (1, struct.pack(f"{order}HHI HHB3x HHq HH", 1, 0, 96, 9, 1, 9, 14, 8, 1, 0, 0)),
            (6, struct.pack(f"{order}5I", 0, 1, 2, 16, 60) + bytes(16)),
            (6, struct.pack(f"{order}5I", 0, 1, 2, 16, 60) + bytes(16) + options),
            (2, struct.pack(f"{order}2H4I", 0, 0, 1, 2, 16, 60) + bytes(16)),
            (3, struct.pack(f"{order}I", 16) + bytes(16)),
            (99, bytes(8)),
        ]
        framed = (
            struct.pack(f"{order}II", kind, len(body) + 12)
            + body
            + struct.pack(f"{order}I", len(body) + 12)
            for kind, body in blocks
        )
        yield f"{name}-pcapng", b"".join(framed)


def walk_seeds() -> Iterator[tuple[str, bytes]]:
    """Frames of every kind, of their link types."""
    for name, (link, packet, _) in FRAMES.items():
        head = bytes([LINKS.index(link), 0, 0])
        yield name, head + bytes(packet)[: LONGEST_INPUT - len(head)]


TARGETS = (
    Target("handlers", "handlers.c"),
    Target("bridge", "bridge.c"),
    Target("captures", "captures.c"),
    Target(
        "reader",
        "reader.c",
        native=("capture_read.c", "capture_tables.c"),
        least_runs=500,
    ),
    Target("routers", "routers.c"),
    Target("walks", "walks.c", native=("walk*.c",)),
    Target(
        "columns",
        "columns.c",
        native=(
            "columns.c",
            "column_values.c",
            "parts.c",
            "flows.c",
            "strip.c",
            "walk*.c",
            "link_type.c",
        ),
        least_runs=1000,
    ),
    Target("vxlan", "tunnels.c", ("PROTOCOL=LK_VXLAN",)),
    Target("geneve", "tunnels.c", ("PROTOCOL=LK_GENEVE",)),
    Target("gue", "tunnels.c", ("PROTOCOL=LK_GUE",)),
)
