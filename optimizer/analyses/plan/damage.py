"""Outcome of a plan: its distribution over states, its parts by material, consumer and year, the
clustering of events, and the outcome under each assumption set.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from models.language import tr
from models.results import (
    AssumptionSetOutcome,
    ConsumerOutcome,
    Disagreement,
    Distribution,
    EventYears,
    MaterialOutcome,
    MaterialYear,
)
from models.scenario.chains import equal_steps_note
from optimizer.analyses.plan.plan_wording import (
    PlanWording,
    SheetRow,
    relative_reduction,
    row_year_columns,
    text_columns,
)
from optimizer.analyses.shared_wording import (
    best_plan_by_set,
    objective_names,
    shortage_duration_parts,
    uncertainty_sentences,
)
from optimizer.report import document as doc
from optimizer.report.charts import Chart, plan_charts as charts
from optimizer.report.document import (
    PAGE,
    PAGE_AND_SHEET,
    SHEET,
    TERMINAL_AND_PAGE,
    Check,
    Column,
    Heading,
    Part,
    Section,
    Table,
)
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded_percent,
    format_small_percent,
    sanitize,
)
from optimizer.report.wording import capitalize, join_with_and, metric_columns, project_count_text

MIN_SHOWN_SHARE = 0.0005
"""The last row begins at the largest number of events with at least this share of years."""


def clustering_parts(wording: PlanWording) -> Iterator[Part]:
    """Yield the share of years with each number of events, with a chart; nothing if it is not
    known."""
    clustering = wording.plan.clustering
    if clustering is None:
        return
    yield Heading(tr("How events cluster"), PAGE)
    entries = clustering.years  # by number of events
    drawn_share, independent_share = _sum_shares(entries[2:])
    yield tr(
        "In {share} of years two or more hazards strike; were events independent of one another, "
        "in {independent}. The state with most events has {most} of them; of as many states with "
        "independent events the one with most would have {mean} on average.",
        share=format_percent(drawn_share),
        independent=format_percent(independent_share),
        most=format_number(clustering.most),
        mean=format_number(clustering.most_independent, 1),
    )
    shown_counts = (
        n
        for n, entry in enumerate(entries)
        if max(entry.share, entry.independent) >= MIN_SHOWN_SHARE
    )
    last_count = max(shown_counts, default=0)
    last_label = format_number(last_count)
    if last_count + 1 < len(entries):
        last_label = tr("{count} or more", count=last_label)
    rows = [(format_number(n), *_sum_shares(entries[n : n + 1])) for n in range(last_count)]
    rows.append((last_label, *_sum_shares(entries[last_count:])))
    title = tr("Share of years in which so many hazards strike")
    description = tr(
        "Full bars as drawn, hatched ones as if events were independent; both figures stand beside "
        "them."
    )
    columns = [
        Column(tr("Hazards that strike in the year"), "0", "text"),
        Column(tr("As drawn"), "1", "share"),
        Column(tr("If events were independent"), "2", "share"),
    ]
    note = tr(
        "Years of all states. An event counts in the year in which it starts, unless it is certain "
        "then. Independent events have the same mean rate of each hazard in each year."
    )
    chart = Chart("event-clusters", title, description, lambda: charts.event_count_bars(rows))
    yield Table(
        title,
        rows,
        columns,
        "event-clusters",
        note,
        chart=chart,
        is_collapsed=True,
        media=PAGE_AND_SHEET,
    )


def _sum_shares(entries: Sequence[EventYears]) -> tuple[float, float]:
    """Return the sums over entries of the share of years in the sampled states, and of the share of
    years if events were independent."""
    return math.fsum(entry.share for entry in entries), math.fsum(
        entry.independent for entry in entries
    )


PAGE_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Levels of the quantiles that a page lists."""
MIN_NAMED_PROBABILITY = 0.5
"""Probability above which an unaided project is named."""
MAX_BARS = 14
"""Number of materials or consumers with separate bars, if the others share one bar."""


def build_sections(wording: PlanWording) -> list[Section]:
    """Build the sections on damage, on shortages by year and on the distribution."""
    title = tr("{what} with and without the plan", what=capitalize(wording.outcome_word))
    shortages, shortage_title = _yearly_shortage_table(wording), tr("What is missing in each year")
    sections = [
        Section("damage", title, list(_damage_parts(wording)), sheet_name=tr("Damage")),
        Section("shortage", shortage_title, [shortages], SHEET, sheet_name=tr("Shortage")),
    ]
    if (distribution := wording.plan.outcome.distribution) is not None:
        title = tr("How the outcome is spread over the states")
        section_parts = list(_quantile_parts(wording, distribution, SHEET))
        sections.append(
            Section("spread", title, section_parts, SHEET, sheet_name=tr("Distribution"))
        )
    return sections


def _damage_parts(wording: PlanWording) -> Iterator[Part]:
    avoided_anyway = wording.plan.outcome.without_plan.avoided_anyway
    if avoided_anyway is not None and avoided_anyway > ZERO_TOLERANCE:
        text = tr(
            "Without any plan, projects that come all the same avoid {avoided}; the plan is not "
            "credited with it.",
            avoided=wording.amount_for_sentence(avoided_anyway),
        )
        likely_ids = [x.id for x in wording.plan.unaided if x.probability > MIN_NAMED_PROBABILITY]
        if likely_ids:
            projects = join_with_and([wording.name("projects", id) for id in likely_ids])
            text += " " + tr("More likely than not these come: {projects}.", projects=projects)
        yield doc.Text(text, TERMINAL_AND_PAGE)
    yield _outcome_table(wording)
    if distribution := wording.plan.outcome.distribution:
        yield from _quantile_parts(wording, distribution, PAGE)
    yield doc.Heading(tr("By material"), PAGE)
    yield _outcome_breakdown_table(wording, "materials")
    yield from _worst_year_parts(wording)
    yield from shortage_duration_parts(wording, wording.plan.adaptation)
    yield doc.Heading(tr("By consumer"), PAGE)
    yield _outcome_breakdown_table(wording, "consumers")
    yield from clustering_parts(wording)


def _outcome_table(wording: PlanWording) -> Table:
    """Return a table with mean, CVaR and worst state of the outcome, with and without the plan."""
    outcome, without_plan = wording.plan.outcome, wording.plan.outcome.without_plan
    rows = {
        "expected": tr("Expected: mean of all states"),
        "cvar": wording.tail_label,
        "worst": tr("Worst of the states computed"),
    }
    if outcome.worst_mean is not None:
        rows["worst_mean"] = tr("Mean by the least favorable probabilities")
    options: dict[str, Any] = {"decimals_group": "all"}
    columns = [
        Column(tr("Key figure"), lambda row: rows[row], "text"),
        Column(
            tr("Without plan"),
            lambda row: getattr(without_plan, row),
            "outcome",
            key="without",
            **options,
        ),
        Column(
            tr("With plan"), lambda row: getattr(outcome, row), "outcome", key="with", **options
        ),
        Column(
            tr("Avoided"),
            lambda row: getattr(without_plan, row) - getattr(outcome, row),
            "outcome",
            difference=("without", "with"),
            **options,
        ),
        Column(
            tr("Reduction"),
            lambda row: relative_reduction(getattr(outcome, row), getattr(without_plan, row)),
            "share",
        ),
    ]
    distribution = outcome.distribution
    chart = None if distribution is None else _exceedance_chart(wording, distribution)
    title = tr("What is left of the shortage ({unit})", unit=wording.unit)
    if wording.counts_damage:
        title = tr("What is left of the damage ({unit})", unit=wording.unit)
    return Table(title, list(rows), columns, "gain", chart=chart)


def _exceedance_chart(wording: PlanWording, distribution: Distribution) -> Chart:
    outcome, without_plan = wording.plan.outcome, wording.plan.outcome.without_plan
    chart_marks = [
        (tr("Expected"), without_plan.expected, outcome.expected),
        (tr("Worst {share}", share=wording.worst_share), without_plan.cvar, outcome.cvar),
        (tr("Worst state"), without_plan.worst, outcome.worst),
    ]
    title = (
        tr("Probability of higher damage, and three figures of it ({unit})", unit=wording.unit)
        if wording.counts_damage
        else tr(
            "Probability of a larger shortage, and three figures of it ({unit})", unit=wording.unit
        )
    )
    description = tr(
        "Left, a dashed curve without the plan and a full one with it, which lies lower. Right, "
        "bars of the mean, of the worst states and of the worst one."
    )
    curves = (
        list(distribution.levels),
        list(distribution.without_plan),
        list(distribution.with_plan),
    )
    return Chart(
        "damage-distribution",
        title,
        description,
        lambda: charts.exceedance_curves(*curves, chart_marks, wording.unit),
    )


def _outcome_breakdown_table(
    wording: PlanWording, kind: Literal["materials", "consumers"]
) -> Table:
    """Return a table with the expected outcome of each material or consumer, and the part that the
    plan avoids."""
    outcomes: Sequence[MaterialOutcome | ConsumerOutcome] = getattr(wording.plan, kind)
    rows = sorted(outcomes, key=lambda outcome: (-outcome.expected_without_plan, -outcome.expected))
    caption_fields = {"what": capitalize(wording.expected_outcome), "unit": wording.unit}
    note = ""
    header, name, title = (
        tr("Material"),
        "by-material",
        tr("{what} by material ({unit})", **caption_fields),
    )
    if kind == "consumers":
        header, name = tr("Consumer"), "by-consumer"
        title = tr("{what} by consumer ({unit})", **caption_fields)
        note = "" if wording.case is None else equal_steps_note(wording.case)
    nonzero = [x for x in rows if max(x.expected, x.expected_without_plan) > ZERO_TOLERANCE]
    shown_rows = nonzero if len(nonzero) <= MAX_BARS + 1 else nonzero[:MAX_BARS]
    names = [wording.name(kind, outcome.id) for outcome in shown_rows]
    fields = ("expected_without_plan", "expected")
    bars = [[getattr(outcome, field) for outcome in shown_rows] for field in fields]
    if remaining_rows := nonzero[len(shown_rows) :]:
        names.append(tr("{count} more", count=len(remaining_rows)))
        for heights, field in zip(bars, fields, strict=True):
            heights.append(sum(getattr(outcome, field) for outcome in remaining_rows))
    description = tr(
        "Hatched bars without the plan, full ones with it; both figures stand beside them."
    )
    chart = Chart(
        f"damage-{name}",
        title,
        description,
        lambda: charts.with_and_without_bars(names, bars[0], bars[1], wording.unit),
    )
    total_before, total_after = (
        sum(getattr(outcome, field) for outcome in rows) for field in fields
    )

    def avoided(outcome: MaterialOutcome | ConsumerOutcome) -> float:
        return outcome.expected_without_plan - outcome.expected

    options: dict[str, Any] = {"form": "outcome", "decimals_group": "all", "total": True}
    columns = [
        Column(header, lambda outcome: wording.name(kind, outcome.id), "text"),
        Column(tr("Without plan"), "expected_without_plan", key="without", **options),
        Column(tr("With plan"), "expected", key="with", **options),
        Column(tr("Avoided"), avoided, difference=("without", "with"), **options),
        Column(
            tr("Reduction"),
            lambda outcome: relative_reduction(outcome.expected, outcome.expected_without_plan),
            "share",
            text_total=lambda rows: relative_reduction(total_after, total_before),
        ),
        Column(
            tr("Share of all avoided"),
            lambda outcome: (
                avoided(outcome) / (total_before - total_after)
                if total_before > total_after
                else None
            ),
            "share",
            total=True,
        ),
    ]
    return Table(
        title,
        rows,
        columns,
        name,
        note,
        tr("Sum"),
        chart=chart if nonzero else None,
        is_collapsed=True,
        empty_text=tr("There are none."),
        media=doc.ALL_MEDIA if rows else SHEET,
    )


def _missing_share(material_year: MaterialYear) -> float:
    if material_year.demand_t:
        return material_year.expected_shortage_t / material_year.demand_t
    return 0.0


def _worst_year_parts(wording: PlanWording) -> Iterator[Part]:
    """Yield the table of each material's year with the largest missing share of demand, and the
    materials that are never short."""
    rows = []
    for material in wording.plan.materials:
        years = material.by_year
        shortages = (
            max(y.expected_shortage_t, y.expected_shortage_without_plan_t) for y in years.values()
        )
        if max(shortages, default=0.0) > ZERO_TOLERANCE:
            year = max(years, key=lambda year: _missing_share(years[year]))
            name = wording.name("materials", material.id)
            rows.append((name, int(year), years[year], material))
    columns = [
        Column(tr("Material"), "0", "text"),
        Column(tr("Year"), "1", "year"),
        Column(tr("Demand, t"), "2.demand_t"),
        Column(tr("Missing without plan, t"), "2.expected_shortage_without_plan_t"),
        Column(tr("Missing with plan, t"), "2.expected_shortage_t"),
        Column(tr("Of demand"), lambda row: _missing_share(row[2]) if row[2].demand_t else None,
               "share"),
        Column(tr("Risk of shortage in that year"), "2.probability_of_shortage", "share"),
    ]  # fmt: skip
    note = tr(
        "Of each material the year in which the largest share of demand is missing; tonnes are the "
        "mean of all states. Risk of shortage: probability that at least one period of that year "
        "is short with the plan."
    )
    caption = tr("What is missing in the worst year with the plan")
    yield Table(caption, rows, columns, "shortages", note, media=TERMINAL_AND_PAGE)
    short_materials = [row[3] for row in rows]
    # A shortage of a form without demand shows as a shortage of its products.
    demanded_materials = [
        m for m in wording.plan.materials if any(y.demand_t > 0 for y in m.by_year.values())
    ]
    never_short = [
        wording.name("materials", m.id) for m in demanded_materials if m not in short_materials
    ]
    if never_short and rows:
        names = join_with_and(never_short)
        text = tr("Never short, with or without the plan: {materials}.", materials=names)
        yield doc.Text(text, TERMINAL_AND_PAGE)


def need_exceeds_demand(material: MaterialOutcome) -> bool:
    """Return whether conversions take in some of a material, so that need exceeds demand."""
    return any(abs(x.need_t - x.demand_t) > ZERO_TOLERANCE for x in material.by_year.values())


def _yearly_shortage_table(wording: PlanWording) -> Table:
    """Return a table of each material by year: demand, need if it differs from demand, and
    shortage."""
    row_specs: list[tuple[str, doc.ValueForm, str]] = [
        ("demand_t", "tonnes", tr("demand, t")),
        ("need_t", "tonnes", tr("need, t")),
        ("expected_shortage_t", "tonnes", tr("expected shortage with plan, t")),
        ("expected_shortage_without_plan_t", "tonnes", tr("expected shortage without plan, t")),
        ("probability_of_shortage", "share", tr("chance of a shortage")),
    ]
    rows = [
        SheetRow(form,
            {"name": wording.name("materials", material.id), "figure": figure,
            **{year: getattr(entry, field) for year, entry in material.by_year.items()}})
        for material in wording.plan.materials
        for field, form, figure in row_specs
        if field != "need_t" or need_exceeds_demand(material)
    ]  # fmt: skip
    columns = [
        *text_columns(name=tr("Material"), figure=tr("Figure")),
        *row_year_columns(wording.year_keys),
    ]
    note = tr(
        "Shortage: mean of all states. A year is short if more than a millionth of demand is "
        "missing in one of its periods."
    )
    return Table(
        "", rows, columns, "shortage", note, empty_text=tr("There are none."),
    )  # fmt: skip


def _quantile_parts(
    wording: PlanWording, distribution: Distribution, media: doc.Media
) -> Iterator[Part]:
    """Yield the table of quantiles of the outcome: a selection on a page, all in a sheet."""
    headers = (tr("With plan"), tr("Without plan"), tr("Avoided in the same state"))
    columns = [Column(tr("Share of states that are no worse"), "0", "share")]
    columns += [
        Column(f"{header}, {wording.unit}", str(n), "outcome")
        for n, header in enumerate(headers, 1)
    ]
    fields = ("levels", "with_plan", "without_plan", "avoided")
    all_rows = zip(*(getattr(distribution, field) for field in fields), strict=True)
    rows = [
        row
        for row in all_rows
        if media is SHEET or any(abs(row[0] - x) < ZERO_TOLERANCE for x in PAGE_QUANTILES)
    ]
    note = tr(
        "Each figure is not exceeded with the probability beside it. What is avoided is ordered by "
        "itself: it is no difference of the two columns before it."
    )
    caption = tr("How the outcome is spread over the states")
    # On a page the note is collapsed together with the table.
    yield doc.Text(note, media & SHEET)
    note = "" if media is SHEET else note
    yield Table(caption, rows, columns, "quantiles", note, is_collapsed=True, media=media)


def build_checks(wording: PlanWording) -> Iterator[Check]:
    """Yield checks that parts add up to the expected outcome, and that mean, CVaR and worst state
    are in order."""
    plan, without_plan = wording.plan, wording.plan.outcome.without_plan
    distribution = plan.outcome.distribution
    for title, outcome, field, quantiles in (
        (tr("with the plan"), plan.outcome, "expected", "with_plan"),
        (tr("without a plan"), without_plan, "expected_without_plan", "without_plan"),
    ):
        by_material = math.fsum(getattr(material, field) for material in plan.materials)
        statement = tr("Parts of all materials add up to what is expected {which}", which=title)
        yield Check(statement, by_material, outcome.expected)
        by_consumer = math.fsum(getattr(consumer, field) for consumer in plan.consumers)
        statement = tr("Parts of all consumers add up to what is expected {which}", which=title)
        yield Check(statement, by_consumer, outcome.expected)
        statement = tr(
            "The mean is at most the CVaR, and this at most the worst state, {which}", which=title
        )
        violation = max(0.0, outcome.expected - outcome.cvar, outcome.cvar - outcome.worst)
        yield Check(statement, violation, scale=outcome.worst)
        if distribution is not None:
            statement = tr("The last quantile {which} is the worst state", which=title)
            yield Check(statement, getattr(distribution, quantiles)[-1], outcome.worst)


MAX_NAMED_PROJECTS = 3
"""Largest number of projects that a sentence names; of more, it states the number."""


def avoided_share(set_outcome: AssumptionSetOutcome) -> float | None:
    """Return the share of expected damage that the plan avoids under an assumption set; None if
    there is no damage without the plan."""
    return relative_reduction(set_outcome.expected, set_outcome.without_plan.expected)


def describe_set_outcomes(wording: PlanWording) -> Iterator[str]:
    """Yield sentences on the criterion of the plan, and on what it avoids under each assumption
    set."""
    set_outcomes, criterion = wording.plan.under, wording.plan.certificate.over_assumptions
    if not set_outcomes:
        return
    count = format_number(len(set_outcomes))
    if criterion is not None:
        yield tr(
            "It is one plan for {count} sets of assumptions and minimizes {what}.",
            count=count,
            what=objective_names()[criterion],
        )
    titles = {x.id: wording.assumption_set_title(x.id, x.title) for x in set_outcomes}
    avoided_shares = [
        (share, titles[x.id]) for x in set_outcomes if (share := avoided_share(x)) is not None
    ]
    if avoided_shares:
        (min_share, worst_title), (max_share, best_title) = min(avoided_shares), max(avoided_shares)
        yield tr(
            "Under {count} sets of assumptions {noun} falls by {least} ({worst}) to {most} "
            "({best}), each compared with no plan.",
            count=count,
            noun=wording.expected_outcome,
            least=format_rounded_percent(min_share),
            worst=worst_title,
            most=format_rounded_percent(max_share),
            best=best_title,
        )
    titles_with_broken_rules = [
        titles[set_outcome.id] for set_outcome in set_outcomes if set_outcome.broken_rules
    ]
    if titles_with_broken_rules:
        yield tr(
            "It breaks rules under these assumptions: {sets}.",
            sets=join_with_and(titles_with_broken_rules),
        )


def describe_disputes(wording: PlanWording, disagreement: Disagreement) -> Iterator[str]:
    """Yield sentences on the projects that the best plans of all assumption sets build, and on
    those that only some of them build.

    The plan itself counts as the best plan of a set if no better one is known.
    """
    plan_projects = {
        project_plan.id: None for _, project_plan in wording.plan.projects_with_probability
    }
    set_outcomes = {x.id: x for x in wording.plan.under if not x.broken_rules}
    plans = [
        plan_projects
        if id in set_outcomes and set_outcomes[id].objective <= plan.under[id].objective
        else plan.projects
        for id, plan in best_plan_by_set(disagreement).items()
    ]
    if len(plans) < 2:
        yield from uncertainty_sentences(disagreement)
        return
    known_projects = {**disagreement.project_names, **plan_projects}
    in_all, in_any = set(known_projects).intersection(*plans), set[str]().union(*plans)

    def name_or_count(projects: set[str]) -> str:
        if len(projects) > MAX_NAMED_PROJECTS:
            return project_count_text(len(projects))
        fallbacks = {p: disagreement.project_names.get(p) for p in known_projects if p in projects}
        return join_with_and([wording.name("projects", p, x) for p, x in fallbacks.items()])

    if plan_projects:
        yield tr(
            "Of the plan's projects ({of}), the best plans of {sets} sets of assumptions all build "
            "{count}.",
            of=format_number(len(plan_projects)),
            sets=format_number(len(plans)),
            count=format_number(len(in_all.intersection(plan_projects))),
        )
    if disputed_projects := in_any - in_all:
        yield tr("In dispute: {projects}.", projects=name_or_count(disputed_projects))
    if missing_projects := in_all.difference(plan_projects):
        yield tr(
            "All of them build in addition: {projects}.", projects=name_or_count(missing_projects)
        )
    if extra_projects := set(plan_projects) - in_any:
        yield tr("None of them builds: {projects}.", projects=name_or_count(extra_projects))
    if not in_any and not plan_projects:
        yield tr("None of them builds a project.")
    plan_gaps = [plan.gap for plan in disagreement.plans if plan.gap is not None]
    if len(plan_gaps) == len(disagreement.plans):
        yield tr(
            "Each of these plans is proven to {gap} of its objective: what hangs on less may be "
            "chance of the search.",
            gap=format_small_percent(max(disagreement.gap_target, *plan_gaps)),
        )
    yield from uncertainty_sentences(disagreement)


def set_outcomes_section(wording: PlanWording) -> Section:
    """Build the section on assumption sets; without such sets it has no parts."""
    return Section("under", tr("Under each set of assumptions"), list(_set_outcome_parts(wording)))


def _set_outcome_parts(wording: PlanWording) -> Iterator[Part]:
    set_outcomes, proof = wording.plan.under, wording.plan.certificate
    if not set_outcomes:
        return
    yield " ".join(describe_set_outcomes(wording))
    if (reported_set := wording.plan.reported_set) is not None:
        yield tr(
            "All other figures of this document are those under {set}: its damage, with the plan "
            "and without, and its costs.",
            set=wording.assumption_set_title(reported_set.id, reported_set.title),
        )
    if (proof.regret_open or 0.0) > ZERO_TOLERANCE:
        yield tr(
            "The best plans that regret is taken from are proven to the gap only: it may be larger "
            "by {open}.",
            open=wording.amount(proof.regret_open or 0.0),
        )
    columns = [
        Column(
            tr("Set of assumptions"),
            lambda set_outcome: wording.assumption_set_title(set_outcome.id, set_outcome.title),
            "text",
        ),
        Column(tr("Weight"), "weight", "share", key="weight"),
        Column(tr("Without plan"), "without_plan.expected", "outcome", decimals_group="damage",
               key="without"),
        *metric_columns(wording, "with", decimals_group="damage"),
        Column(tr("Avoided"), avoided_share, "share", key="avoided"),
        *metric_columns(wording, "cost", "objective"),
    ]  # fmt: skip
    if any(set_outcome.regret is not None for set_outcome in set_outcomes):
        columns += [
            Column(tr("Of its best plan"), "best", "objective", key="best"),
            Column(tr("Regret"), "regret", "outcome", key="regret"),
        ]
    if any(set_outcome.broken_rules for set_outcome in set_outcomes):
        columns.append(
            Column(tr("Rules broken"), lambda x: "; ".join(map(sanitize, x.broken_rules)) or None,
                   "text", empty_text="", key="broken")
        )  # fmt: skip
    yield Table(tr("What the plan leads to under each set"), set_outcomes, columns, "under")
