"""The best plan of each set of assumptions under all others, and one plan for all beside them.

Regret is what a plan is above the best one of a set (Savage 1951).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.base import display_name
from models.files import LoadedScenario
from models.files.reading import cases_by_assumption_set
from models.language import current_language, tr
from models.results import (
    AssumptionSetInfo,
    DecisiveFigures,
    Disagreement,
    Plan,
    PlanUnderSet,
    SetPlan,
    WithoutPlan,
)
from models.scenario.case import Assumptions, Case
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.assumption_dependence.options import AssumptionsOptions
from optimizer.analyses.frontier.summary import largest_stocks
from optimizer.analyses.result_fields import common_result_fields
from optimizer.errors import Misuse
from optimizer.model.commitment import Commitment, convert_lots, weighted_cost
from optimizer.model.instance import Instance
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import CheckedSolution, ReferenceOptimum
from optimizer.solve.planner import (
    Problem,
    best_reference_optima,
    recomputed_objective,
    single_set_problem,
    solve_and_certify,
)
from optimizer.solve.problem import with_same_branches
from optimizer.solve.verification import broken_rules

MAX_GROUPS = 6
"""Groups of figures of a set that are left out one by one; of more, whole sections are."""


def run_analysis(analysis_input: AnalysisInput, options: AssumptionsOptions) -> AnalysisOutcome:
    """Find what experts disagree on."""
    found, plans = cross_evaluate_sets(
        analysis_input.reading, options, title=analysis_input.title, variant=analysis_input.variant
    )
    whole = found.ended == "complete" and all(plan.status == "optimal" for plan in found.all_plans)
    return AnalysisOutcome(
        found, 0 if whole else 1, {f"sets/{name}": one for name, one in plans.items()}
    )


def cross_evaluate_sets(
    reading: LoadedScenario,
    options: AssumptionsOptions,
    *,
    title: str | None = None,
    variant: str | None = None,
) -> tuple[Disagreement, Mapping[str, Plan]]:
    """What experts disagree on, and the plans behind it by their sets, ``compromise`` for the one
    for all; as far as they were found where the user ended it.

    Raises Misuse for a scenario without sets, Infeasible or NoPlan where some set, or all of them
    together, has no plan.
    """
    began = time.perf_counter()
    if not (sets := reading.case.assumptions):
        raise Misuse(tr("The file has no sets of assumptions; add them under assumptions."))
    over = options.over or reading.case.objective.over_assumptions or "mean"
    case = reading.with_settings([f"objective.over_assumptions={over}"]).case
    problem = Problem.from_case(case).with_recourse(options.threads)
    alone = [single_set_problem(part) for part in problem.set_problems]
    how: dict[str, Any] = {
        name: getattr(options, name) for name in ("gap", "time_limit", "threads", "on_progress")
    }
    founds: dict[str, CheckedSolution] = {}
    for n, (id, own) in enumerate(zip(sets, alone, strict=True)):
        options.report_progress(
            n, len(sets) + 1, display_name(sets[id].title, id, current_language())
        )
        founds[id] = solve_and_certify(own, **how)
        if own.recourse is not None:
            own.recourse.clear_cache()  # sweeps of all sets together take too much room
        if founds[id].interrupted:
            break
    known, compromise = best_reference_optima(alone, [*founds.values()]), None
    if not founds[id].interrupted:
        options.report_progress(len(sets), len(sets) + 1, tr("one plan for all"))
        compromise = solve_and_certify(replace(problem, reference_optima=known), **how)
        # Of a set it may be better than any other plan, within the gap.
        known = tuple(
            own.reference_optimum
            for own in compromise.set_outcomes
            if own.reference_optimum is not None
        )
    best = dict(zip(founds, known, strict=True))
    worlds = _set_problems(alone, options.threads)
    told = {id: _plan_under_sets(worlds, best, found, id) for id, found in founds.items()}
    for_all = None if compromise is None else _plan_under_sets(worlds, best, compromise, None)
    built = [p for own in (*told.values(), *([for_all] if for_all else [])) for p in own.projects]
    interrupted = compromise is None or compromise.interrupted
    found = Disagreement(
        over=over,
        sets=tuple(
            AssumptionSetInfo(
                id=id,
                title=display_name(own.title, id, current_language()),
                weight=float(own.weight),
                changes=tuple(own.set),
                states=len(part.states),
                without_plan=_outcome_without_plan(part, options.threads),
            )
            for (id, own), part in zip(sets.items(), problem.set_problems, strict=True)
        ),
        plans=tuple(told.values()),
        compromise=for_all,
        deciding=()
        if compromise is None
        else tuple(_deciding_figures(case, worlds, founds, compromise)),
        project_names={
            p: display_name(one.name, p, current_language())
            for p, one in case.projects.items()
            if p in built
        },
        ended="interrupted" if interrupted else "complete",
        **common_result_fields(
            Disagreement, reading.case, title, variant, began, _count_states(problem), options.gap
        ),
    )
    plans = {id: own.to_plan(title, variant, with_details=False) for id, own in founds.items()}
    if compromise is not None:
        plans["compromise"] = compromise.to_plan(title, variant, with_details=False)
    return found, plans


def _count_states(problem: Problem) -> int:
    return sum(len(own.states) for own in problem.set_problems)


SetProblem = tuple[Instance, Problem]
"""What keeps the rules of a set, and a problem in which plans of all sets can be looked at."""


def _set_problems(problems: Sequence[Problem], threads: int | None) -> list[SetProblem]:
    """Each set by itself, and with the start years of all sets, so that a plan with a start that
    only another set allows can be looked at as well."""
    starts = {
        p: tuple(sorted({y for own in problems for y in own.instance.projects[p].start_years}))
        for p in problems[0].instance.projects
    }
    found: list[SetProblem] = []
    for own in problems:
        instance = own.instance
        projects = {p: replace(x, start_years=starts[p]) for p, x in instance.projects.items()}
        same = all(x.start_years == starts[p] for p, x in instance.projects.items())
        there = replace(instance, projects=projects)
        world = own if same else Problem(there, own.states, 0.0)
        found.append((instance, world.with_recourse(threads)))
    return found


def _objective_and_damage(problem: Problem, plan: Commitment) -> tuple[float, float]:
    """Objective and expected damage of a plan in a problem."""
    instance, recourse = problem.instance, problem.recourse
    (seen,) = outcomes.evaluate_commitments(instance, problem.states, [plan], recourse=recourse)
    return outcomes.objective_value(instance, seen, weighted_cost(instance, plan)), seen.expected


def _outcome_without_plan(problem: Problem, threads: int | None) -> WithoutPlan:
    instance, states, recourse = problem.instance, problem.states, problem.recourse
    how: dict[str, Any] = {"threads": threads, "recourse": recourse}
    (seen,) = outcomes.evaluate_commitments(instance, states, [Commitment()], **how)
    level = float(instance.case.objective.cvar.level)
    return WithoutPlan(expected=seen.expected, cvar=seen.cvar(level), worst=seen.worst)


def _plan_under_sets(
    set_problems: Sequence[SetProblem],
    reference_optima: Mapping[str, ReferenceOptimum],
    solution: CheckedSolution,
    set_id: str | None,
) -> SetPlan:
    """A plan under all sets of which the best plan is known."""
    commitment, under = solution.commitment, dict[str, PlanUnderSet]()
    for (id, best), (rules, own) in zip(reference_optima.items(), set_problems, strict=False):
        objective, expected = _objective_and_damage(own, commitment)
        broken = tuple(broken_rules(rules, commitment))
        regret = objective - best.objective  # never negative of a plan that may be chosen
        under[id] = PlanUnderSet(
            objective=objective,
            expected=expected,
            regret=regret if broken else max(0.0, regret),
            broken_rules=broken,
        )
    proof, instance = solution.certificate, solution.instance
    order, starts = instance.case.projects, commitment.earliest_starts
    return SetPlan(
        of=set_id,
        status=proof.status,
        objective=proof.objective,
        bound=proof.bound,
        gap=proof.gap,
        projects={p: starts[p] for p in order if p in starts},
        stocks_t=largest_stocks(instance, commitment),
        under=under,
    )


def _deciding_figures(
    case: Case,
    set_problems: Sequence[SetProblem],
    set_solutions: Mapping[str, CheckedSolution],
    compromise: CheckedSolution,
) -> Iterator[DecisiveFigures]:
    """For each set what its own plan gains over the compromise, and what of that is left without
    some of its figures."""
    lots = set_problems[0][0].lot_tonnes
    for (id, own), (_, part) in zip(set_solutions.items(), set_problems, strict=True):
        told = case.assumptions[id]
        groups = _group_paths([*told.set])
        plans = own.commitment, compromise.commitment
        gain = _objective_gain(part, plans)
        for figures, paths in groups.items():
            left = {path: value for path, value in told.set.items() if path not in paths}
            alone = {id: Assumptions.model_validate({"weight": 1.0, "set": left})}
            (other,) = cases_by_assumption_set(
                case.model_copy(update={"assumptions": alone})
            ).values()
            there = with_same_branches(Problem.from_case(other, part), part.instance)
            moved = [convert_lots(plan, lots, there.instance) for plan in plans]
            yield DecisiveFigures(
                of=id,
                figures=figures,
                count=len(paths),
                gain=gain,
                gain_without=_objective_gain(there, moved),
            )


def _objective_gain(problem: Problem, plans: Sequence[Commitment]) -> float:
    """What the first of two plans gains over the second."""
    own, other = (recomputed_objective(problem, plan) for plan in plans)
    return other - own


def _group_paths(paths: Sequence[str]) -> dict[str, list[str]]:
    """Paths by what they begin with: item by item, or section by section where there are many."""
    for steps in (2, 1):
        groups: dict[str, list[str]] = {}
        for path in paths:
            groups.setdefault(".".join(path.split(".")[:steps]), []).append(path)
        if len(groups) <= MAX_GROUPS:
            break
    return groups
