# SPDX-License-Identifier: BSD-3-Clause
"""What Python tells a second time, because it does without native modules there, is what C says."""

import pytest
from labkit._codec import ffi, lib

from labkit.packet import edges, geneve_options, link, signature
from labkit.path import address_types
from labkit.results import latency
from labkit.traffic import program
from labkit.traffic.wire import WINDOW

NUMBERS = {
    "LK_LINK_OVERHEAD": link.LINK_OVERHEAD,
    "LK_ETHER_LENGTH": link.ETHERNET,
    "LK_MAX_VLAN_TAGS": link.MOST_VLAN_TAGS,
    "LK_SIGNATURE_LENGTH": signature.SIGNATURE_LENGTH,
    "LK_SIGNATURE_MAGIC": int.from_bytes(signature.MAGIC, "big"),
    "LK_MAX_FIELDS": program.MOST_FIELDS,
    "LK_MAX_CHECKSUMS": program.MOST_CHECKSUMS,
    "LK_FLOW_BY_PLACE": program.FLOW_BY_PLACE,
    "LK_FLOW_BY_VALUE": program.FLOW_BY_VALUE,
    "LK_MAX_OUTPUTS": edges.MOST_OUTPUTS,
    "LK_MAX_OWN_DROPS": edges.MOST_OWN_DROPS,
    "LK_MAX_ADDRESSES": address_types.MOST_ADDRESSES,
    "LK_MAX_GENEVE_OPTIONS": geneve_options.MOST_OPTIONS,
    "LK_MAX_OPTION_DATA": geneve_options.MOST_DATA,
    "LK_HISTOGRAM_HALF_BITS": latency.HALF_BITS,
    "LK_HISTOGRAM_COUNTS": latency.COUNTS,
    "LK_HISTOGRAM_HIGHEST": latency.HIGHEST,
}


@pytest.mark.parametrize("name", NUMBERS)
def test_number_is_that_of_c(name: str) -> None:
    assert NUMBERS[name] == getattr(lib, name)


def test_a_field_program_touches_what_its_mask_holds() -> None:
    mask = dict(ffi.typeof("struct lk_field").fields)["mask"]
    assert ffi.sizeof(mask.type) == WINDOW
