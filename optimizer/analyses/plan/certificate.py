"""How good a plan is and what it takes to repeat it, in words and in figures that formulas use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.language import tr
from models.results import Plan
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.columns import Cell, Row
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.document import PAGE, SHEET, Check, Column, Form, Part, Section, Table, Text
from optimizer.report.figures import number, small_percent
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Formulas, Line


def certificate(say: PlanWording) -> Section:
    """How good the search was, the objective from its parts, and what it takes to repeat it."""
    text = tr(
        "The gap says how much better another plan can be at most, for this scenario. It says "
        "nothing about how well the scenario fits the world."
    )
    note = tr(
        "Re-running the file with the same versions reproduces the plan, or one within the gap. "
        "The hash proves that it is the same file: `vorrat solve` prints that of a scenario at its "
        "end, and plan.json holds the whole scenario."
    )
    tables = [_figures("proven", list(_proven(say)))]
    if say.case is not None:
        weight, cost = float(say.case.objective.cvar.weight), float(say.case.objective.cost_weight)
        terms = [
            _row("exact", "weight", tr("Weight of the worst states"), weight),
            _row("exact", "cost_weight", tr("Weight of the net cost"), cost),
        ]
        tables.append(_figures("objective_terms", terms, origin="scenario"))
    title = tr("How good the proof is")
    parts: list[Part] = [Text(text, PAGE), *tables, _told(say, title), Text(note, PAGE)]
    return Section("certificate", title, parts, tab=tr("Certificate"))


def _told(say: PlanWording, title: str) -> Table:
    """What it takes to judge and to repeat the plan."""
    plan, proof = say.plan, say.plan.certificate
    rows = [
        (tr("Status"), _status(plan)),
        (tr("Objective"), number(proof.objective)),
        (tr("Bound"), _bound(plan)),
        (tr("Gap"), _gap_told(plan)),
        (tr("States of the world"), _states(plan)),
        (tr("Method"), _method(plan)),
        (tr("Time"), f"{number(proof.seconds)} s"),
        (tr("Scenario"), say.title),
        (tr("Variant"), f"{say.variant} ({plan.variant})" if plan.variant else tr("none")),
    ]
    if say.case is not None:
        year = say.case.price_year
        rows.append((tr("Prices of"), str(year) if year else tr("not stated")))
    versions = ", ".join(f"{name} {version}" for name, version in proof.versions.items())
    rows += [(tr("Scenario, SHA-256"), proof.input_sha256), (tr("Versions"), versions)]
    columns = [
        Column(tr("Entry"), lambda row: row[0], "text"),
        Column(tr("Content"), lambda row: row[1], "text", width=40, mark=lambda row: "break"),
    ]
    return Table(title, rows, columns, "certificate", headed=False)


def illustration(plan: Plan) -> list[str]:
    """What few states mean, where there are few."""
    if not plan.certificate.illustrative:
        return []
    if plan.certificate.states == 1:
        return [
            tr(
                "For illustration only: the plan rests on 1 state of the world. Fewer than 100 "
                "show how the parts work together, but not how likely or how bad rare events are."
            )
        ]
    return [
        tr(
            "For illustration only: the plan rests on {states} states of the world. Fewer than "
            "100 show how the parts work together, but not how likely or how bad rare events are.",
            states=number(plan.certificate.states),
        )
    ]


def stopped(plan: Plan) -> list[str]:
    """That the search was stopped early, where it was."""
    if plan.certificate.status != "limit":
        return []
    if plan.certificate.gap is None:
        return [
            tr(
                "Stopped early: the plan keeps all rules, but how much better another could be is "
                "not known."
            )
        ]
    return [
        tr(
            "Stopped early: the plan keeps all rules, and another plan can improve its objective "
            "by {gap} at most.",
            gap=small_percent(plan.certificate.gap),
        )
    ]


def _status(plan: Plan) -> str:
    """How the solve ended."""
    certificate = plan.certificate
    if certificate.status == "optimal":
        return tr("optimal: the gap is within its target")
    return tr(
        "stopped early, before the gap reached its target (solver: {ended})",
        ended=certificate.ended,
    )


def _bound(plan: Plan) -> str:
    """What the bound says."""
    if plan.certificate.bound is None:
        return tr("none was proven")
    proven = number(plan.certificate.bound)
    return tr("{bound} (no plan can have a lower objective)", bound=proven)


def _gap_told(plan: Plan) -> str:
    """How far the plan may be from the best, and how far it was allowed to be."""
    target = small_percent(plan.certificate.gap_target)
    if plan.certificate.gap is None:
        return tr("not known (target {target})", target=target)
    reached = small_percent(plan.certificate.gap)
    return tr("{gap} (target {target})", gap=reached, target=target)


def _method(plan: Plan) -> str:
    """How the problem was solved, and the size of the model."""
    certificate = plan.certificate
    known = {
        "rows": tr("rows"),
        "columns": tr("columns"),
        "integers": tr("integers"),
        "nonzeros": tr("nonzeros"),
        "cuts": tr("cuts"),
    }
    size = ", ".join(
        f"{number(count)} {known.get(what, what)}" for what, count in certificate.model_size.items()
    )
    if certificate.method == "extensive":
        return tr("extensive form: {size}", size=size) if size else tr("extensive form")
    if size:
        return tr("decomposition, master: {size}", size=size)
    return tr("decomposition, master")


def _states(plan: Plan) -> str:
    """The states of the world and where they come from."""
    certificate = plan.certificate
    count = number(certificate.states)
    if certificate.seed is not None:
        return tr("{count}, sampled with seed {seed}", count=count, seed=certificate.seed)
    if certificate.states > 1:
        return tr("{count}, written out in the scenario", count=count)
    return tr("{count}, no chance in it", count=count)


def _figures(name: str, rows: list[Row], **more: Any) -> Table:
    columns = [
        *col.words(what=tr("Figure")),
        col.cell(tr("Value"), "figure", width=18, **more),
        *col.words(remark=tr("Remark")),
    ]
    return Table("", rows, columns, name, key=lambda row: row["key"], on=SHEET)


def _row(form: Form, key: str, what: str, figure: Cell, remark: str = "") -> Row:
    return Row(form, {"key": key, "what": what, "figure": figure, "remark": remark})


def _proven(say: PlanWording) -> Iterator[Row]:
    plan, proof, reached = say.plan, say.plan.certificate, say.plan.outcome
    sides = ("", tr("With plan"), reached), ("_without", tr("Without plan"), reached.without_plan)
    for end, side, known in sides:
        for name, what in outcomes(say):
            figure = getattr(known, name)
            yield _row("outcome", f"{name}{end}", f"{side}: {what}", figure, say.unit)
    what = tr("Net cost, discounted")
    yield _row("money", "net_cost", what, reached.net_cost_meur, say.million)
    if reached.residual_meur:
        what = tr("Residual value at the end, discounted")
        remark = tr("{unit}; the net cost is less by it", unit=say.million)
        yield _row("money", "residual", what, reached.residual_meur, remark)
    again = tr("Computed again outside the solver.")
    yield _row("objective", "objective", tr("Objective"), proof.objective, again)
    if say.case is not None:
        what = tr("Objective, from its parts")
        yield _row("objective", "derived_objective", what, _objective)
    lowest = tr("No plan can have a lower objective.")
    yield _row("objective", "bound", tr("Bound"), proof.bound, lowest)
    most = tr("How far another plan can be better at most.")
    yield _row("gap", "gap", tr("Gap"), proof.gap, most)
    yield _row("gap", "gap_target", tr("Gap that was asked for"), proof.gap_target)
    if proof.bound is not None:
        what, least = tr("Gap, from objective and bound"), _least(say)
        yield _row("gap", "derived_gap", what, lambda line: _gap(line, least))
    yield _row("count", "states", tr("States of the world"), proof.states, _states(plan))
    yield _row("count", "seconds", tr("Time, s"), proof.seconds)


def outcomes(say: PlanWording) -> list[tuple[str, str]]:
    """Fields of an outcome, and what they are called."""
    tail = ("cvar", say.tail)
    return [("expected", tr("Expected: mean of all states")), tail, ("worst", tr("Worst state"))]


def _objective(line: Line) -> ex.Expression:
    """(1 - weight) expected + weight CVaR + cost_weight net cost, from the sheet's own cells."""
    terms, names = line.book["objective_terms"], ("expected", "cvar", "net_cost")
    weight, cost = terms.find("weight", "figure"), terms.find("cost_weight", "figure")
    expected, cvar, net = (line.table.find(name, "figure") for name in names)
    return (ex.of(1) - weight) * expected + weight * cvar + cost * net


def _gap(line: Line, least: float) -> ex.Expression:
    objective, bound = (line.table.find(name, "figure") for name in ("objective", "bound"))
    above = ex.largest(ex.of(0), objective - bound)
    return above / ex.largest(ex.absolute(objective), ex.of(least))


def _least(say: PlanWording) -> float:
    """What an objective counts as at least where a gap is taken of it: as ``Certificate.gap``."""
    without = say.plan.outcome.without_plan
    weight = 0.0 if say.case is None else float(say.case.objective.cvar.weight)
    nothing = (1 - weight) * without.expected + weight * without.cvar
    return 1e-6 * (nothing if nothing > 1e-6 else 1.0)


def checks(say: PlanWording) -> Iterator[Check]:
    """Figures of the proof follow from each other."""

    def ordered(says: str, end: str) -> Check:
        names = (f"{name}{end}" for name in ("expected", "cvar", "worst"))
        parts = [col.proven(name) for name in names]

        def over(book: Formulas) -> ex.Expression:
            mean, tail, worst = (part(book) for part in parts)
            return ex.largest(ex.of(0), mean - tail, tail - worst)

        return Check(says, "proven", over, parts[-1], summed=True)

    def same(says: str, key: str) -> Check:
        return Check(says, "proven", col.proven(f"derived_{key}"), col.proven(key))

    yield ordered(
        tr("With the plan: the mean is at most the CVaR, and this at most the worst state"), ""
    )
    yield ordered(
        tr("Without a plan: the mean is at most the CVaR, and this at most the worst state"),
        "_without",
    )
    if say.case is not None:
        yield same(tr("The objective follows from its parts"), "objective")
    if say.plan.certificate.bound is not None:
        yield same(tr("The gap follows from objective and bound"), "gap")
