"""The sheets on projects and on who pays for them."""

from __future__ import annotations

from typing import Any

from models.language import tr
from optimizer.report import tables
from optimizer.report.workbook.book import Column, Line, Sheet, key_column, printed
from optimizer.report.workbook.draft import MARKET_KEY, Draft, deviation_column, kind_name
from optimizer.report.workbook.expressions import absolute, total_where, words


def projects_and_funding(draft: Draft) -> None:
    """Both sheets, which refer to each other."""
    lines = _projects(draft)
    _funding(draft, lines)
    _shares(draft, lines)


def _projects(draft: Draft) -> dict[str, Line]:
    sheet = draft.book.sheet(tr("Projects"), tr("What to build, and when"))
    columns = [
        Column("name", tr("Project"), width=40),
        Column("country", tr("Country"), width=8),
        Column("material", tr("Material"), width=34),
        Column("start", tr("Start"), "year", 8),
        Column("first_output", tr("First output"), "year", 9),
        Column("capex", tr("Capex, {unit}", unit=draft.million), "money", 11),
        Column("funded", tr("Funded, {unit}", unit=draft.million), "money", 11),
        Column("share", tr("All shares together"), "share", 10),
        deviation_column(),
        Column("public", tr("Of that public"), "share", 10),
        Column("offtake", tr("Output for home"), "share", 10),
        Column("common", tr("Of output for all consumers"), "share", 11),
        Column("company", tr("Of output for companies that pay"), "share", 12),
        Column("reserved", tr("Both together"), "share", 10),
        key_column("id", tr("Id"), 20),
    ]
    sheet.set_widths(columns)
    sheet.note(
        tr("Shares are of capex or of output. First output: if nothing is delayed."),
        printed(columns),
    )
    table = draft.tables["projects"] = sheet.table(columns)
    lines: dict[str, Line] = {}
    for project in draft.plan.projects:
        line = lines[project.id] = table.line()
        item = draft.case.projects.get(project.id) if draft.case else None
        line.words("name", draft.names.project(project.id))
        if item is not None:
            line.scenario("country", item.country)
            made = ", ".join(draft.names.material(m) for m in item.output_t_per_year)
            line.words("material", made, wrap=True)
        line.optimizer("start", project.start)
        line.optimizer("first_output", project.first_output)
        line.optimizer("capex", project.capex_meur)
        line.optimizer("offtake", project.offtake)
        common = line.optimizer("common", project.offtake_common)
        company = line.optimizer("company", sum(project.offtake_by_company.values()))
        line.put("reserved", common + company)
        line.key("id", project.id)
    if not lines:
        table.nothing(tr("Nothing is built."))
    sheet.freeze(table, 1)
    return lines


def _records(frame: Any) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = frame.to_dict("records")
    return records


def _funding(draft: Draft, lines: dict[str, Line]) -> None:
    """One row a project, funder and instrument, and one for the market."""
    sheet = draft.book.sheet(tr("Funding"), tr("Who pays for the projects"))
    columns = [
        Column("project", tr("Project"), width=36),
        Column("funder", tr("Financed by"), width=30),
        Column("kind", tr("Kind"), width=20),
        Column("instrument", tr("Instrument"), width=28),
        Column("share", tr("Share of capex"), "share", 10),
        Column("meur", draft.million, "money", 12),
        key_column("project_id", tr("Id of the project"), 20),
        key_column("funder_id", tr("Id of the funder"), 18),
        key_column("instrument_id", tr("Id of the instrument"), 16),
        key_column("kind_id", tr("Key of the kind"), 9),
    ]
    sheet.set_widths(columns)
    sheet.note(tr("Amounts are shares times the capital cost of the project."), printed(columns))
    table = draft.tables["funding"] = sheet.table(columns)
    before = ""
    for row in _records(tables.funding(draft.plan)):
        line = table.line(ruled=row["project"] != before)
        before = row["project"]
        market = row["funder"] == tables.MARKET and not row["instrument"]
        kind = "market" if market else draft.kind_of(row["funder"])
        payer = tr("lenders and investors") if market else draft.names.funder(row["funder"])
        line.words("project", draft.names.project(row["project"]))
        line.words("funder", payer)
        line.words("kind", kind_name(kind))
        instrument = "" if market else draft.names.instrument(row["funder"], row["instrument"])
        line.words("instrument", instrument)
        share = line.optimizer("share", float(row["share"]))
        line.put("meur", share * lines[row["project"]].cells["capex"])
        line.key("project_id", row["project"])
        line.key("funder_id", MARKET_KEY if market else row["funder"])
        line.key("instrument_id", row["instrument"])
        line.key("kind_id", kind)
    if not table.count:
        table.nothing(tr("Nothing is built."))
    draft.cells["funding"] = table.totals(tr("All together"), ["meur"]).cells["meur"]
    sheet.freeze(table, 1)
    _supports(draft, sheet)


def _shares(draft: Draft, lines: dict[str, Line]) -> None:
    """What the funding of each project comes to, on the sheet of projects."""
    funding, table = draft.tables["funding"], draft.tables["projects"]
    projects, kinds = funding.area("project_id"), funding.area("kind_id")
    for line in lines.values():
        its = (projects, line.cells["id"])
        funded = line.put("funded", total_where(funding.area("meur"), its))
        line.put("share", total_where(funding.area("share"), its))
        line.put("deviation", absolute(funded - line.cells["capex"]))
        public = total_where(funding.area("share"), its, (kinds, words("public")))
        line.put("public", public)
    totals = table.totals(tr("All together"), ["capex", "funded"])
    draft.cells["capex"] = totals.cells["capex"]
    draft.cells["funded"] = totals.cells["funded"]


def _supports(draft: Draft, sheet: Sheet) -> None:
    """Instruments that carry no capital cost, and let lenders carry more of it."""
    rows = _records(tables.supports(draft.plan))
    if not rows:
        return
    sheet.heading(tr("What lets lenders carry more"))
    columns = [
        Column("project", tr("Project"), width=36),
        Column("funder", tr("Paid by"), width=30),
        Column("kind", tr("Kind"), width=20),
        Column("instrument", tr("Instrument"), width=28),
        Column("share", tr("Share covered"), "share", 10),
    ]
    table = sheet.table(columns)
    for row in rows:
        line = table.line()
        line.words("project", draft.names.project(row["project"]))
        line.words("funder", draft.names.funder(row["funder"]))
        line.words("kind", kind_name(draft.kind_of(row["funder"])))
        line.words("instrument", draft.names.instrument(row["funder"], row["instrument"]))
        line.optimizer("share", float(row["share"]))
    sheet.note(
        tr(
            "Interest subsidies cover a share of capex that lenders carry, price floors a share of "
            "output. Neither carries capex itself."
        ),
        printed(columns),
    )
