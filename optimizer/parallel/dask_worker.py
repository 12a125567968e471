"""What runs in the workers of a cluster. It comes by name: the same version of this package stands
on both sides."""

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from optimizer.parallel import serving
from optimizer.parallel.serving import Reply

_running: list[str] = []  # the team whose task runs now
_stopped: set[tuple[str, int]] = set()  # teams and numbers of what is to stop


def dask_setup(_worker: Any) -> None:
    """What dask calls in each worker of a cluster that is begun here (``local``)."""
    serving.keep_no_names()


def serve(sent: bytes) -> Reply:
    """Answer one task, in the thread of a worker; what is sent is an Order, pickled."""
    from distributed import get_worker

    order, worker = pickle.loads(sent), get_worker()
    _running[:] = [order.team]
    try:
        return serving.serve(order, lambda: worker.log_event(order.team, order.number))
    finally:
        _running.clear()


class Staying:
    """What answers the tasks of a lane that tells something on the way, and can be stopped."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.stays = make()

    def __call__(self, message: Any) -> Any:
        """Answer a message; what it tells on the way reaches who has subscribed to the team."""
        from distributed import get_worker

        worker, team = get_worker(), _running[0]
        if (team, message.number) in _stopped:  # it waited for its turn here
            self.stays.stop(message.number)

        def tell(content: Any) -> None:
            worker.log_event(team, pickle.dumps((message.number, content)))

        return self.stays.answer(message, tell)


def stop(team: str, number: int) -> None:
    """End what a lane answers soon, if it has this number, or will have it."""
    _stopped.add((team, number))
    if (lane := serving.lanes.get((team, 0))) is not None:
        cast(Staying, lane[0]).stays.stop(number)


def forget(team: str, end: bool, dask_worker: Any = None) -> None:
    """Keep nothing of a team; if asked to, end this process where a task of it still runs."""
    if end and dask_worker.nanny and _running == [team]:
        os._exit(1)
    for key in [key for key in serving.lanes if key[0] == team]:
        serving.lanes.pop(key, None)
    _stopped.difference_update([one for one in _stopped if one[0] == team])


def remove(topic: str, dask_scheduler: Any = None) -> None:
    """Have the scheduler forget what was told on the way; it keeps the last of it otherwise."""
    with suppress(AttributeError):  # where a version keeps it is its own affair
        if (told := dask_scheduler._broker._topics.get(topic)) is not None:
            told.events.clear()
