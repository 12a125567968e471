"""The connection to a cluster, and which of its workers are fit for use."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

from models.language import tr
from optimizer.errors import ClusterError
from optimizer.model.cores import usable_cores
from optimizer.parallel.cluster import serving
from optimizer.parallel.cluster.address import (
    LOCAL,
    Tls,
    check_installed,
    cluster_error,
    located,
    security,
)
from optimizer.parallel.cluster.dealing import ClusterTeam
from optimizer.parallel.cluster.serving import About
from optimizer.parallel.interface import NO_LIMITS, Dealing, Limits, Make
from optimizer.parallel.serving import ctrl_c_kept_out

NO_TLS = Tls()
CONNECTS_WITHIN = 15.0
"""Seconds for a scheduler to answer."""
LOOK = 1.0
"""Seconds between two looks at who is there."""


class Cluster:
    """The engine whose workers are those of a dask.distributed scheduler.

    Parameters
    ----------
    address
        Of the scheduler, such as ``tls://10.0.0.5:8786``; TLS where no protocol is named, and only
        this machine is spoken to in the clear. ``"local"`` begins workers on this machine.
    tls
        The files of TLS.
    limits
        What one task may take of its worker.
    jobs
        How many workers a team has that asks for none; all that are there where this is None.
    patience
        Seconds to wait for the scheduler, and for a worker where there is none.
    when_needed
        Whether the first who needs the connection makes it, rather than who enters the context.

    To be used as a context, which is the connection. Raises ClusterError where the address or the
    files of TLS do not do; and when entered where there is no scheduler or no worker, or where one
    is not fit for use: it has more than one thread, or other versions than there are here.
    """

    def __init__(
        self,
        address: str,
        *,
        tls: Tls = NO_TLS,
        limits: Limits = NO_LIMITS,
        jobs: int | None = None,
        patience: float = 60.0,
        when_needed: bool = False,
    ) -> None:
        check_installed()
        self.address = located(address)
        self._security = None if self.address == LOCAL else security(self.address, tls)
        self._limits = limits
        self._jobs = jobs
        self._patience = patience
        self._stack = ExitStack()
        self._connection: Connection | None = None
        self._when_needed = when_needed

    def __enter__(self) -> Self:
        if not self._when_needed:
            self._connect()
        return self

    def _connect(self) -> Connection:
        with ExitStack() as stack:
            address, secured = self.address, self._security
            if address == LOCAL:
                address, secured = stack.enter_context(local_cluster(self._jobs))
            client = stack.enter_context(_connected(address, secured, self._patience))
            self._connection = stack.enter_context(Connection(client, self._patience))
            self._stack = stack.pop_all()
        return self._connection

    def _there(self) -> Connection:
        """The connection, which is made by who needs it first where nobody has before."""
        if self._connection is None and not self._when_needed:
            raise RuntimeError("a cluster is used as a context")
        return self._connection or self._connect()

    def __exit__(self, *exc: object) -> None:
        self._connection = None
        self._stack.close()

    @property
    def name(self) -> str:
        """What manifests call it."""
        return "cluster"

    @property
    def size(self) -> int:
        """Workers that are there for the run, or as many of them as were asked for."""
        there = self._there()
        return self._jobs or max(1, len(there.workers))

    @property
    def workers(self) -> frozenset[str]:
        """The addresses of those who are there and fit for use."""
        return frozenset(self._connection.workers if self._connection is not None else ())

    def team(
        self, make: Make, given: tuple[Any, ...], jobs: int | None, dealing: Dealing = "fixed"
    ) -> ClusterTeam:
        """A team of so many workers, or of as many as are there now."""
        return ClusterTeam(self._there(), make, given, jobs or self.size, dealing, self._limits)


@contextmanager
def _connected(address: str, secured: Any, patience: float) -> Iterator[Any]:
    from distributed import Client

    _be_silent()
    try:
        # Versions are compared below, and all that differs is told at once.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            client = Client(
                address,
                security=secured,
                timeout=min(patience, CONNECTS_WITHIN),
                set_as_default=False,
                direct_to_workers=False,
            )
    except (OSError, ValueError, TimeoutError) as error:
        raise cluster_error(
            "no scheduler answers at {address}: {problem}", address=address, problem=error
        ) from error
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=2)


def _be_silent() -> None:
    """Say nothing of what is said here in other words."""
    for name in ["distributed", *logging.root.manager.loggerDict]:
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, eq=False)
class Worker:
    """A worker that is fit for use; another object of one address is another process there."""

    address: str


class Connection:
    """Who is there, as a thread of its own keeps finding out.

    A worker that comes later and is not fit for use is left alone.
    """

    def __init__(self, client: Any, patience: float) -> None:
        self.client = client
        self.patience = patience
        self.workers: Mapping[str, Worker] = {}
        """Those fit for use, by address."""
        self.lost = False
        """Whether the scheduler is there no more; another one would know nothing of tasks."""
        self._told: dict[str, About | BaseException] = {}
        """What those who are there say of themselves, by address."""
        self._looked, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        looked = self._looked.wait(self.patience)
        if not self.is_there():
            raise cluster_error("the scheduler of the cluster is lost")
        if not looked:
            raise cluster_error(
                "the cluster has no workers after {seconds:.0f} s; each is begun by: {command}",
                seconds=self.patience,
                command="dask worker ADDRESS --nworkers N --nthreads 1",
            )
        for address, about in self._told.items():
            if (problem := unfit(address, about, serving.versions())) is not None:
                raise ClusterError(problem)
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join(timeout=2)

    def is_there(self) -> bool:
        """Whether the scheduler still is."""
        return not self.lost and self.client.status == "running"

    def _keep_looking(self) -> None:
        while not self.lost:
            try:
                self._meet(self.client.nthreads())
            except Exception:  # whatever it is, nobody answers there any more
                self.lost = True
            if self._told or self.lost:
                self._looked.set()
            if self._over.wait(LOOK):
                return

    def _meet(self, there: Iterable[str]) -> None:
        """Ask those who are new what they are."""
        new = [one for one in there if one not in self._told]
        told = self.client.run(serving.about, workers=new, on_error="return") if new else {}
        gone = {one for one, about in told.items() if isinstance(about, OSError)}
        told = {one: about for one, about in {**self._told, **told}.items() if one in there}
        here = serving.versions()
        self.workers = {
            one: self.workers.get(one) or Worker(one)
            for one, about in told.items()
            if one not in gone and unfit(one, about, here) is None
        }
        self._told = {one: about for one, about in told.items() if one not in gone}


def unfit(address: str, about: About | BaseException, here: Mapping[str, str]) -> str | None:
    """Why a worker cannot be used by who has these versions, or None."""
    if isinstance(about, BaseException):
        return tr(
            "worker {address} fails: {problem}; scheduler and workers need the same environment as "
            "the one they are used from",
            address=address,
            problem=about,
        )
    if about.threads != 1:
        return tr(
            "worker {address} has {threads} threads, and the solver takes one: begin it with "
            "{command}",
            address=address,
            threads=about.threads,
            command="dask worker --nthreads 1",
        )
    for name, own in here.items():
        other = about.versions.get(name)
        if other != own:
            return tr(
                "worker {address} has {name} {other}, and here is {own}: answers would not be the "
                "same",
                address=address,
                name=name,
                other=other,
                own=own,
            )
    return None


@contextmanager
def local_cluster(jobs: int | None) -> Iterator[tuple[str, Any]]:
    """The address of its scheduler, and how it is spoken to.

    TLS by certificates that are made for it and kept in memory alone; nothing listens beyond this
    machine, and there is no dashboard.
    """
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    secured = Security.temporary()
    quiet: dict[str, Any] = {
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
    }
    with dask.config.set(quiet):
        with ctrl_c_kept_out():
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
                preload=[serving.__name__],
            )
        try:
            yield cluster.scheduler_address, secured
        finally:
            with suppress(Exception):
                cluster.close(timeout=5)
