"""Projects of a plan, with their schedule and delivery risk, and its stockpiles, with purchases,
days of cover and balance.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from models.language import tr
from models.results import ProjectPlan, StockpilePlan
from models.scenario.case import Case
from optimizer.analyses.plan.plan_wording import (
    PlanWording,
    SheetRow,
    row_year_columns,
    text_columns,
)
from optimizer.analyses.shared_wording import stock_use_caption, stock_use_columns
from optimizer.report import document as doc
from optimizer.report.charts import Chart, plan_charts, plan_charts as charts
from optimizer.report.countries import country_name
from optimizer.report.document import (
    PAGE,
    PAGE_AND_SHEET,
    SHEET,
    TERMINAL,
    TERMINAL_AND_PAGE,
    Check,
    Column,
    Media,
    Part,
    Section,
    Table,
)
from optimizer.report.number_format import NO_VALUE, ZERO_TOLERANCE, format_number, format_percent
from optimizer.report.wording import join_with_and


class DeliveryRisk(NamedTuple):
    """Probability of success and delay of a project that has been decided."""

    success_probability: float  # probability of any output
    mean_delay_years: float  # mean delay of the first output, given success
    max_delay_years: int  # largest possible delay


def compute_delivery_risk(case: Case, project: str) -> DeliveryRisk:
    """Compute the delivery risk of a project.

    It follows from the distributions from which states are sampled, or from the written-out states
    of the scenario.
    """
    candidate, uncertainty = case.projects[project], case.uncertainty
    success = float(candidate.success_probability)
    delays = [(years, float(share)) for years, share in candidate.delay_years.items()]
    if uncertainty is not None and uncertainty.sample is None and uncertainty.states is not None:
        states = uncertainty.states
        successes = [state for state in states if project not in state.failed_projects]
        delays = [
            (int(s.delayed_projects.get(project, 0)), float(s.probability)) for s in successes
        ]
        success_mass = math.fsum(share for _, share in delays)
        success = success_mass / math.fsum(float(state.probability) for state in states)
        delays = [(years, share / success_mass) for years, share in delays if success_mass > 0]
    mean_delay = math.fsum(years * share for years, share in delays)
    max_delay = max((years for years, share in delays if share > 0), default=0)
    return DeliveryRisk(success, mean_delay, max_delay)


def projects_section(wording: PlanWording) -> Section:
    """Build the section on projects: their start, their output, and who receives it."""
    plan_projects = sorted(wording.plan.projects, key=lambda p: (p.start, p.first_output))
    section_parts: list[doc.Part] = []
    if plan_projects:
        first_output_year = min(p.first_output for p in plan_projects)
        text = tr(
            "The first output is due in {year} if nothing is delayed.", year=first_output_year
        )
        section_parts.append(doc.Text(text, TERMINAL_AND_PAGE))
    section_parts.append(_projects_table(wording, plan_projects))
    if wording.plan.unaided:
        section_parts.append(_unaided_table(wording))
    if wording.plan.idle:
        section_parts.append(_idle_table(wording))
    if plan_projects and wording.case is not None:
        text = tr(
            "First output: if nothing is delayed. Delay and success (that a project produces at "
            "all) differ between the states of the world."
        )
        section_parts.append(doc.Text(text, PAGE))
    return Section(
        "projects", tr("What to build, and when"), section_parts, sheet_name=tr("Projects")
    )


def _projects_table(wording: PlanWording, built_projects: Sequence[ProjectPlan]) -> Table:
    case = wording.case
    scenario_media = Media(0) if case is None else PAGE_AND_SHEET
    candidates = {} if case is None else case.projects
    delivery_risks = (
        {} if case is None else {p.id: compute_delivery_risk(case, p.id) for p in built_projects}
    )

    def material_names(p: ProjectPlan) -> str:
        return wording.names("materials", candidates[p.id].output_t_per_year if candidates else ())

    def output(p: ProjectPlan) -> str:
        full_output = float(candidates[p.id].ramp_up[-1])
        tonnes = candidates[p.id].output_t_per_year
        return ", ".join(
            f"{wording.name('materials', m)} {format_number(float(t) * full_output)}"
            for m, t in tonnes.items()
        )

    columns = [
        Column(tr("Project"), lambda p: wording.name("projects", p.id), "text"),
        Column(
            tr("Country"),
            lambda p: country_name(candidates[p.id].country) if p.id in candidates else "",
            "text",
            media=SHEET | scenario_media,
        ),
        Column(tr("Material"), material_names, "text", media=SHEET),
        Column(tr("Tonnes a year at full output"), output, "text", media=scenario_media & PAGE),
        Column(tr("Decision"), "start", "year"),
        Column(tr("First output"), "first_output", "year"),
        Column(
            tr("Expected delay, years"),
            lambda p: delivery_risks[p.id].mean_delay_years,
            "number",
            media=scenario_media,
        ),
        Column(
            tr("Longest delay, years"),
            lambda p: delivery_risks[p.id].max_delay_years,
            "count",
            media=scenario_media & SHEET,
        ),
        Column(
            tr("Full output"),
            lambda p: p.first_output + _ramp_up_years(case, p),
            "year",
            media=scenario_media & SHEET,
        ),
        *_capex_columns(wording, built_projects),
        Column(
            tr("Chance of success"),
            lambda p: delivery_risks[p.id].success_probability,
            "share",
            media=scenario_media,
        ),
        Column(wording.contracted_header, "offtake", "share"),
        Column(
            tr("Of that for"), lambda p: _offtake_text(wording, p), "text", media=SHEET | TERMINAL
        ),
        Column(tr("Of output for all consumers"), "offtake_common", "share", media=SHEET),
        Column(
            tr("Of output for companies"),
            lambda p: sum(p.offtake_by_company.values()),
            "share",
            media=SHEET,
        ),
    ]
    note = tr(
        "{contracted}: the share of output that consumers there receive: by contract in return for "
        "the money, and what the project delivers home in any case.",
        contracted=wording.contracted_header,
    )
    if wording.has_contingency:
        note += " " + tr(
            "Capex budgeted is with the overruns that budgets allow for; {expected} are expected.",
            expected=wording.money_amount(math.fsum(p.mean_capex_meur for p in built_projects)),
        )
    return Table(
        tr("Projects: decision, output and whom it is contracted to"),
        built_projects,
        columns,
        "projects",
        note,
        total_label=tr("All together"),
        empty_text=tr("Nothing is built."),
        chart=(
            _timeline_chart(wording, built_projects, delivery_risks) if case is not None else None
        ),
        media=doc.ALL_MEDIA if built_projects else SHEET,
    )


def _unaided_table(wording: PlanWording) -> Table:
    """Return a table of projects that may be decided without the plan, and what its money adds."""

    def tonnes(by_material: Mapping[str, float]) -> str:
        return ", ".join(
            f"{wording.name('materials', m)} {format_number(t)}" for m, t in by_material.items()
        )

    columns = [
        Column(tr("Project"), lambda p: wording.name("projects", p.id), "text"),
        Column(tr("Decided without the plan in"), "year", "year"),
        Column(tr("Probability"), "probability", "share"),
        Column(tr("Tonnes a year without the plan"), lambda p: tonnes(p.without_plan_t), "text"),
        Column(tr("Tonnes a year with it"), lambda p: tonnes(p.with_plan_t), "text"),
        Column(
            tr("Funders pay, {unit}", unit=wording.money_unit),
            "paid_meur",
            "money",
            total=True,
            media=SHEET,
        ),
        Column(
            tr("Windfall, {unit}", unit=wording.money_unit), "windfall_meur", "money", total=True
        ),
    ]
    note = tr(
        "Tonnes reach consumers there at full output, times the probability. Windfall: the part of "
        "the payment, not discounted, for output that would come home without it. What companies "
        "would support by themselves is not in it."
    )
    return Table(
        tr("Projects that come without the plan, and what its money adds"),
        wording.plan.unaided,
        columns,
        "unaided",
        note,
        total_label=tr("All together"),
        is_collapsed=True,
        media=doc.ALL_MEDIA,
    )


def _capex_columns(wording: PlanWording, built_projects: Sequence[ProjectPlan]) -> list[Column]:
    """Return columns of capex: announced, expected, and as budgeted with contingency."""
    unit = wording.money_unit
    media = SHEET if wording.has_contingency else doc.ALL_MEDIA
    mean = Column(wording.capex_header, "mean_capex_meur", "money", total=True, media=media)
    if not wording.has_contingency:
        return [mean]
    return [
        Column(
            tr("Capex announced, {unit}", unit=unit), "capex_meur", "money", total=True, media=SHEET
        ),
        mean,
        Column(
            tr("Capex budgeted, {unit}", unit=unit),
            lambda p: p.capex_meur if p.budgeted_capex_meur is None else p.budgeted_capex_meur,
            "money",
            total=True,
        ),
    ]


def _idle_table(wording: PlanWording) -> Table:
    """Return a table of the projects that stop while prices are below cash cost."""
    columns = [
        Column(tr("Project"), lambda p: wording.name("projects", p.id), "text"),
        Column(tr("By the price of"), lambda p: wording.name("materials", p.material), "text"),
        Column(tr("Price below cash cost"), "below_cash_cost", "share"),
        Column(tr("Stands still"), "idle", "share"),
        Column(tr("Of its output here under price floors"), "floored", "share"),
    ]
    note = tr(
        "Shares of time, in the mean over the states. What is under a price floor runs whatever "
        "the price; what is not stands still while the price is below cash cost, but for long "
        "shortages."
    )
    return Table(
        tr("Projects that run only when it pays"),
        wording.plan.idle,
        columns,
        "idle",
        note,
        is_collapsed=True,
        media=doc.ALL_MEDIA,
    )


def _offtake_text(wording: PlanWording, project: ProjectPlan) -> str:
    share_by_company = {"": project.offtake_common, **project.offtake_by_company}
    texts = [
        f"{wording.payer_name(company) if company else tr('all consumers')} {format_percent(share)}"
        for company, share in share_by_company.items()
        if share > ZERO_TOLERANCE
    ]
    return ", ".join(texts) or NO_VALUE


def _ramp_up_years(case: Case | None, project_plan: ProjectPlan) -> int:
    """Return the number of years from first to full output; 0 if the scenario is not known."""
    return 0 if case is None else len(case.projects[project_plan.id].ramp_up) - 1


def _timeline_chart(
    wording: PlanWording,
    built_projects: Sequence[ProjectPlan],
    delivery_risks: Mapping[str, DeliveryRisk],
) -> Chart:
    def project_timeline(p: ProjectPlan) -> plan_charts.ProjectTimeline:
        assert wording.case is not None
        lifetime, risk = wording.case.projects[p.id].lifetime_years, delivery_risks[p.id]
        return plan_charts.ProjectTimeline(
            wording.name("projects", p.id),
            p.start,
            p.first_output,
            _ramp_up_years(wording.case, p),
            None if lifetime is None else int(lifetime),
            risk.mean_delay_years,
            risk.max_delay_years,
            risk.success_probability,
        )

    timelines = [project_timeline(p) for p in built_projects]
    title = tr("Projects: decision, construction and output, if nothing is delayed")
    if any(risk.max_delay_years for risk in delivery_risks.values()):
        title = tr("Projects: decision, construction and output, with the delay to be expected")
    return Chart(
        "timeline-projects",
        title,
        tr(
            "One bar a project over the years; beside it the year of first output if nothing is "
            "delayed, the latest one, and the chance that it produces at all."
        ),
        lambda: plan_charts.project_timelines(
            timelines, range(wording.years[0], wording.years[-1] + 1)
        ),
    )


def project_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield checks that each project is fully funded and that its contracted output adds up."""
    if not wording.plan.projects:
        return
    deviations = [
        abs(
            1
            - x.market_share
            - math.fsum(v for shares in x.shares.values() for v in shares.values())
        )
        for x in wording.plan.projects
    ]
    yield Check(tr("The shares of each project add up to 1"), max(deviations))
    deviations = [
        abs(x.offtake - x.offtake_common - math.fsum(x.offtake_by_company.values()))
        for x in wording.plan.projects
    ]
    statement = tr("Output for all consumers and for companies that pay is all contracted output")
    yield Check(statement, max(deviations))


def stocks_section(wording: PlanWording) -> Section:
    """Build the section on stockpiles: their purchases, days of cover and cost."""
    return Section(
        "stocks", tr("What to stock"), list(_stock_parts(wording)), sheet_name=tr("Stockpiles")
    )


def _stock_parts(wording: PlanWording) -> Iterator[Part]:
    def figures(entry: StockpilePlan) -> list[float]:
        return [*entry.buy_t.values(), *entry.planned_t.values(), *entry.cost_meur.values()]

    stockpiles = [
        p for p in wording.plan.stockpiles if any(abs(x) > ZERO_TOLERANCE for x in figures(p))
    ]
    cost = sum(sum(stockpile.cost_meur.values()) for stockpile in stockpiles)
    if stockpiles:
        text = tr(
            "Stocks cost {cost} in all, not discounted, for buying, storing and financing.",
            cost=wording.money_amount(cost),
        )
        yield doc.Text(text, TERMINAL_AND_PAGE)
        yield from _cover_parts(wording)
        yield _holdings_table(wording, stockpiles)
    used_stocks = [use for use in wording.plan.stock_use if use.times is not None]
    if used_stocks:
        note = tr(
            "By a rule without foresight: stock is released at once while demand is not covered, "
            "and filled again at once where the market covers it. Times used: what is released in "
            "all years over the highest planned stock. Stocks that hold nothing, or that the "
            "scenario does not fill again, are left out."
        )
        columns = stock_use_columns(wording, lambda use: use)
        yield Table(stock_use_caption(), used_stocks, columns, "stock-use", note, is_collapsed=True,
                    media=TERMINAL_AND_PAGE)  # fmt: skip
    text = tr("Planned: stock at the year's end if nothing is ever released.")
    yield doc.Text(text, SHEET)
    yield _yearly_table(wording, stockpiles)
    unheld_stockpiles = [
        wording.name("stockpiles", p.id) for p in wording.plan.stockpiles if p not in stockpiles
    ]
    if unheld_stockpiles:
        text = tr("Nothing is held in: {stockpiles}.", stockpiles=join_with_and(unheld_stockpiles))
        yield doc.Text(text, doc.ALL_MEDIA if stockpiles else SHEET)


def _cover_parts(wording: PlanWording) -> Iterator[Part]:
    stocked_materials = {x.material for x in wording.plan.stockpiles if any(x.planned_t.values())}
    materials = [m for m in wording.plan.materials if m.id in stocked_materials]
    days = {
        m.id: {year: material_year.days_of_cover for year, material_year in m.by_year.items()}
        for m in materials
    }

    def column(year: int) -> Column:
        return Column(
            year,
            lambda material: days[material.id].get(str(year)) or 0.0,
            "count",
            decimals_group="years",
            decimals=0,
            unit=tr("days"),
        )

    series = [
        (wording.name("materials", m.id), [days[m.id].get(y) or 0.0 for y in wording.year_keys])
        for m in materials
    ]
    title = tr("Planned stock at each year's end, in days of need")
    description = tr(
        "One small chart a material, all on one scale; the label is the highest stock."
    )
    chart = Chart(
        "timeline-stocks", title, description, lambda: charts.cover_charts(series, wording.years)
    )
    columns = [
        Column(tr("Material"), lambda material: wording.name("materials", material.id), "text"),
        *map(column, wording.years),
    ]
    note = tr(
        "All stocks of a material, if nothing is ever released, over that year's need. 365 days "
        "are 100 % of annual need."
    )
    yield Table(
        title,
        materials,
        columns,
        "cover",
        note,
        chart=chart,
        is_collapsed=True,
        media=PAGE_AND_SHEET,
    )


def _holdings_table(wording: PlanWording, stockpiles: list[StockpilePlan]) -> Table:
    days = {
        (m.id, year): material_year.days_of_cover
        for m in wording.plan.materials
        for year, material_year in m.by_year.items()
    }

    def peak_year(stockpile: StockpilePlan) -> str:
        """Return the year in which a stockpile is largest; empty if it has no planned stock."""
        return max(stockpile.planned_t, key=lambda y: stockpile.planned_t[y], default="")

    payers_by_stockpile: dict[str, dict[str, None]] = {stockpile.id: {} for stockpile in stockpiles}
    for position in wording.plan.accounts:
        if position.stockpile in payers_by_stockpile and any(position.paid_meur.values()):
            payers_by_stockpile[position.stockpile][position.funder] = None

    def payers_text(stockpile: StockpilePlan) -> str:
        return join_with_and(list(map(wording.payer_header, payers_by_stockpile[stockpile.id])))

    def tonnes(amount: float) -> doc.DisplayedValue:
        """Return tonnes with decimals for this amount alone, as magnitudes differ by material."""
        return doc.DisplayedValue(format_number(amount), amount)

    def cover(stockpile: StockpilePlan) -> float | None:
        return days.get((stockpile.material, peak_year(stockpile)))

    columns = [
        Column(tr("Stockpile"), lambda h: wording.name("stockpiles", h.id), "text"),
        Column(tr("Paid by"), payers_text, "text"),
        Column(tr("Bought, t"), lambda h: tonnes(sum(h.buy_t.values()))),
        Column(tr("Held at most, t"), lambda h: tonnes(max(h.planned_t.values(), default=0.0))),
        Column(tr("In year"), lambda h: int(peak_year(h)) if peak_year(h) else None, "year"),
        Column(tr("Cover then, days"), cover, "count", decimals=0),
        Column(tr("Cost, {unit}", unit=wording.money_unit), lambda h: sum(h.cost_meur.values()),
            "money", total=True),
    ]  # fmt: skip
    caption, total_label = tr("What is bought and held"), tr("Sum")
    return Table(
        caption, stockpiles, columns, "stocks", total_label=total_label, media=TERMINAL_AND_PAGE
    )


def _yearly_table(wording: PlanWording, stockpiles: list[StockpilePlan]) -> Table:
    """Return a table with the yearly rows of each stockpile."""
    figures: dict[str, tuple[doc.ValueForm, str]] = {
        "buy_t": ("tonnes", tr("Bought, t")),
        "planned_t": ("tonnes", tr("Planned, end of year, t")),
        "cost_meur": ("money", tr("Cost, undiscounted, {unit}", unit=wording.money_unit)),
    }
    rows = [
        SheetRow(
            form,
            {
                "name": wording.name("stockpiles", stockpile.id),
                "material": wording.name("materials", stockpile.material),
                "figure": figure,
                **wording.fill_years(getattr(stockpile, field)),
            },
        )
        for stockpile in stockpiles
        for field, (form, figure) in figures.items()
    ]
    columns = [
        *text_columns(name=tr("Stockpile"), material=tr("Material"), figure=tr("Figure")),
        *row_year_columns(wording.year_keys),
    ]
    empty_text = tr("Nothing is held.")
    return Table("", rows, columns, "stockpiles", empty_text=empty_text, media=SHEET)


def stock_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield checks that stocks follow from purchases, and that accounts pay for the purchases."""
    plan = wording.plan
    terms_by_id = {x.id: x for x in wording.case.stockpiles} if wording.case else {}
    if wording.case is not None and plan.stockpiles:
        periods = int(wording.case.horizon.periods_per_year)
        deviations = []
        for stockpile in plan.stockpiles:
            terms = terms_by_id[stockpile.id]
            stock, retention = float(terms.initial_t), 1 - float(terms.annual_loss)
            # Purchases are made in equal parts at the start of each period, and lose tonnes until
            # the end of the year.
            kept = math.fsum(retention ** (k / periods) for k in range(periods)) / periods
            for year in wording.year_keys:
                stock = stock * retention + stockpile.buy_t.get(year, 0.0) * kept
                planned = stockpile.planned_t.get(year, 0.0)
                deviations.append(abs(stock - planned))
                stock = planned
        scale = max(
            x for stockpile in plan.stockpiles for x in (0.0, *stockpile.planned_t.values())
        )
        statement = tr("Planned stock is what the year before leaves, and what is bought")
        yield Check(statement, max(deviations), scale=scale)
    unpaid = {(x.id, year): cost for x in plan.stockpiles for year, cost in x.cost_meur.items()}
    total = math.fsum(unpaid.values())
    for position in plan.accounts:
        for year, paid in position.paid_meur.items() if position.stockpile else ():
            key = position.stockpile or "", year
            unpaid[key] = unpaid.get(key, 0.0) - paid
    statement = tr("The cost of each stockpile is what accounts provide for it, in each year")
    yield Check(statement, max(map(abs, unpaid.values()), default=0.0), scale=total)
