# SPDX-License-Identifier: BSD-3-Clause
"""A driver that hangs: a virtio NIC that goes round the IOMMU never answers.

rte_eth_dev_start polls it for ever.
"""

import signal
import subprocess
import sys

import psutil
import pytest

import labkit as lk
from tests.patience import wait_until
from tests.vm.binding import bind
from tests.vm.nics import BY_NAME
from tests.vm.wired import wired

ADDRESS = BY_NAME["hung"].addresses[0]
EAL = {"pci": (ADDRESS,), "memory_mb": 128, "max_workers": 1}
POLLS = 500  # of the device by a driver that hangs; an engine without a command sleeps

INTERRUPTED = """
import sys
import labkit as lk
lab = lk.Lab(lk.EalConfig(pci=(sys.argv[1],), memory_mb=128, max_workers=1))
print(lab.pid, flush=True)
try:
    lab.port(f"pci:{sys.argv[1]}")
except KeyboardInterrupt:
    print("interrupted", flush=True)
lab.restart()
a, b = lab.cable()
a.send([bytes(64)])
print(len(b.receive(1, timeout=60)), flush=True)
lab.close()
"""


@pytest.fixture(autouse=True)
def bound() -> None:
    bind(ADDRESS, "vfio-pci")


def test_hung_driver_is_told_within_the_deadline() -> None:
    with lk.Lab(lk.EalConfig(**EAL, deadlines={"start_port": 10.0})) as lab:
        with pytest.raises(lk.EngineHung) as told:
            lab.port(f"pci:{ADDRESS}", "stuck")
        print(told.value)
        assert told.value.call == "rte_eth_dev_start"
        assert told.value.driver == "net_virtio"
        lab.restart()
        assert "stuck" not in lab.ports
        west, east = lab.cable()
        west.send([bytes(64)])
        assert len(east.receive(1, timeout=60)) == 1


def test_first_interrupt_ends_the_wait() -> None:
    command = [sys.executable, "-c", INTERRUPTED, ADDRESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as script:
        assert script.stdout is not None
        engine = psutil.Process(int(script.stdout.readline()))
        idle = engine.num_ctx_switches().voluntary
        wait_until(lambda: engine.num_ctx_switches().voluntary > idle + POLLS)
        script.send_signal(signal.SIGINT)
        said, _ = script.communicate(timeout=100)
    assert said == "interrupted\n1\n"
    assert script.returncode == 0


def test_other_nics_work_after_it() -> None:
    with wired(BY_NAME["virtio"]) as pair:
        pair.open()
        pair.serve()
        pair.echo(count=5)
