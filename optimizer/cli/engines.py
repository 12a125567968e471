"""The options that say where problems are solved, and the engine that they ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from models.language import tr
from optimizer.cli import options
from optimizer.cli.supervision import child

if TYPE_CHECKING:
    from optimizer.parallel import Dealing, Engine, Limits, Team
    from optimizer.parallel.cluster import Cluster

_Made = TypeVar("_Made", bound=Callable[..., Any])


def _file(name: str, what: str) -> Callable[[_Made], _Made]:
    return click.option(
        name,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help=what,
    )


scheduler = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Solve on the workers of this dask.distributed scheduler, such as tls://10.0.0.5:8786, or "
    "of one begun here for the run: local.",
)
tls_ca = _file(
    "--tls-ca", "Certificates of the authority that scheduler and workers are certified by."
)
tls_cert = _file("--tls-cert", "The certificate by which the scheduler knows this side.")
tls_key = _file("--tls-key", "The private key of that certificate.")


def engine_options(command: _Made) -> _Made:
    """--memory-limit, --scheduler and the files of TLS: what ``asked_for`` takes beside jobs."""
    for option in (tls_key, tls_cert, tls_ca, scheduler, options.memory_limit):
        command = option(command)
    return command


def limited(command: Callable[..., int]) -> Any:
    """--memory-limit, of a command that solves in its own process alone."""

    @wraps(command)
    def with_limit(*, memory_limit: int | None, **others: Any) -> int:
        child.limit_memory(memory_limit)
        return command(**others)

    return options.memory_limit(with_limit)


def chosen(command: Callable[..., int]) -> Any:
    """The options of an engine, which is in use while the command runs; of them the command takes
    ``jobs`` alone. The process itself may take no more memory than one of the engine."""

    @wraps(command)
    def with_engine(**values: Any) -> int:
        where = taken(values)
        child.limit_memory(where["memory_limit"])
        with asked_for(jobs=values["jobs"], alone=True, **where):
            return command(**values)

    return engine_options(with_engine)


def taken(values: dict[str, Any]) -> dict[str, Any]:
    """What ``asked_for`` takes of the values of a command, which are left without it."""
    names = ("memory_limit", "scheduler", "tls_ca", "tls_cert", "tls_key")
    return {name: values.pop(name) for name in names}


@contextmanager
def asked_for(
    *,
    jobs: int | None = None,
    memory_limit: int | None = None,
    seconds: float | None = None,
    scheduler: str | None = None,
    tls_ca: Path | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    alone: bool = False,
) -> Iterator[Engine]:
    """The engine that these options ask for, in use for as long as the context lasts.

    ``seconds`` is what one task may take, well above the time limit of its solver. What is asked
    for ``alone`` is one answer: one that needs no second process takes none, even with a limit of
    memory, and a cluster is entered by the first who needs it, when all else has been checked.
    Raises click.UsageError where options do not go together, and ClusterError where the cluster is
    not there or not fit for use.
    """
    from optimizer.parallel import Limits, Processes, using

    limits = Limits(memory=memory_limit, seconds=seconds)
    if scheduler is None:
        if tls_ca or tls_cert or tls_key:
            raise click.UsageError(tr("the files of TLS are for a --scheduler."))
        engine = Processes(limits, jobs, watched=alone)
        with using(engine):
            yield engine
        return
    cluster = _cluster(scheduler, (tls_ca, tls_cert, tls_key), limits, jobs)
    with ExitStack() as stack:
        found = _WhenNeeded(cluster, stack) if alone else stack.enter_context(cluster)
        stack.enter_context(using(found))
        yield found


class _WhenNeeded:
    """A cluster that is entered by who first needs it."""

    def __init__(self, cluster: Cluster, stack: ExitStack) -> None:
        self._cluster, self._stack = cluster, stack
        self._entered: Cluster | None = None

    @property
    def name(self) -> str:
        return self._cluster.name

    @property
    def size(self) -> int | None:
        return self._needed().size

    def team(
        self,
        make: Callable[..., Callable[[Any], Any]],
        given: tuple[Any, ...],
        jobs: int | None,
        dealing: Dealing = "fixed",
    ) -> Team[Any, Any]:
        return self._needed().team(make, given, jobs, dealing)

    def _needed(self) -> Cluster:
        if self._entered is None:
            self._entered = self._stack.enter_context(self._cluster)
        return self._entered


def _cluster(
    scheduler: str,
    files: tuple[Path | None, Path | None, Path | None],
    limits: Limits,
    jobs: int | None,
) -> Cluster:
    from optimizer.errors import ClusterError
    from optimizer.parallel.cluster import Cluster, Tls

    try:
        return Cluster(scheduler, tls=Tls(*files), limits=limits, jobs=jobs)
    except ClusterError as error:  # nothing was tried as yet: it is how it was asked for
        raise click.UsageError(str(error)) from None
