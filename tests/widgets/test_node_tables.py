# SPDX-License-Identifier: BSD-3-Clause
"""Tables that nodes keep, live: what a page is sent, and what stays in the notebook."""

import pytest
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import labkit as lk
from labkit.lab.running_path import RunningPath
from labkit.widgets.displays import VIEW_TYPE
from labkit.widgets.node_tables import TablesPanel, show
from tests.patience import wait_until
from tests.widgets.page import Outputs, hear


@pytest.fixture
def switch(lab: lk.Lab) -> RunningPath:
    ports = [lab.cable(f"{n}", f"far_{n}")[0] for n in "ab"]
    return lab.run(lk.switch(ports))


def speak(lab: lk.Lab, port: str, mac: str) -> None:
    lab.ports[port].send(Ether(src=mac, dst="02:00:00:00:00:99") / Raw(bytes(46)))


def macs(panel: TablesPanel) -> list[str]:
    (table,) = panel.tables
    return [row[table["heads"].index("mac")] for row in table["rows"]]


def test_a_page_sees_what_is_learnt_and_the_end(lab: lk.Lab, switch: RunningPath) -> None:
    panel = TablesPanel(switch.tables)
    assert panel.title == "Tables of switch"
    assert panel.tables[0]["node"] == "switch"
    assert panel.tables[0]["note"] == "nothing so far"
    hear(panel, type="ready")
    speak(lab, "far_a", "02:00:00:00:00:01")
    wait_until(lambda: macs(panel) == ["02:00:00:00:00:01"])
    speak(lab, "far_b", "02:00:00:00:00:02")
    wait_until(lambda: len(macs(panel)) == 2)
    switch.stop()
    wait_until(lambda: not panel.is_open)
    assert "was stopped" in panel.state
    assert len(macs(panel)) == 2


def test_a_notebook_keeps_the_table(
    lab: lk.Lab, switch: RunningPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = Outputs(monkeypatch)
    speak(lab, "far_a", "02:00:00:00:00:01")
    wait_until(lambda: len(switch.tables["switch"]) == 1)
    show(switch.tables)
    assert VIEW_TYPE in outputs.last
    assert "02:00:00:00:00:01" in outputs.last["text/html"]
    show(switch.tables)  # the same panel, in another cell
    assert outputs.shown[0][VIEW_TYPE] == outputs.shown[-1][VIEW_TYPE]
    lab.close()
    wait_until(lambda: VIEW_TYPE not in outputs.last)
    assert "02:00:00:00:00:01" in outputs.last["text/html"]


def test_a_table_with_more_rows_than_are_shown(lab: lk.Lab, switch: RunningPath) -> None:
    for number in range(150):
        speak(lab, "far_a", f"02:00:00:00:01:{number:02x}")
    wait_until(lambda: len(switch.tables["switch"]) == 150)
    panel = TablesPanel(switch.tables)
    (table,) = panel.tables
    assert len(table["rows"]) == 100
    assert table["note"] == "the first 100 rows"
    panel.close()
    assert panel.state == "the panel was closed"
