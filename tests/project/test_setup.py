# SPDX-License-Identifier: BSD-3-Clause
"""The set-up script knows the distributions it names, and says what to do on others."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


MACHINE = {
    "dpkg-query": "exit 1",  # no package is installed
    "apt-get": 'echo "apt-get $*"',
    "sudo": 'echo sudo; exec "$@"',
    "id": "echo 0",
}


def system_packages(
    purpose: str, os_release: str, folder: Path, **machine: str | None
) -> subprocess.CompletedProcess[str]:
    """Runs the script against an os-release, on a machine whose tools only write down.

    A tool that is None is not on this machine.
    """
    (folder / "os-release").write_text(os_release)
    for name, body in (MACHINE | machine).items():
        if body is not None:
            (folder / name).write_text(f"#!/bin/sh\n{body}\n")
            (folder / name).chmod(0o755)
    for name in ("cat", "env", "grep"):
        (folder / name).symlink_to(shutil.which(name) or name)
    environment = {"PATH": str(folder), "LABKIT_OS_RELEASE": str(folder / "os-release")}
    return subprocess.run(
        [shutil.which("bash") or "bash", ROOT / "scripts/system-packages", purpose],
        env=environment,
        capture_output=True,
        text=True,
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


DEBIAN = "ID=debian\nVERSION_ID=12\n"


def test_nothing_missing_asks_for_nothing(tmp_path: Path) -> None:
    ran = system_packages(
        "test", DEBIAN, tmp_path, **{"dpkg-query": "echo installed", "sudo": None}
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_only_what_is_missing_is_installed(tmp_path: Path) -> None:
    query = 'for package; do :; done; [ "$package" = cmake ] || echo installed'
    ran = system_packages("run", DEBIAN, tmp_path, **{"dpkg-query": query})
    assert "installing with apt: cmake\n" in ran.stdout


def test_another_user_installs_through_sudo(tmp_path: Path) -> None:
    ran = system_packages("run", DEBIAN, tmp_path, id="echo 1000")
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"^sudo\napt-get update", ran.stdout, re.MULTILINE)
    assert re.search(r"^sudo\napt-get install", ran.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        ({"id": "echo 1000", "sudo": None}, "needs root, and there is no sudo"),
        ({"apt-get": None}, "needs apt-get, which is not here"),
    ],
)
def test_what_cannot_be_installed_is_listed(
    machine: dict[str, str | None], reason: str, tmp_path: Path
) -> None:
    ran = system_packages("run", DEBIAN, tmp_path, **machine)
    assert ran.returncode == 1
    assert reason in ran.stderr
    assert "missing: build-essential cmake" in ran.stderr
    assert "apt-get" not in ran.stdout


def test_wrong_purpose(tmp_path: Path) -> None:
    ran = system_packages("fly", DEBIAN, tmp_path)
    assert ran.returncode == 2
    assert "run|test|vm, not 'fly'" in ran.stderr


def test_every_target_of_the_makefile_has_a_rule() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    for target in phony[1].split():
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
