"""Who pays: by source and year, by budget class and year, and of which project how much."""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from models.language import tr
from models.results import Position, ProjectPlan
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.words import MARKET, PlanWording, kinds, summed
from optimizer.report import document as doc
from optimizer.report.charts import Chart
from optimizer.report.charts import money as charts
from optimizer.report.document import DETAIL, EVERYWHERE, PAGE, SHEET, TEXT, Column, Part, Table
from optimizer.report.figures import NOISE, number, percent
from optimizer.report.wording import CLASSES, capital, class_name, listed
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line

Years = Mapping[str, float]


def section(say: PlanWording) -> doc.Section:
    """Money by source, budget class and year, and who pays for which project."""
    title = tr("Funding by source and year")
    return doc.Section("funding", title, list(_parts(say)), tab=tr("Funding"))


def _parts(say: PlanWording) -> Iterator[Part]:
    paid = {one.id: say.plan.committed_meur.get(one.id, {}) for one in say.plan.funders}
    paid = {**paid, **say.plan.committed_meur, MARKET: _market(say)}
    if any(abs(x) > NOISE for by_year in paid.values() for x in by_year.values()):
        yield doc.Text(_lead(say), TEXT)
    leverage = say.cost.leverage
    if leverage.private_per_public is not None and leverage.other_per_federal is not None:
        text = tr(
            "Leverage in projects: {private} {currency} of private funding per public {currency} "
            "if guaranteed loans count as public, and {other} {currency} of all other money per "
            "{currency} that public funders pay themselves.",
            private=number(leverage.private_per_public, 1),
            other=number(leverage.other_per_federal, 1),
            currency=say.currency,
        )
        yield doc.Text(text, TEXT)
    title = tr("Funding of projects and stocks by source and year ({unit})", unit=say.million)
    caption = tr("Funding by source and year ({unit}, not discounted)", unit=say.million)
    drawn = stacked(say, "funding-by-source", title, _drawn(say, paid))
    yield by_funder(say, "committed", caption, paid, "paid_by", chart=drawn, on=DETAIL)
    if "guarantee" in say.cost.by_class:
        text = tr(
            "A guarantee is not spending: it stands with the bank loan that it covers. What it "
            "takes from the budget is its provision; the accounts below say how much."
        )
        yield doc.Text(text, PAGE)
    title = tr("Public funding by budget class and year ({unit}, not discounted)", unit=say.million)
    pairs = {(one.funder, one.budget_class) for one in say.public}
    # Where each funder has a class of its own, the chart above shows them.
    alike = len(pairs) == len({f for f, _ in pairs}) == len({c for _, c in pairs})
    yield from of_classes(say, "paid_by_year_meur", "classes", title, chart=not alike, folded=True)
    yield from _payers(say)
    yield from _supports(say)


def _lead(say: PlanWording) -> str:
    by_kind: dict[str, float] = {"market": say.cost.market_meur}
    for f, sums in say.cost.by_funder.items():
        by_kind[say.kinds[f]] = by_kind.get(say.kinds[f], 0.0) + sums.paid_meur
    total = sum(by_kind.values())
    found = [
        f"{label} {number(by_kind[kind], 0)} ({percent(by_kind[kind] / total)})"
        for kind, label in kinds().items()
        if by_kind.get(kind, 0.0) > NOISE
    ]
    text = tr(
        "Projects and stocks take {total} in all{during}, not discounted: {parts}.",
        total=say.money(total),
        during=say.during,
        parts=listed(found),
    )
    if "guarantee" not in say.cost.by_class:
        return text + say.overruns
    text += " " + tr("Loans that public guarantees cover count as public funding here.")
    return text + say.overruns


def _market(say: PlanWording) -> dict[str, float]:
    """What lenders and investors pay each year; capex past the horizon falls in its last."""
    by_year: dict[str, float] = {}
    for chance, built in say.plan.likely if say.case is not None else ():
        assert say.case is not None
        for age, share in enumerate(say.case.projects[built.id].capex_profile):
            year = str(min(built.start + age, say.years[-1]))
            due = chance * built.market_share * built.mean_capex_meur * float(share)
            by_year[year] = by_year.get(year, 0.0) + due
    return by_year


def _drawn(say: PlanWording, paid: Mapping[str, Years]) -> list[tuple[str, Years]]:
    """What a chart shows of these: public funders one by one, others by their kind."""
    series: dict[str, dict[str, float]] = {}
    for f, by_year in paid.items():
        kind = say.kinds.get(f, "")
        label = capital(kinds()[kind]) if kind in ("company", "private") else say.source(f)
        of = series.setdefault(label, {})
        for year, amount in by_year.items():
            of[year] = of.get(year, 0.0) + amount
    return [(label, of) for label, of in series.items() if any(abs(x) > NOISE for x in of.values())]


def stacked(
    say: PlanWording, id: str, title: str, series: Sequence[tuple[str, Years]], height: float = 2.7
) -> Chart | None:
    """Series as stacked bars, one a year; ``height`` in inches."""
    drawn = [(name, [of.get(year, 0.0) for year in say.horizon]) for name, of in series]
    told = tr("Stacked bars, one a year. The figures are in the table below.")
    chart = Chart(id, title, told, lambda: charts.stacked(say.years, drawn, say.million, height))
    return chart if drawn else None


def by_funder(
    say: PlanWording,
    name: str,
    caption: str,
    money: Mapping[str, Years],
    whose: str,
    times: str = "",
    chart: Chart | None = None,
    on: doc.Media = EVERYWHERE,
) -> Table:
    """Amounts by funder and year; a sheet compares them with what accounts come to."""

    def row(funder: str) -> col.Row:
        ids = {"funder_id": funder, "kind_id": say.kinds.get(funder, "")}
        about = {"funder": say.source(funder), "kind": say.kind(funder)}
        return col.Row("money", {**about, **ids, **say.filled(money[funder])})

    def apart(line: Line) -> ex.Expression | None:
        its = {whose: line["funder_id"]}
        known = line.row["funder_id"] != MARKET and say.case is not None
        return col.off_accounts(line, its, say.horizon, times) if known else None

    columns = [
        *col.words(funder=tr("Funder")),
        col.cell(tr("Kind"), "kind", "text", on=SHEET),
        *col.years(say.horizon, "money", total=True, like="years"),
        col.calc(
            tr("All years"), "all", col.sum_of_years, total=True,
            of=lambda row: sum(row[year] for year in say.horizon),
        ),
        doc.sheet_only(tr("Deviation"), "deviation", apart, "deviation"),
        *col.keys("funder_id", "kind_id"),
    ]  # fmt: skip
    rows = [row(f) for f, by_year in money.items() if any(abs(x) > NOISE for x in by_year.values())]
    bars = doc.SheetChart("stacked", caption, series=say.horizon)
    return Table(
        caption, rows, columns, name, total=tr("All together"), chart=chart, freeze=1, folded=True,
        key=lambda row: row["funder_id"], empty=tr("No money is provided."),
        sheet_chart=bars if rows and name == "spend" else None,
        on=on if rows else SHEET,
    )  # fmt: skip


def of_classes(
    say: PlanWording, field: str, name: str, title: str, note: str = "",
    *, chart: bool = True, folded: bool = True,
) -> Iterator[Part]:  # fmt: skip
    """Public money by budget class and year, for a page; ``field`` is one of sums by year."""
    sums = {c: say.cost.by_class.get(c or "none") for c in CLASSES}
    rows = [(capital(class_name(c)), getattr(of, field)) for c, of in sums.items() if of]
    rows = [row for row in rows if any(abs(x) > NOISE for x in row[1].values())]
    if not rows:
        return
    met = {int(year) for _, of in rows for year, amount in of.items() if abs(amount) > NOISE}
    years = say.years if chart else range(min(met), max(met) + 1)
    columns = [
        Column(tr("Budget class"), "0", "text"),
        *doc.by_year(years, itemgetter(1), total=True),
    ]
    if field != "outstanding_by_year_meur":
        columns.append(
            Column(tr("All years"), lambda row: sum(row[1].values()), "money", total=True)
        )
    drawn = stacked(say, name, title, rows, 2.3) if chart else None
    yield Table(
        title, rows, columns, name, note, total=tr("Sum"), chart=drawn, folded=folded, on=PAGE
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
        return self.share * self.project.mean_capex_meur


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
            for n, (f, i, share) in enumerate(entry for entry in some if entry[2] > NOISE)
        ]
    return found


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


def _payers(say: PlanWording) -> Iterator[Table]:
    """A row a project, funder and instrument, and one for the market; a page has one a project."""
    rows, caption = payers(say), tr("Who pays for the projects")

    def carried(project: ProjectPlan) -> dict[str, float]:
        found: dict[str, float] = {}
        for row in (row for row in rows if row.project is project):
            found[row.funder] = found.get(row.funder, 0.0) + row.share
        return found

    def named(project: ProjectPlan) -> str:
        return ", ".join(f"{say.payer(f)} {percent(x)}" for f, x in carried(project).items())

    def public(project: ProjectPlan) -> float:
        return sum(x for f, x in carried(project).items() if say.kinds.get(f) == "public")

    aid = {one.project: one.intensity for one in say.brief.fiscal.aid}

    def aided(project: ProjectPlan) -> float | None:
        return aid.get(project.id)

    short = [
        col.text(tr("Project"), lambda project: say.name("projects", project.id)),
        summed(say.capex, "mean_capex_meur"),
        Column(tr("Of that public"), public, "share"),
        *(
            [Column(tr("State aid, of announced capex"), aided, "share")]
            if any(aid.values())
            else []
        ),
        col.text(tr("Financed by"), named),
    ]
    total = tr("All together")
    yield Table(caption, say.plan.projects, short, "financing", total=total, on=PAGE)

    def amount(line: Line) -> ex.Expression:
        return line["share"] * line.book["projects"].find(line.row.project.id, "mean_capex")

    by, kind = "instrument", lambda row: say.kinds.get(row.funder, "")
    columns = [
        *_who(say, tr("Financed by")),
        col.calc(say.million, "meur", amount, of="meur", total=True),
        col.given(tr("Share of capex"), "share", "share"),
        *col.keys(project_id="project.id", funder_id="funder", instrument_id=by, kind_id=kind),
    ]
    yield Table(
        caption, rows, columns, "funding", freeze=1, total=total, empty=tr("Nothing is built."),
        ruled=lambda row: row.first, on=doc.TERMINAL | SHEET if rows else SHEET,
    )  # fmt: skip


def _supports(say: PlanWording) -> Iterator[Part]:
    """Interest subsidies and price floors, which carry no capex themselves."""
    expected = tr("Expected, {unit}", unit=say.million)
    most = tr("At most, {unit}", unit=say.million)
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
