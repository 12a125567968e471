"""What is built when, and who pays for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from models.language import tr
from models.results import Position, ProjectPlan
from models.scenario.projects import Project
from optimizer.analyses.plan.words import MARKET, PlanWording, summed, with_sum
from optimizer.report.charts import Chart, schedule
from optimizer.report.charts import money as charts
from optimizer.report.countries import country
from optimizer.report.document import (
    PAGE,
    TERMINAL,
    Column,
    Heading,
    Part,
    Table,
    Text,
)
from optimizer.report.figures import NOISE, NONE, number, percent
from optimizer.report.wording import CLASSES, capital, class_name, listed, projects_counted

COMPANIES = ""
"""Stands for all companies together where a funder's id would stand."""
MOST_SERIES = 6
"""More sources than these are drawn by kind."""
Years = Mapping[int, float]


def projects(say: PlanWording) -> Iterator[Part]:
    """Which projects are built, when they deliver, and to whom."""
    built = say.plan.projects
    if not built:
        return
    first, last = (pick(p.first_output for p in built) for pick in (min, max))
    yield (
        tr("{projects}: first output in {first}.", projects=projects_counted(1), first=first)
        if len(built) == 1
        else tr(
            "{projects}: the first delivers in {first}, the last in {last}, if nothing is delayed.",
            projects=projects_counted(len(built)),
            first=first,
            last=last,
        )
    )
    yield _table(say, sorted(built, key=lambda p: (p.start, p.first_output)))
    text = tr(
        "Probability of success: that the project produces at all. Delays are drawn in the states "
        "of the world and not shown here."
    )
    if say.case is not None:
        yield Text(text, PAGE)


def _table(say: PlanWording, built: Sequence[ProjectPlan]) -> Table:
    candidates: Mapping[str, Project] = {} if say.case is None else say.case.projects

    def output(p: ProjectPlan) -> str:
        full = float(candidates[p.id].ramp_up[-1])
        tonnes = candidates[p.id].output_t_per_year
        return ", ".join(
            f"{say.name('materials', m)} {number(float(t) * full)}" for m, t in tonnes.items()
        )

    columns = [
        Column(tr("Project"), lambda p: say.name("projects", p.id), "text"),
        Column(tr("Decision"), "start", "year"),
        Column(tr("First output"), "first_output", "year"),
        Column(tr("Capex, {unit}", unit=say.million), "capex_meur", "money"),
        Column(say.contracted, "offtake", "share"),
        Column(tr("Of that for"), lambda p: _rights(say, p), "text"),
    ]
    chart = None
    if candidates:
        more = [
            Column(tr("Full output"), lambda p: _full(candidates[p.id], p), "year", on=PAGE),
            Column(tr("Tonnes a year at full output"), output, "text", on=PAGE),
            Column(
                tr("Probability of success"),
                lambda p: float(candidates[p.id].success_probability),
                "share",
                on=PAGE,
            ),
        ]
        place = Column(tr("Country"), lambda p: country(candidates[p.id].country), "text", on=PAGE)
        columns = [columns[0], place, *columns[1:3], more[0], columns[3], more[1], *columns[4:]]
        columns.append(more[2])
        chart = _timeline(say, built, candidates)
    note = tr(
        "{contracted}: the share of output that consumers there receive by contract in return for "
        "the money.",
        contracted=say.contracted,
    )
    caption = tr("Projects: decision, output and whom it is contracted to")
    return Table(caption, built, columns, "projects", note, chart=chart)


def _rights(say: PlanWording, project: ProjectPlan) -> str:
    shares = {"": project.offtake_common, **project.offtake_by_company}
    told = [
        f"{say.payer(company) if company else tr('all consumers')} {percent(share)}"
        for company, share in shares.items()
        if share > NOISE
    ]
    return ", ".join(told) or NONE


def _full(project: Project, built: ProjectPlan) -> int:
    """The first year in which the ramp-up has reached its last value."""
    return built.first_output + len(project.ramp_up) - 1


def _timeline(
    say: PlanWording, built: Sequence[ProjectPlan], candidates: Mapping[str, Project]
) -> Chart:
    span = range(say.years[0], say.years[-1] + 1)

    def end(p: ProjectPlan) -> int:
        lifetime = candidates[p.id].lifetime_years
        last = span[-1] if lifetime is None else p.first_output + int(lifetime) - 1
        return min(span[-1], last) if last >= p.first_output <= span[-1] else span[-1]

    lives = [
        schedule.Life(
            say.name("projects", p.id), p.start, p.first_output, _full(candidates[p.id], p), end(p)
        )
        for p in built
    ]
    return Chart(
        "timeline-projects",
        tr("Projects: decision, construction and output, if nothing is delayed"),
        tr("One bar a project over the years; the label is the year of first output."),
        lambda: schedule.projects(lives, span),
    )


def funding(say: PlanWording) -> Iterator[Part]:
    """Money by source and year, by budget class and by project."""
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


def drawn(
    years: Sequence[int], series: Sequence[tuple[str, Years]]
) -> list[tuple[str, list[float]]]:
    """Series as charts take them."""
    return [(name, [of.get(year, 0.0) for year in years]) for name, of in series]


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
    chart = Chart(
        "funding-by-source",
        tr("Funding of projects and stocks by source and year ({unit})", unit=say.million),
        tr("Stacked bars, one a year. The figures are in the table below."),
        lambda: charts.stacked(say.years, drawn(say.years, list(together.items())), say.million),
    )
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
    chart = Chart(
        "funding-by-class",
        tr("Public funding by budget class and year ({unit})", unit=say.million),
        tr("Stacked bars, one a year. The figures are in the table below."),
        lambda: charts.stacked(say.years, drawn(say.years, series), say.million, 2.3),
    )
    caption = tr(
        "Public funding by budget class and year ({unit}, not discounted)", unit=say.million
    )
    yield Table(
        caption, say.years, of_years(series), "classes", total=tr("All years"), chart=chart, on=PAGE
    )


class Payer(NamedTuple):
    """A share of a project's capex: whose, and through which instrument."""

    project: ProjectPlan
    funder: str
    instrument: str
    share: float
    first: bool
    """Whether it is the first of its project."""

    @property
    def meur(self) -> float:
        """The amount."""
        return self.share * self.project.capex_meur


def payers(say: PlanWording) -> list[Payer]:
    """Who pays how much of each project, lenders last."""
    found = []
    for project in say.plan.projects:
        shares = [(f, i, share) for f, of in project.shares.items() for i, share in of.items()]
        shares = [one for one in [*shares, (MARKET, "", project.market_share)] if one[2] > NOISE]
        found += [Payer(project, *one, n == 0) for n, one in enumerate(shares)]
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


def _payers(say: PlanWording) -> Table:
    columns = [
        Column(
            tr("Project"),
            lambda row: say.name("projects", row.project.id) if row.first else "",
            "text",
            empty="",
        ),
        Column(tr("Financed by"), lambda row: say.payer(row.funder), "text"),
        Column(
            tr("Instrument"),
            lambda row: say.instrument(row.funder, row.instrument) if row.instrument else None,
            "text",
        ),
        Column(say.million, "meur", "money"),
        Column(tr("Share of capex"), "share", "share"),
    ]
    return Table(tr("Who pays for the projects"), payers(say), columns, "payers", on=TERMINAL)


def _together(say: PlanWording) -> Text:
    totals: dict[str, float] = {}
    for row in payers(say):
        totals[row.funder] = totals.get(row.funder, 0.0) + row.meur
    total = f"{number(sum(totals.values()))} {say.million}"
    told = with_sum([(say.payer(f), amount) for f, amount in totals.items()])
    return Text(tr("Together {total}: {listed}.", total=total, listed=told), TERMINAL)


class Support(NamedTuple):
    """What a funder pays so that lenders carry more of a project."""

    project: str
    funder: str
    instrument: str
    share: float
    position: Position | None


def _supports(say: PlanWording) -> Iterator[Part]:
    """Interest subsidies and price floors, which carry no capex themselves."""
    money = {(x.project, x.funder, x.instrument): x for x in say.plan.accounts}
    rows = [
        Support(p.id, f, i, share, money.get((p.id, f, i)))
        for p in say.plan.projects
        for f, of in p.supports.items()
        for i, share in of.items()
        if share > NOISE
    ]
    expected, most = (
        tr("Expected, {unit}", unit=say.million),
        tr("At most, {unit}", unit=say.million),
    )
    columns = [
        Column(tr("Project"), lambda row: say.name("projects", row.project), "text"),
        Column(tr("Paid by"), lambda row: say.source(row.funder), "text"),
        Column(tr("Instrument"), lambda row: say.instrument(row.funder, row.instrument), "text"),
        Column(tr("Share covered"), "share", "share"),
        summed(expected, lambda row: row.position and sum(row.position.paid_meur.values())),
        summed(most, lambda row: row.position and row.position.committed_meur),
    ]
    note = tr(
        "Interest subsidies cover a share of capex that lenders carry, price floors a share of "
        "output. Neither carries capex itself."
    )
    if rows:
        yield Table(tr("What lets lenders carry more"), rows, columns, "supports", note)
