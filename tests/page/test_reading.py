"""Files are read in separate processes with limits of time and memory."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from open_page import TUTORIAL

from models.faults import ScenarioError
from models.files import LoadedScenario, read_case
from models.language import using
from optimizer.page import scenario_store
from optimizer.page.scenario_store import ReadOutcome, ScenarioStore


def problem(outcome: ReadOutcome) -> str:
    assert isinstance(outcome.result, ScenarioError)
    return str(outcome.result)


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A file that takes many seconds to read."""
    path = tmp_path / "slow.yaml"
    path.write_text("a: [" + "{}, " * 400_000 + "]\n", encoding="utf-8")
    return path


@pytest.mark.slow
def test_what_is_read_apart_is_what_is_read_here(tmp_path: Path) -> None:
    """Warnings, locations, files and faults are equal, in the language of the user."""
    store = ScenarioStore()
    outcome = store.read_apart(TUTORIAL, None, ())
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
        assert "is missing" in problem(store.read_apart(wrong, None, ()))


@pytest.mark.slow
def test_reading_ends_at_its_limits(slow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario_store, "READ_TIMEOUT", 0.5)
    assert "more than 0.5 s" in problem(ScenarioStore().read_apart(slow, None, ()))
    monkeypatch.setattr(scenario_store, "READ_TIMEOUT", 30)
    monkeypatch.setattr(scenario_store, "READ_MEMORY", 10**6)
    assert "more than 1 MB" in problem(ScenarioStore().read_apart(slow, None, ()))


def test_reading_ends_with_the_page(slow: Path) -> None:
    """No process goes on, and none begins afterwards; uploads are removed."""
    store, ended = ScenarioStore(), list[str]()
    source = store.add_upload("slow.yaml", slow.read_bytes())

    def ask() -> None:
        with pytest.raises(ScenarioError) as caught:
            store.read_scenario(source.id)
        ended.append(str(caught.value))

    asking = threading.Thread(target=ask)
    asking.start()
    while store._reader is None:
        time.sleep(0.01)
    store.close()
    asking.join(30)
    assert "has died" in ended[0]
    assert "has died" in problem(store.read_apart(TUTORIAL, None, ()))
    assert not source.path.exists()


@pytest.mark.slow
def test_a_file_that_met_a_limit_is_not_read_again(
    slow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for a file of this machine, which its user will change."""
    store = ScenarioStore()
    sources = store.add_upload("slow.yaml", slow.read_bytes()), store.add_file(slow)
    for source, is_kept in zip(sources, (True, False), strict=True):
        for seconds in (0.2, 0.3):
            monkeypatch.setattr(scenario_store, "READ_TIMEOUT", seconds)
            with pytest.raises(ScenarioError, match="more than") as caught:
                store.read_scenario(source.id)
        assert ("more than 0.2 s" in str(caught.value)) == is_kept
    store.close()
