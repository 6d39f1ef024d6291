# SPDX-License-Identifier: BSD-3-Clause
"""The Dask cluster that the hosts are workers of: its client, and who is there."""

from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from labkit.text import reason, shown

if TYPE_CHECKING:
    from distributed import Client

RESOURCE = "port"
CONNECT_SECONDS = 15.0


def client_of(address: str, seconds: float) -> "Client":
    """A client of the scheduler at `address`, such as "tcp://10.0.0.1:8786"; LabError where none
    answers within so many seconds.

    Encryption is Dask's own: a tls:// address with Dask's configuration for certificates.
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
        return Client(address, timeout=seconds, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # TypeError: of certificates that are missing
        raise LabError(f"no Dask scheduler answers at {address}: {reason(error)}") from None


def workers(client: "Client", seconds: float | None = None) -> dict[str, dict[str, Any]]:
    """What the scheduler knows of its workers, by address.

    Raises OSError where it does not answer, TimeoutError after so many seconds among them.
    """
    # Not client.scheduler_info(): between its question and its answer the client's own look at the
    # scheduler, which asks for no workers, may take the place of what it found.
    told: dict[str, Any] = client.sync(
        client.scheduler.identity, n_workers=-1, callback_timeout=seconds
    )
    found: dict[str, dict[str, Any]] = told["workers"]
    return found


def has_port(worker: dict[str, Any]) -> bool:
    """Whether a worker declares the resource that an engine takes."""
    return bool(worker["resources"].get(RESOURCE, 0) >= 1)
