# SPDX-License-Identifier: BSD-3-Clause
"""Open vSwitch on DPDK as a peer: its userspace datapath, which learns, on one core."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from labkit.machine.runtime import runtime_directory

SWITCH = Path(
    os.environ.get("OVS_DPDK", "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk")
)  # Debian's package openvswitch-switch-dpdk
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
PATIENCE = 60  # seconds


@contextmanager
def switch(
    vdevs: Sequence[str],
    cpu: int,
    prefix: str,
    flows: Sequence[str] = (),
    meter: str | None = None,
) -> Iterator[None]:
    """A bridge of these vdevs on a PMD thread on `cpu`.

    flows: instead of Open vSwitch's own rule, NORMAL, by which it learns; its ports are 1, 2, …
    meter: that flows can name
    """
    with tempfile.TemporaryDirectory(prefix="labkit-ovs") as name, ExitStack() as stack:
        folder = Path(name)
        environment = os.environ | {
            f"OVS_{what}DIR": name for what in ("RUN", "LOG", "DB", "SYSCONF")
        }
        socket, control = folder / "db.sock", folder / "switch.ctl"

        def run(*command: object) -> None:
            subprocess.run(
                list(map(str, command)),
                env=environment,
                check=True,
                capture_output=True,
                timeout=PATIENCE,
            )

        def start(*command: object) -> None:
            log = stack.enter_context((folder / "log").open("a"))
            process = subprocess.Popen(
                list(map(str, command)), env=environment, stdout=log, stderr=log
            )
            stack.callback(process.wait, PATIENCE)
            stack.callback(process.terminate)

        def vsctl(*arguments: str) -> None:
            run("ovs-vsctl", f"--db=unix:{socket}", f"--timeout={PATIENCE}", *arguments)

        for link in ("bench", "ovs-netdev"):  # taps of its own, that it leaves behind
            delete = ["ip", "link", "del", link]
            stack.callback(subprocess.run, delete, check=False, capture_output=True)
        run("ovsdb-tool", "create", folder / "conf.db", SCHEMA)
        stack.callback(shutil.rmtree, runtime_directory(prefix), ignore_errors=True)
        start("ovsdb-server", f"--remote=punix:{socket}", folder / "conf.db")
        end = time.monotonic() + PATIENCE
        while not socket.exists():
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.02)
        eal = f"--no-huge --legacy-mem -m 1024 --no-pci --file-prefix={prefix}"
        vsctl(
            *("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true"),
            *(f'other_config:dpdk-extra="{eal}"', f"other_config:pmd-cpu-mask={1 << cpu:#x}"),
        )
        start(SWITCH, f"unix:{socket}", "--disable-system", f"--unixctl={control}")
        vsctl(
            *("add-br", "bench", "--", "set", "bridge", "bench", "datapath_type=netdev"),
            "protocols=[OpenFlow10,OpenFlow13]",
        )
        for number, vdev in enumerate(vdevs):
            vsctl(
                *("add-port", "bench", f"bench{number}", "--", "set", "Interface"),
                *(f"bench{number}", "type=dpdk", f'options:dpdk-devargs="{vdev}"'),
                f"ofport_request={number + 1}",
            )
        ofctl = ("ovs-ofctl", "--protocols=OpenFlow13")
        if meter:
            run(*ofctl, "add-meter", "bench", meter)
        if flows:
            file = folder / "flows"
            file.write_text("\n".join(flows))
            run(*ofctl, "replace-flows", "bench", file)
        yield
