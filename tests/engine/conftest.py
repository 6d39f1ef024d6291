# SPDX-License-Identifier: BSD-3-Clause
import pytest

import labkit as lk


@pytest.fixture
def mirror(lab: lk.Lab) -> lk.Port:
    """A port whose far end sends everything back."""
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")
    return client
