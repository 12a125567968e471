"""Functions that run in the workers of a cluster.

Workers import them by name, so they need the same version of this package as their client.
"""

import os
import pickle
from typing import Any

from optimizer.parallel import task_server
from optimizer.parallel.task_server import TaskReply

_running_executors: list[str] = []  # id of the executor whose task is running, if any


def dask_setup(_worker: Any) -> None:
    """Prepare a worker of a local cluster; dask calls this in each worker when it starts."""
    task_server.use_unnamed_locks()


def answer_pickled_request(pickled_request: bytes) -> TaskReply:
    """Return the reply to a pickled TaskRequest. This runs in a thread of the worker."""
    from distributed import get_worker

    request, worker = pickle.loads(pickled_request), get_worker()
    _running_executors[:] = [request.executor_id]
    try:
        return task_server.answer_request(
            request, lambda: worker.log_event(request.executor_id, request.task_number)
        )
    finally:
        _running_executors.clear()


def forget_executor(executor_id: str, kill_if_running: bool, dask_worker: Any = None) -> None:
    """Remove everything that belongs to an executor from this worker. With ``kill_if_running``, end
    the worker's process if it runs a task of the executor and has a nanny, which restarts it."""
    if kill_if_running and dask_worker.nanny and _running_executors == [executor_id]:
        os._exit(1)
    for key in [key for key in task_server.handlers_by_lane if key[0] == executor_id]:
        task_server.handlers_by_lane.pop(key, None)
