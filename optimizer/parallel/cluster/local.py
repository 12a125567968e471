"""A cluster on this machine, for as long as the run lasts: to try out what runs on a larger one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from optimizer.model.cores import usable_cores
from optimizer.parallel.cluster import serving
from optimizer.parallel.serving import ctrl_c_kept_out


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
