"""Engine whose workers belong to a dask.distributed cluster (an optional dependency).

Connection, certificates and retries are those of distributed, as its configuration states. Only
plain data and names of functions are sent, never solver models. Anyone who can reach a dask
scheduler can execute code on its workers, so other machines are reached with TLS only.
"""

from __future__ import annotations

import logging
import sys
import time
from concurrent.futures import CancelledError
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from typing import Any, Self

from optimizer.errors import ClusterError, VorratError
from optimizer.parallel import NO_LIMITS, Assignment, HandlerFactory, Limits
from optimizer.parallel.process_limits import lost_task_error
from optimizer.parallel.processes import Job, LaneExecutor
from optimizer.parallel.task_server import Lane, TaskReply, TaskRequest

COMPARED_PACKAGES = ("vorrat", "highspy", "numpy")  # results depend on their versions
CONNECT_TIMEOUT = 15.0  # seconds that a scheduler may take to answer
WAIT_SECONDS = 60.0  # seconds to wait for the first worker
RESTART_TIMEOUT = 5.0  # seconds that a worker may take to end when nobody waits for its task
LOOPBACK = ("tcp://127.0.0.1:", "tcp://localhost:", "tcp://[::1]:")


class Cluster:
    """Engine that uses the workers of a dask scheduler.

    An executor for which no number is requested has ``jobs`` workers, or all that are present if
    that is None. The context manager holds the connection; with ``connect_lazily`` it is opened on
    first use. Raise ClusterError if the address is on another machine and without TLS, and on
    connecting if there is no scheduler or no worker.
    """

    name = "cluster"

    def __init__(
        self,
        address: str,
        *,
        limits: Limits = NO_LIMITS,
        jobs: int | None = None,
        connect_lazily: bool = False,
    ) -> None:
        if find_spec("distributed") is None:
            raise ClusterError(
                "a cluster needs the package distributed: install Vorrat with its extra 'cluster'"
            )
        self._address = address if "://" in address else f"tls://{address}"
        if not self._address.startswith(("tls://", *LOOPBACK)):
            raise ClusterError(
                f"'{address}' is another machine, which is reached by TLS alone: tls://HOST:PORT"
            )
        self._limits, self._jobs, self._connect_lazily = limits, jobs, connect_lazily
        self._client: Any = None

    def __enter__(self) -> Self:
        if not self._connect_lazily:
            self.client()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._client is not None:
            with suppress(Exception):
                self._client.close(timeout=2)
            self._client = None

    def client(self) -> Any:
        """Return the client of the scheduler. The first call opens the connection."""
        if self._client is None:
            from distributed import Client, Security

            # Errors are reported by this module; the log of dask would repeat them.
            for name in [*logging.root.manager.loggerDict]:
                if name.startswith("distributed"):
                    logging.getLogger(name).setLevel(logging.CRITICAL + 1)
            try:
                security = Security(require_encryption=not self._address.startswith(LOOPBACK))
                self._client = Client(
                    self._address, security=security, timeout=CONNECT_TIMEOUT,
                    set_as_default=False, direct_to_workers=False,
                )  # fmt: skip
            except (OSError, ValueError, TypeError, RuntimeError) as error:
                raise ClusterError(
                    f"no scheduler of dask answers at {self._address}: {error}"
                ) from error
            try:
                self._client.wait_for_workers(1, timeout=WAIT_SECONDS)
            except TimeoutError as error:
                self.__exit__()
                raise ClusterError(
                    f"the cluster has no workers after {WAIT_SECONDS:.0f} s; each is begun by: "
                    "dask worker ADDRESS --nworkers N --nthreads 1"
                ) from error
        return self._client

    @property
    def worker_count(self) -> int:
        """Number of workers to use: as requested, otherwise all that are present."""
        return self._jobs or len(self.client().nthreads())

    def executor(
        self,
        make_handler: HandlerFactory,
        handler_args: tuple[Any, ...],
        jobs: int | None,
        assignment: Assignment = "fixed",
    ) -> ClusterExecutor:
        """Return an executor of ``jobs`` workers; of all workers present if ``jobs`` is None."""
        jobs = jobs or self._jobs
        executor = ClusterExecutor(
            make_handler, handler_args, jobs or self.worker_count, assignment, self._limits
        )
        executor.client, executor.may_grow = self.client(), jobs is None and assignment == "next"
        return executor


class ClusterExecutor(LaneExecutor):
    """Executor of cluster workers. A lane stays on one worker until that is lost.

    ``as_completed`` raises ClusterError if the scheduler is lost or a worker is unsuitable. Results
    received before that remain valid.
    """

    max_attempts = 1  # dask itself tries a task again whose worker was lost
    client: Any
    may_grow: bool  # whether workers that join later are used

    def __init__(self, *executor_args: Any) -> None:
        super().__init__(*executor_args)
        self._lanes: dict[int, tuple[Any, dict[str, Any]]] = {}
        self._futures: dict[int, Any] = {}  # of the latest task, by lane
        self._versions = comparable_versions()

    def __exit__(self, *exc: object) -> None:
        """Release the lanes. Workers that still run one of their tasks are restarted."""
        self.is_closed = True
        futures = [self._futures[lane] for lane in self.running_jobs]
        if futures and self.client.status == "running":
            keys = {future.key for future in futures}
            with suppress(Exception):  # without a nanny the worker goes on
                processing = self.client.processing()
                self.client.cancel(futures, force=True)
                busy = [worker for worker, tasks in processing.items() if keys & {*tasks}]
                self.client.restart_workers(busy, timeout=RESTART_TIMEOUT, raise_for_error=False)

    def _send(self, job: Job) -> Any:
        try:
            if self.may_grow:
                self.lane_count = max(1, len(self.client.nthreads()))
            if job.lane not in self._lanes:
                self._lanes[job.lane] = self._make_lane(job.lane)
            lane, where = self._lanes[job.lane]
            future = self.client.submit(
                answer_on_worker, lane, job.request, self._versions, pure=False, **where
            )
        except Exception as error:  # the client is closed or closing
            raise self._lost_cluster_error() from error
        self._futures[job.lane] = future
        return future

    def _make_lane(self, number: int) -> tuple[Any, dict[str, Any]]:
        """Return a lane and the options of ``submit`` for its tasks. With fixed assignment it is
        kept on one worker; otherwise each task has a new one."""
        workers = sorted(self.client.nthreads())
        if not self.has_fixed_assignment or not workers:
            return Lane(self.pickled_handler), {}
        where = {"workers": workers[number % len(workers)], "allow_other_workers": True}
        return self.client.submit(Lane, self.pickled_handler, pure=False, **where), where

    def _error_of_job(self, job: Job, error: BaseException) -> VorratError:
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        if isinstance(error, (CancelledError, CommClosedError)):
            raise self._lost_cluster_error() from error
        if not isinstance(error, KilledWorker):
            raise error
        message = (
            f"the worker {error.last_worker.address} of the cluster was lost, as those before it "
            "that had the same task; perhaps it takes more memory than they have"
        )
        seconds = time.monotonic() - job.started_at
        return lost_task_error(self.limits, seconds, False, message)

    def _lost_cluster_error(self) -> ClusterError:
        return ClusterError(
            f"the scheduler of the cluster is lost; {self.answer_count} answers had come by then, "
            "and a batch goes on from them with --resume"
        )


def comparable_versions() -> dict[str, Any]:
    """Return the versions and settings that a worker must have in common with its client."""
    versions = {name: metadata.version(name) for name in COMPARED_PACKAGES}
    return versions | {"Python": "{}.{}".format(*sys.version_info), "--nthreads": 1}


def answer_on_worker(lane: Lane, request: TaskRequest, versions: dict[str, Any]) -> TaskReply:
    """Return the reply to one task; this runs in a thread of a worker. Raise ClusterError if
    answers may differ from those of the client, or if tasks may run at the same time."""
    from distributed import get_worker

    worker = get_worker()
    for name, own in (comparable_versions() | {"--nthreads": worker.state.nthreads}).items():
        if own != versions[name]:
            raise ClusterError(
                f"worker {worker.address} has {name} {own} instead of {versions[name]}: its "
                "answers would not be the same"
            )
    return lane.answer(request)
