"""Files are read in separate processes with limits of time and memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore
from typing import cast

import pytest
from open_page import TUTORIAL

from models.faults import ScenarioError
from models.files import LoadedScenario, read_case
from models.language import using
from optimizer.page.isolated_reader import IsolatedReader, ReadOutcome
from optimizer.page.scenario_store import ScenarioStore


def problem(outcome: ReadOutcome) -> str:
    assert isinstance(outcome.result, ScenarioError)
    return str(outcome.result)


@pytest.mark.slow
def test_what_is_read_apart_is_what_is_read_here(tmp_path: Path) -> None:
    """Warnings, locations, files and faults are equal, in the language of the user."""
    outcome = IsolatedReader().read(TUTORIAL, None, (), owner=1)
    here = read_case(TUTORIAL, check_variants=True)
    assert isinstance(outcome.result, LoadedScenario)
    assert (outcome.result.case, outcome.result.warnings) == (here.case, here.warnings)
    path = ("funders", "fund", "budget_meur")
    assert outcome.result.location(path) == here.location(path)
    setting = ["funders.fund.budget_meur=1"]
    assert outcome.result.with_settings(setting).case == here.with_settings(setting).case
    assert [Path(file) for file, _ in outcome.files] == [TUTORIAL]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("title: 1\n", encoding="utf-8")
    with using("de"):
        assert "fehlt" in problem(IsolatedReader().read(wrong, None, (), owner=1))


@pytest.mark.slow
def test_reading_ends_at_its_limits(tmp_path: Path) -> None:
    slow = tmp_path / "slow.yaml"
    slow.write_text("a: [" + "{}, " * 400_000 + "]\n", encoding="utf-8")
    assert "more than 0.5 s" in problem(IsolatedReader(timeout=0.5).read(slow, None, (), owner=1))
    assert "more than 1 MB" in problem(
        IsolatedReader(memory_limit=10**6).read(slow, None, (), owner=1)
    )


def test_reading_ends_when_its_user_disconnects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who is forgotten keeps no process at work; nothing is kept of the file."""
    slow = tmp_path / "slow.yaml"
    slow.write_text("a: [" + "{}, " * 400_000 + "]\n", encoding="utf-8")
    mine = ScenarioStore(reader=IsolatedReader())
    id, ended = mine.add_file(slow, "dropped").id, list[str]()

    def ask() -> None:
        with pytest.raises(ScenarioError) as caught:
            mine.read_scenario(id)
        ended.append(str(caught.value))

    asking = threading.Thread(target=ask)
    asking.start()
    while not mine.reader or not mine.reader._processes:
        time.sleep(0.01)
    mine.close()
    asking.join(30)
    assert ended
    assert "has died" in ended[0]


def test_who_waits_for_a_turn_does_not_begin_once_stopped() -> None:
    reader = IsolatedReader()

    @contextmanager
    def turn() -> Iterator[None]:
        reader.stop("me")
        yield

    reader._slots = cast(BoundedSemaphore, turn())
    assert reader.read(TUTORIAL, None, (), owner="me").was_aborted
    assert not reader._processes


@pytest.mark.slow
def test_shared_answers_that_met_a_time_limit_are_not_kept(tmp_path: Path) -> None:
    """For a file that a user uploaded the answer is kept, so that it is not read again."""
    slow = tmp_path / "slow.yaml"
    slow.write_text("a: [" + "{}, " * 400_000 + "]\n", encoding="utf-8")
    for kind, is_kept in (("offered", False), ("dropped", True)):
        every = ScenarioStore(reader=IsolatedReader(timeout=0.2))
        id = every.add_file(slow, kind).id
        with pytest.raises(ScenarioError, match="more than"):
            every.read_scenario(id)
        every.reader = IsolatedReader()
        with pytest.raises(ScenarioError) as caught:
            every.read_scenario(id)
        assert ("more than 0.2 s" in str(caught.value)) == is_kept
