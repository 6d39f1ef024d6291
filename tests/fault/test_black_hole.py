# SPDX-License-Identifier: BSD-3-Clause
"""Linux pings over a hop that takes no long frames, and the rules find the cliff."""

from pathlib import Path

import labkit as lk
from tests.network import LAB_4, tap_host


def test_pings_of_linux_tell_the_cliff(lab: lk.Lab, tmp_path: Path) -> None:
    with tap_host(lab) as (port, host):
        lab.echo_server(port, [f"{LAB_4}/24"])
        with lk.fault.mtu_black_hole(port, longest=1014):
            said = [
                f"$ {' '.join(command)}\n{host.run(*command).stdout}"
                for size in ("200", "900", "972", "973", "1400")
                for command in [("ping", "-c3", "-i0.02", "-W1", "-Mdo", f"-s{size}", LAB_4)]
            ]
        lab.close()
    file = tmp_path / "pings.txt"
    file.write_text("\n".join(said))
    case = lk.trouble.look(file)
    assert [(f.id, f.level) for f in case.findings] == [("mtu-black-hole", "likely")], case
    assert "972" in str(case.findings[0].evidence)
