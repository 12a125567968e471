"""Sessions: the answers of single solves, an end at once where a newer question comes."""

from __future__ import annotations

import gc
import math
import pickle
import random
import threading
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from random_cases import crowded_case
from random_chains import chain_case
from random_worlds import world_case

import vorrat
from models.scenario.references import Case
from optimizer.errors import Infeasible
from optimizer.model.highs import Progress
from optimizer.solve.session import Session

TUTORIAL = "scenarios/tutorial.yaml"
QUESTIONS = ("policy.budget_meur=5", "funders.fund.budget_meur=6", "objective.cost_weight=0.5")


def crowded() -> Case:
    return Case.model_validate(crowded_case(random.Random("a session").choice))


@pytest.mark.slow
def test_questions_forth_and_back_are_answered_as_by_single_solves() -> None:
    """Each setting twice, with the scenario as it is in between."""
    scenario = vorrat.read(TUTORIAL)
    session = vorrat.Session(scenario, gap=1e-6)
    alone = vorrat.solve(scenario, gap=1e-6).result
    for _ in range(2):
        for setting in QUESTIONS:
            answer = session.ask(setting)
            single = vorrat.solve(scenario.changed(setting), gap=1e-6).result
            assert answer.objective == pytest.approx(single.certificate.objective, rel=2e-6)
            assert answer.expected == pytest.approx(single.outcome.expected, rel=2e-6, abs=1e-9)
            before = single.outcome.without_plan.expected
            assert answer.expected_without_plan == pytest.approx(before)
            assert answer.net_cost_meur == pytest.approx(single.outcome.net_cost_meur, rel=1e-5)
            assert answer.complete
            back = session.ask()
            assert back.objective == pytest.approx(alone.certificate.objective, rel=2e-6)


def test_an_answer_becomes_the_plan_of_a_solve() -> None:
    """All figures of the document, for the scenario with the changes of the question."""
    session = vorrat.Session(vorrat.read(TUTORIAL))
    session.ask()
    document = session.ask("policy.budget_meur=5").plan().result
    single = vorrat.solve(vorrat.read(TUTORIAL).changed("policy.budget_meur=5")).result
    assert document.outcome.expected == pytest.approx(single.outcome.expected)
    assert document.certificate.input_sha256 == single.certificate.input_sha256
    variant = session.ask(variant="half_the_fund")
    assert variant.plan().label == "half_the_fund"


@pytest.mark.slow
@pytest.mark.quick(every=5)
@pytest.mark.parametrize("seed", range(12))
def test_reports_on_a_plan_do_not_depend_on_earlier_plans(seed: int) -> None:
    """The outcome without a plan is cached between questions; figures of chains and unaided
    projects equal those of a new recourse evaluation."""
    draw, session = random.Random(f"told {seed}"), Session(threads=1)
    raw = (chain_case if seed % 2 else world_case)(draw.choice)
    for weight in (0.001, 0.5, 0.01):
        raw = raw | {"objective": raw["objective"] | {"cost_weight": weight}}
        try:
            found = session.ask(Case.model_validate(raw), damage_only=False, gap=1e-6)
        except Infeasible:
            return
        assert found.recourse is not None
        kept, again = found.to_plan(), replace(found, recourse=None).to_plan()
        assert kept == again


def test_faults_and_conflicts_are_reported_and_leave_the_session_as_it_is() -> None:
    """Of a setting that leads nowhere, and of rules that exclude each other."""
    session = vorrat.Session(vorrat.read(TUTORIAL))
    first = session.ask()
    with pytest.raises(vorrat.ScenarioError, match="did you mean 'budget_meur'"):
        session.ask("policy.budge_meur=5")
    with pytest.raises(Infeasible):
        session.ask("policy.must_build=[refinery]", "funders.fund.budget_meur=0")
    assert session.ask().objective == pytest.approx(first.objective)


def test_a_newer_question_ends_an_older_one() -> None:
    """The older comes back with the plan it had, and what is proven of it."""
    session, case = Session(threads=1), crowded()
    newer: list[Any] = []

    def ask_again(progress: Progress) -> None:
        # A slow machine reports progress before there is any plan to return.
        if not newer and math.isfinite(progress.objective):
            own = session._stop_event
            newer.append(threading.Thread(target=lambda: newer.append(session.ask(case, gap=1e-3))))
            newer[0].start()
            assert own is not None
            own.wait(10)

    older = session.ask(case, gap=0.0, on_progress=ask_again)
    newer[0].join()
    assert older.interrupted
    assert older.certificate.bound is None or older.certificate.bound <= older.objective
    assert newer[1].certificate.status == "optimal"
    assert newer[1].objective <= older.objective * (1 + 1e-3)


def test_a_question_that_is_stopped_keeps_what_it_has_found() -> None:
    """The next question starts from the plan that was found."""
    session, case = Session(threads=1), crowded()

    def stop(reported: Progress) -> None:
        if math.isfinite(
            reported.objective
        ):  # a slow machine tells of the search before there is any
            session.stop()

    stopped = session.ask(case, gap=0.0, on_progress=stop)
    assert stopped.interrupted
    whole = session.ask(case, gap=1e-6)
    assert whole.certificate.status == "optimal"
    assert whole.objective <= stopped.objective * (1 + 1e-9)


@pytest.mark.exhaustive
def test_hundreds_of_questions_leave_no_memory_behind() -> None:
    """A problem that stayed with every question would be 20 kB each."""
    scenario, session, held = vorrat.read(TUTORIAL), Session(threads=1), list[int]()
    draw = random.Random("no memory")
    tracemalloc.start()
    try:
        for number in range(200):
            setting = f"policy.budget_meur={draw.uniform(2.0, 9.0):.2f}"
            session.ask(scenario.reading.with_settings([setting]).case, gap=1e-6)
            if number % 100 == 99:
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[1] < held[0] + 200_000


def test_a_copy_in_another_process_keeps_known_results() -> None:
    """Cuts, plans and leaves travel; the solver does not."""
    session, case = Session(threads=1), crowded()
    here = session.ask(case, gap=1e-6)
    there = pickle.loads(pickle.dumps(session)).ask(case, gap=1e-6)
    assert there.objective == pytest.approx(here.objective, rel=2e-6)
    assert there.certificate.work["nodes"] <= here.certificate.work["nodes"]


@pytest.mark.slow
@pytest.mark.quick(1)
@pytest.mark.parametrize("jobs", [1, 2])
def test_many_questions_are_answered_side_by_side_as_one_by_one(jobs: int) -> None:
    """In their order, and one that cannot be answered leaves the others alone."""
    scenario = vorrat.read(TUTORIAL)
    budgets = [(f"policy.budget_meur={n}",) for n in (5, 0, 3, 7)]
    session = vorrat.Session(scenario, gap=1e-6, threads=1)
    found = session.ask_each([*budgets, ("policy.must_build=[nobody]",), ()], jobs=jobs)
    fault = found.pop(4)
    assert isinstance(fault, vorrat.ScenarioError)
    assert "nobody" in str(fault)
    for settings, answer in zip([*budgets, ()], found, strict=True):
        assert isinstance(answer, vorrat.Answer)
        assert answer.complete
        assert answer.settings == settings
        assert answer.objective == pytest.approx(session.ask(*settings).objective, rel=2e-6)
    assert vorrat.Session(scenario).ask_each([]) == []
