"""The sheets on what a plan rests on: figures of the scenario, their sources, and the proof."""

from __future__ import annotations

from models.language import language, tr
from optimizer.report import prose
from optimizer.report.tables.assumptions import Standing, assumptions, unit
from optimizer.report.workbook.book import Column, Line, Table, key_column
from optimizer.report.workbook.draft import Draft
from optimizer.report.workbook.expressions import Expression, absolute, count_of, largest, of
from optimizer.report.workbook.styles import Form
from optimizer.report.workbook.styles import objective as form_of_objective


def standing_name(standing: Standing) -> str:
    """The kind of a source in words."""
    return {
        "read": tr("read"),
        "reported": tr("reported"),
        "assumption": tr("assumption"),
        "other": tr("other source"),
        "none": tr("no source"),
    }[standing]


def _confidence_name(confidence: str | None) -> str:
    known = {"high": tr("high"), "medium": tr("medium"), "low": tr("low")}
    return known.get(confidence or "", "")


def figures_and_sources(draft: Draft) -> None:
    """Every figure of the scenario, and every source with the number of figures it carries."""
    if draft.case is None:
        return
    sheet = draft.book.sheet(tr("Assumptions"), tr("The figures that the plan rests on"))
    columns = [
        Column("item", tr("Of what"), width=38),
        Column("field", tr("Field"), width=22),
        Column("value", tr("Value"), "figure", 12),
        Column("unit", tr("Unit"), width=16),
        Column("standing", tr("Kind"), width=13),
        Column("confidence", tr("Confidence"), width=10),
        Column("source_id", tr("Id of the source"), width=22),
        Column("source", tr("Source"), width=70),
        Column("note", tr("Note"), width=44),
        key_column("path", tr("Path in the scenario"), 44),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "All figures that the scenario gives, as they were solved; what it leaves open has the "
            "format's default. Full texts of sources stand on the next sheet. A change here "
            "changes no plan: change the scenario and solve it again."
        ),
        9,
    )
    table = draft.tables["assumptions"] = sheet.table(columns)
    for figure in assumptions(draft.case):
        line = table.line()
        line.words("item", figure.item)
        line.words("field", figure.field)
        line.scenario("value", figure.value)
        line.words("unit", unit(figure.field, draft.plan.currency))
        line.words("standing", standing_name(figure.standing))
        line.words("confidence", _confidence_name(figure.confidence))
        line.words("source_id", figure.source_id)
        line.words("source", figure.source)
        line.words("note", figure.note, wrap=True)
        line.key("path", figure.path)
    sheet.freeze(table, 1)
    sheet.worksheet.autofilter(table.header_row, 0, table.rows()[1], len(columns) - 1)
    _sources(draft)


def _sources(draft: Draft) -> None:
    assert draft.case is not None
    table, figures = _source_table(draft), draft.tables["assumptions"]
    for id_, source in draft.case.sources.items():
        line = table.line()
        cell = line.words("id", id_)
        line.words("standing", standing_name(source.kind))
        line.put("count", count_of(figures.area("source_id"), cell))
        text = source.text.read(language())
        line.words("text", text, wrap=True)
        if source.url is not None:
            _link(table, line, source.url)
    if not table.count:
        table.nothing(tr("The scenario names no sources."))
    table.sheet.freeze(table, 1)


def _source_table(draft: Draft) -> Table:
    sheet = draft.book.sheet(tr("Sources"), tr("Where the figures come from"))
    columns = [
        Column("id", tr("Id of the source"), width=26),
        Column("standing", tr("Kind"), width=14),
        Column("count", tr("Figures that rest on it"), "count", 12),
        Column("text", tr("Source"), width=85),
        Column("url", tr("Address"), width=45),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr(
            "Read: somebody opened it. Reported: taken from a report of it. Assumption: reasoned, "
            "not observed."
        ),
        5,
    )
    table = draft.tables["sources_list"] = sheet.table(columns)
    return table


def _link(table: Table, line: Line, url: str) -> None:
    """An address that can be followed, where it is one of the web."""
    if url.startswith(("https://", "http://")) and len(url) <= 2000 and " " not in url:
        style = table.sheet.book.styles.shape("link")
        table.sheet.worksheet.write_url(line.row, table.at("url"), url, style, string=url)
    else:
        line.words("url", url)


def certificate(draft: Draft) -> None:
    """How good the plan is, its objective from its parts, and what it was made with."""
    sheet = draft.book.sheet(tr("Certificate"), tr("How good the proof is"))
    columns = [
        Column("what", tr("Figure"), width=44),
        Column("figure", tr("Value"), "figure", 18),
        Column("remark", tr("Remark"), width=75),
    ]
    sheet.set_widths(columns)
    table = draft.tables["certificate"] = sheet.table(columns)
    proof, reached = draft.plan.certificate, draft.plan.outcome
    unit_, rows = prose.unit(draft.plan), table

    def given(what: str, value: float | None, form: Form, remark: str = "") -> Expression:
        line = rows.line()
        line.words("what", what)
        line.words("remark", remark, wrap=True)
        return line.optimizer("figure", value, form)

    def derived(what: str, value: Expression, form: Form, remark: str = "") -> Expression:
        line = rows.line()
        line.words("what", what)
        line.words("remark", remark, wrap=True)
        return line.put("figure", value, form)

    for end, side, figures in (
        ("", tr("With plan"), reached),
        ("_without", tr("Without plan"), reached.without_plan),
    ):
        for name, what, value in (
            ("expected", tr("Expected: mean of all states"), figures.expected),
            ("cvar", prose.tail_noun(draft.plan), figures.cvar),
            ("worst", tr("Worst state"), figures.worst),
        ):
            draft.cells[name + end] = given(f"{side}: {what}", value, "outcome", unit_)
    draft.cells["net_cost"] = given(
        tr("Net cost, discounted"), reached.net_cost_meur, "money", draft.million
    )
    if reached.residual_meur:
        remark = tr("{unit}; the net cost is less by it", unit=draft.million)
        draft.cells["residual"] = given(
            tr("Residual value at the end, discounted"), reached.residual_meur, "money", remark
        )
    fine = form_of_objective([proof.objective])
    objective = given(
        tr("Objective"), proof.objective, fine, tr("Computed again outside the solver.")
    )
    draft.cells["objective"] = objective
    if draft.case is not None:
        _objective(draft, table, fine)
    bound = given(tr("Bound"), proof.bound, fine, tr("No plan can have a lower objective."))
    gap = given(tr("Gap"), proof.gap, "gap", tr("How far another plan can be better at most."))
    target = given(tr("Gap that was asked for"), proof.gap_target, "gap")
    draft.cells["gap"], draft.cells["gap_target"] = gap, target
    if proof.bound is not None:
        above = largest(of(0), objective - bound)
        derived_gap = above / largest(absolute(objective), of(_least(draft)))
        draft.cells["derived_gap"] = derived(
            tr("Gap, from objective and bound"), derived_gap, "gap"
        )
    given(tr("States of the world"), proof.states, "count", prose.states(draft.plan))
    given(tr("Time, s"), proof.seconds, "count")
    _manifest(draft, table)


def _least(draft: Draft) -> float:
    """What an objective counts as at least where a gap is taken of it: as ``Certificate.gap``."""
    without = draft.plan.outcome.without_plan
    weight = 0.0 if draft.case is None else float(draft.case.objective.cvar.weight)
    nothing = (1 - weight) * without.expected + weight * without.cvar
    return 1e-6 * (nothing if nothing > 1e-6 else 1.0)


def _objective(draft: Draft, table: Table, fine: Form) -> None:
    """(1 - weight) expected + weight CVaR + cost_weight net cost, from the sheet's own cells."""
    assert draft.case is not None
    terms = draft.case.objective

    def given(what: str, value: float) -> Expression:
        line = table.line()
        line.words("what", what)
        return line.scenario("figure", value, "figure")

    weight = given(tr("Weight of the worst states"), float(terms.cvar.weight))
    cost = given(tr("Weight of the net cost"), float(terms.cost_weight))
    cells = draft.cells
    line = table.line()
    line.words("what", tr("Objective, from its parts"))
    derived = (of(1) - weight) * cells["expected"] + weight * cells["cvar"]
    draft.cells["derived_objective"] = line.put("figure", derived + cost * cells["net_cost"], fine)


def _manifest(draft: Draft, table: Table) -> None:
    """What made the plan, in words."""
    proof = draft.plan.certificate
    table.sheet.row += 1
    for what, text in (
        (tr("Status"), prose.status(draft.plan)),
        (tr("Method"), prose.method(draft.plan)),
        (tr("Versions"), ", ".join(f"{name} {known}" for name, known in proof.versions.items())),
        (tr("Scenario, SHA-256"), proof.input_sha256),
        (tr("Scenario"), draft.names.title()),
        (tr("Variant"), draft.names.variant() or tr("none")),
    ):
        row = table.sheet.row
        table.sheet.row += 1
        table.sheet.put(row, 0, what, "words", "text")
        table.sheet.put(row, 1, text, "words", "text")
