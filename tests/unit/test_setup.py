# SPDX-License-Identifier: BSD-3-Clause
"""The set-up script knows the distributions it names, and says what to do on others."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def system_packages(
    purpose: str, os_release: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Runs the script against an os-release, with dpkg and apt that only write down."""
    (folder / "os-release").write_text(os_release)
    for name, body in {
        "dpkg-query": "exit 1",
        "apt-get": 'echo "apt-get $*"',
        "sudo": 'exec "$@"',
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "LABKIT_OS_RELEASE": str(folder / "os-release"),
    }
    return subprocess.run(
        [ROOT / "scripts/system-packages", purpose], env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("name", "version", "runtime"),
    [("debian", "12", "14"), ("debian", "13", "19"), ("ubuntu", "24.04", "18")],
)
def test_known_distribution(name: str, version: str, runtime: str, tmp_path: Path) -> None:
    ran = system_packages("test", f'ID={name}\nVERSION_ID="{version}"\n', tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "apt-get install" in ran.stdout
    for package in ("libdpdk-dev", "python3-venv", "tshark", f"libclang-rt-{runtime}-dev"):
        assert package in ran.stdout.split()


def test_a_lab_needs_no_test_tools(tmp_path: Path) -> None:
    ran = system_packages("run", "ID=debian\nVERSION_ID=12\n", tmp_path)
    assert "libdpdk-dev" in ran.stdout
    assert "tshark" not in ran.stdout


def test_unknown_distribution_lists_what_to_install(tmp_path: Path) -> None:
    ran = system_packages("run", "ID=plan9\nVERSION_ID=4\nPRETTY_NAME='Plan 9'\n", tmp_path)
    assert ran.returncode == 1
    assert "Plan 9 is not one of Debian 12, Debian 13, Ubuntu 24.04" in ran.stderr
    assert "libdpdk-dev" in ran.stderr
    assert "SYSTEM_PACKAGES=no" in ran.stderr
    assert "apt-get" not in ran.stdout
