"""The best plan of each assumption set, evaluated under all other sets, and one compromise plan for
all sets.

The regret of a plan under a set is its objective less that of the best plan of the set (Savage
1951).
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
from models.scenario.case import Case
from models.scenario.sections import Assumptions
from optimizer.analyses.analysis_io import AnalysisInput, AnalysisOutcome
from optimizer.analyses.analysis_options import AssumptionsOptions
from optimizer.analyses.saved_plan import common_result_fields, largest_stocks
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
"""Maximum number of groups of a set's figures; above it, figures are grouped by section."""


def run_analysis(analysis_input: AnalysisInput, options: AssumptionsOptions) -> AnalysisOutcome:
    """Run the command that evaluates the best plan of each assumption set under all sets."""
    result, plans = cross_evaluate_sets(analysis_input.reading, options, **analysis_input.labels)
    is_complete = result.ended == "complete" and all(
        set_plan.status == "optimal" for set_plan in result.all_plans
    )
    return AnalysisOutcome(
        result, 0 if is_complete else 1, {f"sets/{name}": plan for name, plan in plans.items()}
    )


def cross_evaluate_sets(
    loaded_scenario: LoadedScenario,
    options: AssumptionsOptions,
    *,
    title: str | None = None,
    variant: str | None = None,
) -> tuple[Disagreement, Mapping[str, Plan]]:
    """Solve for the best plan of each assumption set, and for one plan for all sets; evaluate each
    under all sets.

    Return the result, and the plans by the id of their set; the plan for all sets has the key
    ``compromise``. If the user ends the analysis, those found by then are returned. Raises Misuse
    for a scenario without assumption sets, and Infeasible or NoPlan if a set, or all sets together,
    have no plan.
    """
    started_at = time.perf_counter()
    if not (sets := loaded_scenario.case.assumptions):
        raise Misuse("The file has no sets of assumptions; add them under assumptions.")
    aggregation = options.over or loaded_scenario.case.objective.over_assumptions or "mean"
    case = loaded_scenario.with_settings([f"objective.over_assumptions={aggregation}"]).case
    problem = Problem.from_case(case).with_recourse(options.threads)
    problems = [single_set_problem(set_problem) for set_problem in problem.set_problems]
    solve_options = options.solver_options
    solutions: dict[str, CheckedSolution] = {}
    for n, (id, problem_of_set) in enumerate(zip(sets, problems, strict=True)):
        options.report_progress(
            n, len(sets) + 1, display_name(sets[id].title, id, current_language())
        )
        solutions[id] = solve_and_certify(problem_of_set, **solve_options)
        if problem_of_set.recourse is not None:
            problem_of_set.recourse.clear_cache()  # the caches of all sets take too much memory
        if solutions[id].interrupted:
            break
    reference_optima = best_reference_optima(problems, [*solutions.values()])
    compromise = None
    if not solutions[id].interrupted:
        options.report_progress(len(sets), len(sets) + 1, tr("one plan for all"))
        compromise = solve_and_certify(
            replace(problem, reference_optima=reference_optima), **solve_options
        )
        # For one set the compromise may be better than any other plan, within the gap.
        reference_optima = tuple(
            outcome.reference_optimum
            for outcome in compromise.set_outcomes
            if outcome.reference_optimum is not None
        )
    optima = dict(zip(solutions, reference_optima, strict=True))
    set_problems = _set_problems(problems, options.threads)
    set_plans = {
        id: _plan_under_sets(set_problems, optima, solution, id)
        for id, solution in solutions.items()
    }
    shared_plan = (
        None if compromise is None else _plan_under_sets(set_problems, optima, compromise, None)
    )
    built_projects = [
        p
        for plan in (*set_plans.values(), *([shared_plan] if shared_plan else []))
        for p in plan.projects
    ]
    interrupted = compromise is None or compromise.interrupted
    result = Disagreement(
        over=aggregation,
        sets=tuple(
            AssumptionSetInfo(
                id=id,
                title=display_name(assumption_set.title, id, current_language()),
                weight=float(assumption_set.weight),
                changes=tuple(assumption_set.set),
                states=len(set_problem.states),
                without_plan=_outcome_without_plan(set_problem, options.threads),
            )
            for (id, assumption_set), set_problem in zip(
                sets.items(), problem.set_problems, strict=True
            )
        ),
        plans=tuple(set_plans.values()),
        compromise=shared_plan,
        deciding=()
        if compromise is None
        else tuple(_deciding_figures(case, set_problems, solutions, compromise)),
        project_names={
            p: display_name(project.name, p, current_language())
            for p, project in case.projects.items()
            if p in built_projects
        },
        ended="interrupted" if interrupted else "complete",
        **common_result_fields(
            Disagreement,
            loaded_scenario.case,
            title,
            variant,
            started_at,
            _count_states(problem),
            options.gap,
        ),
    )
    plans = {id: x.to_plan(title, variant, with_details=False) for id, x in solutions.items()}
    if compromise is not None:
        plans["compromise"] = compromise.to_plan(title, variant, with_details=False)
    return result, plans


def _count_states(problem: Problem) -> int:
    """Return the number of states of all assumption sets."""
    return sum(len(set_problem.states) for set_problem in problem.set_problems)


SetProblem = tuple[Instance, Problem]
"""The instance with the rules of a set, and a problem that can evaluate plans of all sets."""


def _set_problems(problems: Sequence[Problem], threads: int | None) -> list[SetProblem]:
    """Return the instance of each assumption set, and its problem, extended by the start years that
    other sets allow.

    A plan with a start year that only another set allows can then be evaluated as well.
    """
    starts = {
        p: tuple(sorted({y for x in problems for y in x.instance.projects[p].start_years}))
        for p in problems[0].instance.projects
    }
    set_problems: list[SetProblem] = []
    for problem in problems:
        instance = problem.instance
        projects = {p: replace(x, start_years=starts[p]) for p, x in instance.projects.items()}
        is_unchanged = all(x.start_years == starts[p] for p, x in instance.projects.items())
        extended_instance = replace(instance, projects=projects)
        extended_problem = (
            problem if is_unchanged else Problem(extended_instance, problem.states, 0.0)
        )
        set_problems.append((instance, extended_problem.with_recourse(threads)))
    return set_problems


def _objective_and_damage(problem: Problem, plan: Commitment) -> tuple[float, float]:
    """Return objective and expected damage of a plan in a problem."""
    instance, recourse = problem.instance, problem.recourse
    (outcome,) = outcomes.evaluate_commitments(instance, problem.states, [plan], recourse=recourse)
    return outcomes.objective_value(
        instance, outcome, weighted_cost(instance, plan)
    ), outcome.expected


def _outcome_without_plan(problem: Problem, threads: int | None) -> WithoutPlan:
    """Compute the mean, CVaR and maximum of damage without any commitment."""
    instance, states, recourse = problem.instance, problem.states, problem.recourse
    evaluation_options: dict[str, Any] = {"threads": threads, "recourse": recourse}
    (outcome,) = outcomes.evaluate_commitments(
        instance, states, [Commitment()], **evaluation_options
    )
    level = float(instance.case.objective.cvar.level)
    return WithoutPlan(expected=outcome.expected, cvar=outcome.cvar(level), worst=outcome.worst)


def _plan_under_sets(
    set_problems: Sequence[SetProblem],
    reference_optima: Mapping[str, ReferenceOptimum],
    solution: CheckedSolution,
    set_id: str | None,
) -> SetPlan:
    """Evaluate a plan under all assumption sets whose best plan is known.

    ``set_id`` is the set that the plan was made for; None for the compromise.
    """
    commitment, outcome_by_set = solution.commitment, dict[str, PlanUnderSet]()
    for (id, optimum), (rule_instance, problem) in zip(
        reference_optima.items(), set_problems, strict=False
    ):
        objective, expected_damage = _objective_and_damage(problem, commitment)
        rules_broken = tuple(broken_rules(rule_instance, commitment))
        regret = objective - optimum.objective  # never negative for a feasible plan
        outcome_by_set[id] = PlanUnderSet(
            objective=objective,
            expected=expected_damage,
            regret=regret if rules_broken else max(0.0, regret),
            broken_rules=rules_broken,
        )
    certificate, instance = solution.certificate, solution.instance
    projects, starts = instance.case.projects, commitment.earliest_starts
    return SetPlan(
        of=set_id,
        status=certificate.status,
        objective=certificate.objective,
        bound=certificate.bound,
        gap=certificate.gap,
        projects={p: starts[p] for p in projects if p in starts},
        stocks_t=largest_stocks(instance, commitment),
        under=outcome_by_set,
    )


def _deciding_figures(
    case: Case,
    set_problems: Sequence[SetProblem],
    set_solutions: Mapping[str, CheckedSolution],
    compromise: CheckedSolution,
) -> Iterator[DecisiveFigures]:
    """Yield the gain of each set's plan over the compromise, with and without groups of the set's
    figures.

    A group of figures explains the choice of the set's plan if the gain is small without it.
    """
    lot_tonnes = set_problems[0][0].lot_tonnes
    for (id, solution), (_, problem) in zip(set_solutions.items(), set_problems, strict=True):
        assumption_set = case.assumptions[id]
        groups = _group_paths([*assumption_set.set])
        plans = solution.commitment, compromise.commitment
        gain = _objective_gain(problem, plans)
        for figures, paths in groups.items():
            remaining_paths = {
                path: value for path, value in assumption_set.set.items() if path not in paths
            }
            reduced_set = {id: Assumptions.model_validate({"weight": 1.0, "set": remaining_paths})}
            (reduced_case,) = cases_by_assumption_set(
                case.model_copy(update={"assumptions": reduced_set})
            ).values()
            reduced_problem = with_same_branches(
                Problem.from_case(reduced_case, problem), problem.instance
            )
            converted_plans = [
                convert_lots(plan, lot_tonnes, reduced_problem.instance) for plan in plans
            ]
            yield DecisiveFigures(
                of=id,
                figures=figures,
                count=len(paths),
                gain=gain,
                gain_without=_objective_gain(reduced_problem, converted_plans),
            )


def _objective_gain(problem: Problem, plans: Sequence[Commitment]) -> float:
    """Return the objective of the second plan less the objective of the first plan."""
    first_objective, second_objective = (recomputed_objective(problem, plan) for plan in plans)
    return second_objective - first_objective


def _group_paths(paths: Sequence[str]) -> dict[str, list[str]]:
    """Group the dotted paths of an assumption set by item, or by section if there are too many
    items."""
    for depth in (2, 1):
        groups: dict[str, list[str]] = {}
        for path in paths:
            groups.setdefault(".".join(path.split(".")[:depth]), []).append(path)
        if len(groups) <= MAX_GROUPS:
            break
    return groups
