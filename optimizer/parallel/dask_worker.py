"""What runs in the workers of a cluster. It comes by name: the same version of this package stands
on both sides."""

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from optimizer.parallel import task_server
from optimizer.parallel.task_server import TaskReply

_running_teams: list[str] = []  # the team whose task runs now
_stopped_requests: set[tuple[str, int]] = set()  # teams and numbers of what is to stop


def dask_setup(_worker: Any) -> None:
    """What dask calls in each worker of a cluster that is begun here (``local``)."""
    task_server.use_unnamed_locks()


def answer_pickled_request(pickled_request: bytes) -> TaskReply:
    """Answer one task, in the thread of a worker; what is sent is an Order, pickled."""
    from distributed import get_worker

    order, worker = pickle.loads(pickled_request), get_worker()
    _running_teams[:] = [order.team_id]
    try:
        return task_server.answer_request(
            order, lambda: worker.log_event(order.team_id, order.task_number)
        )
    finally:
        _running_teams.clear()


class ServiceHandler:
    """What answers the tasks of a lane that tells something on the way, and can be stopped."""

    def __init__(self, make_service: Callable[[], Any]) -> None:
        self.service = make_service()

    def __call__(self, message: Any) -> Any:
        """Answer a message; what it tells on the way reaches who has subscribed to the team."""
        from distributed import get_worker

        worker, team = get_worker(), _running_teams[0]
        if (team, message.number) in _stopped_requests:  # it waited for its turn here
            self.service.stop(message.number)

        def tell(content: Any) -> None:
            worker.log_event(team, pickle.dumps((message.number, content)))

        return self.service.answer(message, tell)


def stop_request(team_id: str, number: int) -> None:
    """End what a lane answers soon, if it has this number, or will have it."""
    _stopped_requests.add((team_id, number))
    if (lane := task_server.handlers_by_lane.get((team_id, 0))) is not None:
        cast(ServiceHandler, lane[0]).service.stop(number)


def forget_team(team_id: str, kill_if_running: bool, dask_worker: Any = None) -> None:
    """Keep nothing of a team; if asked to, end this process where a task of it still runs."""
    if kill_if_running and dask_worker.nanny and _running_teams == [team_id]:
        os._exit(1)
    for key in [key for key in task_server.handlers_by_lane if key[0] == team_id]:
        task_server.handlers_by_lane.pop(key, None)
    _stopped_requests.difference_update([one for one in _stopped_requests if one[0] == team_id])


def clear_topic(topic: str, dask_scheduler: Any = None) -> None:
    """Have the scheduler forget what was told on the way; it keeps the last of it otherwise."""
    with suppress(AttributeError):  # where a version keeps it is its own affair
        if (told := dask_scheduler._broker._topics.get(topic)) is not None:
            told.events.clear()
