"""The sections of a comparison, in the order in which those who decide ask.

What is compared and on what it rests, what each option buys, what it costs and when, who is in all,
some or none, what makes the difference, and how good the proofs are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from models.language import tr
from models.results import Comparison
from optimizer.report.comparing import prose, tables
from optimizer.report.comparing.grids import (
    across,
    figures,
    labels_of,
    percents,
    ratios,
    records_of,
    signed_rows,
    whole,
    years,
)
from optimizer.report.comparing.prose import called, million, said
from optimizer.report.comparing.tables import MARKET, TOTAL
from optimizer.report.figures import NOISE, NONE, clean, column, number, percent, small_percent
from optimizer.report.sections import Grid, Section


def all_of(comparison: Comparison) -> Iterator[Section]:
    """All sections that have something to say."""
    makers: list[Callable[[Comparison], Section | None]] = [
        options,
        unlike,
        benefits,
        benchmarks,
        costs,
        by_year,
        projects,
        stockpiles,
        budgets,
        damage_moves,
        money_moves,
        explanations,
        proof,
    ]
    return (section for make in makers if (section := make(comparison)) is not None)


def options(comparison: Comparison) -> Section:
    """What is compared, and what each variant sets."""
    rows = [[clean(o.label), said(o.title), _set(o.set)] for o in comparison.options]
    grid = Grid({tr("Option"): "words", tr("Title"): "words", tr("Sets"): "words"}, rows)
    base = tr("Differences are those to {base}.", base=clean(comparison.base))
    return Section(tr("What is compared"), [grid, base])


def _set(values: Mapping[str, Any]) -> str:
    """The path that a variant sets, or how many of each section."""
    if len(values) < 2:
        return clean("".join(values)) or NONE
    sections = Counter(path.split(".")[0] for path in values)
    return ", ".join(f"{section} ({number(count)})" for section, count in sections.items())


def unlike(comparison: Comparison) -> Section | None:
    """In what options are not like for like."""
    if not comparison.unlike:
        return None
    told = [prose.unlike(comparison, one) for one in comparison.unlike]
    if any(one.bars for one in comparison.unlike):
        told.append(tr("In the tables a dash stands for what is not compared."))
    return Section(tr("What is not like for like"), told)


def benefits(comparison: Comparison) -> Section:
    """What each option buys."""
    unit = prose.unit(comparison)
    base = prose.option_of(comparison, comparison.base).benefit
    tail = percent(1 - base.cvar_level)
    year = comparison.year
    words: dict[str, tuple[str, Callable[[Sequence[Any]], list[str]]]] = {
        "avoided": (tr("Avoided, expected, {unit}", unit=unit), column),
        "avoided_share": (tr("  of what comes without a plan"), percents),
        "avoided_low": (tr("  at most so much in 5 % of states"), column),
        "avoided_high": (tr("  at most so much in 95 % of states"), column),
        "left": (tr("Left, expected"), column),
        "left_cvar": (tr("Left, mean of the worst {share}", share=tail), column),
        "left_worst": (tr("Left in the worst state"), column),
        "days": (tr("Days of demand in stock, {year}", year=year), whole),
        "imports": (tr("Share of imports"), percents),
        "largest_share": (tr("Largest supplier's share"), percents),
        "above_limit": (tr("Materials above 65 %"), whole),
        "hhi": (tr("HHI of countries"), whole),
        "first_tonne": (tr("First tonne expected"), years),
    }
    grid = figures(comparison, records_of(tables.benefits(comparison)), words)
    parts: list[str | Grid] = [
        grid,
        tr(
            "Stock and suppliers: end of {year}, all materials by the value of their demand. Above "
            "65 %: one country outside the EU and home supplies more of a material.",
            year=year,
        ),
    ]
    before = base.dependence.without_plan
    if before is not None:
        parts.append(
            tr(
                "Without any plan: largest supplier's share {share}, {count} materials above 65 %, "
                "HHI {hhi}.",
                share=percent(before.largest_share),
                count=number(len(base.dependence.above_limit_without_plan)),
                hhi=number(before.hhi, 0),
            )
        )
    parts += _above(comparison)
    title = tr("What each option buys ({noun}, {unit})", noun=prose.noun(comparison), unit=unit)
    return Section(title, parts)


def _above(comparison: Comparison) -> Iterator[str]:
    """Which materials stay above the limit."""
    for option in comparison.options:
        if "dependence" in tables.barred(comparison, option.label):
            continue
        above = [
            called(comparison.names.materials, m) for m in option.benefit.dependence.above_limit
        ]
        if above:
            yield tr(
                "Above 65 % with {option}: {materials}.",
                option=clean(option.label),
                materials=", ".join(above),
            )


def benchmarks(comparison: Comparison) -> Section | None:
    """How many materials reach the benchmarks of the Critical Raw Materials Act."""
    records = records_of(tables.benchmarks(comparison))
    if not records:
        return None
    labels = labels_of(comparison)
    stages = {
        "extraction": tr("extraction"),
        "processing": tr("processing"),
        "recycling": tr("recycling"),
    }
    grid = across(
        labels,
        {
            tr("Stage"): [stages[record["stage"]] for record in records],
            tr("Aim"): [percent(record["target"]) for record in records],
            tr("No plan"): [number(record["without_plan"]) for record in records],
        },
        [[number(record[label]) for label in labels] for record in records],
    )
    note = tr(
        "Materials of which this share of demand comes from the Union in {year}, out of {count}.",
        year=records[0]["year"],
        count=number(records[0]["materials"]),
    )
    return Section(tr("Benchmarks of the Critical Raw Materials Act"), [grid, note])


def costs(comparison: Comparison) -> Section:
    """What each option costs."""
    currency = prose.option_of(comparison, comparison.base).currency
    records = records_of(tables.costs(comparison))
    words: dict[str, tuple[str, Callable[[Sequence[Any]], list[str]]]] = {
        "public": (tr("Put up by public funders"), column),
        "charged": (tr("Charged to public budgets"), column),
        "peak": (tr("Public money at risk, at most at once"), column),
        "maximum_loss": (tr("Lost at most"), column),
        "expected_loss": (tr("Expected loss"), column),
        "loss_known_for": (tr("  known for this part of it"), percents),
        "returned": (tr("Expected to come back, present value"), column),
        "residual": (tr("Residual value, present value"), column),
        "cost": (tr("Net cost to the public, present value"), column),
        "private": (tr("Put up by companies and private funders"), column),
        "private_cost": (tr("Net cost to them, present value"), column),
        "market": (tr("Put up by lenders and investors"), column),
        "private_per_public": (tr("Private money per public euro"), ratios),
        "other_per_federal": (tr("All other money per federal euro"), ratios),
        "per_public": (tr("Damage avoided per public euro put up"), ratios),
        "per_public_low": (tr("  at most so much in 5 % of states"), ratios),
        "per_public_high": (tr("  at most so much in 95 % of states"), ratios),
        "per_net": (tr("Damage avoided per euro of net cost"), ratios),
    }
    for record in records:
        figure = record["figure"]
        if figure.startswith("class:"):
            words[figure] = (f"  {prose.class_name(figure.removeprefix('class:'))}", column)
    note = tr(
        "Not discounted unless it says so. A guaranteed loan counts with its whole amount. Other "
        "money per euro counts projects alone: per public euro guaranteed loans are public, per "
        "federal euro they belong to the other money."
    )
    title = tr("What each option costs ({unit})", unit=million(currency))
    return Section(title, [figures(comparison, records, words), note])


def by_year(comparison: Comparison) -> Section | None:
    """What public funders put up in each year."""
    records = records_of(tables.public_by_year(comparison))
    labels = labels_of(comparison)
    if not any((record[label] or 0.0) > NOISE for record in records for label in labels):
        return None
    columns = [column([record[label] for record in records]) for label in labels]
    grid = across(
        labels,
        {tr("Year"): [record["figure"] for record in records]},
        list(zip(*columns, strict=True)),
    )
    currency = prose.option_of(comparison, comparison.base).currency
    title = tr("Public money put up, by year ({unit}, undiscounted)", unit=million(currency))
    return Section(title, [grid])


def projects(comparison: Comparison) -> Section | None:
    """Which projects are in all options, in some, in none."""
    records = records_of(tables.projects(comparison))
    if not records:
        return None
    names, labels = comparison.names.projects, labels_of(comparison)
    where = {"all": tr("all"), "some": tr("some")}
    built = [r for of in where for r in records if r["built_in"] == of]
    parts: list[str | Grid] = []
    if built:
        cells = [[_project(record[label]) for label in labels] for record in built]
        leading = {
            tr("Project"): [called(names, record["project"]) for record in built],
            tr("In"): [where[record["built_in"]] for record in built],
        }
        parts.append(across(labels, leading, cells))
        parts.append(tr("Year of the decision to build, and public share of capex."))
    none = [called(names, r["project"]) for r in records if r["built_in"] == "none"]
    if none:
        parts.append(tr("In no option: {projects}.", projects=", ".join(none)))
    return Section(tr("Which projects are in all options, in some, in none"), parts)


def _project(built: Any) -> str:
    return NONE if built is None else f"{built.start} {percent(round(built.public_share, 2))}"


def stockpiles(comparison: Comparison) -> Section | None:
    """How much stock each option holds."""
    records = [r for r in records_of(tables.stockpiles(comparison)) if r["bought_in"] != "none"]
    if not records:
        return None
    labels = labels_of(comparison)
    names = [called(comparison.names.stockpiles, record["stockpile"]) for record in records]
    rows = [column([record[label] for label in labels]) for record in records]
    idle = [
        called(comparison.names.stockpiles, choice.stockpile)
        for choice in comparison.stockpiles
        if choice.bought_in == "none"
    ]
    parts: list[str | Grid] = [across(labels, {tr("Stockpile"): names}, rows)]
    if idle:
        parts.append(tr("Bought for in no option: {stockpiles}.", stockpiles=", ".join(idle)))
    return Section(tr("What is stocked (the most that is held at a year's end, t)"), parts)


def budgets(comparison: Comparison) -> Section | None:
    """How far each budget is used."""
    records = records_of(tables.budgets(comparison))
    if not records:
        return None
    labels = labels_of(comparison)
    names = [
        prose.budget_name(comparison, record["funder"] or None, record["figure"], record["name"])
        for record in records
    ]
    rows = [[percent(record[label]) for label in labels] for record in records]
    return Section(tr("How far budgets are used"), [across(labels, {tr("Budget"): names}, rows)])


def damage_moves(comparison: Comparison) -> Section | None:
    """Differences in expected damage by material and by consumer."""
    frames = [
        ("material", tr("Material"), comparison.names.materials, tables.damage_by_material),
        ("consumer", tr("Consumer"), comparison.names.consumers, tables.damage_by_consumer),
    ]
    parts: list[str | Grid] = []
    for key, header, names, frame in frames:
        table = frame(comparison)
        records = records_of(table)
        if not records:
            return None
        labels = [label for label in table.columns if label != key]
        moved = [
            r for r in records if r[key] == TOTAL or any(abs(r[label]) > NOISE for label in labels)
        ]
        named = [tr("Total") if r[key] == TOTAL else called(names, r[key]) for r in moved]
        cells = signed_rows([[r[label] for label in labels] for r in moved])
        parts.append(across(labels, {header: named}, cells))
    title = tr(
        "Expected {noun} less that of {base} ({unit})",
        noun=prose.noun(comparison),
        base=clean(comparison.base),
        unit=prose.unit(comparison),
    )
    return Section(title, parts)


def money_moves(comparison: Comparison) -> Section | None:
    """Differences in money put up, by funder and class."""
    table = tables.money(comparison)
    records = records_of(table)
    if not records:
        return None
    labels = [label for label in table.columns if label not in ("funder", "budget_class")]
    special = {TOTAL: tr("Total"), MARKET: tr("lenders and investors")}
    records = [
        r
        for r in records
        if r["funder"] in special or any(abs(r[label]) > NOISE for label in labels)
    ]
    names = [
        special.get(r["funder"]) or called(comparison.names.funders, r["funder"]) for r in records
    ]
    classes = [
        "" if r["funder"] in special else prose.class_name(r["budget_class"]) for r in records
    ]
    cells = signed_rows([[r[label] for label in labels] for r in records])
    title = tr(
        "Money put up, less that of {base} ({unit}, undiscounted)",
        base=clean(comparison.base),
        unit=million(prose.option_of(comparison, comparison.base).currency),
    )
    grid = across(labels, {tr("Funder"): names, tr("Booked as"): classes}, cells)
    return Section(title, [grid])


def explanations(comparison: Comparison) -> Section | None:
    """What makes the difference, option by option."""
    if not comparison.differences:
        return None
    told: list[str] = []
    for of in comparison.differences:
        first, *more = prose.differences(comparison, of)
        told.append(first)
        told += [f"- {sentence}" for sentence in more]
    return Section(tr("What makes the difference"), told)


def proof(comparison: Comparison) -> Section:
    """How good each plan is, and what it rests on."""
    some = comparison.options
    status = {"optimal": tr("met"), "limit": tr("missed")}
    grid = Grid(
        {
            tr("Option"): "words",
            tr("Gap"): "figures",
            tr("Target"): "words",
            tr("Objective"): "figures",
            tr("Bound"): "figures",
            tr("States"): "figures",
            tr("Seed"): "figures",
            tr("Time, s"): "figures",
            tr("Scenario, SHA-256"): "words",
        },
        [
            [
                clean(o.label),
                small_percent(o.proof.gap),
                status[o.proof.status],
                number(o.proof.objective),
                number(o.proof.bound),
                number(o.proof.states),
                NONE if o.proof.seed is None else str(o.proof.seed),
                number(o.proof.seconds, 1),
                o.proof.input_sha256[:12],
            ]
            for o in some
        ],
    )
    parts: list[str | Grid] = [grid]
    if any(d.resolution is not None for d in comparison.differences):
        parts.append(
            tr(
                "A difference below what the gaps of both plans leave open, together, is called "
                "not significant."
            )
        )
    return Section(tr("How good the proof is"), parts)
