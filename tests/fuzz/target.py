# SPDX-License-Identifier: BSD-3-Clause
"""Builds and runs the fuzz targets (libFuzzer, AddressSanitizer, UBSan): handlers.c, and tunnels.c
once for each protocol."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.frames import good_frames
from tests.tunnels import TUNNELS, carried

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "fuzz"
LONGEST_INPUT = 512

# The order of the handlers in handlers.c
KINDS = ("arp_responder", "nd_responder", "icmp_echo", "udp_echo", "refuse", "reflect")
HANDLER_SWITCHES = range(8)  # headroom, tailroom, mended checksums
TUNNEL_SWITCHES = (0x01, 0x0B, 0x05, 0x11, 0x21, 0x41, 0x81, 0xC1)  # as named in tunnels.c


@dataclass(frozen=True)
class Target:
    """A fuzz target: its source, and the preprocessor's definitions."""

    name: str
    source: str
    definitions: tuple[str, ...] = ()

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
            *("clang", "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror"),
            *("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"),
            *(f"-D{definition}" for definition in self.definitions),
            *("-I", ROOT / "native" / "packet", ROOT / "tests" / "fuzz" / self.source),
            *("-o", self.binary),
        ]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode != 0:
            raise RuntimeError(f"clang could not build {self.name}:\n{ran.stderr}")

    def write_seeds(self, corpus: Path) -> None:
        """Good input for every switch."""
        corpus.mkdir(parents=True, exist_ok=True)
        for name, data in handler_seeds() if self.source == "handlers.c" else self.tunnel_seeds():
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


TARGETS = (
    Target("handlers", "handlers.c"),
    Target("vxlan", "tunnels.c", ("PROTOCOL=LK_VXLAN",)),
    Target("geneve", "tunnels.c", ("PROTOCOL=LK_GENEVE",)),
    Target("gue", "tunnels.c", ("PROTOCOL=LK_GUE",)),
)
