# SPDX-License-Identifier: BSD-3-Clause
"""A node that spreads frames over several outputs by their flow."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.chain import Chain, Node, as_chain, merged
from labkit.path.declaration import node
from labkit.path.function_types import DataType, Outputs
from labkit.path.nodes import tx
from labkit.path.types import Name, PortLike, PortType
from labkit.path.values import MOST_LETTERS, ChoiceType, Value, WholeType
from labkit.text import shortened, shown

KEYS = ("5-tuple", "3-tuple", "source", "destination", "mac", "toeplitz", "round-robin")
Key = Literal["5-tuple", "3-tuple", "source", "destination", "mac", "toeplitz", "round-robin"]
MOST_WEIGHT = 1000
RETA = 128  # entries of the table by which most NICs choose a queue
KEY_BYTES = 40
# Microsoft's, of "Verifying the RSS hash calculation", which many drivers begin with
RSS_KEY = "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"


class WeightsType(DataType):
    """Weights of the outputs, in their order, in words."""

    def check(self, where: str, name: str, value: Value) -> Value:
        """Whole numbers."""
        if not isinstance(value, list) or not value:
            raise PathError(f"node {where}: {name} is {shown(value)}; it is a list of weights")
        for weight in value:
            if not isinstance(weight, str) or not weight.isdecimal():
                raise PathError(f"node {where}: {name} has {shown(weight)}; it is a whole number")
            WholeType(1, MOST_WEIGHT).check(where, "weight", int(weight))
        return value

    def lines(self, value: Value) -> list[str]:
        """One to the other."""
        assert isinstance(value, list)
        return [shortened(" : ".join(value), MOST_LETTERS)]

    def packed(self, value: Any) -> bytes:
        """Numbers of outputs, each as often as its weight says, evenly spread."""
        turns = [
            ((2 * turn + 1) / (2 * int(weight)), number)
            for number, weight in enumerate(value)
            for turn in range(int(weight))
        ]
        return bytes(number for _, number in sorted(turns))


class RssKeyType(DataType):
    """The key of Toeplitz' hash, in hexadecimal digits."""

    def given(self, value: Any) -> Value:
        """Bytes as well."""
        return value.hex() if isinstance(value, bytes) else value

    def check(self, where: str, name: str, value: Value) -> Value:
        """40 bytes or more, of which 40 are used."""
        try:
            if not isinstance(value, str) or len(bytes.fromhex(value)) < KEY_BYTES:
                raise ValueError
        except ValueError:
            raise PathError(
                f"node {where}: {name} is {shown(value)}; it has {KEY_BYTES} bytes or more, as "
                "port.rss.key has"
            ) from None
        return value

    def packed(self, value: Any) -> bytes:
        """As long as an IPv6 flow needs it."""
        return bytes.fromhex(value)[:KEY_BYTES]


class KeyType(ChoiceType):
    """What frames of one flow have in common."""

    def lines(self, value: Value) -> list[str]:
        """Its name."""
        return [f"by {value}"]


@node(role="process", kind="balance", outputs=(), reference="RFC 2992")
def spreading(
    outputs: Outputs,
    weights: Annotated[list[str], WeightsType()],
    key: Annotated[Key, KeyType(KEYS)] = "5-tuple",
    rss_key: Annotated[str | bytes, RssKeyType()] = RSS_KEY,
    *,
    name: Name = None,
) -> None:
    """Sends the frames of each flow to one of its outputs."""


@checked(PathError, but=EVERY)
def balance(
    outputs: Mapping[Any, int],
    key: Key = "5-tuple",
    *,
    rss_key: str | bytes = RSS_KEY,
    name: str | None = None,
) -> Node | Chain:
    """Spreads frames over ports or other nodes; those of one flow take the same way.

        lab.run(lk.rx(a) >> lk.balance({b: 3, c: 1}))

        spread = lk.balance({"fast": 3, "slow": 1}, key="source")
        lab.run(lk.Path(
            lk.rx(a) >> spread,
            spread["fast"] >> lk.tx(b),
            spread["slow"] >> lk.delay("20 ms") >> lk.tx(c),
        ))

    outputs: weights, 1 to 1,000, by port, to which the frames are sent; or by name of an output
    key: what a flow is. "5-tuple": IP addresses, protocol, and ports of TCP, UDP and SCTP.
    "3-tuple": addresses and protocol. "source", "destination": one IP address. "mac": both MAC
    addresses. Each output gets its weight's share of all flows.
    "toeplitz": as a NIC chooses a queue (lk.Port.rss): by Toeplitz' hash of addresses and ports,
    and 128 places, in which the outputs take turns; weights have a sum of 128 at most.
    "round-robin": no flow; frame by frame in turns, each output as often as its weight says.
    rss_key: of "toeplitz", 40 bytes or their hexadecimal digits, such as port.rss.key

    Fragments have no ports but the first, and are spread by 3-tuple, all of a packet alike. What is
    no IP is spread by MAC addresses; with "toeplitz" it goes to the first output, as in a NIC.
    RunningPath.counters.outputs tells frames by output.
    """
    if not isinstance(outputs, Mapping) or not outputs:
        raise PathError(
            f"outputs is {shown(outputs)}; it is weights by port, {{b: 3, c: 1}}, or by name of an "
            'output, {"fast": 3, "slow": 1}'
        )
    names = [key if isinstance(key, str) else str(PortType().given(key)) for key in outputs]
    are_names = {isinstance(key, str) for key in outputs}
    if len(are_names) > 1 or len(set(names)) < len(names):
        raise PathError(
            f"outputs is {shown(names)}; all are ports or all are names of outputs, each once"
        )
    for output, weight in zip(names, outputs.values(), strict=True):
        WholeType(1, MOST_WEIGHT).check("balance", f"the weight of {output}", weight)
    weights = [str(weight) for weight in outputs.values()]
    if key == "toeplitz" and sum(outputs.values()) > RETA:
        raise PathError(
            f"weights are {shown(weights)}; with key='toeplitz' their sum is {RETA} at most, the "
            "places of a NIC's table"
        )
    spread = spreading(names, weights, key, rss_key, name=name)
    return spread if are_names == {True} else _to_ports(spread, list(outputs))


def _to_ports(spread: Node, ports: Iterable[PortLike]) -> Chain:
    """Each output ends at its port."""
    begin = as_chain(spread)
    for output, port in zip(spread.outputs, ports, strict=True):
        end = spread[output] >> tx(port)
        begin = replace(
            begin, nodes=merged(begin.nodes, end.nodes), joins=(*begin.joins, *end.joins)
        )
    return begin
