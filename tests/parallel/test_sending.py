"""What goes to workers and comes back."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from worker_tasks import MB, Action, doing

from optimizer.parallel import Workers


@pytest.mark.slow
def test_much_goes_both_ways_at_once() -> None:
    """More than pipes hold, in both directions and for several workers."""
    tasks = [("echo", bytes([n]) * (8 * MB), 2) for n in range(6)]
    with Workers[Action, bytes](doing, (), 2) as workers:
        found = workers.map(tasks)
    assert [own == bytes([n]) * (16 * MB) for n, own in enumerate(found)] == [True] * 6


@pytest.mark.slow
def test_a_hundred_megabytes_pass() -> None:
    with Workers[Action, bytes](doing, (), 2, "next") as workers:
        (own,) = workers.as_completed([("echo", b"xyz", 100 * MB // 3)])
    assert own.answer == b"xyz" * (100 * MB // 3)


def test_what_cannot_be_sent_back_is_an_error_of_its_task() -> None:
    with Workers[Action, Any](doing, (), 2) as workers:
        with pytest.raises((AttributeError, TypeError), match="lambda") as caught:
            workers.map([("say nothing sendable",)])
        assert "_pickle" in "".join(traceback.format_exception(caught.value))
        assert workers.map([("keep", 0)]) == [1]


def test_an_unserializable_task_is_an_error_of_the_sender() -> None:
    with Workers[Any, Any](doing, (), 2) as workers:
        with pytest.raises((AttributeError, TypeError), match="lambda"):
            workers.map([("keep", 0), ("echo", lambda: None, 1)])
        assert workers.map([("echo", b"x", 2)]) == [b"xx"]


def test_an_error_that_cannot_be_sent_comes_by_its_name_and_with_its_trace() -> None:
    with Workers[Action, Any](doing, (), 2, "next") as workers:
        with pytest.raises(RuntimeError, match="Unsendable: power failed at noon") as caught:
            list(workers.as_completed([("fail unsendably",)]))
        trace = "".join(traceback.format_exception(caught.value))
        assert "in _fail_unsendably" in trace
        assert workers.map([("keep", 0)]) == [1]


def test_warnings_are_errors_there_as_here() -> None:
    with (
        Workers[Action, Any](doing, (), 2) as workers,
        pytest.raises(UserWarning, match="doubtful"),
    ):
        workers.map([("warn",)])


@pytest.mark.slow
def test_a_worker_may_have_workers() -> None:
    with Workers[Action, list[int]](doing, (), 2) as workers:
        assert workers.map([("share out", 2), ("share out", 1)]) == [[1, 1, 2], [1, 2, 3]]
