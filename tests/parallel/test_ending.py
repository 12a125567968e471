"""Workers are gone when their executor is, when the user strikes, and when their parent died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
from sleeping import gone
from worker_tasks import Counted, counting

from optimizer.parallel import Workers

ROOT = Path(__file__).parents[2]


def test_workers_are_gone_afterwards() -> None:
    with Workers[int, Counted](counting, (0,), 2) as workers:
        pids = {own[2] for own in workers.map([1, 2])}
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_workers_are_gone_after_an_error() -> None:
    pids: set[int] = set()

    def fail() -> None:
        with Workers[int, Counted](counting, (0,), 2) as workers:
            pids.update(own[2] for own in workers.map([1, 2]))
            workers.map([-1])

    with pytest.raises(ValueError, match="no task"):
        fail()
    assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_an_executor_that_is_closed_tells_no_more() -> None:
    with Workers[int, Counted](counting, (0,), 2) as workers:
        left = workers.as_completed(range(10))
        next(left)
    with pytest.raises(RuntimeError, match="closed"):
        list(left)


def sleepers(*args: str) -> subprocess.Popen[str]:
    """Two workers that sleep, and their parent in a separate process group."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    process = subprocess.Popen(
        [sys.executable, "-m", "sleeping", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.serial
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX")
@pytest.mark.parametrize("after", [0.0, 0.1, 0.3, 1.0])
def test_ctrl_c_leaves_no_worker_and_no_trace(after: float) -> None:
    """Struck are all processes of a terminal at once, workers that are still importing too. Python
    throws an interrupt away that comes while it runs a callback of its own imports, and says so:
    who struck in vain strikes another."""
    for _ in range(3):
        with sleepers() as process:
            time.sleep(after)
            os.killpg(process.pid, signal.SIGINT)
            said, complaints = process.communicate(timeout=20)
        if not complaints.startswith("Exception ignored in"):
            break
    assert (said, complaints) == ("interrupted\n", "")
    assert gone(process.pid, within=10.0)


def ended(process: psutil.Process) -> bool:
    """Whether it does no more; who reaps orphans may take its time."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_end(processes: Sequence[psutil.Process]) -> bool:
    """Before they would have slept enough."""
    until = time.monotonic() + 15.0
    while not all(map(ended, processes)):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.slow
def test_a_parent_that_is_killed_leaves_no_worker_at_work() -> None:
    with sleepers("tell") as process:
        assert process.stdout is not None
        workers = [psutil.Process(int(process.stdout.readline())) for _ in range(2)]
        process.kill()
    assert all_end(workers)


@pytest.mark.serial
@pytest.mark.parametrize("begun", [1, 2, 3])
def test_a_parent_that_is_killed_leaves_no_worker_half_begun(begun: int) -> None:
    """One process more looks after what the others share."""
    with sleepers() as process:
        parent = psutil.Process(process.pid)
        until = time.monotonic() + 30.0
        while len(parent.children()) < begun and time.monotonic() < until:
            time.sleep(0.01)
        family = parent.children()
        assert len(family) >= begun
        parent.kill()
    assert all_end(family)
