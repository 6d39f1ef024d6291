# SPDX-License-Identifier: BSD-3-Clause
"""The codec and the nodes under AddressSanitizer and UndefinedBehaviorSanitizer."""

import subprocess
from pathlib import Path

import pytest

from tests import native_build

REPORTS = ("AddressSanitizer", "UndefinedBehaviorSanitizer", "runtime error:")

LAB = """
import sys
sys.path.append({root!r})
from tests.fuzz.sanitized_lab import main
main({folder!r})
"""
READ_TOO_FAR = """
from labkit._codec import ffi, lib
lib.lk_codec_checksum(ffi.new("uint8_t[]", 8), 4096)
"""
MISALIGNED = """
from labkit._codec import ffi, lib
lib.lk_codec_ring_init(ffi.cast("struct lk_frame_ring *", 4), 64, 1)
"""


@pytest.fixture(scope="module")
def package() -> Path:
    # Not optimised: compiled in a third of the time, and no faulty access is optimised away.
    options = ("-DLABKIT_SANITIZE=ON", "-DCMAKE_BUILD_TYPE=Debug")
    return native_build.build("sanitize", *options)


def run(package: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Runs code with the sanitized modules; the engines that it starts inherit the environment."""
    asked = ["cc", "-print-file-name=libasan.so"]
    runtime = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    return native_build.run(
        package,
        code,
        LD_PRELOAD=runtime,
        # Python does not free everything; the engine's fault handler must not hide a report.
        ASAN_OPTIONS="detect_leaks=0:handle_segv=2",
        UBSAN_OPTIONS="print_stacktrace=1",
        # Each object is an allocation of its own, whose ends are guarded.
        PYTHONMALLOC="malloc",
    )


def test_traffic_without_a_report(package: Path, tmp_path: Path) -> None:
    ran = run(package, LAB.format(root=str(native_build.ROOT), folder=str(tmp_path)))
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said
    assert not [report for report in REPORTS if report in said], said
    assert f"modules: {package}" in said


@pytest.mark.parametrize(("code", "report"), [(READ_TOO_FAR, REPORTS[0]), (MISALIGNED, REPORTS[2])])
def test_a_fault_is_reported(package: Path, code: str, report: str) -> None:
    """Without this, a build that checks nothing would pass."""
    ran = run(package, code)
    assert ran.returncode != 0
    assert report in ran.stderr
