# SPDX-License-Identifier: BSD-3-Clause
"""Faults of what is counted alone: no frame is touched."""

from labkit.arguments.checked import checked
from labkit.errors import PortError
from labkit.fault.device import ENAS, EnaName
from labkit.fault.driver import DRIVERS, DriverName
from labkit.fault.fault import Course, Fault
from labkit.fault.nic import Nic
from labkit.lab.port import Port

ADDRESS = 0x7F2E_8000_0000  # where Linux puts a process's memory on x86-64
ABSURD = {
    "net_ena": ("rx_errors", "rx_missed_errors", "rx_mbuf_allocation_errors"),
    "ena": ("queue_0_tx_bytes", "queue_0_rx_bytes", "queue_0_rx_cnt"),
}
STEP = 0x4_2A1C_5A30


@checked(PortError)
def absurd_counters(port: Port, *, driver: EnaName | None = None) -> Fault:
    """The application shows counters that it could not read: memory that nobody wrote, which holds
    addresses (rte_eth_xstats_get() has failed, and it did not look)."""

    def course(nic: Nic) -> Course:
        names = ABSURD[nic.driver.name]
        nic.show_anything(on=True)
        were = {name: nic.own(name) for name in names}
        for number, name in enumerate(names):
            nic.set(name, ADDRESS + number * STEP)
        try:
            while True:
                yield 60.0
        finally:
            if nic.is_there:
                nic.show_anything(on=False)
                nic.tell(were)

    return Fault("absurd_counters", port, driver, course, drivers=ENAS, of_device=False)


@checked(PortError)
def counter_reset(port: Port, *, driver: DriverName | None = None) -> Fault:
    """All counters of the driver begin at 0 again, as after a reload; no frame is lost."""

    def course(nic: Nic) -> Course:
        nic.restart_counters()
        yield from ()

    return Fault("counter_reset", port, driver, course, drivers=tuple(DRIVERS), of_device=False)
