# SPDX-License-Identifier: BSD-3-Clause
"""What Linux's geneve device makes of every malformed frame: the table says so.

What is measured stays in build/vm/iommu; python -m tests.vm.deviations writes it into the table.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests import tunnel_deviations
from tests.interop.test_tunnel_deviations import measure
from tests.tunnel_peers import linux_geneve

OUT = Path("/out")


@pytest.mark.parametrize("version", [4, 6])
def test_table_says_what_linux_does(version: int) -> None:
    subprocess.run(["modprobe", "-a", "veth", "af_packet", "geneve"], check=True)
    with linux_geneve(version) as peer:
        measured = measure("geneve", version, peer)
    (OUT / f"geneve{version}.json").write_text(json.dumps(measured))
    table = tunnel_deviations.stored()
    assert measured == {name: table[name]["linux_device"] for name in measured}
