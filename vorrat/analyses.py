"""Functions that solve scenarios, run analyses, and build the Pyomo model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, Unpack, cast, overload

from models import results as r
from models.results import Comparison, Evaluation, Frontier, Plan
from models.results.base import JsonDocument
from models.results.manifest import PROOF_FILES
from models.spelling import unknown_name_hint
from optimizer.analyses.options import CompareOptions, PlanOptions
from optimizer.analyses.registry import ANALYSES_BY_NAME
from optimizer.errors import Interrupted, Misuse, NotWritten
from vorrat import option_types as t
from vorrat.analysis_result import Found, Plans
from vorrat.arguments import (
    FOLDER,
    FUNCTION,
    TEXT,
    ArgumentKind,
    PlanFunction,
    ProgressFunction,
    build_options,
    callbacks,
    check_arguments,
    convert_texts,
    document_options,
    reject_single_text,
)
from vorrat.option_types import (
    CompareKeywords,
    EvaluateKeywords,
    ExtraFunction,
    FrontierKeywords,
    SolveKeywords,
    applying_extra,
)
from vorrat.scenario import SCENARIO, Scenario, read

if TYPE_CHECKING:
    from optimizer.analyses.analysis_io import AnalysisInput

ScenarioOrPlan = Scenario | Found[Plan] | Plan
"""Input of an analysis: a scenario, or a plan with or without its :class:`Found`."""
PlanInput = Found[Plan] | Plan


def _require_plan(value: Any) -> Any:
    if not isinstance(value.result if isinstance(value, Found) else value, Plan):
        raise TypeError
    return value


def _require_scenario_or_plan(value: Any) -> Any:
    return value if isinstance(value, Scenario) else _require_plan(value)


PLAN = ArgumentKind(_require_plan, "a plan, as vorrat.solve(scenario) gives it")
SCENARIO_OR_PLAN = ArgumentKind(
    _require_scenario_or_plan, "a scenario or a plan, as vorrat.read and vorrat.solve give them"
)
INPUT_KINDS = {"scenario": SCENARIO, "plan": PLAN, "either": SCENARIO_OR_PLAN}
LABELS = ArgumentKind(lambda value: convert_texts(reject_single_text(value)), "a list of texts")


@check_arguments(scenario=SCENARIO, progress=FUNCTION, on_plan=FUNCTION, extra=FUNCTION)
@document_options("solve")
def solve(
    scenario: Scenario,
    *,
    progress: ProgressFunction | None = None,
    on_plan: PlanFunction | None = None,
    extra: ExtraFunction | None = None,
    **options: Unpack[SolveKeywords],
) -> Found[Plan]:
    """Compute the best plan for a scenario, with a proven bound on its objective.

    Parameters
    ----------
    scenario
        The scenario, as returned by :func:`vorrat.read`.
    progress
        Function that is called with the state of the analysis and of each solve, a
        :class:`vorrat.Progress`.
    on_plan
        Function that is called with each better plan that a search finds in this process.
    extra
        Function of a model and a scenario that adds Pyomo constraints over first-stage variables.
    **options

    Returns
    -------
    Found of Plan
        The plan, recomputed and checked independently of the solver. ``complete`` is True if the
        requested gap is proven.

    Raises
    ------
    Infeasible
        If no plan satisfies all rules. The error names an irreducible set of conflicting rules.
    NoPlan
        If a time or node limit was reached before any plan was found.

    Examples
    --------
    >>> import vorrat
    >>> plan = vorrat.solve(vorrat.read("scenarios/tutorial.yaml"), gap=0)
    >>> plan.complete, round(plan.result.outcome.expected, 3)
    (True, 12.0)
    """
    from optimizer.analyses.break_even import add_break_even
    from optimizer.solve import planner

    if options.get("keep_proof") is not None:
        folder = FOLDER.convert_argument("solve", "keep_proof", options["keep_proof"])
        options = {**options, "keep_proof": folder}
    plan_options = build_options(ANALYSES_BY_NAME["solve"], options)
    solve_options: dict[str, Any] = {
        name: getattr(plan_options, name) for name in PlanOptions.supported_options
    }
    settings = cast(PlanOptions, plan_options).all_settings
    scenario = scenario.changed(*settings) if settings else scenario
    folder = cast(PlanOptions, plan_options).keep_proof
    if folder is not None:
        for name in PROOF_FILES:
            if (Path(folder) / name).exists():  # found before the solve, not after it
                path = Path(folder) / name
                raise NotWritten(f"'{path}' exists already: name a new folder.")
        solve_options["on_proof"] = partial(_write_proof, Path(folder))
    with applying_extra(extra, scenario):
        if cast(PlanOptions, plan_options).break_even:
            planner.check_supported(scenario.case)
        with callbacks(progress, on_plan):
            result = planner.solve_to_plan(
                scenario.case, variant=scenario.variant, title=scenario.title, **solve_options
            )
        if cast(PlanOptions, plan_options).break_even:
            with suppress(Interrupted):  # the plan itself is complete
                result = add_break_even(result, plan_options.time_limit)
    return _found_plan(result, scenario.label)


def _write_proof(folder: Path, files: dict[str, bytes] | None) -> None:
    """Write the files of a proof. Warn if no bound was proven."""
    from optimizer.cli.output_files import publish

    if files is None:
        warnings.warn("No proof is written: no bound was proven.", stacklevel=2)
        return
    publish(folder, files)


@check_arguments(plan=PLAN, progress=FUNCTION, on_plan=FUNCTION, extra=FUNCTION)
@document_options("evaluate")
def evaluate(
    plan: Found[Plan] | Plan,
    *,
    progress: ProgressFunction | None = None,
    on_plan: PlanFunction | None = None,
    extra: ExtraFunction | None = None,
    **options: Unpack[EvaluateKeywords],
) -> Found[Evaluation]:
    """Evaluate a plan out of sample, and estimate the value of better information.

    Parameters
    ----------
    plan
        The plan, as returned by :func:`solve`.
    progress
        Function that is called with the state of the analysis and of each solve, a
        :class:`vorrat.Progress`.
    on_plan
        Function that is called with each better plan that a search finds in this process.
    extra
        Function of a model and a scenario that adds Pyomo constraints over first-stage variables.
    **options

    Returns
    -------
    Found of Evaluation
        Performance of the plan on newly drawn states of the world.

    Raises
    ------
    CheckFailed
        If the plan was edited, or was made by another version.
    Misuse
        If the options contradict one another.

    Examples
    --------
    >>> import vorrat
    >>> plan = vorrat.solve(vorrat.read("scenarios/tutorial.yaml"))
    >>> round(vorrat.evaluate(plan, quick=True).result.fresh.with_plan.expected.value, 3)
    12.0
    """
    return analyse("evaluate", plan, progress=progress, on_plan=on_plan, extra=extra, **options)


@check_arguments(scenario=SCENARIO, progress=FUNCTION, on_plan=FUNCTION, extra=FUNCTION)
@document_options("frontier")
def frontier(
    scenario: Scenario,
    *,
    progress: ProgressFunction | None = None,
    on_plan: PlanFunction | None = None,
    extra: ExtraFunction | None = None,
    **options: Unpack[FrontierKeywords],
) -> Found[Frontier]:
    """Compute the best plan for each of several budgets, or values of another scenario figure.

    Parameters
    ----------
    scenario
        The scenario, as returned by :func:`vorrat.read`.
    progress
        Function that is called with the state of the analysis and of each solve, a
        :class:`vorrat.Progress`.
    on_plan
        Function that is called with each better plan that a search finds in this process.
    extra
        Function of a model and a scenario that adds Pyomo constraints over first-stage variables.
    **options

    Returns
    -------
    Found of Frontier
        Damage and cost for each value. ``plans`` holds the plan of each point, by its value as
        text.

    Raises
    ------
    ScenarioError
        If the scenario does not contain the figure, or a value is not valid for it.
    Misuse
        If the options contradict one another.

    Examples
    --------
    >>> import vorrat
    >>> scenario = vorrat.read("scenarios/tutorial.yaml")
    >>> drawn = vorrat.frontier(scenario, vary="policy.budget_meur", values=[0, 20])
    >>> drawn.tables["frontier"]["Expected, million EUR"].round(3).tolist()
    [40.0, 12.0]
    >>> drawn.plans["20"]
    <Plan of '20': optimal, objective 27.5, gap 0
     expected damage 12 million EUR, without a plan 40
     net cost 15.5 million EUR, public money 15.5 million EUR
     builds refinery
     buys reserve 10 t>
    """
    return analyse("frontier", scenario, progress=progress, on_plan=on_plan, extra=extra, **options)


@check_arguments(
    given=SCENARIO_OR_PLAN, labels=LABELS, progress=FUNCTION, on_plan=FUNCTION, extra=FUNCTION
)
@document_options("compare")
def compare(
    *given: ScenarioOrPlan,
    labels: Sequence[str] | None = None,
    progress: ProgressFunction | None = None,
    on_plan: PlanFunction | None = None,
    extra: ExtraFunction | None = None,
    **options: Unpack[CompareKeywords],
) -> Found[Comparison]:
    """Compare funding options: benefit, cost and the decisions in which they differ.

    Parameters
    ----------
    *given
        Plans and scenarios in any order. Scenarios are solved first.
    labels
        Short names of the first options. The others are named by variant id or file name.
    progress
        Function that is called with the state of the analysis and of each solve, a
        :class:`vorrat.Progress`.
    on_plan
        Function that is called with each better plan that a search finds in this process.
    extra
        Function of a model and a scenario that adds Pyomo constraints over first-stage variables.
    **options

    Returns
    -------
    Found of Comparison
        The comparison. ``plans`` holds the plan of each option by its label; ``failures`` says why
        an option has no plan.

    Raises
    ------
    Infeasible, NoPlan
        If no option has a plan; this is the error of the first option.
    Misuse
        If ``base``, ``year`` or ``federal`` name something that does not exist.

    Examples
    --------
    >>> import vorrat
    >>> scenario = vorrat.read("scenarios/tutorial.yaml")
    >>> side = vorrat.compare(vorrat.solve(scenario), scenario.changed(variant="small_tickets"))
    >>> [(option.label, round(option.benefit.expected.with_plan)) for option in side.result.options]
    [('tutorial', 12), ('small_tickets', 10)]
    """
    from optimizer.analyses.break_even import SolveTask, solve_sequentially
    from optimizer.analyses.comparison.plan_comparison import (
        check_options,
        compare_plans,
        make_unique,
    )
    from optimizer.cli.compare import ComparedItem, failed_option
    from optimizer.cli.saved_results import option_plan_paths

    compare_options = cast(CompareOptions, build_options(ANALYSES_BY_NAME["compare"], options))
    inputs = _all_options(given, compare_options)
    given_labels = list(labels or ())
    if not inputs:
        raise Misuse("there is nothing to compare")
    if len(given_labels) > len(inputs):
        raise Misuse("more labels than options: {labels}".format(labels=", ".join(given_labels)))
    unique_labels = make_unique([*given_labels, *map(_label_of, inputs[len(given_labels) :])])
    by_label = dict(zip(unique_labels, inputs, strict=True))
    cases = {
        label: entry.case if isinstance(entry, Scenario) else _plan_result(entry)
        for label, entry in by_label.items()
    }
    check_options(cases, **compare_options.names_to_check)
    scenarios = {x: entry for x, entry in by_label.items() if isinstance(entry, Scenario)}
    tasks = [SolveTask(entry.case, entry.variant, entry.title) for entry in scenarios.values()]
    option_fields = (*CompareOptions.supported_options, "break_even")
    solve_options: dict[str, Any] = {x: getattr(compare_options, x) for x in option_fields}
    extra_scenario = next(iter(scenarios.values()), None)
    with applying_extra(extra, extra_scenario), callbacks(progress, on_plan):
        solved_answers = solve_sequentially(
            tasks,
            on_start=lambda n: compare_options.report_progress(n, len(tasks), tasks[n].title),
            **solve_options,
        )
    solved_by_label = dict(zip(scenarios, solved_answers, strict=True))
    plans, failed_options = Plans(), []
    for label, entry in by_label.items():
        answer = solved_by_label[label] if isinstance(entry, Scenario) else _plan_result(entry)
        if isinstance(answer, Plan):
            plans[label] = _found_plan(answer, label)
        elif isinstance(entry, Scenario):
            item = ComparedItem(label, entry.path, entry.variant, loaded_scenario=entry.reading)
            failed_options.append(failed_option(item, answer))
    if not plans:
        raise next(error for error in solved_answers if isinstance(error, Exception))
    base = compare_options.base
    if base is not None and base not in plans:
        text, base = (
            (f"{base} has no plan; the others are compared with {next(iter(plans))}."),
            None,
        )
        compare_options.listener.warn(text)
    result = compare_plans(
        [plan.result for plan in plans.values()],
        list(plans),
        base=base,
        year=compare_options.year,
        federal=compare_options.federal or None,
        failed=failed_options,
    )
    is_complete = not failed_options and all(plan.complete for plan in plans.values())
    failures = tuple(f"{option.label}: {option.message}" for option in failed_options)
    return Found(
        result, ", ".join(plans), is_complete, failures, plans, option_plan_paths(list(plans))
    )


# fmt: off
@overload
def analyse(name: Literal["split"], given: Scenario,
            **options: Unpack[t.SplitCall]) -> Found[r.Split]: ...
@overload
def analyse(name: Literal["participate"], given: Scenario,
            **options: Unpack[t.ParticipateCall]) -> Found[r.Participation]: ...
@overload
def analyse(name: Literal["evaluate"], given: PlanInput,
            **options: Unpack[t.EvaluateCall]) -> Found[r.Evaluation]: ...
@overload
def analyse(name: Literal["explain"], given: PlanInput,
            **options: Unpack[t.ExplainCall]) -> Found[r.Explanation]: ...
@overload
def analyse(name: Literal["stress"], given: ScenarioOrPlan,
            **options: Unpack[t.StressCall]) -> Found[r.Stress]: ...
@overload
def analyse(name: Literal["alternatives"], given: ScenarioOrPlan,
            **options: Unpack[t.AlternativesCall]) -> Found[r.Alternatives]: ...
@overload
def analyse(name: Literal["sensitivity"], given: ScenarioOrPlan,
            **options: Unpack[t.SensitivityCall]) -> Found[r.Sensitivity]: ...
@overload
def analyse(name: Literal["frontier"], given: Scenario,
            **options: Unpack[t.FrontierCall]) -> Found[r.Frontier]: ...
@overload
def analyse(name: Literal["target"], given: Scenario,
            **options: Unpack[t.TargetCall]) -> Found[r.Target]: ...
@overload
def analyse(name: Literal["assumptions"], given: Scenario,
            **options: Unpack[t.AssumptionsCall]) -> Found[r.Disagreement]: ...
@overload
def analyse(name: Literal["review"], given: Scenario,
            **options: Unpack[t.ReviewCall]) -> Found[r.Waiting]: ...
# fmt: on
@check_arguments(name=TEXT, progress=FUNCTION, on_plan=FUNCTION, extra=FUNCTION)
def analyse(
    name: str,
    given: ScenarioOrPlan,
    *,
    progress: ProgressFunction | None = None,
    on_plan: PlanFunction | None = None,
    extra: ExtraFunction | None = None,
    **options: Any,
) -> Found[Any]:
    """Run an analysis by the name of its command, such as ``explain`` or ``target``.

    Parameters
    ----------
    name
        Name of the command.
    given
        A scenario or a plan, whichever the analysis takes.
    progress
        Function that is called with the state of the analysis and of each solve, a
        :class:`vorrat.Progress`.
    on_plan
        Function that is called with each better plan that a search finds in this process.
    extra
        Function of a model and a scenario that adds Pyomo constraints over first-stage variables.
    **options
        Options of the command, as keyword arguments.

    Returns
    -------
    Found
        The result of the analysis, with its plans where it makes any.

    Raises
    ------
    Misuse
        If there is no such analysis, it has no such option, a value is not valid, or ``given`` is
        a plan where a scenario is needed or the reverse.

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
            name,
            [candidate.name for candidate in ANALYSES_BY_NAME.values() if candidate.run_module],
        )
        if name in ("solve", "compare"):
            hint = f"call vorrat.{name}"
        raise Misuse(f"there is no analysis '{name}'; {hint}")
    given = INPUT_KINDS[analysis.input_kind].convert_argument(name, "given", given)
    analysis_options = build_options(analysis, options)
    scenario = given
    if extra is not None and not isinstance(given, Scenario):
        scenario = read(dict(_plan_result(given).scenario or {}))
    with applying_extra(extra, cast("Scenario | None", scenario)), callbacks(progress, on_plan):
        outcome = analysis.runner(_analysis_input(given), analysis_options)
    path_by_label = {
        plan_path.rpartition("/")[2] or "plan": plan_path for plan_path in outcome.plans
    }
    return Found(
        cast(JsonDocument, outcome.result),
        _label_of(given),
        outcome.exit_code == 0,
        tuple(outcome.failures),
        Plans(
            (label, _found_plan(outcome.plans[plan_path], label))
            for label, plan_path in path_by_label.items()
        ),
        {
            label: f"{plan_path}/plan.json".removeprefix("/")
            for label, plan_path in path_by_label.items()
        },
        None if name != "evaluate" or isinstance(given, Scenario) else _plan_result(given),
    )


def _all_options(inputs: Sequence[ScenarioOrPlan], options: CompareOptions) -> list[ScenarioOrPlan]:
    """Return the funding options to compare: the inputs with the settings applied, and further
    variants if requested."""
    from optimizer.analyses.variation import BUDGET_PATH, format_setting

    budget = () if options.budget is None else (f"{BUDGET_PATH}={format_setting(options.budget)}",)
    settings = (*options.settings, *budget)
    all_inputs: list[ScenarioOrPlan] = [
        item.changed(*settings) if settings and isinstance(item, Scenario) else item
        for item in inputs
    ]
    scenarios = (
        [item for item in all_inputs if isinstance(item, Scenario)] if options.variants else []
    )
    known_inputs = {(item.path, item.variant) for item in scenarios}
    for item in scenarios:
        for variant in item.variants:
            if (item.path, variant) not in known_inputs:
                known_inputs.add((item.path, variant))
                all_inputs.append(item.changed(variant=variant))
    return all_inputs


def _analysis_input(scenario_or_plan: ScenarioOrPlan) -> AnalysisInput:
    """Return a scenario or a plan as the input object that an analysis takes."""
    from optimizer.analyses.analysis_io import AnalysisInput
    from optimizer.analyses.saved_plan import load_saved_plan

    if isinstance(scenario_or_plan, Scenario):
        return AnalysisInput(
            scenario_or_plan.path,
            scenario_or_plan.reading,
            scenario_or_plan.title,
            scenario_or_plan.variant,
        )
    plan = _plan_result(scenario_or_plan)
    saved_plan = load_saved_plan(plan)
    return AnalysisInput("plan.json", saved_plan.reading, plan.title, plan.variant, saved_plan)


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


def _require_count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, SupportsIndex) or value.__index__() < 1:
        raise TypeError
    return value.__index__()


STATE_COUNT = ArgumentKind(_require_count, "a number of states, 1 or more")


@check_arguments(scenario=SCENARIO, states=STATE_COUNT, extra=FUNCTION)
def model(
    scenario: Scenario, states: int | None = None, *, extra: ExtraFunction | None = None
) -> Any:
    """Build the Pyomo model of the extensive form, with all states in one program.

    Parameters
    ----------
    scenario
        The scenario, as returned by :func:`vorrat.read`.
    states
        Number of states: a sample of this size, or the first of those that are written out, with
        probabilities in proportion; those of the file if None.
    extra
        Function of a model and a scenario that adds Pyomo constraints over first-stage variables.

    Returns
    -------
    pyomo.environ.ConcreteModel
        The model. ``docs/formulation.md`` names its components and their units. Over assumption
        sets and with a review it has a block ``leaf[n]`` for each set and information set.

    Raises
    ------
    Misuse
        If no linear program can express the scenario's ambiguity set.

    Examples
    --------
    >>> import pyomo.environ as pyo
    >>> import vorrat
    >>> model = vorrat.model(vorrat.read("scenarios/tutorial.yaml"))
    >>> [str(variable) for variable in model.start.values()]
    ['start[refinery,2026]', 'start[recycling,2026]']
    >>> len(model.state)
    3
    """
    from optimizer.solve.exported_program import build_model, with_state_count
    from optimizer.solve.problem import Problem

    with applying_extra(extra, scenario):
        return build_model(Problem.from_case(with_state_count(scenario.case, states)))
