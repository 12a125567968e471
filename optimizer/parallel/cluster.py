"""Engine whose workers belong to a dask.distributed cluster (an optional dependency).

Only plain data and names of functions are sent, never solver models. Anyone who can reach a dask
scheduler can execute code on its workers. Connections to other machines therefore use TLS only,
with certificates of an authority that serves only the cluster.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import math
import pickle
import threading
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Self

from models.language import tr
from optimizer.errors import ClusterError, VorratError, WorkerDied
from optimizer.model.cores import usable_cores
from optimizer.parallel import dask_worker, process_limits, task_server
from optimizer.parallel.dispatch import DispatchingExecutor, Job
from optimizer.parallel.interface import NO_LIMITS, Assignment, HandlerFactory, Limits
from optimizer.parallel.task_server import TaskRequest

LOCAL_ADDRESS = "local"  # in place of an address: a temporary cluster on this machine
COMPARED_PACKAGES = ("vorrat", "highspy", "numpy", "distributed")
"""Packages whose versions must agree, since results or communication depend on them."""
CONNECT_TIMEOUT = 15.0  # seconds that a scheduler or a new worker may take to answer
POLL_INTERVAL = 1.0  # seconds between checks of the workers
TIME_LIMIT_GRACE = 30.0  # seconds beyond the limit before a worker counts as stuck
LEAVE_TIMEOUT = 2.0  # seconds that a closing executor waits for its workers


class TlsFiles(NamedTuple):
    """Files of a TLS connection in PEM format. Where one is None, the setting of dask applies."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


NO_TLS_FILES = TlsFiles()


def cluster_error(text: str, /, **values: object) -> ClusterError:
    """Return a ClusterError with a text in the current language that contains ``values``."""
    return ClusterError(tr(text, **values))


class Cluster:
    """Engine that uses the workers of a dask scheduler. The address ``"local"`` starts a cluster on
    this machine.

    An executor for which no number is requested has ``jobs`` workers, or all available ones if that
    is None. ``wait_seconds`` is the time to wait for a scheduler, and for a worker while there is
    none. The context manager holds the connection; with ``connect_lazily`` it is opened on first
    use.

    Raise ClusterError if the address or the TLS files are invalid. On connecting, raise it if there
    is no scheduler or no worker, or if a worker is unsuitable: it has more than one thread, or
    other versions than this process. Unsuitable workers that join later are ignored.
    """

    name = "cluster"

    def __init__(
        self,
        address: str,
        *,
        tls: TlsFiles = NO_TLS_FILES,
        limits: Limits = NO_LIMITS,
        jobs: int | None = None,
        wait_seconds: float = 60.0,
        connect_lazily: bool = False,
    ) -> None:
        # A local cluster creates its certificates with the package cryptography.
        for package in ("distributed", "cryptography")[: 2 if address == LOCAL_ADDRESS else 1]:
            if find_spec(package) is None:
                raise cluster_error(
                    "a cluster needs the package {package}: install Vorrat with its extra {extra}",
                    package=package,
                    extra="'cluster'",
                )
        self._address = with_protocol(address)
        self._security = (
            None if self._address == LOCAL_ADDRESS else _connection_security(self._address, tls)
        )
        self._limits, self._jobs, self._connect_lazily = limits, jobs, connect_lazily
        self.wait_seconds = wait_seconds
        self._exit_stack = ExitStack()
        self._client: Any = None
        self._scheduler_lost = False
        self._worker_faults: dict[str, str | None] = {}
        """By address: why a worker is unsuitable; None if it is suitable, "" without an answer."""
        self._workers_checked_at = 0.0

    def __enter__(self) -> Self:
        if not self._connect_lazily:
            self.client()
        return self

    def __exit__(self, *exc: object) -> None:
        self._client, self._worker_faults = None, {}
        self._exit_stack.close()

    def client(self) -> Any:
        """Return the client of the scheduler. The first call opens the connection."""
        if self._client is None:
            with ExitStack() as stack:
                address, security = self._address, self._security
                if address == LOCAL_ADDRESS:
                    address, security = stack.enter_context(_local_cluster(self._jobs))
                self._client = stack.enter_context(
                    _connected_client(address, security, self.wait_seconds)
                )
                self._wait_for_workers()
                self._exit_stack = stack.pop_all()
        return self._client

    def _wait_for_workers(self) -> None:
        """Wait until there are workers. Raise ClusterError if one of them is unsuitable, if the
        scheduler is lost, or if no worker is present after ``wait_seconds``."""
        deadline = time.monotonic() + self.wait_seconds
        while not self.worker_addresses and not any(self._worker_faults.values()):
            if self.is_lost():
                raise cluster_error("the scheduler of the cluster is lost")
            if time.monotonic() > deadline:
                raise cluster_error(
                    "the cluster has no workers after {seconds:.0f} s; each is begun by: "
                    "dask worker ADDRESS --nworkers N --nthreads 1",
                    seconds=self.wait_seconds,
                )
            time.sleep(POLL_INTERVAL / 10)
        for problem in filter(None, self._worker_faults.values()):
            raise ClusterError(problem)

    @property
    def worker_count(self) -> int:
        """Number of workers to use: as requested, otherwise all available workers."""
        self.client()
        return self._jobs or max(1, len(self.worker_addresses))

    @property
    def worker_addresses(self) -> Sequence[str]:
        """Addresses of the suitable workers. Versions of new workers are checked first."""
        if time.monotonic() - self._workers_checked_at > POLL_INTERVAL or not self._worker_faults:
            self._workers_checked_at = time.monotonic()
            try:
                thread_counts = self._client.nthreads()
                known_faults = {w: f for w, f in self._worker_faults.items() if w in thread_counts}
                new_workers = {w: n for w, n in thread_counts.items() if w not in known_faults}
                self._worker_faults = known_faults | (
                    self._client.sync(self._check_new_workers, new_workers) if new_workers else {}
                )
            except Exception:  # any error means that the scheduler does not answer
                self._scheduler_lost, self._worker_faults = True, {}
        return [address for address, problem in self._worker_faults.items() if problem is None]

    async def _check_new_workers(self, new_workers: Mapping[str, int]) -> dict[str, str | None]:
        """Return for each new worker the reason why it is unsuitable, or None. ``new_workers``
        gives the number of threads by address.

        All workers are asked concurrently.
        """
        from distributed.versions import get_versions

        own_versions = comparable_versions(get_versions(packages=COMPARED_PACKAGES), 1)

        async def find_fault(address: str) -> str | None:
            options = {"workers": [address], "packages": COMPARED_PACKAGES, "on_error": "return"}
            with suppress(TimeoutError):
                pending_versions = asyncio.wait_for(
                    self._client.run(get_versions, **options), CONNECT_TIMEOUT
                )
                if isinstance(versions := (await pending_versions).get(address), dict):
                    return worker_mismatch(
                        address, comparable_versions(versions, new_workers[address]), own_versions
                    )
            return ""

        return dict(
            zip(new_workers, await asyncio.gather(*map(find_fault, new_workers)), strict=True)
        )

    def submit(self, request: TaskRequest, key: str, address: str) -> Any:
        """Send a request to one worker. Return the future of dask for its reply, under ``key``."""
        return self._client.submit(
            dask_worker.answer_pickled_request, pickle.dumps(request, pickle.HIGHEST_PROTOCOL),
            key=key, workers=[address], allow_other_workers=False, pure=False,
        )  # fmt: skip

    def forget_executor(self, executor_id: str, kill: bool, addresses: Sequence[str]) -> None:
        """Remove an executor from workers; with ``kill`` end those that still run its tasks."""
        run_options = {"workers": list(addresses), "on_error": "ignore"}
        self._client.run(dask_worker.forget_executor, executor_id, kill, **run_options)

    def is_lost(self) -> bool:
        """Check whether the connection is lost. A new scheduler would not know the tasks."""
        return self._scheduler_lost or self._client is None or self._client.status != "running"

    def executor(
        self,
        make_handler: HandlerFactory,
        handler_args: tuple[Any, ...],
        jobs: int | None,
        assignment: Assignment = "fixed",
    ) -> ClusterExecutor:
        """Return an executor of ``jobs`` workers; of all workers present if ``jobs`` is None."""
        return ClusterExecutor(
            self, make_handler, handler_args, jobs or self.worker_count, assignment, self._limits
        )


class ClusterExecutor(DispatchingExecutor):
    """Executor of cluster workers, including workers that join later.

    ``as_completed`` raises ClusterError if the scheduler or the last worker is lost. Results
    received before that remain valid.
    """

    def __init__(self, cluster: Cluster, *executor_args: Any) -> None:
        super().__init__(*executor_args)
        self._cluster, self._client = cluster, cluster.client()
        self._outgrown_tasks: set[int] = set()
        """Indices of tasks that exceeded their memory limit, as reported before the worker ends."""
        self._futures: dict[str, Any] = {}  # of the latest task, by worker
        self._stuck_workers: set[str] = set()  # workers that do not answer after their time limit
        self._workers_seen_at = time.monotonic()  # when a worker was last available

    def __enter__(self) -> Self:
        self._client.subscribe_topic(
            self.executor_id, lambda event: self._outgrown_tasks.add(event[1])
        )
        return self

    def __exit__(self, *exc: object) -> None:
        self.is_closed = True
        for job in self.running_jobs.values():
            self._cancel_job(job)
        if not self._cluster.is_lost():
            disconnect_thread = threading.Thread(target=self._disconnect_workers, daemon=True)
            disconnect_thread.start()
            disconnect_thread.join(LEAVE_TIMEOUT)

    def _disconnect_workers(self) -> None:
        """Remove the executor from all workers. Those that still run one of its tasks are ended."""
        with suppress(Exception):  # best effort at the end of an executor
            self._client.unsubscribe_topic(self.executor_id)
            self._cluster.forget_executor(
                self.executor_id, bool(self.running_jobs), self._cluster.worker_addresses
            )

    def _available_workers(self) -> Sequence[str]:
        workers = [w for w in self._cluster.worker_addresses if w not in self._stuck_workers]
        if workers or self.running_jobs:
            self._workers_seen_at = time.monotonic()
        elif time.monotonic() - self._workers_seen_at > self._cluster.wait_seconds:
            raise self._lost_cluster_error(tr("the cluster has no workers left"))
        return workers

    def _send_job(self, job: Job, request: TaskRequest) -> None:
        try:
            key = f"vorrat-{self.executor_id}-{job.task_index}-{uuid.uuid4().hex[:8]}"
            future = self._cluster.submit(request, key, job.worker)
            self._futures[job.worker] = future
            self._client.loop.add_callback(self._await_answer, job, future)
        except Exception as error:  # the client is closed or closing
            raise self._lost_cluster_error(tr("the scheduler of the cluster is lost")) from error

    async def _await_answer(self, job: Job, future: Any) -> None:
        """Wait for the future of a job in the event loop of the client, and put the reply into the
        queue."""
        try:
            self.replies.put((job, await future))
        except BaseException as error:
            self.replies.put((job, error))

    def _check_workers(self) -> None:
        if self._cluster.is_lost():
            raise self._lost_cluster_error(tr("the scheduler of the cluster is lost"))
        addresses = self._cluster.worker_addresses
        max_seconds = (self.limits.seconds or math.inf) + TIME_LIMIT_GRACE
        for job in self.running_jobs.values():
            if job.elapsed_seconds > max_seconds:
                self._stuck_workers.add(job.worker)
            if job.worker not in addresses or job.worker in self._stuck_workers:
                self.replies.put((job, WorkerDied()))

    def _error_of_job(self, job: Job, error: BaseException) -> VorratError:
        """Return the error of a job whose worker was lost, in place of dask's error."""
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        if not isinstance(error, (CancelledError, CommClosedError, KilledWorker, WorkerDied)):
            raise error
        lost_connection = getattr(error, "reason", "") == "scheduler-connection-lost"
        if lost_connection or self._cluster.is_lost():
            raise self._lost_cluster_error(tr("the scheduler of the cluster is lost")) from error
        self._cancel_job(job)
        message = tr(
            "worker {address} of the cluster was lost, and so was the one before that had the "
            "same task; perhaps it takes more memory than they have",
            address=job.worker,
        )
        return process_limits.lost_task_error(
            self.limits, job.elapsed_seconds, job.task_index in self._outgrown_tasks, message
        )

    def _cancel_job(self, job: Job) -> None:
        with suppress(Exception):
            self._futures[job.worker].cancel(force=True)

    def _lost_cluster_error(self, reason: str) -> ClusterError:
        text = "{why}; {done} answers had come by then, and a batch goes on from them with --resume"
        return cluster_error(text, why=reason, done=self.answer_count)


def comparable_versions(dask_versions: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """Return the versions and settings that a worker must have in common with this process, by
    name, from dask's version report."""
    versions = {name: dask_versions["packages"].get(name) for name in COMPARED_PACKAGES}
    python = ".".join(dask_versions["packages"]["python"].split(".")[:2])
    return {"threads (--nthreads)": threads, "python": python, **versions}


def worker_mismatch(
    address: str, worker_versions: Mapping[str, Any], own_versions: Mapping[str, Any]
) -> str | None:
    """Return the reason why a worker with these versions is unsuitable; None if it is suitable."""
    text = "worker {address} has {name} {other}, and here is {own}: answers would not be the same"
    for name, own_value in own_versions.items():
        if worker_versions[name] != own_value:
            return tr(text, address=address, name=name, other=worker_versions[name], own=own_value)
    return None


def with_protocol(address: str) -> str:
    """Return the address with a protocol: tls, or tcp if the address is on this machine.

    Raise ClusterError if the address is invalid, or if it is unencrypted and on another machine.
    """
    if address == LOCAL_ADDRESS:
        return address
    protocol, separator, host_and_port = address.rpartition("://")
    protocol = protocol if separator else "tls"
    host, colon, port = host_and_port.rpartition(":")
    if protocol not in ("tls", "tcp") or not (host and colon and port.isdecimal()):
        raise cluster_error(
            "'{address}' is no address of a scheduler, such as tls://10.0.0.5:8786.",
            address=address,
        )
    is_loopback = host == "localhost"
    with suppress(ValueError):
        is_loopback = is_loopback or ipaddress.ip_address(host.strip("[]")).is_loopback
    if protocol == "tcp" and not is_loopback:
        raise cluster_error(
            "'{address}' is another machine, which is spoken to by TLS alone: {secured}",
            address=address,
            secured=f"tls://{host_and_port}",
        )
    return f"{protocol}://{host_and_port}"


def _connection_security(address: str, tls_files: TlsFiles) -> Any:
    """Return the ``distributed.Security`` object for the connection to a scheduler address.

    Raise ClusterError if a required TLS file is not specified or does not exist.
    """
    from distributed.security import Security

    if address.startswith("tcp://"):
        return Security(require_encryption=False)
    names = ("tls_ca_file", "tls_client_cert", "tls_client_key")
    tls_settings = {
        name: str(path) for name, path in zip(names, tls_files, strict=True) if path is not None
    }
    security = Security(require_encryption=True, **tls_settings)
    paths = [getattr(security, name, None) for name in names]
    options = ("--tls-ca", "--tls-cert", "--tls-key")
    missing = [option for option, path in zip(options, paths, strict=True) if path is None]
    if missing:
        raise cluster_error("TLS needs three files; missing: {options}", options=", ".join(missing))
    for path in map(str, paths):
        if "\n" not in path and not Path(path).is_file():
            raise cluster_error("there is no file '{path}'", path=path)
    return security


@contextmanager
def _connected_client(address: str, security: Any, wait_seconds: float) -> Iterator[Any]:
    from distributed import Client

    # Errors are reported by this module; dask's log would repeat them.
    for name in ["distributed", *logging.root.manager.loggerDict]:
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    options = {"security": security, "timeout": min(wait_seconds, CONNECT_TIMEOUT)}
    try:
        with warnings.catch_warnings():  # version differences, which this module checks itself
            warnings.simplefilter("ignore")
            client = Client(address, set_as_default=False, direct_to_workers=False, **options)
    except (OSError, ValueError, TimeoutError) as error:
        raise cluster_error(
            "no scheduler answers at {address}: {problem}", address=address, problem=error
        ) from error
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=2)


@contextmanager
def _local_cluster(jobs: int | None) -> Iterator[tuple[str, Any]]:
    """Start a scheduler and workers on this machine. Yield the scheduler's address and the security
    object.

    The TLS certificates are kept in memory only. No port is open to other machines, and there is no
    dashboard.
    """
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    security = Security.temporary()
    routes = [f"distributed.{role}.http.routes" for role in ("scheduler", "worker")]
    with dask.config.set({route: [] for route in routes}):
        try:
            with task_server.sigint_blocked():
                cluster = LocalCluster(
                    n_workers=jobs or usable_cores(), threads_per_worker=1, processes=True,
                    host="127.0.0.1", protocol="tls://", security=security,
                    dashboard_address="127.0.0.1:0", scheduler_kwargs={"dashboard": False},
                    silence_logs=logging.CRITICAL, memory_limit=0, preload=[dask_worker.__name__],
                )  # fmt: skip
        except Exception as error:
            raise cluster_error(
                "no cluster could be started on this machine: {problem}", problem=error
            ) from error
        try:
            yield cluster.scheduler_address, security
        finally:
            with suppress(Exception):
                cluster.close(timeout=5)
