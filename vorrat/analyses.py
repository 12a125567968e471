"""What may be asked of scenarios and plans."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from models.language import mark_translatable, tr
from models.results import Comparison, Evaluation, Frontier, Plan
from models.results.base import SealedDocument
from models.spelling import unknown_name_hint
from optimizer.analyses.options import CompareOptions, PlanOptions
from optimizer.analyses.registry import ANALYSES_BY_NAME
from optimizer.errors import Interrupted, Misuse
from vorrat.analysis_result import Found, Plans
from vorrat.arguments import (
    TEXT,
    ArgumentKind,
    build_options,
    check_arguments,
    convert_texts,
    document_options,
    reject_single_text,
)
from vorrat.scenario import SCENARIO, Scenario

if TYPE_CHECKING:
    from optimizer.analyses.analysis_io import AnalysisInput

ScenarioOrPlan = Scenario | Found[Plan] | Plan
"""A scenario, or a plan with or without what belongs to it."""


def _require_plan(value: Any) -> Any:
    if not isinstance(value.result if isinstance(value, Found) else value, Plan):
        raise TypeError
    return value


def _require_scenario_or_plan(value: Any) -> Any:
    return value if isinstance(value, Scenario) else _require_plan(value)


PLAN = ArgumentKind(_require_plan, mark_translatable("a plan, as vorrat.solve(scenario) gives it"))
SCENARIO_OR_PLAN = ArgumentKind(
    _require_scenario_or_plan,
    mark_translatable("a scenario or a plan, as vorrat.read and vorrat.solve give them"),
)
INPUT_KINDS = {"scenario": SCENARIO, "plan": PLAN, "either": SCENARIO_OR_PLAN}
LABELS = ArgumentKind(
    lambda value: convert_texts(reject_single_text(value)), mark_translatable("a list of texts")
)


@check_arguments(scenario=SCENARIO)
@document_options("solve")
def solve(scenario: Scenario, **options: Any) -> Found[Plan]:
    """Find the best plan for a scenario and prove how good it is.

    Parameters
    ----------
    scenario
        As :func:`vorrat.read` gives it.
    **options

    Returns
    -------
    Found of Plan
        Checked from outside the solver; ``complete`` where it is proven to the gap.

    Raises
    ------
    Infeasible
        If no plan keeps all rules; it names a smallest set of rules in conflict.
    NoPlan
        If a limit was met before any plan was found.

    Examples
    --------
    >>> import vorrat
    >>> plan = vorrat.solve(vorrat.read("scenarios/tutorial.yaml"), gap=0)
    >>> plan.complete, round(plan.result.outcome.expected, 3)
    (True, 12.0)
    """
    from optimizer.analyses.break_even import add_break_even
    from optimizer.solve import planner

    asked = build_options(ANALYSES_BY_NAME["solve"], options)
    how: dict[str, Any] = {name: getattr(asked, name) for name in PlanOptions.supported_options}
    changes = cast(PlanOptions, asked).all_settings
    scenario = scenario.changed(*changes) if changes else scenario
    if cast(PlanOptions, asked).break_even:
        planner.check_supported(scenario.case)
    result = planner.solve_to_plan(
        scenario.case, variant=scenario.variant, title=scenario.title, **how
    )
    if cast(PlanOptions, asked).break_even:
        with suppress(Interrupted):  # the plan is there
            result = add_break_even(result, asked.time_limit)
    return _found_plan(result, scenario.label)


@check_arguments(plan=PLAN)
@document_options("evaluate")
def evaluate(plan: Found[Plan] | Plan, **options: Any) -> Found[Evaluation]:
    """Judge a plan on states that it was not made for, and against what could be known.

    Parameters
    ----------
    plan
        As :func:`solve` gives it.
    **options

    Returns
    -------
    Found of Evaluation

    Raises
    ------
    CheckFailed
        If the plan was changed, or another version made it.
    Misuse
        If options do not go together.

    Examples
    --------
    >>> import vorrat
    >>> plan = vorrat.solve(vorrat.read("scenarios/tutorial.yaml"))
    >>> round(vorrat.evaluate(plan, quick=True).result.fresh.with_plan.expected.value, 3)
    12.0
    """
    return analyse("evaluate", plan, **options)


@check_arguments(scenario=SCENARIO)
@document_options("frontier")
def frontier(scenario: Scenario, **options: Any) -> Found[Frontier]:
    """Draw damage against a budget, or any number of a scenario; each point is a plan.

    Parameters
    ----------
    scenario
        As :func:`vorrat.read` gives it.
    **options

    Returns
    -------
    Found of Frontier
        With the plan of each point in ``plans``, by its value.

    Raises
    ------
    ScenarioError
        If the number is not in the scenario, or a value does not fit there.
    Misuse
        If options do not go together.

    Examples
    --------
    >>> import vorrat
    >>> scenario = vorrat.read("scenarios/tutorial.yaml")
    >>> drawn = vorrat.frontier(scenario, vary="policy.budget_meur", values=[0, 20])
    >>> drawn.tables["frontier"]["Expected, million EUR"].round(3).tolist()
    [40.0, 12.0]
    >>> drawn.plans["20"]  # doctest: +ELLIPSIS
    <Plan of '20': expected damage 12 million EUR, net cost 15.5 million EUR, builds refinery, ...>
    """
    return analyse("frontier", scenario, **options)


@check_arguments(given=SCENARIO_OR_PLAN, labels=LABELS)
@document_options("compare")
def compare(
    *given: ScenarioOrPlan, labels: Sequence[str] | None = None, **options: Any
) -> Found[Comparison]:
    """Put funding options side by side: what each buys and costs, and what makes the difference.

    Parameters
    ----------
    *given
        Plans, and scenarios, which are solved.
    labels
        Short names of the first of them; of others, ids of variants and names of files.
    **options

    Returns
    -------
    Found of Comparison
        With the plan of each option in ``plans``, by its label. What kept others from a plan is in
        ``failures``.

    Raises
    ------
    Infeasible, NoPlan
        If no option has a plan: what kept the first from one.
    Misuse
        If ``base``, ``year`` or ``federal`` name what is not there.

    Examples
    --------
    >>> import vorrat
    >>> scenario = vorrat.read("scenarios/tutorial.yaml")
    >>> side = vorrat.compare(vorrat.solve(scenario), scenario.changed(variant="small_tickets"))
    >>> [(option.label, round(option.benefit.expected.with_plan)) for option in side.result.options]
    [('tutorial', 12), ('small_tickets', 10)]
    """
    from optimizer.analyses.comparison.plan_comparison import check_options, make_unique
    from optimizer.analyses.comparison.plan_comparison import compare_plans as compared
    from optimizer.analyses.sequential import SolveTask, solve_sequentially
    from optimizer.cli.compare import ComparedItem, failed_option
    from optimizer.cli.saved_results import option_plan_paths

    asked = cast(CompareOptions, build_options(ANALYSES_BY_NAME["compare"], options))
    every = _all_options(given, asked)
    first = list(labels or ())
    if not every:
        raise Misuse(tr("there is nothing to compare"))
    if len(first) > len(every):
        raise Misuse(tr("more labels than options: {labels}", labels=", ".join(first)))
    names = make_unique([*first, *map(_label_of, every[len(first) :])])
    by_label = dict(zip(names, every, strict=True))
    cases = {
        x: one.case if isinstance(one, Scenario) else _plan_result(one)
        for x, one in by_label.items()
    }
    check_options(cases, **asked.names_to_check)
    scenarios = {label: one for label, one in by_label.items() if isinstance(one, Scenario)}
    tasks = [SolveTask(one.case, one.variant, one.title) for one in scenarios.values()]
    heeded = (*CompareOptions.supported_options, "break_even")
    found = solve_sequentially(tasks, **{name: getattr(asked, name) for name in heeded})
    answers = dict(zip(scenarios, found, strict=True))
    plans, without = Plans(), []
    for label, one in by_label.items():
        answer = answers[label] if isinstance(one, Scenario) else _plan_result(one)
        if isinstance(answer, Plan):
            plans[label] = _found_plan(answer, label)
        elif isinstance(one, Scenario):
            item = ComparedItem(label, one.path, one.variant, reading=one.reading)
            without.append(failed_option(item, answer))
    if not plans:
        raise next(one for one in found if isinstance(one, Exception))
    base = asked.base
    if base is not None and base not in plans:
        text, base = tr("{base} has no plan; the others are compared with {label}.", base=base,
                        label=next(iter(plans))), None  # fmt: skip
        asked.listener.warn(text)
    result = compared(
        [plan.result for plan in plans.values()],
        list(plans),
        base=base,
        year=asked.year,
        federal=asked.federal or None,
        failed=without,
    )
    complete = not without and all(plan.complete for plan in plans.values())
    told = tuple(f"{one.label}: {one.message}" for one in without)
    return Found(result, ", ".join(plans), complete, told, plans, option_plan_paths(list(plans)))


@check_arguments(name=TEXT)
def analyse(name: str, given: ScenarioOrPlan, **options: Any) -> Found[Any]:
    """Run any analysis of the command line, such as ``explain``, ``alternatives`` or ``target``.

    Parameters
    ----------
    name
        Its command.
    given
        A scenario or a plan, as it takes.
    **options
        Those of its command, by the names in its schema.

    Returns
    -------
    Found

    Raises
    ------
    Misuse
        If there is no such analysis, it has no such option or not with such a value, or it takes
        the other of scenario and plan.

    Examples
    --------
    >>> import vorrat
    >>> scenario = vorrat.read("scenarios/tutorial.yaml")
    >>> round(vorrat.analyse("target", scenario, reduction=0.6).result.feasible_at, 1)
    13.6
    """
    analysis = ANALYSES_BY_NAME.get(name)
    if analysis is None or not analysis.run_module:
        hint = unknown_name_hint(
            name, [one.name for one in ANALYSES_BY_NAME.values() if one.run_module]
        )
        if name in ("solve", "compare"):
            hint = tr("call vorrat.{name}", name=name)
        raise Misuse(tr("there is no analysis '{name}'; {hint}", name=name, hint=hint))
    given, asked = (
        INPUT_KINDS[analysis.input_kind].convert_argument(name, "given", given),
        build_options(analysis, options),
    )
    outcome = analysis.runner(_analysis_input(given), asked)
    places = {place.rpartition("/")[2] or "plan": place for place in outcome.plans}
    return Found(
        cast(SealedDocument, outcome.result),
        _label_of(given),
        outcome.exit_code == 0,
        tuple(outcome.failures),
        Plans((at, _found_plan(outcome.plans[place], at)) for at, place in places.items()),
        {at: f"{place}/plan.json".removeprefix("/") for at, place in places.items()},
    )


def _all_options(inputs: Sequence[ScenarioOrPlan], options: CompareOptions) -> list[ScenarioOrPlan]:
    """What is compared: scenarios with the settings, and with their other variants where asked."""
    from optimizer.analyses.variation import BUDGET_PATH, format_setting

    budget = () if options.budget is None else (f"{BUDGET_PATH}={format_setting(options.budget)}",)
    settings = (*options.settings, *budget)
    found: list[ScenarioOrPlan] = [
        one.changed(*settings) if settings and isinstance(one, Scenario) else one for one in inputs
    ]
    read = [one for one in found if isinstance(one, Scenario)] if options.variants else []
    known = {(one.path, one.variant) for one in read}
    for one in read:
        for variant in one.variants:
            if (one.path, variant) not in known:
                known.add((one.path, variant))
                found.append(one.changed(variant=variant))
    return found


def _analysis_input(scenario_or_plan: ScenarioOrPlan) -> AnalysisInput:
    """What an analysis is run on."""
    from optimizer.analyses.analysis_io import AnalysisInput
    from optimizer.analyses.saved_plan import load_saved_plan as taken

    if isinstance(scenario_or_plan, Scenario):
        return AnalysisInput(
            scenario_or_plan.path,
            scenario_or_plan.reading,
            scenario_or_plan.title,
            scenario_or_plan.variant,
        )
    plan = _plan_result(scenario_or_plan)
    read = taken(plan)
    return AnalysisInput("plan.json", read.reading, plan.title, plan.variant, read)


def _found_plan(plan: Plan, label: str) -> Found[Plan]:
    return Found(plan, label, plan.certificate.status == "optimal")


def _plan_result(plan_or_found: Found[Plan] | Plan) -> Plan:
    return plan_or_found.result if isinstance(plan_or_found, Found) else plan_or_found


def _label_of(scenario_or_plan: ScenarioOrPlan) -> str:
    return (
        scenario_or_plan.variant or scenario_or_plan.title
        if isinstance(scenario_or_plan, Plan)
        else scenario_or_plan.label
    )
