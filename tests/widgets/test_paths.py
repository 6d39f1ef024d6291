# SPDX-License-Identifier: BSD-3-Clause
"""A path of a dashboard: what the recorder says of it is what the engine counted."""

import labkit as lk
from labkit.path.flows import Flows
from labkit.widgets.feed import feed_of
from labkit.widgets.meters import Meters
from labkit.widgets.paths import PathPart
from tests.flows import HERE, at_rest, is_conserved, traffic
from tests.patience import wait_until


def test_the_recorder_tells_the_same(lab: lk.Lab) -> None:
    client, server = lab.cable()
    path = lab.echo_server(server, HERE, udp_port=9000)
    frames = traffic(client, server)
    client.send(frames)
    at_rest(path, len(frames))
    view = lk.dashboard(lab, "paths")
    try:
        feed = feed_of(lab)
        part = PathPart(path, Meters(), feed.schema, {})

        def told() -> Flows[int] | None:
            return part.counted(feed.sample) if feed.sample is not None else None

        wait_until(lambda: (flows := told()) is not None and flows.drops.get("refuse") is not None)
        flows = told()
        assert flows is not None
        is_conserved(path, flows)
        assert feed.sample is not None
        assert part.learn(feed.sample)
        assert set(part.refused) == {"udp_echo", "refuse"}
        refusal = 'data-drop="udp_echo/drop_udp_bad_checksum"'
        wait_until(lambda: any(refusal in drawn["svg"] for drawn in view.parts["paths"]))
    finally:
        view.close()
