# SPDX-License-Identifier: BSD-3-Clause
"""Writes into datasets/tunnel_deviations.csv what Linux's geneve device did in the last test-vm.

python -m tests.vm.deviations
"""

import json

from tests import tunnel_deviations
from tests.vm.packages import CACHE

table = tunnel_deviations.stored()
for version in (4, 6):
    for name, done in json.loads((CACHE / "iommu" / f"geneve{version}.json").read_text()).items():
        table[name]["linux_device"] = done
tunnel_deviations.write(table)
