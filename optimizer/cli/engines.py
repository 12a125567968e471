"""The options that say where problems are solved, and the engine that they ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from models.language import tr
from optimizer.cli import options

if TYPE_CHECKING:
    from optimizer.engine import Engine

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
    """--jobs, --memory-limit, --scheduler and the files of TLS: what ``asked_for`` takes."""
    for option in (tls_key, tls_cert, tls_ca, scheduler, options.memory_limit, options.jobs):
        command = option(command)
    return command


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
) -> Iterator[Engine]:
    """The engine that these options ask for, in use for as long as the context lasts.

    ``seconds`` is what one task may take, well above the time limit of its solver. Raises
    click.UsageError where options do not go together, and ClusterError where the cluster is not
    there or not fit for use.
    """
    from optimizer.engine import Limits, Processes, using

    limits = Limits(memory=memory_limit, seconds=seconds)
    if scheduler is None:
        if tls_ca or tls_cert or tls_key:
            raise click.UsageError(tr("the files of TLS are for a --scheduler."))
        engine = Processes(limits, jobs)
        with using(engine):
            yield engine
        return
    with _cluster(scheduler, (tls_ca, tls_cert, tls_key), limits, jobs) as cluster, using(cluster):
        yield cluster


def _cluster(
    scheduler: str,
    files: tuple[Path | None, Path | None, Path | None],
    limits: Any,
    jobs: int | None,
) -> Any:
    from optimizer.engine.cluster import Cluster, Tls
    from optimizer.errors import ClusterError

    try:
        return Cluster(scheduler, tls=Tls(*files), limits=limits, jobs=jobs)
    except ClusterError as error:  # nothing was tried as yet: it is how it was asked for
        raise click.UsageError(str(error)) from None
