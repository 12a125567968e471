"""Tables of items with options in columns: benchmarks, years, budgets, projects, stocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from models.language import tr
from models.results.option import BudgetUse, Option
from optimizer.analyses.comparison.figures import read
from optimizer.analyses.comparison.words import Side
from optimizer.report.document import DETAIL, Bullets, Column, Part, Table, ids, sheet_only
from optimizer.report.figures import NOISE, number
from optimizer.report.wording import listed
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.formulas import Line

SAME = 0.0005
"""Shares that differ by less are shown alike."""


def columns(side: Side, of: Callable[[Any, Option], Any], form: Any, **more: Any) -> list[Column]:
    """A column an option, of rows that are items."""

    def column(option: Option) -> Column:
        return Column(side.called(option.label), lambda row: of(row, option), form, like="options",
                      key=side.key(option.label), width=17, **more)  # fmt: skip

    return [column(option) for option in side.options]


def above_limit(side: Side) -> Bullets:
    """The materials of which one third country supplies too much."""
    above = {o.label: o.benefit.dependence.above_limit for o in side.compared("dependence")}
    return Bullets([
        tr("Above 65 % with “{option}”: {materials}.", option=side.called(label),
           materials=side.names("materials", some))
        for label, some in above.items() if some
    ])  # fmt: skip


def benchmarks(side: Side) -> Iterator[Part]:
    """Benchmarks of the Critical Raw Materials Act: how many are reached, and what changes."""
    named = {
        "extraction": tr("extraction"),
        "processing": tr("processing"),
        "recycling": tr("recycling"),
    }
    shares = {
        o.label: {(s.material, s.stage): s for s in o.benefit.crma}
        for o in side.options
        if not side.bars(o.label, "dependence")
    }
    known = side.base.benefit.crma
    if not known:
        return
    stages = {of.stage: [one for one in known if one.stage == of.stage] for of in known}

    def reached(stage: str, option: Option) -> int | None:
        some = [s for s in shares.get(option.label, {}).values() if s.stage == stage]
        return sum(s.share >= s.target for s in some) if option.label in shares else None

    def share(of: Any, option: Option) -> Any:
        return read(shares.get(option.label, {}).get((of.material, of.stage)), "share")

    year = known[0].year
    yield Table(
        tr("Benchmarks of the Critical Raw Materials Act"),
        list(stages),
        [
            Column(tr("Stage"), lambda stage: named[stage], "text"),
            Column(tr("Benchmark"), lambda stage: stages[stage][0].target, "share"),
            *columns(side, reached, "count"),
            Column(tr("No plan"),
                   lambda stage: sum(s.share_without_plan >= s.target for s in stages[stage]),
                   "count"),
        ],
        "benchmarks",
        tr("Materials of which this share of demand comes from the Union in {year}, out of "
           "{count}.", year=year, count=number(max(map(len, stages.values())))),
    )  # fmt: skip
    yield Table(
        tr("Shares of demand from the Union in {year}, by stage", year=year),
        [s for s in known
         if any(abs((share(s, o) or 0.0) - s.share_without_plan) > SAME for o in side.options
                if o.label in shares)],
        [
            Column(tr("Material"), lambda s: side.name("materials", s.material), "text"),
            Column(tr("Stage"), lambda s: named[s.stage], "text"),
            Column(tr("Benchmark"), "target", "share"),
            *columns(side, share, "share"),
            Column(tr("No plan"), "share_without_plan", "share"),
        ],
        "benchmark-shares",
        tr("Materials and stages that some option changes."),
        on=DETAIL,
    )  # fmt: skip


def by_year(side: Side, title: str) -> list[Part]:
    """Public funding by year."""

    def of(year: str, option: Option) -> float | None:
        if side.bars(option.label, "money"):
            return None
        return option.cost.public.paid_by_year_meur.get(year, 0.0)

    years = sorted({y for o in side.options for y in o.cost.public.paid_by_year_meur}, key=int)
    if not any(abs(of(year, o) or 0.0) > NOISE for year in years for o in side.options):
        return []
    shown = [Column(tr("Year"), int, "year", width=14), *columns(side, of, "money", total=True)]
    return [Table(title, years, shown, "by-year", total=tr("All years"))]


def budgets(side: Side, title: str) -> list[Part]:
    """How far each budget is used, and which are used up."""
    uses = {(u.funder, u.line): u for o in reversed(side.options) for u in o.cost.budgets}

    def share(use: BudgetUse, option: Option) -> float | None:
        for own in option.cost.budgets:
            if (own.funder, own.line) == (use.funder, use.line) and own.granted_meur:
                return own.used_meur / own.granted_meur
        return None

    told = [
        tr("Used up with “{option}”: {budgets}.", option=side.called(o.label), budgets=listed(full))
        for o in side.options
        if (full := [side.budget(use) for use in o.cost.budgets if use.used_up])
    ]
    shown = [Column(tr("Budget"), side.budget, "text"), *columns(side, share, "share")]
    return [Table(title, list(uses.values()), shown, "budgets"), Bullets(told)]


def projects(side: Side) -> Iterator[Part]:
    """Which projects are in all, some or none of the options."""
    kinds = {"all": tr("all"), "some": tr("some"), "none": tr("none")}
    of = {kind: [p for p in side.found.projects if p.built_in == kind] for kind in kinds}
    rows = [*of["all"], *of["some"]]
    if not side.found.projects:
        return

    def value(path: str) -> Callable[[Any, Option], Any]:
        return lambda row, option: read(row.options.get(option.label), path)

    def counted(line: Line) -> Expression:
        area = line.span("option_0", f"option_{len(side.options) - 1}")
        return Expression(f"COUNT({area.text})", float(sum(v != "" for v in area.values)))

    yield tr(
        "Candidates: {count}; in all options: {all}, in some: {some}, in none: {none}.",
        count=number(len(side.found.projects)),
        **{kind: number(len(some)) for kind, some in of.items()},
    )
    name = Column(tr("Project"), lambda row: side.name("projects", row.project), "text")
    shown = [
        name,
        Column(tr("In"), lambda row: kinds[row.built_in], "text"),
        *columns(side, value("start"), "year"),
        sheet_only(tr("In options"), "count", counted, "count"),
        ids(tr("Id"), "id", "project"),
    ]
    yield Table(tr("Year of the decision to build"), rows, shown, "projects")
    shares = [name, *columns(side, value("public_share"), "share")]
    yield Table(tr("Public share of the capital cost"), rows, shares, "public-shares")
    if of["none"]:
        names = side.names("projects", [p.project for p in of["none"]])
        yield tr("In no option: {names}.", names=names)


def stocks(side: Side, title: str) -> Iterator[Part]:
    """How much each option holds in stock."""
    shown = [
        Column(tr("Stockpile"), lambda row: side.name("stockpiles", row.stockpile), "text"),
        *columns(side, lambda row, o: getattr(row.options.get(o.label), "held_t", 0.0),
                 lambda _row: "tonnes"),
        ids(tr("Id"), "id", "stockpile"),
    ]  # fmt: skip
    held = [pile for pile in side.found.stockpiles if pile.bought_in != "none"]
    idle = [pile.stockpile for pile in side.found.stockpiles if pile.bought_in == "none"]
    yield Table(title, held, shown, "stockpiles")
    if idle:
        yield tr("In no option: {names}.", names=side.names("stockpiles", idle))
