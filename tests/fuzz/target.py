# SPDX-License-Identifier: BSD-3-Clause
"""Builds and runs the fuzz target tests/fuzz/handlers.c (libFuzzer, AddressSanitizer, UBSan)."""

import subprocess
from pathlib import Path

from tests.frames import good_frames

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "fuzz"
TARGET = FOLDER / "handlers"
LONGEST_INPUT = 512

# The order of the handlers in handlers.c
KINDS = ("arp_responder", "nd_responder", "icmp_echo", "udp_echo", "refuse", "reflect")
SWITCHES = range(8)  # headroom, tailroom, mended checksums


def build() -> None:
    """Compiles the target with clang into build/fuzz."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [
        *("clang", "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror"),
        *("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"),
        *("-I", ROOT / "native" / "packet", ROOT / "tests" / "fuzz" / "handlers.c", "-o", TARGET),
    ]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        raise RuntimeError(f"clang could not build the fuzz target:\n{ran.stderr}")


def write_seeds(corpus: Path) -> None:
    """Good frames for every kind and every switch."""
    corpus.mkdir(parents=True, exist_ok=True)
    for name, (_, frame) in good_frames().items():
        for number, kind in enumerate(KINDS):
            for switches in SWITCHES:
                file = corpus / f"{name}-{kind}-{switches}"
                file.write_bytes(bytes([number, switches]) + frame)


def command(corpus: Path, seconds: int, *options: str) -> list[str | Path]:
    """Runs the target on a corpus, which grows; input that fails is kept in build/fuzz."""
    return [
        *(TARGET, f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}", "-timeout=5"),
        *(f"-artifact_prefix={FOLDER}/", "-print_final_stats=1", *options, corpus),
    ]
