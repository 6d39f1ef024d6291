# SPDX-License-Identifier: BSD-3-Clause
"""A Dask cluster as an executor of labs: one engine at a time on each worker's ports."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.hosts.cluster import RESOURCE, client_of, has_port, workers

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 15
RETRIES = 3  # of a task whose worker went away


@contextmanager
def connected(address: str) -> Iterator["Client"]:
    """A client of the scheduler at `address`, such as "tcp://10.0.0.1:8786".

    Raises LabError when there is no scheduler, or no worker with the resource `port`. Encryption is
    Dask's own: a tls:// address with Dask's configuration for certificates.
    """
    client = client_of(address, CONNECT_SECONDS)
    with client:
        if not workers_with_ports(client):
            raise LabError(
                f"no worker of {address} has the resource {RESOURCE}; start them with "
                f"dask worker {address} --nthreads 1 --resources '{RESOURCE}=1'"
            )
        yield client


def workers_with_ports(client: "Client") -> list[str]:
    """Addresses of the workers that declare the resource."""
    return [name for name, worker in workers(client).items() if has_port(worker)]


@checked()
@contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """A concurrent.futures.Executor over a Dask cluster, for sweeps and whatever else takes one.

    A task needs the resource `port` of a worker, so that each worker, started with
    `--resources 'port=1'`, has one engine at a time. When a worker is lost, its tasks run
    elsewhere, up to three times; results that came in are kept. Raises as `connected` does.
    """
    with connected(address) as client:
        yield client.get_executor(resources={RESOURCE: 1}, retries=RETRIES, pure=False)
