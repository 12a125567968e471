"""What a worker process does: begin, then answer one task after the other.

What it is sent and sends back are bytes, pickled here, so that what cannot be pickled is an error
of its task and no end of the process. The first byte of what it sends says what it is.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, cast

from models.language import Language, language, speak, tr
from optimizer.errors import OutOfMemory

BEGUN, ANSWER, ERROR, LAST = b"b", b"a", b"e", b"l"
"""It can answer; an answer; what a task raised; the same, and this worker is of no more use."""


def beginning(make: Callable[..., Callable[[Any], Any]], given: tuple[Any, ...]) -> bytes:
    """What each worker is sent first: what it is to do, and how it speaks and warns."""
    how = pickle.dumps((language(), [own for own in warnings.filters if _can_be_sent(own)]))
    return pickle.dumps((how, pickle.dumps((make, given), pickle.HIGHEST_PROTOCOL)))


def serve(connection: Connection) -> None:
    """Answer what comes until the parent has gone."""
    # Ctrl-C reaches all processes of a terminal: the first of them decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Ended with its parent, by the parent; yet what it solves may take processes of its own.
    multiprocessing.current_process().daemon = False
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_no_names()
    answering: list[Callable[[Any], Any]] = []
    with contextlib.suppress(EOFError, OSError):
        begin = partial(_begin, connection.recv_bytes(), answering)
        connection.send_bytes(_attempt(begin, BEGUN))
        while answering:
            connection.send_bytes(_attempt(partial(_answer, answering[0], connection.recv_bytes())))


def _end_with_parent() -> None:
    """A parent that was killed could end nobody; what is being solved is for nobody then."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def keep_no_names() -> None:
    """Let locks of libraries (pyomo, numba) have no name in the system that outlives a kill.

    They keep one for processes that are spawned, and none for those that are forked; none is.
    """
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)


def _begin(message: bytes, answering: list[Callable[[Any], Any]]) -> None:
    how, what = pickle.loads(message)
    speaks: Language
    speaks, filters = pickle.loads(how)
    speak(speaks)
    warnings.resetwarnings()
    cast(list[Any], warnings.filters).extend(filters)
    make, given = pickle.loads(what)
    answering.append(make(*given))


def _answer(answer: Callable[[Any], Any], task: bytes) -> Any:
    return answer(pickle.loads(task))


def _attempt(work: Callable[[], Any], kind: bytes = ANSWER) -> memoryview:
    """What came of it, as it is sent."""
    try:
        return _packed(kind, work())
    except MemoryError as error:
        short = OutOfMemory(tr("there is no memory left"))
        short.__cause__ = error
        return _failed(LAST, short)
    except BaseException as error:
        return _failed(ERROR if kind == ANSWER else LAST, error)


def _packed(kind: bytes, content: Any) -> memoryview:
    buffer = io.BytesIO()
    buffer.write(kind)
    pickle.dump(content, buffer, pickle.HIGHEST_PROTOCOL)
    return buffer.getbuffer()


def _failed(kind: bytes, error: BaseException) -> memoryview:
    """An error with its trace, since it comes without; by its name where it cannot be sent."""
    trace = "".join(traceback.format_exception(error))
    try:
        packed = _packed(kind, (error, trace))
        pickle.loads(packed[1:])
    except Exception:
        return _packed(kind, (RuntimeError(f"{type(error).__name__}: {error}"), trace))
    return packed


def _can_be_sent(filter: Any) -> bool:
    try:
        pickle.dumps(filter)
    except Exception:
        return False
    return True
