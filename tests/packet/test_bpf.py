# SPDX-License-Identifier: BSD-3-Clause
"""labkit's interpreter of filters against libpcap's, and which programs DPDK may compile."""

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from labkit._codec import ffi, lib

from labkit.packet.filter import compile_filter
from labkit.packet.libpcap import library
from tests.packet.filters import EXPRESSIONS, frames

Instruction = tuple[int, int, int, int]  # code, jt, jf, k

LD_ABS = (0x20, 0x28, 0x30)
LD_IND = (0x40, 0x48, 0x50)
LD_IMM, LD_MEM, LD_LEN, LDX_IMM, LDX_MEM, LDX_LEN, LDX_MSH = 0x00, 0x60, 0x80, 1, 0x61, 0x81, 0xB1
ST, STX, TAX, TXA, RET_K, RET_A, NEG, JA = 0x02, 0x03, 0x07, 0x87, 0x06, 0x16, 0x84, 0x05
ALU_K = (0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x94, 0xA4)
DIVISIONS, SHIFTS = (0x34, 0x94), (0x64, 0x74)
JUMPS_K = (0x15, 0x25, 0x35, 0x45)
X = 0x08
# libpcap does not clear its memory, and loads what it stored alone.
CLEARED: list[Instruction] = [(ST, 0, 0, 0), (ST, 0, 0, 1)]


@st.composite
def programs(draw: st.DrawFn) -> list[Instruction]:
    """Programs as libpcap's bpf_validate() takes them."""
    count = draw(st.integers(0, 20))
    k = st.one_of(st.integers(0, 80), st.integers(0, 2**32 - 1), st.just(2**32 - 1))
    plain = (*LD_ABS, *LD_IND, LD_IMM, LD_LEN, LDX_IMM, LDX_LEN, LDX_MSH, TAX, TXA, NEG)
    body: list[Instruction] = []
    for place in range(count):
        left = count - place - 1  # before the last instruction
        kinds = [st.sampled_from(plain), st.sampled_from((LD_MEM, LDX_MEM, ST, STX))]
        kinds += [st.sampled_from([code + x for code in ALU_K for x in (0, X)])]
        kinds += [st.sampled_from([*(code + x for code in JUMPS_K for x in (0, X)), JA])]
        code = draw(st.one_of(kinds))
        number = draw(k)
        if code in (LD_MEM, LDX_MEM, ST, STX):
            number %= 2
        elif code in DIVISIONS:
            number = max(number, 1)
        elif code in SHIFTS:
            number %= 32
        elif code == JA:
            number %= left + 1
        jumps = code & 7 == 5 and code != JA
        way = st.integers(0, min(left, 255)) if jumps else st.just(0)
        body.append((code, draw(way), draw(way), number))
    return [*CLEARED, *body, draw(st.sampled_from([(RET_K, 0, 0, 1), (RET_A, 0, 0, 0)]))]


def native(program: list[Instruction]) -> tuple[bytes, object]:
    data = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    return data, ffi.from_buffer("struct lk_bpf_insn[]", data)


def check(program: list[Instruction]) -> int:
    _, instructions = native(program)
    return int(lib.lk_codec_bpf_check(instructions, len(program)))


def made_compilable(program: list[Instruction]) -> list[Instruction] | None:
    """The program as DPDK may compile it; None: not at all."""
    data = bytearray(native(program)[0])
    instructions = ffi.from_buffer("struct lk_bpf_insn[]", data)
    if not lib.lk_codec_bpf_make_compilable(instructions, len(program)):
        return None
    return list(struct.iter_unpack("=HBBI", data))


def is_compilable(program: list[Instruction]) -> bool:
    return made_compilable(program) is not None


def run_both(program: list[Instruction], frame: bytes, length: int) -> tuple[int, int]:
    """What labkit's interpreter returns, and what libpcap's does."""
    data, instructions = native(program)
    ours = lib.lk_codec_bpf_run(instructions, frame, length, len(frame))
    return ours, library().bpf_filter(data, frame, length, len(frame))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_same_as_libpcap_on_real_filters(expression: str) -> None:
    compiled = compile_filter(expression)
    program = list(compiled.program)
    assert check(program) == 0
    _, instructions = native(program)
    for frame in frames():
        for length in (len(frame), 1500):
            ours = lib.lk_codec_bpf_run(instructions, frame, length, len(frame)) != 0
            assert ours == compiled.matches(frame, max(length, len(frame))), frame.hex()
            if len(frame) >= 1500:
                break


@settings(max_examples=400)
@given(programs(), st.binary(max_size=100), st.integers(0, 2000))
@example([*CLEARED, (LDX_IMM, 0, 0, 2**32 - 1), (0x50, 0, 0, 1), (RET_K, 0, 0, 1)], b"abc", 0)
@example([*CLEARED, (LDX_IMM, 0, 0, 0), (0x3C, 0, 0, 0), (RET_K, 0, 0, 1)], b"abc", 0)
@example([*CLEARED, (LDX_IMM, 0, 0, 32), (LD_IMM, 0, 0, 1), (0x6C, 0, 0, 0), (RET_A, 0, 0, 0)],
         b"", 0)  # fmt: skip
def test_same_as_libpcap_on_any_program(
    program: list[Instruction], frame: bytes, more: int
) -> None:
    assert check(program) == 0
    ours, theirs = run_both(program, frame, len(frame) + more)
    assert ours == theirs
    made = made_compilable(program)
    if made is not None:
        assert run_both(made, frame, len(frame) + more)[0] == ours


@pytest.mark.parametrize(
    "program",
    [
        [],
        [(LD_IMM, 0, 0, 0)],  # does not end
        [(0x15, 1, 0, 0), (RET_K, 0, 0, 0)],  # jumps behind the end
        [(0x15, 0, 255, 0), (RET_K, 0, 0, 0)],
        [(JA, 0, 0, 1), (RET_K, 0, 0, 0)],
        [(JA, 0, 0, 2**32 - 2), (RET_K, 0, 0, 0)],  # before the beginning
        [(ST, 0, 0, 16), (RET_K, 0, 0, 0)],
        [(STX, 0, 0, 2**32 - 1), (RET_K, 0, 0, 0)],
        [(LD_MEM, 0, 0, 16), (RET_K, 0, 0, 0)],
        [(LDX_MEM, 0, 0, 16), (RET_K, 0, 0, 0)],
        [(0xFF, 0, 0, 0), (RET_K, 0, 0, 0)],  # no instruction
        [(0x8006, 0, 0, 0), (RET_K, 0, 0, 0)],
        [(0x0E, 0, 0, 0)],
        [(RET_K, 0, 0, 0)] * 65537,
    ],
)
def test_bad_programs_are_refused(program: list[Instruction]) -> None:
    assert check(program) < 0


def test_program_that_goes_round_ends() -> None:
    for_ever = [(JA, 0, 0, 2**32 - 1), (RET_K, 0, 0, 1)]
    _, instructions = native(for_ever)
    assert check(for_ever) == 0
    assert lib.lk_codec_bpf_run(instructions, b"frame", 5, 5) == 0
    assert not is_compilable(for_ever)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("tcp port 80", True),
        ("host 10.0.0.1 and udp", True),
        ("len > 100", True),
        ("ip[6:2] & 0x1fff != 0", True),
        ("ip protochain 17", False),  # jumps back
        ("tcp[tcpflags] & tcp-syn != 0", True),
        ("tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420", True),
        ("ether[0] & 1 != 0", True),
        ("ip[12:4] & 1 != 0", False),  # a mask below 128 of a value that may have every bit
        ("ip[12:4] & 0xffffff81 != 0", False),
        ("ip[12:4] & 0xffffff01 != 0", True),
        ("ip[0] << ip[1] = 69", False),  # shifts by X
        ("ether[ether[14:4]:2] = 1", False),  # reads wherever the frame says
        ("ether[ether[14:2]:2] = 1", True),
        ("ether[ether[14:4] & 0xfff:2] = 1", True),
        ("ether[ether[14:4] / 2:2] = 1", False),
        ("ether[ether[14:4] >> 3:2] = 1", True),
        ("ether[ether[14:2] - 1:2] = 1", False),
        ("ether[ether[14:2] * 60000:2] = 1", False),
        ("ether[ether[14:2] * 16:2] = 1", True),
        ("ether[2000000000:2] = 1", False),
    ],
)
def test_what_dpdk_may_compile(expression: str, expected: bool) -> None:
    """Programs of which librte_bpf makes the wrong code are left to the interpreter."""
    assert is_compilable(list(compile_filter(expression).program)) == expected


def test_mask_that_is_made_longer() -> None:
    """A bit that A cannot have is no bit of the mask."""
    flags = list(compile_filter("ether[0] & 3 != 0").program)
    made = made_compilable(flags)
    assert made is not None
    assert [k for code, _, _, k in flags if code == 0x45] == [3]
    assert [k for code, _, _, k in made if code == 0x45] == [3 | 1 << 30]
    for byte in range(256):
        ours, theirs = run_both(flags, bytes([byte]), 1)
        assert ours == theirs == run_both(made, bytes([byte]), 1)[0]


def test_a_way_round_does_not_hide_where_a_program_reads() -> None:
    """X may be high on one of two ways to a load."""
    two_ways = [
        (0x30, 0, 0, 0),
        (0x15, 1, 0, 7),
        (LDX_IMM, 0, 0, 2**31),
        (0x48, 0, 0, 0),
        (RET_A, 0, 0, 0),
    ]
    assert not is_compilable(two_ways)
    two_ways[2] = (LDX_IMM, 0, 0, 14)
    assert is_compilable(two_ways)
