# SPDX-License-Identifier: BSD-3-Clause
"""An engine on another host, seen from here: begun, asked, and noticed when it is lost."""

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from labkit.errors import DutDied, EngineDied, HostLost, LabError
from labkit.hosts import session
from labkit.hosts.cluster import RESOURCE, workers

if TYPE_CHECKING:
    from distributed import Client, Future

LEASE_SECONDS = 15.0  # without a sign of life from here, after which a session ends by itself
BUSY_SECONDS = 20.0  # until a session that does not begin is given up: longer than another's lease
CALL_SECONDS = 30.0  # of anything that is asked: none of it waits for traffic
LOOK_SECONDS = 0.5  # after which an answer that has not come is looked after
SCHEDULER_SECONDS = 5.0


class FarLab:
    """A session on a worker. A context manager; leaving it ends the session and its engine.

    name: of the host; worker: address of its worker; scheduler: address of the scheduler;
    pci: NICs that its engine may take

    Attributes
    ----------
    description: of the machine and its versions, as run.json has it
    is_lost: its worker, the scheduler or the way to them is gone

    Raises HostLost, from any call, when the worker, its engine or the scheduler is gone, or nothing
    is heard for CALL_SECONDS.
    """

    def __init__(
        self, client: "Client", name: str, worker: str, scheduler: str, pci: Sequence[str]
    ) -> None:
        self.name = name
        self.description: dict[str, Any] = {}
        self.is_lost = False
        self._client, self._worker, self._scheduler = client, worker, scheduler
        self._session = f"labkit-{secrets.token_hex(8)}"
        self._ended = threading.Event()
        self._holding: Future[str] = self._submit(
            session.hold, self._session, LEASE_SECONDS, tuple(pci), resources={RESOURCE: 1}
        )
        try:
            self._wait_until_begun()
        except BaseException:
            self._holding.cancel()  # what begins all the same hears nothing, and ends
            raise
        threading.Thread(target=self._renew, name=f"labkit-{name}", daemon=True).start()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What function(session, *arguments) returns there; LabErrors of its own are raised here,
        with the name of the host."""
        future = self._submit(session.call, self._session, function, arguments)
        try:
            answer = self._answer(future)
        except EngineDied as died:
            raise HostLost(self.name, f"its engine died: {died.reason}") from died
        except (HostLost, DutDied):
            raise
        except LabError as error:
            error.args = (f"on host {self.name}: {error}", *error.args[1:])
            raise
        except Exception as error:  # whatever becomes of a function that is not there
            self._look(is_needed=True)
            raise LabError(
                f"on host {self.name}: {type(error).__name__}: {error}; is labkit there of the "
                "same version as here?"
            ) from error
        finally:
            future.release()
        if isinstance(answer, session.NoSession):
            raise self._lost(self._why_ended())
        return answer

    def close(self) -> None:
        """Ends the session and waits for it; of a host that is lost nothing is waited for: there,
        it ends by itself."""
        self._ended.set()
        with suppress(Exception):  # who is gone need not be told
            if self.is_lost:
                self._holding.cancel()
                return
            future = self._submit(session.call, self._session, session.end, ())
            self._answer(future, is_needed=False)
            self._answer(self._holding, is_needed=False)

    def __enter__(self) -> "FarLab":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _submit(
        self, function: Callable[..., Any], *arguments: Any, **options: Any
    ) -> "Future[Any]":
        future: Future[Any] = self._client.submit(
            function,
            *arguments,
            key=f"{self._session}-{secrets.token_hex(4)}",
            workers=[self._worker],
            allow_other_workers=False,
            pure=False,
            retries=0,
            **options,
        )
        return future

    def _wait_until_begun(self) -> None:
        end = time.monotonic() + BUSY_SECONDS
        while True:
            future = self._submit(session.call, self._session, session.renew, ())
            try:
                if not isinstance(self._answer(future), session.NoSession):
                    return
            finally:
                future.release()
            if self._holding.done():
                self._holding.result(SCHEDULER_SECONDS)  # why it could not begin
            if time.monotonic() > end:
                raise LabError(
                    f"host {self.name} is busy: for {BUSY_SECONDS:g} s another session, sweep or "
                    f"notebook has had the resource {RESOURCE} of its worker {self._worker}; wait "
                    "for it, or end it"
                )

    def _renew(self) -> None:
        while not self._ended.wait(LEASE_SECONDS / 5):
            with suppress(Exception):  # told where an answer is needed
                future = self._submit(session.call, self._session, session.renew, ())
                self._answer(future, is_needed=False)
                future.release()

    def _answer(self, future: "Future[Any]", *, is_needed: bool = True) -> Any:
        """The result of a task, or why there is none."""
        end = time.monotonic() + CALL_SECONDS
        while time.monotonic() < end:
            with suppress(TimeoutError):
                future.exception(LOOK_SECONDS)
            if future.done():
                if future.status == "cancelled":
                    raise self._lost(f"the Dask scheduler at {self._scheduler} is gone", is_needed)
                return future.result(SCHEDULER_SECONDS)
            self._look(is_needed)
        raise self._lost(
            f"it has not answered for {CALL_SECONDS:g} s; its worker {self._worker} may hang, or "
            "the network to it be cut",
            is_needed,
        )

    def _look(self, is_needed: bool) -> None:
        """Whether the scheduler and the worker are there."""
        try:
            there = workers(self._client, SCHEDULER_SECONDS)
        except (OSError, TimeoutError, RuntimeError) as error:
            raise self._lost(
                f"the Dask scheduler at {self._scheduler} does not answer", is_needed
            ) from error
        if self._worker not in there:
            raise self._lost(f"its Dask worker {self._worker} has ended", is_needed)

    def _why_ended(self) -> str:
        with suppress(Exception):
            return f"its session has ended: {self._holding.result(SCHEDULER_SECONDS)}"
        return "its session has ended"

    def _lost(self, reason: str, is_needed: bool = True) -> HostLost:
        self.is_lost = self.is_lost or is_needed
        return HostLost(self.name, reason)
