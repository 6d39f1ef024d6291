# SPDX-License-Identifier: BSD-3-Clause
"""Capture filters: what libpcap makes of them, and what is said of those that are none."""

import ctypes
import pickle
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from labkit.errors import FilterError, LabError
from labkit.packet import filter as module
from labkit.packet import libpcap
from labkit.packet.filter import Filter, both, compile_filter
from labkit.packet.filter_words import WORDS, stands_for, tokens_of
from tests.packet.filters import EXPRESSIONS, frames

PIECES = (
    "80", "10.0.0.1", "10.0.0.0/8", "0x800", "::1", "00:11:22:33:44:55", "aabb.ccdd.eeff", "http",
    "foo", r"\tcp", "(", ")", "[", "]", "=", "!=", "&", "|", "!", ":", "-", "/", "<<", "70000",
    "port 80", "host 10.0.0.1", "and", "or", "tcp", "udp", "4294967296", "80-90", "'", "1.2.3.4.5",
)  # fmt: skip
WEB = Ether() / IP(dst="192.0.2.1") / TCP(dport=80)
NAME = Ether() / IP(dst="192.0.2.1") / UDP(dport=53)


def test_which_frames_match() -> None:
    web = compile_filter("tcp port 80")
    assert web.matches(WEB)
    assert web.matches(bytes(WEB))
    assert web.matches(bytearray(bytes(WEB)))
    assert not web.matches(NAME)
    assert not web.matches(bytes(WEB)[:20])
    assert not web.matches(b"")


def test_program_is_libpcaps() -> None:
    ip = compile_filter("ip")
    assert ip.program == (
        (0x28, 0, 0, 12),
        (0x15, 0, 1, 0x800),
        (0x6, 0, 0, 262144),
        (0x6, 0, 0, 0),
    )
    assert ip.count == 4
    assert len(ip.data) == 32
    assert compile_filter("ip", snaplen=96).program[2] == (0x6, 0, 0, 96)
    assert (ip.text, ip.link_type) == ("ip", 1)
    assert pickle.loads(pickle.dumps(ip)) == ip


def test_filters_go_to_other_processes_without_their_addresses() -> None:
    web = compile_filter("tcp port 80")
    assert web.native_program
    there = pickle.loads(pickle.dumps(web))
    assert "native_program" not in vars(there)
    assert there == web
    del web
    assert there.matches(WEB)


def test_program_runs_where_its_addresses_say() -> None:
    web = compile_filter("tcp port 80")
    kind = ctypes.CFUNCTYPE(
        ctypes.c_uint, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint
    )
    run = kind(web.bpf_filter)
    for frame in (bytes(WEB), bytes(NAME)):
        taken = run(web.native_program, frame, len(frame), len(frame))
        assert (taken != 0) == web.matches(frame)


@pytest.mark.parametrize("expression", ["", "  ", "\n\t"])
def test_empty_filter_takes_every_frame(expression: str) -> None:
    assert all(compile_filter(expression).matches(frame) for frame in (b"", b"\0", bytes(WEB)))


def test_length_of_a_frame_that_was_cut() -> None:
    long = compile_filter("len > 100")
    assert not long.matches(bytes(60))
    assert long.matches(bytes(60), 1500)
    for wrong in (59, -1, 1 << 32, 60.0, True, "60"):
        with pytest.raises(LabError, match=r"wire_length is .* from the frame's 60 bytes"):
            long.matches(bytes(60), wrong)  # type: ignore[arg-type]
    with pytest.raises(LabError, match="frame is 5; a frame is a scapy packet or bytes"):
        long.matches(5)


def test_other_link_types() -> None:
    assert compile_filter("ip", link_type=101).matches(bytes(IP()))
    assert not compile_filter("ip", link_type=101).matches(WEB)
    for unknown in (65535, 1 << 28, (1 << 31) - 1):
        with pytest.raises(FilterError, match=f"unknown data link type {unknown}"):
            compile_filter("ip", link_type=unknown)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5,), "text is 5; it is a text"),
        ((None,), "text is None; it is a text"),
        ((b"tcp",), "text is b'tcp'; it is a text"),
        (("tcp", -1), "link_type is -1; the range is 0 to 2147483647"),
        (("tcp", 1 << 31), "link_type is 2147483648; the range is 0 to 2147483647"),
        (("tcp", True), "link_type is True; it is a whole number"),
        (("tcp", 1, 0), "snaplen is 0; the range is 1 to 262144 bytes"),
        (("tcp", 1, 262145), "snaplen is 262145; the range is 1 to 262144 bytes"),
    ],
)
def test_wrong_arguments(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(LabError) as caught:
        compile_filter(*arguments)
    assert message in str(caught.value)


# The expression, what is marked, and what is said
WRONG = [
    ("tcp.port == 80", "tcp.port", "field of Wireshark's display filters, and this is a capture"),
    ("tcp.port == 80", "tcp.port", "write 'tcp port 80'"),
    ("udp and ip.addr==10.0.0.1", "ip.addr", "write 'host 10.0.0.1'"),
    ("frame.time > 3", "frame.time", "field of Wireshark's"),
    ("port=80", "=", "write 'port 80'"),
    ("udp and src == 10.0.0.1", "==", "write 'src 10.0.0.1'"),
    ("tpc port 80", "tpc", "no word of a capture filter; did you mean 'tcp'"),
    ("tcp AND udp", "AND", "write 'and'"),
    ("tcp & udp", "&", "write 'and'"),
    ("vxlan", "vxlan", "write 'udp port 4789'"),
    ("port 80,443", ",", "write 'or 443'"),
    ("host 10.0.0.1:80", ":", "write 'host 10.0.0.1 and port 80'"),
    ("port 80-90", "80-90", "'portrange 80-90'"),
    ("port 80 - 90", "-", "'portrange 80-90'"),
    ("portrange 80-nosuch", "80-nosuch", "knows no port '80-nosuch'"),
    ("ip proto tcp", "tcp", r"write 'proto \tcp'"),
    ("10.0.0.1", "10.0.0.1", "say of what it is, as in 'host 10.0.0.1'"),
    ('port "80"', '"', "without quotes"),
    ("host www.example.com", "www.example.com", "names are not looked up"),
    ("udp or net example", "example", "names are not looked up"),
    ("host 10.0.0.1.2", "10.0.0.1.2", "names are not looked up"),
    ("ether host server", "server", "names are not looked up"),
    ("(port 80) or http", "http", "write 'tcp port 80'"),
    ("host 10.0.0.1 or example", "example", "no word of a capture filter"),
    ("port nosuchservice", "nosuchservice", "/etc/services knows no port 'nosuchservice'"),
    ("udp and port 70000 and ip", "70000", "illegal port number 70000 > 65535"),
    ("udp and vlan 5000", "5000", "greater than maximum 4095"),
    ("host 10.0.0.0/8", "8", "Mask syntax for networks only; write 'net 10.0.0.0/8'"),
    ("net 10.0.0.1/8", "8", "non-network bits set in \"10.0.0.1/8\"; write 'net 10.0.0.0/8'"),
    ("host 10.0.0.256", "10.0.0.256", "invalid IPv4 address"),
    ("udp and ip[0:3] = 1", "3", "data size must be 1, 2, or 4"),
    ("tcp)", ")", "cannot read this filter"),
    ("tcp or or udp", "or", "cannot read this filter"),
    ("inbound", "inbound", "no frame says 'inbound'"),
    ("ifname eth0", "eth0", "ifname supported only on PF linktype"),
    ("tcp\0port 80", "\0", "U+0000 is no letter of a capture filter"),
    ("tcp and ‘udp’", "‘", "U+2018 is no letter of a capture filter"),
    ("host 10.0.0.1\N{NO-BREAK SPACE}or arp", "\N{NO-BREAK SPACE}", "U+00A0 is no letter"),
    ("host 10.0.0.\ud800", "\ud800", "U+D800 is no letter"),
]


@pytest.mark.parametrize(("expression", "marked", "message"), WRONG)
def test_wrong_filter_is_shown(expression: str, marked: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(expression)
    problem, line, marks = str(caught.value).split("\n")
    assert message in problem
    assert caught.value.at is not None
    start, end = caught.value.at
    assert expression[start:end] == marked
    assert (marks.index("^"), len(marks)) == (2 + start, 2 + end)
    if marked.isprintable() and marked.isascii():
        assert line[marks.index("^") : len(marks)] == marked


@pytest.mark.parametrize("expression", ["tcp port", "host", "not", "(tcp", "ether[0", "len", "5 +"])
def test_what_is_missing_at_the_end_is_shown(expression: str) -> None:
    with pytest.raises(FilterError, match="something is missing at its end") as caught:
        compile_filter(expression)
    assert str(caught.value).endswith(f"\n  {expression}\n  {' ' * (len(expression) + 1)}^")


def test_part_of_a_long_filter_is_shown() -> None:
    expression = " or ".join(f"host 10.0.0.{n}" for n in range(40)) + " or tcp prot 80 or udp"
    with pytest.raises(FilterError) as caught:
        compile_filter(expression)
    problem, line, marks = str(caught.value).split("\n")
    assert "'prot' is no word" in problem
    assert "'proto'" in problem
    assert len(line) <= 80
    assert line[marks.index("^") : len(marks)] == "prot"


def test_filter_that_takes_no_frame_is_told_of() -> None:
    with pytest.raises(FilterError, match=r"expression rejects all packets\n  tcp and udp$"):
        compile_filter("tcp and udp")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            " or ".join(["tcp"] * 300),
            "the filter has 599 words, numbers and signs; it may have 512",
        ),
        ("(" * 600 + "tcp" + ")" * 600, "it may have 512"),
        ("tcp" + " " * 20_000, "the filter has 20,003 letters; it may have 16,384"),
        ("9" * 10_000, "libpcap"),
    ],
)
def test_huge_filters_are_refused(expression: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(expression)
    assert message in str(caught.value)
    assert all(len(line) <= 300 for line in str(caught.value).split("\n"))


def test_largest_filter_compiles() -> None:
    """Not optimized: that takes libpcap minutes."""
    most = compile_filter("port 1" + "".join(f" or {n}" for n in range(2, 257)))
    assert most.count > libpcap.MOST_OPTIMIZED
    assert most.matches(Ether() / IP() / TCP(dport=200, sport=5000))
    assert not most.matches(Ether() / IP() / TCP(dport=300, sport=5000))
    assert compile_filter("port 1 or 2 or 3").count < 50


def test_names_are_never_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever libpcap would look up does not get there; names of ports and protocols do."""
    asked: list[str] = []

    def spy(text: str, *rest: int) -> str:
        asked.append(text)
        return libpcap.complaint(text, *rest)

    monkeypatch.setattr(module, "complaint", spy)
    monkeypatch.setattr(module, "compiled", lambda text, *_: asked.append(text))
    for place in ("{}", "host {}", "src {}", "tcp and {}", "not {}", "net {}", "ether host {}",
                  "gateway {}", "host 10.0.0.1 or {}", "port 80 or tcp and {}", "(port 80) or {}",
                  "src or dst ({})", "host (10.0.0.1 or {})", "port 80 and dst {}"):  # fmt: skip
        for name in ("labkit-no-host", "labkit.invalid", "http", r"\tcp", "loopback", "1.2.3.4.5"):
            with pytest.raises(FilterError):
                compile_filter(place.format(name))
    assert asked == []


def test_nothing_is_looked_up_to_find_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def spy(text: str, *rest: int) -> str:
        asked.append(text)
        return libpcap.complaint(text, *rest)

    monkeypatch.setattr(module, "complaint", spy)
    module._compile.cache_clear()
    for expression in (*(wrong for wrong, _, _ in WRONG), "host", "src net 10 and host ("):
        with pytest.raises(FilterError):
            compile_filter(expression)
    assert len(asked) > 500
    for text in asked:
        tokens = tokens_of(text)
        names = [place for place, token in enumerate(tokens) if token.kind == "name"]
        assert "host" not in [stands_for(tokens, place) for place in names], text


def test_names_of_ports_and_protocols() -> None:
    assert socket.getservbyname("http") == 80
    assert compile_filter("tcp port http").matches(WEB)
    assert compile_filter("port domain or http").matches(WEB)
    assert compile_filter("port (domain or http)").matches(NAME)
    assert compile_filter("portrange domain-80").matches(NAME)
    assert compile_filter(r"ip proto \udp").matches(NAME)


def test_missing_libpcap_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libpcap, "LIBRARIES", ("libpcap-that-is-not-there.so",))
    libpcap.library.cache_clear()
    module._compile.cache_clear()
    try:
        with pytest.raises(LabError, match=r"install Debian's package libpcap0\.8"):
            compile_filter("tcp port 80 and ip")
    finally:
        libpcap.library.cache_clear()


def test_both() -> None:
    udp = compile_filter("udp or icmp")
    assert both(udp, compile_filter("port 53 or port 54")).matches(NAME)
    assert not both(udp, compile_filter("port 54")).matches(NAME)
    assert both(udp, compile_filter("")).text == "(udp or icmp)"
    with pytest.raises(FilterError, match="rejects all"):
        both(udp, compile_filter("tcp"))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(sorted(WORDS)), st.sampled_from(PIECES)), max_size=12))
@example(["ip", "["] * 200)
@example(["("] * 500)
@example(["tcp", "or", "ip", "[", "udp"] * 20)
def test_any_words_are_a_filter_or_an_error(words: list[str]) -> None:
    """Libpcap does not like most of them; none takes long, or does any harm."""
    for text in (" ".join(words), "".join(words)):
        started = time.monotonic()
        with suppress(FilterError):
            compile_filter(text).matches(WEB)
        assert time.monotonic() - started < 20


def test_threads_compile_and_match_at_once() -> None:
    wrong: list[Any] = []

    def work(number: int) -> None:
        for n in range(50):
            found = compile_filter(f"tcp port {1000 * number + n}")
            frame = Ether() / IP() / TCP(dport=1000 * number + n, sport=60_000)
            if not found.matches(frame) or found.matches(WEB):
                wrong.append((number, n))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_compiled_once() -> None:
    assert compile_filter("tcp port 4711") is compile_filter("tcp port 4711")


def test_filters_tell_frames_apart() -> None:
    """Or the comparisons of the other tests would compare nothing."""
    found: dict[str, int] = {}
    for expression in EXPRESSIONS:
        compiled: Filter = compile_filter(expression)
        found[expression] = sum(compiled.matches(frame) for frame in frames())
    told_apart = [text for text, taken in found.items() if 0 < taken < len(frames())]
    assert len(told_apart) > 40, found
