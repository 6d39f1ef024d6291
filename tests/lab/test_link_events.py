# SPDX-License-Identifier: BSD-3-Clause
"""What becomes of links while their ports are open, carriers and devices that go among them."""

import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import labkit as lk
from labkit.lab.link_wait import await_link
from labkit.sources import Engine
from tests.network import ip, namespace, unique_name
from tests.patience import wait_until

FRAME = bytes.fromhex("020000000001 020000000002 88b5") + bytes(46)


@pytest.fixture
def veth() -> Iterator[tuple[str, str]]:
    """Both ends of a pair that a test may delete: in this namespace, and in one of its own."""
    with namespace() as other:
        near, far = unique_name("lkn"), unique_name("lkf")
        ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", other)
        ip("link", "set", near, "up")
        ip("-n", other, "link", "set", far, "up")
        yield near, f"{other}/{far}"


def set_far_end(end: str, state: str) -> None:
    other, _, name = end.partition("/")
    ip("-n", other, "link", "set", name, state)


def states(port: lk.Port) -> list[str]:
    return [event.state for event in port.link_events]


@pytest.mark.parametrize("kind", ["af_packet", "af_xdp"])
def test_carrier_and_interface_that_go(lab: lk.Lab, veth: tuple[str, str], kind: str) -> None:
    near, far = veth
    wait_until(lambda: "LOWER_UP" in ip("link", "show", near))
    port = lab.port(f"{kind}:{near}", "wire")
    path = lab.run(lk.inject(port) >> lk.tx(port))
    assert states(port) == ["up"]
    set_far_end(far, "down")
    wait_until(lambda: states(port) == ["up", "down"])
    assert not port.info.link_up
    assert repr(port).endswith("link down>")
    set_far_end(far, "up")
    wait_until(lambda: states(port) == ["up", "down", "up"])
    ip("link", "del", near)
    wait_until(lambda: port.info.is_gone)
    assert states(port) == ["up", "down", "up", "gone"]
    assert [event.time for event in port.link_events] == sorted(e.time for e in port.link_events)
    assert repr(port).endswith("its device is gone>")
    port.send([FRAME] * 5)
    wait_until(lambda: path.drops == {"drop_tx_link_down": 5})
    assert path.ledger.is_balanced
    assert f"port {port.info.id}: the device" in lab.log
    path.stop()
    port.close()
    assert states(port)[-1] == "gone"
    lab.port("ring", "after").send(FRAME)


def test_tap_that_is_deleted(lab: lk.Lab) -> None:
    name = unique_name("lkt")
    port = lab.port(f"tap:{name}")
    port.receive(1, timeout=0)
    ip("link", "del", name)
    wait_until(lambda: port.info.is_gone)
    assert states(port)[-1] == "gone"
    port.close()
    assert lab.port(f"tap:{name}").info.link_up


def test_both_ends_of_a_cable_tell(lab: lk.Lab) -> None:
    a, b = lab.cable()
    a.set_link(False)
    a.set_link(True)
    assert states(a) == states(b) == ["up", "down", "up"]
    with Engine(lab) as source:
        wanted = {f"port/{a.name}/link_up": 1, f"port/{b.name}/link_changes": 2}

        def is_told() -> bool:
            sample = source.sample()
            return sample is not None and all(sample[n] == v for n, v in wanted.items())

        wait_until(is_told)
    lab.close()
    assert states(a) == ["up", "down", "up"]


class _Nic:
    """A NIC whose link comes up after some looks, or never."""

    name = "nic"

    def __init__(self, looks: int) -> None:
        self._looks = looks
        self.last_info = SimpleNamespace(is_virtual=False)

    @property
    def info(self) -> Any:
        self._looks -= 1
        return SimpleNamespace(link_up=self._looks == 0, is_gone=False)


def test_a_link_is_waited_for() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await_link(_Nic(3), 600, 1)  # type: ignore[arg-type]
        await_link(SimpleNamespace(last_info=SimpleNamespace(is_virtual=True)), 600, 1)  # type: ignore[arg-type]


def test_a_link_that_does_not_come_is_told() -> None:
    with pytest.warns(UserWarning, match=r"port nic: no link after 0\.1 s; .*link_timeout="):
        await_link(_Nic(-1), 0.1, 1)  # type: ignore[arg-type]
