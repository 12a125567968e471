"""Who pays: by source and year, by budget class, and of which project how much."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from models.language import tr
from models.results import Position, ProjectPlan
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.words import MARKET, PlanWording, summed, with_sum
from optimizer.report.charts import Chart
from optimizer.report.charts import money as charts
from optimizer.report.document import (
    PAGE,
    SHEET,
    TERMINAL,
    TEXT,
    Column,
    Heading,
    Part,
    Section,
    Table,
    Text,
)
from optimizer.report.figures import NOISE, number, percent
from optimizer.report.wording import CLASSES, capital, class_name, listed
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line

COMPANIES = ""
"""Stands for all companies together where a funder's id would stand."""
MOST_SERIES = 6
"""More sources than these are drawn by kind."""
Years = Mapping[int, float]


def sections(say: PlanWording) -> list[Section]:
    """Money by source and year, by budget class and by project; a sheet has it by project."""
    about = Text(tr("Amounts are shares times the capital cost of the project."), SHEET)
    tables = [about, _payers(say), *_supports(say)]
    title, of_sheet = tr("Funding by source and year"), tr("Who pays for the projects")
    return [
        Section("funding", title, list(_parts(say)), TEXT),
        Section("funding_by_project", of_sheet, tables, SHEET, tab=tr("Funding")),
    ]


def _parts(say: PlanWording) -> Iterator[Part]:
    if say.plan.accounts and _all(say) > NOISE:
        yield _lead(say)
        yield from _leverage(say)
        yield from _by_source(say)
        yield from _by_class(say)
    if say.plan.projects:
        yield Heading(tr("Who finances which project"), PAGE)
        yield _by_project(say)
        yield _payers(say)
        yield _together(say)
        yield from _supports(say)


def _all(say: PlanWording) -> float:
    cost = say.cost
    return cost.public.paid_meur + cost.private.paid_meur + cost.market_meur


def _lead(say: PlanWording) -> str:
    total = _all(say)
    by_kind: dict[str, float] = {"market": say.cost.market_meur}
    for f, sums in say.cost.by_funder.items():
        by_kind[say.kinds[f]] = by_kind.get(say.kinds[f], 0.0) + sums.paid_meur
    labels = {
        "public": tr("public funders"),
        "company": tr("companies"),
        "private": tr("other private funders"),
        "market": tr("lenders and investors"),
    }
    found = [
        f"{label} {number(by_kind[kind], 0)} ({percent(by_kind[kind] / total)})"
        for kind, label in labels.items()
        if by_kind.get(kind, 0.0) > NOISE
    ]
    text = tr(
        "Projects and stocks take {total} in all{during}, not discounted: {parts}.",
        total=say.money(total),
        during=say.during,
        parts=listed(found),
    )
    if "guarantee" not in say.cost.by_class:
        return text
    return f"{text} " + tr("Loans that public guarantees cover count as public funding here.")


def _leverage(say: PlanWording) -> Iterator[str]:
    leverage = say.cost.leverage
    private, other = leverage.private_per_public, leverage.other_per_federal
    if private is not None and other is not None:
        yield tr(
            "Leverage in projects: {private} {currency} of private funding per public {currency} "
            "if guaranteed loans count as public, and {other} {currency} of all other money per "
            "{currency} that public funders pay themselves.",
            private=number(private, 1),
            other=number(other, 1),
            currency=say.currency,
        )
    elif private is not None:
        yield tr(
            "Leverage in projects: {private} {currency} of private funding per public {currency}.",
            private=number(private, 1),
            currency=say.currency,
        )


def _market(say: PlanWording) -> dict[int, float]:
    """What lenders and investors pay each year; capex past the horizon falls in its last."""
    by_year: dict[int, float] = {}
    for built in say.plan.projects if say.case is not None else ():
        assert say.case is not None
        for age, share in enumerate(say.case.projects[built.id].capex_profile):
            year = min(built.start + age, say.years[-1])
            due = built.market_share * built.capex_meur * float(share)
            by_year[year] = by_year.get(year, 0.0) + due
    return by_year


def of_years(series: Sequence[tuple[str, Years]]) -> list[Column]:
    """Columns of a table whose rows are years: a series each, and their sum."""

    def reader(of: Years) -> Callable[[int], float]:
        return lambda year: of.get(year, 0.0)

    columns = [Column(tr("Year"), str, "text", mark=lambda year: "line")]
    columns += [summed(name, reader(of)) for name, of in series]
    together = summed(tr("Sum"), lambda year: sum(of.get(year, 0.0) for _, of in series))
    return [*columns, together]


def in_years(by_year: Mapping[str, float]) -> dict[int, float]:
    """Amounts by year as a number."""
    return {int(year): amount for year, amount in by_year.items()}


def stacked(
    say: PlanWording, id: str, title: str, series: Sequence[tuple[str, Years]], height: float = 2.7
) -> Chart:
    """Series as stacked bars, one a year; ``height`` in inches."""
    drawn = [(name, [of.get(year, 0.0) for year in say.years]) for name, of in series]
    told = tr("Stacked bars, one a year. The figures are in the table below.")
    return Chart(id, title, told, lambda: charts.stacked(say.years, drawn, say.million, height))


def _by_source(say: PlanWording) -> Iterator[Part]:
    found = {f: in_years(sums.paid_by_year_meur) for f, sums in say.cost.by_funder.items()}
    found[MARKET] = _market(say)
    paying = {f: of for f, of in found.items() if any(abs(x) > NOISE for x in of.values())}
    series = [(say.source(f), of) for f, of in paying.items()]
    if not series:
        return
    together: dict[str, dict[int, float]] = {}
    for f, of in paying.items():
        kind = say.kinds[f]
        label = say.source(f)
        if len(paying) > MOST_SERIES and kind in ("company", "private"):
            label = capital(tr("companies") if kind == "company" else tr("other private funders"))
        sums = together.setdefault(label, {})
        for year, amount in of.items():
            sums[year] = sums.get(year, 0.0) + amount
    title = tr("Funding of projects and stocks by source and year ({unit})", unit=say.million)
    chart = stacked(say, "funding-by-source", title, list(together.items()))
    caption = tr("Funding by source and year ({unit}, not discounted)", unit=say.million)
    yield Table(
        caption, say.years, of_years(series), "sources", total=tr("All years"), chart=chart, on=PAGE
    )


def _by_class(say: PlanWording) -> Iterator[Part]:
    found = {"" if c == "none" else c: sums for c, sums in say.cost.by_class.items()}
    series = [
        (capital(class_name(c)), in_years(found[c].paid_by_year_meur))
        for c in CLASSES
        if c in found and found[c].paid_meur > NOISE
    ]
    if not series:
        return
    yield Heading(tr("Public funding by budget class"), PAGE)
    if "guarantee" in found:
        text = tr(
            "A guarantee is not spending: it stands with the bank loan that it covers. What it "
            "takes from the budget is its provision; the accounts below say how much."
        )
        yield Text(text, PAGE)
    title = tr("Public funding by budget class and year ({unit})", unit=say.million)
    chart = stacked(say, "funding-by-class", title, series, 2.3)
    caption = tr(
        "Public funding by budget class and year ({unit}, not discounted)", unit=say.million
    )
    yield Table(
        caption, say.years, of_years(series), "classes", total=tr("All years"), chart=chart, on=PAGE
    )


class Payer(NamedTuple):
    """A share of a project, of its capex or of its output, and who carries it."""

    project: ProjectPlan
    funder: str
    instrument: str
    share: float
    first: bool
    """Whether it is the first of its project."""
    position: Position | None
    """The account of it; lenders have none."""

    @property
    def meur(self) -> float:
        """The amount, of a share of capex."""
        return self.share * self.project.capex_meur


def payers(say: PlanWording, of: str = "shares") -> list[Payer]:
    """Who pays how much of each project, lenders last; or its ``supports``."""
    money = {(x.project, x.funder, x.instrument): x for x in say.plan.accounts}
    found = []
    for project in say.plan.projects:
        some = [(f, i, x) for f, by in getattr(project, of).items() for i, x in by.items()]
        if of == "shares":
            some.append((MARKET, "", project.market_share))
        found += [
            Payer(project, f, i, share, not n, money.get((project.id, f, i)))
            for n, (f, i, share) in enumerate(one for one in some if one[2] > NOISE)
        ]
    return found


def _by_project(say: PlanWording) -> Table:
    companies = {f.id for f in say.plan.funders if f.kind == "company"}
    by_payer: dict[str, dict[str, float]] = {}
    for row in payers(say):
        of = by_payer.setdefault(COMPANIES if row.funder in companies else row.funder, {})
        of[row.project.id] = of.get(row.project.id, 0.0) + row.meur
    order = [f.id for f in say.plan.funders if f.id not in companies] + [COMPANIES, MARKET]
    order += [f for f in by_payer if f not in order]

    def reader(of: Mapping[str, float]) -> Callable[[ProjectPlan], float]:
        return lambda project: of.get(project.id, 0.0)

    columns = [
        Column(tr("Project"), lambda p: say.name("projects", p.id), "text"),
        summed(tr("Capex"), "capex_meur"),
    ]
    columns += [
        summed(say.source(payer) if payer else capital(tr("companies")), reader(by_payer[payer]))
        for payer in order
        if payer in by_payer
    ]
    caption = tr("Capital cost of the projects and who pays it ({unit})", unit=say.million)
    return Table(caption, say.plan.projects, columns, "financing", total=tr("Sum"), on=PAGE)


def _who(say: PlanWording, header: str) -> list[Column]:
    return [
        col.text(tr("Project"), lambda row: say.name("projects", row.project.id)),
        col.text(header, lambda row: say.payer(row.funder)),
        col.text(tr("Kind"), lambda row: say.kind(row.funder), on=SHEET),
        col.text(
            tr("Instrument"),
            lambda row: say.instrument(row.funder, row.instrument) if row.instrument else None,
        ),
    ]


def _payers(say: PlanWording) -> Table:
    """One row a project, funder and instrument, and one for the market."""

    def amount(line: Line) -> ex.Expression:
        return line["share"] * line.book["projects"].find(line.row.project.id, "capex")

    by, kind = "instrument", lambda row: say.kinds.get(row.funder, "")
    columns = [
        *_who(say, tr("Financed by")),
        col.calc(say.million, "meur", amount, of="meur", total=True),
        col.given(tr("Share of capex"), "share", "share"),
        *col.keys(project_id="project.id", funder_id="funder", instrument_id=by, kind_id=kind),
    ]
    return Table(
        tr("Who pays for the projects"), payers(say), columns, "funding", freeze=1,
        total=tr("All together"), empty=tr("Nothing is built."), ruled=lambda row: row.first,
        on=TERMINAL | SHEET,
    )  # fmt: skip


def _together(say: PlanWording) -> Text:
    totals: dict[str, float] = {}
    for row in payers(say):
        totals[row.funder] = totals.get(row.funder, 0.0) + row.meur
    total = f"{number(sum(totals.values()))} {say.million}"
    told = with_sum([(say.payer(f), amount) for f, amount in totals.items()])
    return Text(tr("Together {total}: {listed}.", total=total, listed=told), TERMINAL)


def _supports(say: PlanWording) -> Iterator[Part]:
    """Interest subsidies and price floors, which carry no capex themselves."""
    expected, most = (
        tr("Expected, {unit}", unit=say.million),
        tr("At most, {unit}", unit=say.million),
    )
    columns = [
        *_who(say, tr("Paid by")),
        col.given(tr("Share covered"), "share", "share"),
        summed(expected, lambda row: row.position and sum(row.position.paid_meur.values())),
        summed(most, lambda row: row.position and row.position.committed_meur),
    ]
    note = tr(
        "Interest subsidies cover a share of capex that lenders carry, price floors a share of "
        "output. Neither carries capex itself."
    )
    if rows := payers(say, "supports"):
        yield Table(tr("What lets lenders carry more"), rows, columns, "supports", note)
