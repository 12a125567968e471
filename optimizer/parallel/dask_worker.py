"""Functions that run in the workers of a cluster.

Workers import them by name, so they need the same version of this package as their client.
"""

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from optimizer.parallel import task_server
from optimizer.parallel.task_server import TaskReply

_running_executors: list[str] = []  # id of the executor whose task is running, if any
_stopped_requests: set[tuple[str, int]] = set()  # executor ids and numbers of messages to stop


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


class ServiceHandler:
    """Handler of a lane that passes messages to a service. The service reports events while it
    works and can be stopped."""

    def __init__(self, make_service: Callable[[], Any]) -> None:
        self.service = make_service()

    def __call__(self, message: Any) -> Any:
        """Return the service's answer to a message. Events are sent to the client that has
        subscribed to the executor's topic."""
        from distributed import get_worker

        worker, executor = get_worker(), _running_executors[0]
        if (executor, message.number) in _stopped_requests:  # stopped while it waited in the queue
            self.service.stop(message.number)

        def report(content: Any) -> None:
            worker.log_event(executor, pickle.dumps((message.number, content)))

        return self.service.answer(message, report)


def stop_request(executor_id: str, number: int) -> None:
    """Stop the message with this number in the executor's service: at once, or when it arrives."""
    _stopped_requests.add((executor_id, number))
    if (entry := task_server.handlers_by_lane.get((executor_id, 0))) is not None:
        cast(ServiceHandler, entry[0]).service.stop(number)


def forget_executor(executor_id: str, kill_if_running: bool, dask_worker: Any = None) -> None:
    """Remove everything that belongs to an executor from this worker. With ``kill_if_running``, end
    the worker's process if it runs a task of the executor and has a nanny, which restarts it."""
    if kill_if_running and dask_worker.nanny and _running_executors == [executor_id]:
        os._exit(1)
    for key in [key for key in task_server.handlers_by_lane if key[0] == executor_id]:
        task_server.handlers_by_lane.pop(key, None)
    for request in [request for request in _stopped_requests if request[0] == executor_id]:
        _stopped_requests.discard(request)


def clear_topic(topic: str, dask_scheduler: Any = None) -> None:
    """Delete the events of a topic from the scheduler, which otherwise keeps the latest ones."""
    with suppress(AttributeError):  # private to dask, may differ between versions
        if (topic_events := dask_scheduler._broker._topics.get(topic)) is not None:
            topic_events.events.clear()
