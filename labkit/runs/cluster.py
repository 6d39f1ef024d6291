# SPDX-License-Identifier: BSD-3-Clause
"""A Dask cluster as an executor of labs: one engine at a time on each worker's ports."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.text import reason, shown

if TYPE_CHECKING:
    from distributed import Client

RESOURCE = "port"
CONNECT_SECONDS = 15
RETRIES = 3  # of a task whose worker went away


@contextmanager
def connected(address: str) -> Iterator["Client"]:
    """A client of the scheduler at `address`, such as "tcp://10.0.0.1:8786".

    Raises LabError when there is no scheduler, or no worker with the resource `port`. Encryption is
    Dask's own: a tls:// address with Dask's configuration for certificates.
    """
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError:
        raise LabError("Dask is not installed; pip install 'labkit[dask]'") from None
    try:
        get_address_host_port(address)  # a client of what is no address ends after 30 s, noisily
    except ValueError as error:
        raise LabError(
            f"address is {shown(address)}, {error}; write it as tcp://10.0.0.1:8786"
        ) from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise LabError(f"no Dask scheduler answers at {address}: {reason(error)}") from None
    with client:
        if not workers_with_ports(client):
            raise LabError(
                f"no worker of {address} has the resource {RESOURCE}; start them with "
                f"dask worker {address} --nthreads 1 --resources '{RESOURCE}=1'"
            )
        yield client


def workers_with_ports(client: "Client") -> list[str]:
    """Addresses of the workers that declare the resource."""
    # Not client.scheduler_info(): between its question and its answer the client's own look at the
    # scheduler, which asks for no workers, may take the place of what it found.
    workers: dict[str, Any] = client.sync(client.scheduler.identity, n_workers=-1)["workers"]
    return [name for name, worker in workers.items() if worker["resources"].get(RESOURCE, 0) >= 1]


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
