"""The sheets on projects and on who pays for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from models.language import tr
from models.results import ProjectPlan
from optimizer.analyses.plan.sheets import columns as col
from optimizer.analyses.plan.sheets.columns import MARKET, SheetWording
from optimizer.report.document import Check, Column, Formula, Heading, Part, Section, Table
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Formulas, Line

_Shares = Mapping[str, Mapping[str, float]]


class Payer(NamedTuple):
    """A share of a project, of its capex or of its output, and who carries it."""

    project: ProjectPlan
    funder: str
    instrument: str
    share: float
    first: bool = False


def payers(project: ProjectPlan, shares: _Shares, market: float | None = None) -> Iterator[Payer]:
    """Shares by funder and instrument, one by one, and at last that of the market."""
    some = [(funder, by, share) for funder, of in shares.items() for by, share in of.items()]
    listed = some if market is None else [*some, (MARKET, "", market)]
    for place, (funder, by, share) in enumerate(listed):
        yield Payer(project, funder, by, share, not place)


def funding(say: SheetWording) -> list[Payer]:
    """Who pays for each project."""
    return [
        one for item in say.found.projects for one in payers(item, item.shares, item.market_share)
    ]


def sections(say: SheetWording) -> list[Section]:
    """What is built, and who pays for it."""
    note = tr("Shares are of capex or of output. First output: if nothing is delayed.")
    about = tr("Amounts are shares times the capital cost of the project.")
    title = tr("Who pays for the projects")
    return [
        col.sheet("projects", tr("Projects"), tr("What to build, and when"), note, _projects(say)),
        col.sheet("funding", tr("Funding"), title, about, _funding(say), *_supports(say)),
    ]


def _projects(say: SheetWording) -> Table:
    items, unit = say.case.projects if say.case else {}, say.million

    def country(row: ProjectPlan) -> str:
        return items[row.id].country if row.id in items else ""

    def material(row: ProjectPlan) -> str:
        return say.names("materials", items[row.id].output_t_per_year if row.id in items else ())

    def paid(key: str, **wanted: str) -> Formula:
        """What the funding of a project comes to, or that of one kind of funders."""
        return lambda r: col.where("funding", key, {"project_id": r["id"]}, **wanted)(r.book)

    def for_companies(row: ProjectPlan) -> float:
        return sum(row.offtake_by_company.values())

    columns = [
        col.text(tr("Project"), lambda row: say.name("projects", row.id)),
        col.text(tr("Country"), country, origin="scenario"),
        col.text(tr("Material"), material),
        col.given(tr("Start"), "start", "year", width=9),
        col.given(tr("First output"), "first_output", "year", width=9),
        col.given(tr("Capex, {unit}", unit=unit), "capex", of="capex_meur", total=True),
        col.calc(tr("Funded, {unit}", unit=unit), "funded", paid("meur"), total=True),
        col.calc(tr("All shares together"), "share", paid("share"), "share"),
        col.calc(tr("Deviation"), "deviation", col.apart("funded", "capex"), "deviation"),
        col.calc(tr("Of that public"), "public", paid("share", kind_id="public"), "share"),
        col.given(tr("Contracted output"), "offtake", "share"),
        col.given(tr("Of output for all consumers"), "common", "share", "offtake_common"),
        col.given(tr("Of output for companies that pay"), "company", "share", for_companies),
        col.calc(tr("Both together"), "reserved", lambda r: r["common"] + r["company"], "share"),
        *col.keys(id="id"),
    ]
    return Table(
        "", say.found.projects, columns, "projects", total=tr("All together"),
        key=lambda row: row.id, empty=tr("Nothing is built."),
    )  # fmt: skip


def _who(say: SheetWording, header: str) -> list[Column]:
    return [
        col.text(tr("Project"), lambda row: say.name("projects", row.project.id)),
        col.text(header, lambda row: say.payer(row.funder)),
        col.text(tr("Kind"), lambda row: say.kind(row.funder)),
        col.text(tr("Instrument"), lambda row: say.instrument(row.funder, row.instrument)),
    ]


def _funding(say: SheetWording) -> Table:
    """One row a project, funder and instrument, and one for the market."""

    def amount(line: Line) -> ex.Expression:
        return line["share"] * line.book["projects"].find(line.row.project.id, "capex")

    by, kind = "instrument", lambda row: say.kind_id(row.funder)
    columns = [
        *_who(say, tr("Financed by")),
        col.given(tr("Share of capex"), "share", "share"),
        col.calc(say.million, "meur", amount, total=True),
        *col.keys(project_id="project.id", funder_id="funder", instrument_id=by, kind_id=kind),
    ]
    return Table(
        "", funding(say), columns, "funding", total=tr("All together"),
        empty=tr("Nothing is built."), ruled=lambda row: row.first, freeze=1,
    )  # fmt: skip


def _supports(say: SheetWording) -> Iterator[Part]:
    """Instruments that carry no capital cost, and let lenders carry more of it."""
    if rows := [one for item in say.found.projects for one in payers(item, item.supports)]:
        share = col.given(tr("Share covered"), "share", "share")
        yield Heading(tr("What lets lenders carry more"))
        yield Table("", rows, [*_who(say, tr("Paid by")), share], "supports")
        yield tr(
            "Interest subsidies cover a share of capex that lenders carry, price floors a share of "
            "output. Neither carries capex itself."
        )


def checks(say: SheetWording) -> Iterator[Check]:
    """Projects are paid for in full by those that are listed, and so does their output go."""
    if not say.found.projects:
        return
    capex, funded = col.summed("projects", "capex"), col.summed("funding", "meur")
    says = tr("The shares of each project add up to 1: amounts by funder equal its capital cost")
    yield col.check_rows(says, "projects", capex)
    yield Check(tr("Funding of all projects equals their capital cost"), "projects", funded, capex)
    says = tr("Funding by source equals funding by project")
    yield Check(says, "funding", col.summed("sources", "meur"), funded)
    says = tr("Output for all consumers and for companies that pay is all contracted output")
    keys, output = ("reserved", "offtake"), col.summed("projects", "offtake")

    def apart(book: Formulas) -> ex.Expression:
        return ex.distance(*(book["projects"].area(key) for key in keys))

    yield Check(says, "projects", apart, output, summed=True)
