"""The sheets on what a plan rests on: figures of the scenario, their sources, and the proof."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.language import language, tr
from models.scenario.case import Case
from optimizer.analyses.plan import words
from optimizer.analyses.plan.assumptions import Assumption, Standing, assumptions, unit
from optimizer.analyses.plan.sheets import columns as col
from optimizer.analyses.plan.sheets.columns import Cell, Row, SheetWording
from optimizer.report.document import SHEET, Check, Form, Section, Table
from optimizer.report.figures import NONE
from optimizer.report.wording import pairs
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Formulas, Line


def standing_name(standing: Standing) -> str:
    """The kind of a source in words."""
    return {
        "read": tr("read"),
        "reported": tr("reported"),
        "assumption": tr("assumption"),
        "other": tr("other source"),
        "none": tr("no source"),
    }[standing]


def figures_and_sources(say: SheetWording) -> list[Section]:
    """Every figure of the scenario, and every source with the number of figures it carries."""
    if say.case is None:
        return []
    about = tr(
        "All figures that the scenario gives, as they were solved; what it leaves open has the "
        "format's default. Full texts of sources stand on the next sheet. A change here changes no "
        "plan: change the scenario and solve it again."
    )
    kinds = tr(
        "Read: somebody opened it. Reported: taken from a report of it. Assumption: reasoned, not "
        "observed."
    )
    title, given = tr("The figures that the plan rests on"), _assumptions(say, say.case)
    origin = tr("Where the figures come from")
    return [
        col.sheet("figures", tr("Assumptions"), title, about, given),
        col.sheet("sources", tr("Sources"), origin, kinds, _sources(say.case)),
    ]


def _assumptions(say: SheetWording, case: Case) -> Table:
    confidence = {"high": tr("high"), "medium": tr("medium"), "low": tr("low")}

    def form(row: Assumption) -> Form:
        return "year" if row.calendar else "exact"

    columns = [
        col.text(tr("Of what"), lambda row: row.item or NONE, width=38, wrap=False),
        col.text(tr("Field"), "field", width=22, wrap=False),
        col.given(tr("Value"), "value", form, origin="scenario"),
        col.text(tr("Unit"), lambda row: unit(row.field, say.currency), width=16, wrap=False),
        col.text(tr("Kind"), lambda row: standing_name(row.standing), width=13, wrap=False),
        col.text(tr("Confidence"), lambda row: confidence.get(row.confidence or "")),
        col.text(tr("Id of the source"), "source_id", key="source_id", width=22, wrap=False),
        col.text(tr("Source"), "source", width=70, wrap=False),
        col.text(tr("Note"), "note", width=44),
        *col.keys(path="path"),
    ]
    return Table("", list(assumptions(case)), columns, "assumptions")


def _sources(case: Case) -> Table:
    def resting(line: Line) -> ex.Expression:
        return ex.count_of(line.book["assumptions"].area("source_id"), line["id"])

    columns = [
        col.text(tr("Id of the source"), lambda row: row[0], key="id"),
        col.text(tr("Kind"), lambda row: standing_name(row[1].kind)),
        col.calc(tr("Figures that rest on it"), "count", resting, "count"),
        col.text(tr("Source"), lambda row: row[1].text.read(language()), width=85),
        col.text(tr("Address"), lambda row: row[1].url, link=lambda row: row[1].url or ""),
    ]
    empty = tr("The scenario names no sources.")
    return Table("", list(case.sources.items()), columns, "sources_list", empty=empty)


def certificate(say: SheetWording) -> Section:
    """How good the plan is, its objective from its parts, and what it was made with."""
    plan, versions = say.found, say.found.certificate.versions
    made = [
        (tr("Status"), words.status(plan)),
        (tr("Method"), words.method(plan)),
        (tr("Versions"), ", ".join(f"{name} {known}" for name, known in versions.items())),
        (tr("Scenario, SHA-256"), plan.certificate.input_sha256),
        (tr("Scenario"), say.title),
        (tr("Variant"), say.variant or tr("none")),
    ]
    tables = [_figures("certificate", list(_proven(say)))]
    if say.case is not None:
        weight, cost = float(say.case.objective.cvar.weight), float(say.case.objective.cost_weight)
        terms = [
            _row("exact", "weight", tr("Weight of the worst states"), weight),
            _row("exact", "cost_weight", tr("Weight of the net cost"), cost),
        ]
        tables.append(_figures("objective_terms", terms, origin="scenario"))
    title, made_with = tr("How good the proof is"), pairs("", made, on=SHEET)
    return col.sheet("certificate", tr("Certificate"), title, *tables, made_with)


def _figures(name: str, rows: list[Row], **more: Any) -> Table:
    columns = [
        *col.words(what=tr("Figure")),
        col.cell(tr("Value"), "figure", width=18, **more),
        *col.words(remark=tr("Remark")),
    ]
    return Table("", rows, columns, name, key=lambda row: row["key"])


def _row(form: Form, key: str, what: str, figure: Cell, remark: str = "") -> Row:
    return Row(form, {"key": key, "what": what, "figure": figure, "remark": remark})


def _proven(say: SheetWording) -> Iterator[Row]:
    plan, proof, reached = say.found, say.found.certificate, say.found.outcome
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
    yield _row("count", "states", tr("States of the world"), proof.states, words.states(plan))
    yield _row("count", "seconds", tr("Time, s"), proof.seconds)


def outcomes(say: SheetWording) -> list[tuple[str, str]]:
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


def _least(say: SheetWording) -> float:
    """What an objective counts as at least where a gap is taken of it: as ``Certificate.gap``."""
    without = say.found.outcome.without_plan
    weight = 0.0 if say.case is None else float(say.case.objective.cvar.weight)
    nothing = (1 - weight) * without.expected + weight * without.cvar
    return 1e-6 * (nothing if nothing > 1e-6 else 1.0)


def checks(say: SheetWording) -> Iterator[Check]:
    """Figures of the proof follow from each other."""

    def ordered(says: str, end: str) -> Check:
        names = (f"{name}{end}" for name in ("expected", "cvar", "worst"))
        parts = [col.proven(name) for name in names]

        def over(book: Formulas) -> ex.Expression:
            mean, tail, worst = (part(book) for part in parts)
            return ex.largest(ex.of(0), mean - tail, tail - worst)

        return Check(says, "certificate", over, parts[-1], summed=True)

    def same(says: str, key: str) -> Check:
        return Check(says, "certificate", col.proven(f"derived_{key}"), col.proven(key))

    yield ordered(
        tr("With the plan: the mean is at most the CVaR, and this at most the worst state"), ""
    )
    yield ordered(
        tr("Without a plan: the mean is at most the CVaR, and this at most the worst state"),
        "_without",
    )
    if say.case is not None:
        yield same(tr("The objective follows from its parts"), "objective")
    if say.found.certificate.bound is not None:
        yield same(tr("The gap follows from objective and bound"), "gap")
