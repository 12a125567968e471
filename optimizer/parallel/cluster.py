"""The engine whose workers are those of a dask.distributed cluster, which is an extra.

What travels is plain data, and functions by their names: never a model of the solver. Whoever
reaches a scheduler of dask can have anything executed on its workers: so what is not this machine
is spoken to by TLS alone, with certificates of an authority that serves the cluster."""

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
from optimizer.parallel.dispatch import DispatchingTeam, Job
from optimizer.parallel.interface import NO_LIMITS, Assignment, HandlerFactory, Limits
from optimizer.parallel.task_server import TaskRequest

LOCAL_ADDRESS = (
    "local"  # instead of an address: a cluster on this machine, for as long as the run lasts
)
COMPARED_PACKAGES = ("vorrat", "highspy", "numpy", "distributed")
"""Packages that answers depend on, or the talk about them."""
CONNECT_TIMEOUT = 15.0  # seconds for a scheduler, or a new worker, to answer
POLL_INTERVAL = 1.0  # seconds between two looks at who is there
TIME_LIMIT_GRACE = 30.0  # seconds after its time limit in which a worker should have ended itself
LEAVE_TIMEOUT = 2.0  # seconds that a team waits for workers to hear that it is over


class TlsFiles(NamedTuple):
    """The files of an encrypted connection (PEM); where they are None, dask's own settings hold."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


NO_TLS_FILES = TlsFiles()


def _is_installed(name: str) -> bool:
    with suppress(ImportError):
        return find_spec(name) is not None
    return False


def cluster_error(text: str, /, **about: object) -> ClusterError:
    """The error of a cluster: a text in the current language, with values put into it."""
    return ClusterError(tr(text, **about))


class Cluster:
    """The workers of a scheduler; ``"local"`` begins some on this machine.

    A team that asks for no number has ``jobs`` workers, or all that are there. For a scheduler, and
    for a worker where there is none, is waited for ``patience`` seconds. To be used as a context,
    which is the connection; ``when_needed`` leaves that to the first who needs it.

    Raises ClusterError where the address or the files of TLS do not do; and when connected where
    there is no scheduler or no worker, or one is not fit for use: it has more than one thread, or
    other versions than there are here. One that comes later and is not fit is left alone.
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
        # Certificates of a cluster that is begun here are made by cryptography.
        needed = ("distributed", "cryptography") if address == LOCAL_ADDRESS else ("distributed",)
        for package in needed:
            if not _is_installed(package):
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
        """Why each who is there is not fit for use; None where it is, "" where it is silent."""
        self._workers_checked_at = 0.0

    def __enter__(self) -> Self:
        if not self._connect_lazily:
            self.client()
        return self

    def __exit__(self, *exc: object) -> None:
        self._client, self._worker_faults = None, {}
        self._exit_stack.close()

    def client(self) -> Any:
        """The connection, made by who needs it first."""
        if self._client is None:
            with ExitStack() as stack:
                address, secured = self._address, self._security
                if address == LOCAL_ADDRESS:
                    address, secured = stack.enter_context(_local_cluster(self._jobs))
                self._client = stack.enter_context(
                    _connected_client(address, secured, self.wait_seconds)
                )
                self._wait_for_workers()
                self._exit_stack = stack.pop_all()
        return self._client

    def _wait_for_workers(self) -> None:
        """Wait for the first workers, and refuse those that are not fit for use."""
        until = time.monotonic() + self.wait_seconds
        while not self.worker_addresses and not any(self._worker_faults.values()):
            if self.is_lost():
                raise cluster_error("the scheduler of the cluster is lost")
            if time.monotonic() > until:
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
        """Workers that are there for the run, or as many of them as were asked for."""
        self.client()
        return self._jobs or max(1, len(self.worker_addresses))

    @property
    def worker_addresses(self) -> Sequence[str]:
        """The addresses of those who are there and fit for use; those who are new are asked what
        they are."""
        if time.monotonic() - self._workers_checked_at > POLL_INTERVAL or not self._worker_faults:
            self._workers_checked_at = time.monotonic()
            try:
                there = self._client.nthreads()
                told = {one: why for one, why in self._worker_faults.items() if one in there}
                new = {one: threads for one, threads in there.items() if one not in told}
                self._worker_faults = told | (
                    self._client.sync(self._check_new_workers, new) if new else {}
                )
            except Exception:  # whatever it is, nobody answers there any more
                self._scheduler_lost, self._worker_faults = True, {}
        return [one for one, problem in self._worker_faults.items() if problem is None]

    async def _check_new_workers(self, new_workers: Mapping[str, int]) -> dict[str, str | None]:
        """What is told of those who are new, with so many threads; none holds up the others."""
        from distributed.versions import get_versions

        here = comparable_versions(get_versions(packages=COMPARED_PACKAGES), 1)

        async def ask(one: str) -> str | None:
            how = {"workers": [one], "packages": COMPARED_PACKAGES, "on_error": "return"}
            with suppress(TimeoutError):
                asked = asyncio.wait_for(self._client.run(get_versions, **how), CONNECT_TIMEOUT)
                if isinstance(found := (await asked).get(one), dict):
                    return worker_mismatch(one, comparable_versions(found, new_workers[one]), here)
            return ""

        return dict(zip(new_workers, await asyncio.gather(*map(ask, new_workers)), strict=True))

    def is_lost(self) -> bool:
        """Whether the scheduler is there no more; another one would know nothing of tasks."""
        return self._scheduler_lost or self._client is None or self._client.status != "running"

    def team(
        self,
        make_handler: HandlerFactory,
        handler_args: tuple[Any, ...],
        jobs: int | None,
        assignment: Assignment = "fixed",
    ) -> ClusterTeam:
        """A team of so many workers, or of as many as are there now."""
        return ClusterTeam(
            self, make_handler, handler_args, jobs or self.worker_count, assignment, self._limits
        )


class ClusterTeam(DispatchingTeam):
    """Workers of a cluster; those that come later take part. Arrivals raise ClusterError where the
    scheduler is lost or no worker is left: what has come by then is all there is."""

    def __init__(self, cluster: Cluster, *team_args: Any) -> None:
        super().__init__(*team_args)
        self._cluster, self._client = cluster, cluster.client()
        self._outgrown_tasks: set[int] = set()
        """Numbers of tasks that outgrew their memory, as their workers tell before they end."""
        self._futures: dict[str, Any] = {}  # of the last task of each worker
        self._stuck_workers: set[str] = set()  # workers that neither end nor answer
        self._workers_seen_at = time.monotonic()  # when there last was a worker

    def __enter__(self) -> Self:
        self._client.subscribe_topic(self.team_id, lambda event: self._outgrown_tasks.add(event[1]))
        return self

    def __exit__(self, *exc: object) -> None:
        self.is_closed = True
        for job in self.running_jobs.values():
            self._cancel_job(job)
        if not self._cluster.is_lost():
            leaving = threading.Thread(target=self._disconnect_workers, daemon=True)
            leaving.start()
            leaving.join(LEAVE_TIMEOUT)

    def _disconnect_workers(self) -> None:
        """Let workers forget the team, and end those that are still at a task of it."""
        with suppress(Exception):  # nothing that matters any more
            self._client.unsubscribe_topic(self.team_id)
            how = {"workers": list(self._cluster.worker_addresses), "on_error": "ignore"}
            self._client.run(dask_worker.forget_team, self.team_id, bool(self.running_jobs), **how)

    def _available_workers(self) -> Sequence[str]:
        workers = [one for one in self._cluster.worker_addresses if one not in self._stuck_workers]
        if workers or self.running_jobs:
            self._workers_seen_at = time.monotonic()
        elif time.monotonic() - self._workers_seen_at > self._cluster.wait_seconds:
            raise self._lost_cluster_error(tr("the cluster has no workers left"))
        return workers

    def _send_job(self, job: Job, request: TaskRequest) -> None:
        try:
            future = self._client.submit(
                dask_worker.answer_pickled_request,
                pickle.dumps(request, pickle.HIGHEST_PROTOCOL),
                key=f"vorrat-{self.team_id}-{job.task_index}-{uuid.uuid4().hex[:8]}",
                workers=[job.worker],
                allow_other_workers=False,
                pure=False,
            )
            self._futures[job.worker] = future
            self._client.loop.add_callback(self._await_answer, job, future)
        except Exception as error:  # the client is closed, or will be
            raise self._lost_cluster_error(tr("the scheduler of the cluster is lost")) from error

    async def _await_answer(self, job: Job, future: Any) -> None:
        """Wait for a task in the client's own thread, and fetch its answer."""
        try:
            self.replies.put((job, await future))
        except BaseException as error:
            self.replies.put((job, error))

    def _check_workers(self) -> None:
        if self._cluster.is_lost():
            raise self._lost_cluster_error(tr("the scheduler of the cluster is lost"))
        there = self._cluster.worker_addresses
        most = (self.limits.seconds or math.inf) + TIME_LIMIT_GRACE
        for job in self.running_jobs.values():
            if job.elapsed_seconds > most:
                self._stuck_workers.add(job.worker)
            if job.worker not in there or job.worker in self._stuck_workers:
                self.replies.put((job, WorkerDied()))

    def _error_of_job(self, job: Job, error: BaseException) -> VorratError:
        """What dask says of a task that did not end as it should."""
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        if not isinstance(error, (CancelledError, CommClosedError, KilledWorker, WorkerDied)):
            raise error
        lost = getattr(error, "reason", "") == "scheduler-connection-lost"
        if lost or self._cluster.is_lost():
            raise self._lost_cluster_error(tr("the scheduler of the cluster is lost")) from error
        self._cancel_job(job)
        died = tr(
            "worker {address} of the cluster was lost, and so was the one before that had the "
            "same task; perhaps it takes more memory than they have",
            address=job.worker,
        )
        return process_limits.lost_task_error(
            self.limits, job.elapsed_seconds, job.task_index in self._outgrown_tasks, died
        )

    def _cancel_job(self, job: Job) -> None:
        with suppress(Exception):
            self._futures[job.worker].cancel(force=True)

    def _lost_cluster_error(self, reason: str) -> ClusterError:
        text = "{why}; {done} answers had come by then, and a batch goes on from them with --resume"
        return cluster_error(text, why=reason, done=self.answer_count)


def comparable_versions(dask_versions: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """What must be the same on both sides, by name, of what dask knows of one of them."""
    versions = {name: dask_versions["packages"].get(name) for name in COMPARED_PACKAGES}
    python = ".".join(dask_versions["packages"]["python"].split(".")[:2])
    return {"threads (--nthreads)": threads, "python": python, **versions}


def worker_mismatch(
    address: str, worker_versions: Mapping[str, Any], own_versions: Mapping[str, Any]
) -> str | None:
    """Why a worker that is like this cannot be used by who is like that, or None."""
    text = "worker {address} has {name} {other}, and here is {own}: answers would not be the same"
    for name, own in own_versions.items():
        if worker_versions[name] != own:
            return tr(text, address=address, name=name, other=worker_versions[name], own=own)
    return None


def with_protocol(address: str) -> str:
    """The address with its protocol: tls, unless it is tcp and stays on this machine. Raises
    ClusterError where it is none, or is not encrypted and leads elsewhere."""
    if address == LOCAL_ADDRESS:
        return address
    protocol, found, place = address.rpartition("://")
    protocol = protocol if found else "tls"
    host, colon, port = place.rpartition(":")
    if protocol not in ("tls", "tcp") or not (host and colon and port.isdecimal()):
        raise cluster_error(
            "'{address}' is no address of a scheduler, such as tls://10.0.0.5:8786.",
            address=address,
        )
    loopback = host == "localhost"
    with suppress(ValueError):
        loopback = loopback or ipaddress.ip_address(host.strip("[]")).is_loopback
    if protocol == "tcp" and not loopback:
        raise cluster_error(
            "'{address}' is another machine, which is spoken to by TLS alone: {secured}",
            address=address,
            secured=f"tls://{place}",
        )
    return f"{protocol}://{place}"


def _connection_security(address: str, tls_files: TlsFiles) -> Any:
    """How a scheduler at such an address is spoken to, as a ``distributed.Security``. Raises
    ClusterError where a file that TLS needs is not named or not there."""
    from distributed.security import Security

    if address.startswith("tcp://"):
        return Security(require_encryption=False)
    names = ("tls_ca_file", "tls_client_cert", "tls_client_key")
    given = {
        name: str(path) for name, path in zip(names, tls_files, strict=True) if path is not None
    }
    made = Security(require_encryption=True, **given)
    held = [getattr(made, name, None) for name in names]
    options = ("--tls-ca", "--tls-cert", "--tls-key")
    missing = [option for option, path in zip(options, held, strict=True) if path is None]
    if missing:
        raise cluster_error("TLS needs three files; missing: {options}", options=", ".join(missing))
    for path in map(str, held):
        if "\n" not in path and not Path(path).is_file():
            raise cluster_error("there is no file '{path}'", path=path)
    return made


@contextmanager
def _connected_client(address: str, security: Any, wait_seconds: float) -> Iterator[Any]:
    from distributed import Client

    # What is said here is said in other words.
    for name in ["distributed", *logging.root.manager.loggerDict]:
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    how: dict[str, Any] = {"security": security, "timeout": min(wait_seconds, CONNECT_TIMEOUT)}
    try:
        with warnings.catch_warnings():  # of versions, which are compared here
            warnings.simplefilter("ignore")
            client = Client(address, set_as_default=False, direct_to_workers=False, **how)
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
def _startup_errors_reworded() -> Iterator[None]:
    """Say in other words what dask raises where one of its processes ends before it has begun."""
    try:
        yield
    except Exception as error:
        raise cluster_error(
            "no cluster could be started on this machine: {problem}", problem=error
        ) from error


@contextmanager
def _local_cluster(jobs: int | None) -> Iterator[tuple[str, Any]]:
    """The address of a scheduler that is begun here, and how it is spoken to: TLS by certificates
    that are kept in memory alone; nothing listens beyond this machine, and there is no dashboard.
    """
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    secured = Security.temporary()
    routes = [f"distributed.{one}.http.routes" for one in ("scheduler", "worker")]
    with dask.config.set({route: [] for route in routes}):
        with task_server.sigint_blocked(), _startup_errors_reworded():
            cluster = LocalCluster(
                n_workers=jobs or usable_cores(),
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                protocol="tls://",
                security=secured,
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
                memory_limit=0,
                preload=[dask_worker.__name__],
            )
        try:
            yield cluster.scheduler_address, secured
        finally:
            with suppress(Exception):
                cluster.close(timeout=5)
