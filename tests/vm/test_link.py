# SPDX-License-Identifier: BSD-3-Clause
"""A cable that is pulled and plugged in again, and a NIC that goes while it runs, are noticed."""

from collections.abc import Iterator

import pytest

import labkit as lk
from tests.patience import wait_until
from tests.vm.monitor import set_link, unplug
from tests.vm.nics import BY_NAME
from tests.vm.wired import Wired, wired


@pytest.fixture(params=["e1000e", "vmxnet3", "virtio"])
def pair(request: pytest.FixtureRequest) -> Iterator[Wired]:
    with wired(BY_NAME[request.param]) as pair:
        pair.open()
        yield pair


def test_link_down_and_up(pair: Wired) -> None:
    nic = pair.model.identifiers[0]
    pair.serve()
    pair.echo(count=5)
    try:
        set_link(nic, up=False)
        wait_until(lambda: not pair.a.info.link_up)
        assert pair.b.info.link_up
    finally:
        set_link(nic, up=True)
    pair.wait_for_link()
    pair.echo(count=5)


def test_unplugged_while_it_runs() -> None:
    with wired(BY_NAME["plug"]) as pair:
        pair.open()
        pair.serve()
        pair.echo(count=5)
        unplug(pair.model.identifiers[0])
        wait_until(lambda: not is_up(pair.a))
        assert pair.b.info.link_up  # the lab goes on
        west, east = pair.lab.cable()
        west.send([bytes(64)])
        assert len(east.receive(1, timeout=60)) == 1


def is_up(port: lk.Port) -> bool:
    try:
        return port.info.link_up
    except lk.LabError:
        return False
