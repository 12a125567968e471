"""What may be asked of scenarios and plans."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from models.language import marked, tr
from models.results import Comparison, Evaluation, Frontier, Plan
from models.results.base import Document
from models.spelling import existing
from optimizer.analyses.options import CompareOptions, PlanOptions
from optimizer.analyses.registry import BY_NAME
from optimizer.errors import Interrupted, Misuse
from vorrat.asking import TEXT, Kind, built, checked, no_text, texts, with_options
from vorrat.found import Found, Plans
from vorrat.scenario import SCENARIO, Scenario

if TYPE_CHECKING:
    from optimizer.analyses.running import Input

Given = Scenario | Found[Plan] | Plan
"""A scenario, or a plan with or without what belongs to it."""


def _a_plan(value: Any) -> Any:
    if not isinstance(value.result if isinstance(value, Found) else value, Plan):
        raise TypeError
    return value


def _either(value: Any) -> Any:
    return value if isinstance(value, Scenario) else _a_plan(value)


PLAN = Kind(_a_plan, marked("a plan, as vorrat.solve(scenario) gives it"))
GIVEN = Kind(_either, marked("a scenario or a plan, as vorrat.read and vorrat.solve give them"))
TAKEN = {"scenario": SCENARIO, "plan": PLAN, "either": GIVEN}
LABELS = Kind(lambda value: texts(no_text(value)), marked("a list of texts"))


@checked(scenario=SCENARIO)
@with_options("solve")
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
    from optimizer.analyses.break_even import with_break_even
    from optimizer.solve import planner

    asked = built(BY_NAME["solve"], options)
    how: dict[str, Any] = {name: getattr(asked, name) for name in PlanOptions.heeded}
    changes = cast(PlanOptions, asked).changes
    scenario = scenario.changed(*changes) if changes else scenario
    if cast(PlanOptions, asked).break_even:
        planner.check_plain(scenario.case)
    result = planner.plan(scenario.case, variant=scenario.variant, title=scenario.title, **how)
    if cast(PlanOptions, asked).break_even:
        with suppress(Interrupted):  # the plan is there
            result = with_break_even(result, asked.time_limit)
    return _planned(result, scenario.label)


@checked(plan=PLAN)
@with_options("evaluate")
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


@checked(scenario=SCENARIO)
@with_options("frontier")
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


@checked(given=GIVEN, labels=LABELS)
@with_options("compare")
def compare(
    *given: Given, labels: Sequence[str] | None = None, **options: Any
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
    from optimizer.analyses.comparison.compare import check_asked, distinct
    from optimizer.analyses.comparison.compare import compare as compared
    from optimizer.analyses.in_turn import Task, solve_all
    from optimizer.cli.compare import Item, failed
    from optimizer.cli.saved import compared_places

    asked = cast(CompareOptions, built(BY_NAME["compare"], options))
    every = _every(given, asked)
    first = list(labels or ())
    if not every:
        raise Misuse(tr("there is nothing to compare"))
    if len(first) > len(every):
        raise Misuse(tr("more labels than options: {labels}", labels=", ".join(first)))
    names = distinct([*first, *map(_label, every[len(first) :])])
    by_label = dict(zip(names, every, strict=True))
    cases = {
        x: one.case if isinstance(one, Scenario) else _plan(one) for x, one in by_label.items()
    }
    check_asked(cases, **asked.names)
    scenarios = {label: one for label, one in by_label.items() if isinstance(one, Scenario)}
    tasks = [Task(one.case, one.variant, one.title) for one in scenarios.values()]
    heeded = (*CompareOptions.heeded, "break_even")
    found = solve_all(tasks, **{name: getattr(asked, name) for name in heeded})
    answers = dict(zip(scenarios, found, strict=True))
    plans, without = Plans(), []
    for label, one in by_label.items():
        answer = answers[label] if isinstance(one, Scenario) else _plan(one)
        if isinstance(answer, Plan):
            plans[label] = _planned(answer, label)
        elif isinstance(one, Scenario):
            item = Item(label, one.path, one.variant, reading=one.reading)
            without.append(failed(item, answer))
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
    return Found(result, ", ".join(plans), complete, told, plans, compared_places(list(plans)))


@checked(name=TEXT)
def analyse(name: str, given: Given, **options: Any) -> Found[Any]:
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
    analysis = BY_NAME.get(name)
    if analysis is None or not analysis.run:
        hint = existing(name, [one.name for one in BY_NAME.values() if one.run])
        if name in ("solve", "compare"):
            hint = tr("call vorrat.{name}", name=name)
        raise Misuse(tr("there is no analysis '{name}'; {hint}", name=name, hint=hint))
    given, asked = TAKEN[analysis.takes].of(name, "given", given), built(analysis, options)
    outcome = analysis.running(_input(given), asked)
    places = {place.rpartition("/")[2] or "plan": place for place in outcome.plans}
    return Found(
        cast(Document, outcome.result),
        _label(given),
        outcome.exit_code == 0,
        tuple(outcome.failures),
        Plans((at, _planned(outcome.plans[place], at)) for at, place in places.items()),
        {at: f"{place}/plan.json".removeprefix("/") for at, place in places.items()},
    )


def _every(given: Sequence[Given], asked: CompareOptions) -> list[Given]:
    """What is compared: scenarios with the settings, and with their other variants where asked."""
    from optimizer.analyses.variation import BUDGET, written

    budget = () if asked.budget is None else (f"{BUDGET}={written(asked.budget)}",)
    settings = (*asked.settings, *budget)
    found: list[Given] = [
        one.changed(*settings) if settings and isinstance(one, Scenario) else one for one in given
    ]
    read = [one for one in found if isinstance(one, Scenario)] if asked.variants else []
    known = {(one.path, one.variant) for one in read}
    for one in read:
        for variant in one.variants:
            if (one.path, variant) not in known:
                known.add((one.path, variant))
                found.append(one.changed(variant=variant))
    return found


def _input(given: Given) -> Input:
    """What an analysis is run on."""
    from optimizer.analyses.given import given as taken
    from optimizer.analyses.running import Input

    if isinstance(given, Scenario):
        return Input(given.path, given.reading, given.title, given.variant)
    plan = _plan(given)
    read = taken(plan)
    return Input("plan.json", read.reading, plan.title, plan.variant, read)


def _planned(plan: Plan, label: str) -> Found[Plan]:
    return Found(plan, label, plan.certificate.status == "optimal")


def _plan(given: Found[Plan] | Plan) -> Plan:
    return given.result if isinstance(given, Found) else given


def _label(given: Given) -> str:
    return given.variant or given.title if isinstance(given, Plan) else given.label
