"""Tasks of a team handed to the workers of a cluster.

dask would deal out by itself and, where a worker is lost, begin anew what it had as often as it is
told to. Here each task is bound to one worker.
"""

from __future__ import annotations

import pickle
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from models.language import tr
from optimizer.errors import ClusterError, OutOfMemory, TimedOut, VorratError, WorkerLost
from optimizer.parallel.cluster import serving
from optimizer.parallel.cluster.address import cluster_error
from optimizer.parallel.dealing import DealingTeam, Job, Round
from optimizer.parallel.interface import Dealing, Limits, Make
from optimizer.parallel.serving import Order

if TYPE_CHECKING:
    from optimizer.parallel.cluster.connecting import Connection, Worker

GRACE = 30.0
"""Seconds after its time limit in which a worker should have ended itself."""
LEAVES_WITHIN = 2.0
"""Seconds that a team waits for workers to hear that it is over."""


class ClusterTeam(DealingTeam):
    """Workers of a cluster; those that come later take part.

    Arrivals raise ClusterError where the scheduler is lost or no worker is left: what has come by
    then is all there is.
    """

    def __init__(
        self,
        connection: Connection,
        make: Make,
        given: tuple[Any, ...],
        jobs: int,
        dealing: Dealing,
        limits: Limits,
    ) -> None:
        super().__init__(make, given, jobs, dealing, limits)
        self._connection = connection
        self._outgrown: set[int] = set()
        """Numbers of tasks that outgrew their memory, as their workers tell before they end."""
        self._stuck: set[Worker | None] = set()
        self._alone = time.monotonic()
        """When there last was a worker."""

    def __enter__(self) -> Self:
        topic = serving.topic(self.name)
        self._connection.client.subscribe_topic(topic, lambda event: self._outgrown.add(event[1]))
        return self

    def __exit__(self, *exc: object) -> None:
        self.closed = True
        for job in self.at_work.values():
            self._give_up(job)
        leaving = threading.Thread(target=self._leave, daemon=True)
        if self._connection.is_there():
            leaving.start()
            leaving.join(LEAVES_WITHIN)

    def _leave(self) -> None:
        """Let workers forget the team, and end those that are still at a task of it."""
        concerned = {*self.at_work, *(worker for worker, _ in self.known)} & {
            *self._connection.workers.values()
        }
        with suppress(Exception):  # nothing that matters any more
            self._connection.client.unsubscribe_topic(serving.topic(self.name))
            self._connection.client.run(
                serving.forget,
                self.name,
                bool(self.at_work),
                workers=[worker.address for worker in concerned],
                on_error="ignore",
            )

    def available(self, own: Round) -> Sequence[Worker]:
        """Those that are there and answer."""
        workers = [w for w in self._connection.workers.values() if w not in self._stuck]
        if workers or self.at_work:
            self._alone = time.monotonic()
        elif time.monotonic() - max(self._alone, own.began) > self._connection.patience:
            raise self._end(own, tr("the cluster has no workers left"))
        return workers

    def send(self, job: Job, order: Order) -> None:
        """Hand a job to its worker."""
        client = self._connection.client
        try:
            job.handle = client.submit(
                serving.serve,
                pickle.dumps((order, self.limits), pickle.HIGHEST_PROTOCOL),
                key=f"vorrat-{self.name}-{job.index}-{uuid.uuid4().hex[:8]}",
                workers=[job.worker.address],
                allow_other_workers=False,
                pure=False,
            )
            client.loop.add_callback(self._follow, job)
        except Exception as error:  # the client is closed, or will be
            raise self._end(job.round, tr("the scheduler of the cluster is lost")) from error

    async def _follow(self, job: Job) -> None:
        """Wait for a task in the client's own thread, and fetch its answer."""
        try:
            self.inbox.put((job, await job.handle))
        except BaseException as error:
            self.inbox.put((job, error))

    def look_after(self, own: Round) -> None:
        """Those whose worker has gone, and those that should have ended long ago."""
        if not self._connection.is_there():
            raise self._end(own, tr("the scheduler of the cluster is lost"))
        most = (self.limits.seconds or float("inf")) + GRACE
        for job in self.at_work.values():
            if self._connection.workers.get(job.worker.address) is not job.worker:
                self.inbox.put((job, WorkerLost()))
            elif time.monotonic() - job.began > most:
                self._stuck.add(job.worker)
                self.inbox.put((job, WorkerLost()))

    def lost(self, job: Job, error: BaseException) -> VorratError:
        """What dask says of a task that did not end as it should."""
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        if getattr(error, "reason", "") == "scheduler-connection-lost":
            self._connection.lost = True
        if not isinstance(error, (CancelledError, CommClosedError, KilledWorker, WorkerLost)):
            raise error
        if not self._connection.is_there():
            raise self._end(job.round, tr("the scheduler of the cluster is lost")) from error
        self._give_up(job)
        seconds = self.limits.seconds
        if job.index in self._outgrown:
            job.verdict = OutOfMemory
        elif seconds is not None and time.monotonic() - job.began >= seconds:
            job.verdict = TimedOut
        return WorkerLost(
            tr(
                "worker {address} of the cluster was lost, and so was the one before that had the "
                "same task; perhaps it takes more memory than they have",
                address=job.worker.address,
            )
        )

    def _give_up(self, job: Job) -> None:
        with suppress(Exception):
            job.handle.cancel(force=True)

    def _end(self, own: Round, why: str) -> ClusterError:
        return cluster_error(
            "{why}; {done} answers had come by then, and a batch goes on from them with --resume",
            why=why,
            done=own.told,
        )
