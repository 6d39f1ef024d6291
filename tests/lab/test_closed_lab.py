# SPDX-License-Identifier: BSD-3-Clause
"""What a lab, its paths and its ports tell once their engine is gone: last numbers, and why."""

import base64
import html
import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

import labkit as lk
from tests.patience import wait_until

FRAME = b"\x02" * 60
PNG = b"\x89PNG"


@pytest.fixture
def busy(lab: lk.Lab) -> lk.Lab:
    """A lab that 7 frames went through, there and back."""
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")
    client.send([FRAME] * 7)
    assert len(client.receive(7, raw=True)) == 7
    return lab


def bundle(shown: Any) -> dict[str, str]:
    """What a notebook shows of it: a picture in every form, and no tags of which a text is part."""
    parts: dict[str, str] = shown._repr_mimebundle_()
    assert base64.b64decode(parts["image/png"]).startswith(PNG)
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', parts["text/html"])
    assert base64.b64decode(data).startswith(PNG)
    assert "<Lab" not in parts["text/html"]
    return parts


def svg(parts: dict[str, str]) -> str:
    (data,) = re.findall(r'srcset="data:image/svg\+xml;base64,(\S+) 1x"', parts["text/html"])
    return base64.b64decode(data).decode()


def test_last_numbers_of_a_closed_lab_stay_readable(busy: lk.Lab) -> None:
    path, client = busy.paths["mirror"], busy.ports["client"]
    before = path.ledger, client.xstats(), client.info, busy.workers.lcore.tolist()
    host = busy.counters()["host:client"].nodes["inject:client"].objects
    busy.close()
    assert (path.ledger, client.xstats(), client.info, busy.workers.lcore.tolist()) == before
    assert path.ledger.rows == [("entered", 7), ("left", 7), ("unexplained", 0)]
    assert path.counters.nodes["reflect"].objects == 7
    assert path.drops == {}
    assert path.table.objects.tolist() == [7, 7, 7]
    assert busy.counters()["host:client"].nodes["inject:client"].objects == host == 7
    busy.close()
    assert path.ledger.sent == 7


def test_picture_of_a_closed_lab(busy: lk.Lab) -> None:
    path, pid = busy.paths["mirror"], busy.pid
    busy.close()
    parts = bundle(busy)
    assert "rx 7 · tx 7" in svg(parts)
    assert f"the lab was closed: engine {pid} ended" in html.unescape(parts["text/html"])
    assert "died" not in parts["text/plain"] + parts["text/html"]
    parts = bundle(path)
    assert ">7 frames<" in svg(parts)
    assert parts["text/plain"].endswith("the lab was closed: these are its last counters")


@pytest.mark.parametrize(
    "ask",
    [
        lambda lab: lab.cable("a", "b"),
        lambda lab: lab.run(lk.rx(lab.ports["client"]) >> lk.sink(), name="other"),
        lambda lab: lab.trace(),
        lambda lab: lab.ports["client"].send(FRAME),
        lambda lab: lab.ports["client"].receive(),
        lambda lab: lab.ports["client"].set_link(False),
        lambda lab: lk.echo(lab.ports["client"], "10.0.0.2", udp_port=9),
    ],
)
def test_what_only_an_engine_can_do_says_that_it_was_closed(
    ask: Callable[[lk.Lab], object], busy: lk.Lab
) -> None:
    busy.close()
    with pytest.raises(lk.LabClosed, match=r"it was closed; lab\.restart\(\) starts it") as caught:
        ask(busy)
    assert "died" not in str(caught.value)


def test_stopped_path_keeps_its_numbers_and_takes_none_of_its_name(busy: lk.Lab) -> None:
    path, (client, server) = busy.paths["mirror"], busy.ports.values()
    path.stop()
    assert path.ledger.rows == [("entered", 7), ("left", 7), ("unexplained", 0)]
    again = busy.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")
    client.send([FRAME] * 3)
    client.receive(3, raw=True)
    assert (path.ledger.sent, again.ledger.sent) == (7, 3)
    assert "the path was stopped" in bundle(path)["text/html"]
    assert repr(path).endswith("; stopped>")
    busy.close()
    again.stop()  # nothing is left to do
    assert (path.ledger.sent, again.ledger.sent) == (7, 3)


def test_trace_ends_with_its_lab(busy: lk.Lab) -> None:
    trace = busy.trace(1)
    busy.ports["client"].send(FRAME)
    wait_until(lambda: "mirror/reflect" in repr(trace))
    busy.close()
    assert "mirror/reflect" in repr(trace)
    assert "reflect" in trace._repr_mimebundle_()["text/html"]


def test_restarted_lab_counts_from_0(busy: lk.Lab) -> None:
    path = busy.paths["mirror"]
    busy.close()
    busy.restart()
    assert (path.ledger.sent, busy.ports["client"].xstats()["tx_good_packets"]) == (0, 0)
    busy.ports["client"].send([FRAME] * 2)
    busy.ports["client"].receive(2, raw=True)
    assert path.ledger.sent == 2
    assert f"engine {busy.pid}" in repr(busy)


def test_lab_whose_engine_died_shows_what_was_read_last(busy: lk.Lab) -> None:
    path = busy.paths["mirror"]
    bundle(busy)
    os.kill(busy.pid, signal.SIGKILL)
    wait_until(lambda: not busy.is_alive)
    parts = bundle(busy)
    assert "the engine died: SIGKILL" in html.unescape(parts["text/html"])
    assert "rx 7 · tx 7" in svg(parts)
    assert "SIGKILL" in bundle(path)["text/plain"]
    with pytest.raises(lk.EngineDied, match="SIGKILL"):
        _ = path.counters


def test_lab_whose_engine_died_unseen_shows_no_numbers(busy: lk.Lab) -> None:
    os.kill(busy.pid, signal.SIGKILL)
    wait_until(lambda: not busy.is_alive)
    assert "rx – · tx –" in svg(bundle(busy))
    assert "no counters were read: the engine died" in bundle(busy.paths["mirror"])["text/plain"]
    busy.close()
    assert "rx – · tx –" in svg(bundle(busy))
