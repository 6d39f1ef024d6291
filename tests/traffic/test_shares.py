# SPDX-License-Identifier: BSD-3-Clause
"""Shares of a stream, each made by another worker, are together the frames of the stream."""

import pytest
from labkit._codec import ffi, lib
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.packet.codec import native_fields, native_templates

PACKET = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP() / UDP()
SIZES = [64, 128, 1518]
PORTS, SOURCES = range(1000, 1007), [f"10.0.0.{n}" for n in (3, 1, 4, 1, 5)]
STREAMS = {
    "counter": lk.vary(UDP.sport, PORTS),
    "one value": lk.vary(UDP.sport, [9]),
    "list": lk.vary(IP.src, SOURCES),
    "random": lk.vary(UDP.sport, range(1000, 60_000), random=True),
    "product": lk.vary(IP.src, SOURCES) * lk.vary(UDP.sport, PORTS),
    "all": [
        lk.vary(IP.src, SOURCES),
        lk.vary(UDP.dport, range(64), random=True),
        lk.vary(UDP.sport, PORTS) * lk.vary(IP.id, range(300)),
    ],
}


def frames_of(stream: lk.Stream, first: int, of: int, count: int) -> list[bytes]:
    """The first frames of a share, without the numbers that only their own sequence gives."""
    told = stream.compile(None, None).to_dict()
    keep_alive: list[object] = []
    templates = native_templates(ffi, told, keep_alive)
    fields = native_fields(ffi, told, keep_alive)
    for n in range(len(told["fields"])):
        lib.lk_codec_share_field(ffi.addressof(fields, n), first, of)
    made = []
    for n in range(count):
        template = templates[told["order"][(first + n * of) % len(told["order"])]]
        frame = ffi.new("uint8_t[]", template.length)
        checksums = len(told["templates"][0]["checksums"])
        native = ffi.addressof(template), fields, len(told["fields"]), checksums, 1, 0, 0
        lib.lk_codec_make_frame(frame, *native)
        made.append(bytes(ffi.buffer(frame)))
    return made


@pytest.mark.parametrize("of", [2, 3, 16])
@pytest.mark.parametrize("kind", STREAMS)
def test_shares_are_together_the_stream(kind: str, of: int) -> None:
    stream = lk.Stream(PACKET, size=SIZES, vary=STREAMS[kind])
    whole = frames_of(stream, 0, 1, 30 * of)
    shares = [frames_of(stream, lane, of, 30) for lane in range(of)]
    assert [shares[n % of][n // of] for n in range(30 * of)] == whole
