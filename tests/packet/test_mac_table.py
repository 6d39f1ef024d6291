# SPDX-License-Identifier: BSD-3-Clause
"""The table of a switch against a dict that does the same."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cffi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

NATIVE = Path(__file__).parents[2] / "native/packet"
AGE = 100  # ms
KNOWN, LEARNED, MOVED, FULL = range(4)
BEGIN = 2**32 - 300  # the clock comes around

FUNCTIONS = """
struct lk_mac_table *table_new(uint32_t limit, uint32_t age);
void table_free(struct lk_mac_table *t);
int table_learn(struct lk_mac_table *t, uint64_t key, uint8_t port, uint32_t now);
int table_port(const struct lk_mac_table *t, uint64_t key, uint32_t now);
int64_t table_moves(const struct lk_mac_table *t, uint64_t key);
uint32_t table_sweep(struct lk_mac_table *t, uint32_t now);
uint32_t table_count(const struct lk_mac_table *t);
int table_is_whole(const struct lk_mac_table *t);
"""

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("learn"), st.integers(1, 40), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.integers(0, 2 * AGE), st.just(0)),
        st.tuples(st.just("sweep"), st.just(0), st.just(0)),
    ),
    max_size=120,
)


@pytest.fixture(scope="module")
def lib(tmp_path_factory: pytest.TempPathFactory) -> Any:
    binary = tmp_path_factory.mktemp("mac_table") / "mac_table.so"
    source = Path(__file__).with_suffix("").with_name("mac_table.c")
    flags = ("-O1", "-g", "-Wall", "-Werror", "-shared", "-fPIC", f"-I{NATIVE}")
    subprocess.run(["cc", *flags, source, "-o", binary], check=True, timeout=120)
    ffi = cffi.FFI()
    ffi.cdef(FUNCTIONS)
    return ffi.dlopen(str(binary))


@contextmanager
def table(lib: Any, limit: int) -> Iterator[Any]:
    made = lib.table_new(limit, AGE)
    try:
        yield made
    finally:
        lib.table_free(made)


class Model:
    """Port, time and moves by key."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.entries: dict[int, tuple[int, int, int]] = {}

    def is_old(self, key: int, now: int) -> bool:
        return now - self.entries[key][1] > AGE

    def learn(self, key: int, port: int, now: int) -> int:
        if key not in self.entries and len(self.entries) >= self.limit:
            return FULL
        if key not in self.entries or self.is_old(key, now):
            self.entries[key] = (port, now, 0)
            return LEARNED
        before, _, moves = self.entries[key]
        self.entries[key] = (port, now, moves + (before != port))
        return KNOWN if before == port else MOVED

    def port(self, key: int, now: int) -> int:
        known = key in self.entries and not self.is_old(key, now)
        return self.entries[key][0] if known else -1

    def sweep(self, now: int) -> int:
        old = [key for key in self.entries if self.is_old(key, now)]
        for key in old:
            del self.entries[key]
        return len(old)


@given(STEPS, st.integers(1, 30))
@settings(max_examples=200, deadline=None)
def test_the_table_is_a_dict_with_an_age(
    lib: Any, steps: list[tuple[str, int, int]], limit: int
) -> None:
    model, now = Model(limit), BEGIN
    with table(lib, limit) as t:
        for what, number, port in steps:
            if what == "learn":
                learnt = lib.table_learn(t, number << 12, port, now % 2**32)
                assert learnt == model.learn(number, port, now)
            elif what == "wait":
                now += number
            else:
                assert lib.table_sweep(t, now % 2**32) == model.sweep(now)
            assert lib.table_is_whole(t)
            assert lib.table_count(t) == len(model.entries)
        for number in range(1, 41):
            assert lib.table_port(t, number << 12, now % 2**32) == model.port(number, now)
            moves = model.entries[number][2] if number in model.entries else -1
            assert lib.table_moves(t, number << 12) == moves


def test_a_table_holds_as_many_as_its_limit_says(lib: Any) -> None:
    """65,536 addresses of a vendor, one after the other, and not one more."""
    with table(lib, 65536) as t:
        keys = [(0x0200_0000_0000 + n) << 12 | 10 for n in range(65536)]
        assert {lib.table_learn(t, key, key % 7, 0) for key in keys} == {LEARNED}
        assert lib.table_learn(t, 5 << 12, 0, 0) == FULL
        assert all(lib.table_port(t, key, AGE) == key % 7 for key in keys)
        assert lib.table_port(t, keys[0] + 1, 0) == -1  # in another VLAN
        assert lib.table_is_whole(t)
        assert lib.table_sweep(t, AGE + 1) == 65536


def test_moves_are_counted_up_to_a_limit(lib: Any) -> None:
    with table(lib, 4) as t:
        for number in range(10):
            lib.table_learn(t, 1 << 12, number % 2, 0)
        assert lib.table_moves(t, 1 << 12) == 9
        assert lib.table_port(t, 1 << 12, 0) == 1
