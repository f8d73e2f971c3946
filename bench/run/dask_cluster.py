"""Tasks carried to machines by Dask's `distributed`: transport, and nothing more."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.run.choices import Refused

CONNECT_SECONDS = 30
QUIET = {  # nothing of Dask's may disturb what is measured beside it
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.scheduler.allowed-failures": 0,
    "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s",
}


class DaskCluster:
    """The workers of a scheduler, of which each does one task, and nobody another one's."""

    def __init__(self, client: Any) -> None:
        """Take a client of `distributed` that is connected."""
        self._client = client
        self._waiting: set[Any] = set()

    def _workers(self) -> dict[str, Any] | None:
        """Return what the scheduler tells of its workers; None if it does not answer."""
        if self._client.status != "running":
            return None
        try:
            identity = self._client.sync(self._client.scheduler.identity, n_workers=-1,
                                         callback_timeout=CONNECT_SECONDS)  # fmt: skip
        except Exception:  # the connection is gone, in one of many ways
            return None
        workers: dict[str, Any] = identity["workers"]
        return workers

    def addresses(self) -> list[str] | None:
        """Return the workers that answer now; None if nobody can tell."""
        workers = self._workers()
        return None if workers is None else sorted(workers)

    def submit(self, address: str, function: Callable[..., Any], *arguments: Any) -> object:
        """Let a worker call a function, it alone and once; return a ticket."""
        declared = (self._workers() or {}).get(address, {}).get("resources", {})
        ticket = self._client.submit(
            function, *arguments, workers=[address], allow_other_workers=False, retries=0,
            pure=False, resources={"machine": 1} if "machine" in declared else None,
        )  # fmt: skip
        self._waiting.add(ticket)
        return ticket

    def done(self, seconds: float) -> Iterator[tuple[object, Any]]:
        """Wait so long at most; yield the tickets that are done, with what came of them."""
        from distributed import TimeoutError, wait

        with suppress(TimeoutError):
            wait(self._waiting, timeout=seconds, return_when=FIRST_COMPLETED)
        for ticket in [one for one in self._waiting if one.done()]:
            self._waiting.remove(ticket)
            try:
                outcome = ticket.result(timeout=CONNECT_SECONDS)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # the task's own, or Dask's: a killed worker
                outcome = error
            yield ticket, outcome


def _over_ssh(hosts: Sequence[str]) -> Any:
    """Start a scheduler on the first host and a worker on each; they end with the cluster."""
    from distributed import SSHCluster

    return SSHCluster(
        [hosts[0], *hosts], worker_class="distributed.Worker", connect_options={},
        worker_options={"nthreads": 1, "resources": {"machine": 1}, "dashboard": False},
        scheduler_options={"dashboard": False},
    )  # fmt: skip


@contextmanager
def connected(scheduler: str | None, ssh: Sequence[str] = ()) -> Iterator[DaskCluster]:
    """Connect to a scheduler, given by its address or file, or start one over ssh on these hosts.

    Without either it is one of our own, in this process. Raises Refused.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise Refused(
            f"a fleet needs Dask's distributed, which is not installed here ({error}); expected "
            "it: python -m pip install 'mlp-bench[fleet]'"
        ) from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters we say
    with dask.config.set(QUIET):
        if scheduler is None:
            try:
                own = _over_ssh(ssh) if ssh else LocalCluster(
                    n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None,
                    resources={"machine": 1}, silence_logs=logging.CRITICAL,
                )  # fmt: skip
            except (ImportError, OSError, RuntimeError) as error:
                raise Refused(
                    f"no workers could be started on {', '.join(ssh)} ({error}); expected hosts "
                    "that ssh reaches without a password, with the suite at the same path: try "
                    "`ssh HOST dask worker --version`"
                ) from error
            with own, Client(own) as client:
                yield DaskCluster(client)
            return
        way = "scheduler_file" if Path(scheduler).is_file() else "address"
        try:
            client = Client(**{way: scheduler}, timeout=CONNECT_SECONDS)
        except (OSError, ValueError, TypeError) as error:
            raise Refused(
                f"no scheduler answers at {scheduler} ({error}); expected the address or the file "
                "of one: start it with `dask scheduler --no-dashboard`, see docs/fleet.md"
            ) from error
        with client:
            yield DaskCluster(client)
