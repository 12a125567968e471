"""A workbook that puts funding options side by side, with what makes the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.language import tr
from models.results import Comparison, Plan
from models.results.option import Option
from optimizer.report.comparing import prose, tables
from optimizer.report.comparing.prose import called, million, said
from optimizer.report.figures import NOISE, clean, percent
from optimizer.report.workbook.book import Book, Column, Line, Sheet, Table, key_column, years
from optimizer.report.workbook.checks import Check
from optimizer.report.workbook.expressions import Expression, ratio, total
from optimizer.report.workbook.styles import Form, objective, tonnes


@dataclass
class Sides:
    """A comparison in the making: its options stand in columns, in their order."""

    book: Book
    comparison: Comparison
    plans: Mapping[str, Plan]
    checks: list[Check] = field(default_factory=list)
    rows: dict[str, Line] = field(default_factory=dict)
    """Rows that other sheets refer to, by name."""

    @property
    def options(self) -> Sequence[Option]:
        """The options."""
        return self.comparison.options

    @property
    def million(self) -> str:
        """The unit of money, that of the base."""
        return million(prose.option_of(self.comparison, self.comparison.base).currency)

    def columns(self, first: str, form: Form = "money", width: float = 46) -> list[Column]:
        """A column of names, and one for each option."""
        across = [Column(key, clean(option.label), form, 17) for key, option in self.keyed()]
        return [Column("name", first, width=width), *across]

    def keyed(self) -> Iterator[tuple[str, Option]]:
        """The options with the keys of their columns."""
        return ((f"option_{n}", option) for n, option in enumerate(self.options))

    def row(self, table: Table, name: str, values: Sequence[Any], form: Form | None = None) -> Line:
        """A row of figures of the optimizer, empty where there is none."""
        line = table.line()
        line.words("name", name)
        for (key, _), value in zip(self.keyed(), values, strict=True):
            line.optimizer(key, None if value is None else float(value), form)
        return line

    def barred(self, option: Option, figure: str) -> bool:
        """Whether a figure of an option is not compared with the base."""
        return figure in tables.barred(self.comparison, option.label)


def benefits(sides: Sides) -> None:
    """What each option buys."""
    unit = prose.unit(sides.comparison)
    sheet = sides.book.sheet(tr("Benefits"), tr("What each option buys"))
    table = sheet.table(sides.columns(tr("Figure"), "outcome"))
    rows = {row["figure"]: row for row in tables.benefits(sides.comparison).to_dict("records")}

    def given(figure: str, name: str, form: Form | None = None) -> Line:
        values = [rows[figure][option.label] for option in sides.options]
        return sides.row(table, name, values, form)

    without = sides.row(
        table,
        tr("Expected without plan, {unit}", unit=unit),
        [None if sides.barred(o, "damage") else o.benefit.expected.without_plan
         for o in sides.options],
    )  # fmt: skip
    left = given("left", tr("Expected with plan, {unit}", unit=unit))
    avoided = table.line()
    avoided.words("name", tr("Avoided, expected, {unit}", unit=unit))
    share = table.line()
    share.words("name", tr("  of what comes without a plan"))
    for key, option in sides.keyed():
        if not sides.barred(option, "damage"):
            gain = avoided.put(key, without.cells[key] - left.cells[key])
            share.put(key, ratio(gain, without.cells[key]), "share")
    sides.rows |= {"left": left, "without": without, "avoided": avoided, "share": share}
    given("avoided_low", tr("  at most so much in 5 % of states"))
    given("avoided_high", tr("  at most so much in 95 % of states"))
    base = prose.option_of(sides.comparison, sides.comparison.base)
    tail = percent(1 - base.benefit.cvar_level)
    given("left_cvar", tr("Left, mean of the worst {share}", share=tail))
    given("left_worst", tr("Left in the worst state"))
    given("days", tr("Days of demand in stock, {year}", year=sides.comparison.year), "count")
    if any(rows["imports"][option.label] is not None for option in sides.options):
        given("imports", tr("Share of imports"), "share")
    given("largest_share", tr("Largest supplier's share"), "share")
    given("above_limit", tr("Materials above 65 %"), "count")
    given("hhi", tr("HHI of countries"), "count")
    given("first_tonne", tr("First tonne expected"), "first")
    sheet.freeze(table, 1)
    sheet.row += 1
    sheet.note(
        tr(
            "Stock and suppliers: end of {year}, all materials by the value of their demand. Above "
            "65 %: one country outside the EU and home supplies more of a material.",
            year=sides.comparison.year,
        ),
        len(sides.options) + 1,
    )


def costs(sides: Sides) -> None:
    """What each option costs, its public money by class, and by year."""
    sheet = sides.book.sheet(tr("Costs"), tr("What each option costs ({unit})", unit=sides.million))
    table = sheet.table(sides.columns(tr("Figure")))
    classes = dict.fromkeys(name for o in sides.options for name in o.cost.by_class)
    for name in classes:
        sums = [o.cost.by_class.get(name) for o in sides.options]
        sides.row(table, f"  {prose.class_name(name)}", [s.paid_meur if s else 0.0 for s in sums])
    public = _added(sides, table, tr("Put up by public funders"))
    given = sides.row(
        table,
        tr("the same, as the plans have it"),
        [o.cost.public.paid_meur for o in sides.options],
    )
    for key, option in sides.keyed():
        sides.checks.append(
            Check(
                tr("{option}: public money by class adds up", option=option.label),
                sheet,
                public.cells[key],
                given.cells[key],
            )
        )
    figures = {row["figure"]: row for row in tables.costs(sides.comparison).to_dict("records")}
    for figure, name in (
        ("charged", tr("Charged to public budgets")),
        ("peak", tr("Public money at risk, at most at once")),
        ("maximum_loss", tr("Lost at most")),
        ("expected_loss", tr("Expected loss")),
        ("returned", tr("Expected to come back, present value")),
        ("residual", tr("Residual value, present value")),
        ("cost", tr("Net cost to the public, present value")),
        ("private", tr("Put up by companies and private funders")),
        ("private_cost", tr("Net cost to them, present value")),
        ("market", tr("Put up by lenders and investors")),
    ):
        if figure not in figures:
            continue
        values = [figures[figure][option.label] for option in sides.options]
        sides.row(table, name, values)
    _leverage(sides, table)
    for figure, name in (
        ("per_public", tr("Damage avoided per public euro put up")),
        ("per_public_low", tr("  at most so much in 5 % of states")),
        ("per_public_high", tr("  at most so much in 95 % of states")),
        ("per_net", tr("Damage avoided per euro of net cost")),
    ):
        values = [figures[figure][option.label] for option in sides.options]
        sides.row(table, name, values, "ratio")
    sheet.freeze(table, 1)
    sides.rows["public"] = public
    _by_year(sides)


def _added(sides: Sides, table: Table, name: str) -> Line:
    """A row with the sums of the rows so far."""
    line = Line(table, table.sheet.row, last=True)
    table.sheet.row += 1
    areas = {key: table.area(key) for key, _ in sides.keyed()}
    table.count += 1
    line.words("name", name)
    for key, area in areas.items():
        line.put(key, total(area))
    return line


def _leverage(sides: Sides, table: Table) -> None:
    """Other money per euro, in both definitions."""
    for name, above, below in (
        (tr("Private money per public euro"), "private_meur", "public_meur"),
        (tr("All other money per federal euro"), "other_meur", "federal_meur"),
    ):
        parts = {
            "private_meur": tr("  private money in projects"),
            "public_meur": tr("  public money in projects, guaranteed loans with it"),
            "other_meur": tr("  all other money in projects"),
            "federal_meur": tr("  federal money in projects, guaranteed loans left out"),
        }
        over, under = (
            sides.row(table, parts[part], [getattr(o.cost.leverage, part) for o in sides.options])
            for part in (above, below)
        )
        line = table.line()
        line.words("name", name)
        for key, _ in sides.keyed():
            line.put(key, ratio(over.cells[key], under.cells[key]), "ratio")


def _by_year(sides: Sides) -> None:
    title = tr("Public money put up, by year ({unit}, undiscounted)", unit=sides.million)
    sheet = sides.book.sheet(tr("Public money"), title)
    known = {year for o in sides.options for year in o.cost.public.paid_by_year_meur}
    columns = [
        Column("name", tr("Option"), width=30),
        *years(sorted(known, key=int), "money", 10),
        Column("all", tr("All years"), "money", 12),
    ]
    table = sheet.table(columns)
    for key, option in sides.keyed():
        line = table.line()
        line.words("name", option.label)
        line.by_year(option.cost.public.paid_by_year_meur)
        if known:
            first, last = min(known, key=int), max(known, key=int)
            added = line.put("all", total(line.area(first, last)))
            says = tr("{option}: public money by year adds up", option=option.label)
            sides.checks.append(Check(says, sheet, added, sides.rows["public"].cells[key]))
    sheet.freeze(table, 1)


def choices(sides: Sides) -> None:
    """Which projects and stockpiles are in which options."""
    names = sides.comparison.names
    sheet = sides.book.sheet(
        tr("Projects"), tr("Which projects are in all options, in some, in none")
    )
    columns = [
        *sides.columns(tr("Project"), "year"),
        Column("count", tr("In options"), "count", 10),
    ]
    table = sheet.table([*columns, key_column("id", tr("Id"), 24)])
    for choice in sides.comparison.projects:
        starts = [choice.options.get(option.label) for option in sides.options]
        line = sides.row(
            table, called(names.projects, choice.project), [s.start if s else None for s in starts]
        )
        line.put("count", _counted(line, sides), "count")
        line.key("id", choice.project)
    sheet.freeze(table, 1)
    sheet.row += 1
    sheet.note(tr("Year of the decision to build; empty where it is not built."), len(columns))
    title = tr("What is stocked (the most that is held at a year's end, t)")
    sheet = sides.book.sheet(tr("Stockpiles"), title)
    table = sheet.table([*sides.columns(tr("Stockpile"), "tonnes"), key_column("id", tr("Id"), 24)])
    for pile in sides.comparison.stockpiles:
        held = [pile.options.get(option.label) for option in sides.options]
        values = [h.held_t if h else 0.0 for h in held]
        line = sides.row(table, called(names.stockpiles, pile.stockpile), values, tonnes(values))
        line.key("id", pile.stockpile)
    sheet.freeze(table, 1)


def _counted(line: Line, sides: Sides) -> Expression:
    keys = [key for key, _ in sides.keyed()]
    area = line.area(keys[0], keys[-1])
    filled = sum(value != "" for value in area.values)
    return Expression(f"COUNT({area.text})", float(filled))


def damage(sides: Sides) -> None:
    """What is left of the damage, by material and consumer, and how far from the base."""
    unit = prose.unit(sides.comparison)
    sheet = sides.book.sheet(
        tr("Damage"), tr("What is left, and less the base ({unit})", unit=unit)
    )
    names = sides.comparison.names
    for header, known, kind in (
        (tr("Material"), names.materials, "materials"),
        (tr("Consumer"), names.consumers, "consumers"),
    ):
        _parts(sides, sheet, header, known, kind)
    sheet.freeze(sheet.tables[0], 1, repeat=False)


def _parts(sides: Sides, sheet: Sheet, header: str, names: Mapping[str, Any], kind: str) -> None:
    base = next(k for k, o in sides.keyed() if o.label == sides.comparison.base)
    others = [(k, o) for k, o in sides.keyed() if k != base]
    columns = sides.columns(header, "outcome", width=36)
    for key, option in others:
        text = tr("{option} less the base", option=option.label)
        columns.append(Column(f"{key}_moves", text, "signed_outcome", 17))
    table = sheet.table([*columns, key_column("id", tr("Id"), 24)])
    left = {
        option.label: {part.id: part.expected for part in getattr(sides.plans[option.label], kind)}
        for option in sides.options
    }
    for id_ in dict.fromkeys(i for of in left.values() for i in of):
        values = [
            None if sides.barred(o, "damage") else left[o.label].get(id_, 0.0)
            for o in sides.options
        ]
        line = sides.row(table, called(dict(names), id_), values)
        line.key("id", id_)
        for key, option in others:
            if not sides.barred(option, "damage"):
                line.put(f"{key}_moves", line.cells[key] - line.cells[base])
    compared = [key for key, o in sides.keyed() if not sides.barred(o, "damage")]
    moves = [f"{key}_moves" for key, _ in others if key in compared]
    totals = table.totals(tr("All together"), [*compared, *moves])
    for key, option in sides.keyed():
        if key in compared:
            says = tr("{option}: parts add up to the expected damage", option=option.label)
            of_plan = sides.rows["left"].cells[key]
            sides.checks.append(Check(says, sheet, totals.cells[key], of_plan))
    sheet.row += 1


def money(sides: Sides) -> None:
    """Money of each funder and class, and how far from the base."""
    title = tr("Money put up by funder and class ({unit}, undiscounted)", unit=sides.million)
    sheet = sides.book.sheet(tr("Money by funder"), title)
    base = next(k for k, o in sides.keyed() if o.label == sides.comparison.base)
    others = [(k, o) for k, o in sides.keyed() if k != base]
    columns = sides.columns(tr("Funder"), width=36)
    columns.insert(1, Column("class", tr("Budget class"), width=22))
    columns += [
        Column(f"{key}_moves", tr("{option} less the base", option=o.label), "signed", 17)
        for key, o in others
    ]
    table = sheet.table([*columns, key_column("id", tr("Id"), 24)])
    paid = {
        option.label: {
            (part.funder, part.budget_class): part.sums.paid_meur for part in option.cost.parts
        }
        for option in sides.options
    }
    for funder, booked in dict.fromkeys(key for of in paid.values() for key in of):
        values = [paid[option.label].get((funder, booked), 0.0) for option in sides.options]
        if max(map(abs, values)) <= NOISE:
            continue
        line = sides.row(table, called(sides.comparison.names.funders, funder), values)
        line.words("class", prose.class_name(booked))
        line.key("id", funder)
        for key, _ in others:
            line.put(f"{key}_moves", line.cells[key] - line.cells[base])
    keys = [key for key, _ in sides.keyed()]
    totals = table.totals(tr("All together"), [*keys, *(f"{key}_moves" for key, _ in others)])
    given = sides.row(
        table,
        tr("public and private money, as the plans have it"),
        [o.cost.public.paid_meur + o.cost.private.paid_meur for o in sides.options],
    )
    for key, option in sides.keyed():
        says = tr("{option}: money by funder adds up", option=option.label)
        sides.checks.append(Check(says, sheet, totals.cells[key], given.cells[key]))
    sheet.freeze(table, 2)


def proofs(sides: Sides) -> None:
    """How good each plan is, and what it rests on."""
    sheet = sides.book.sheet(tr("Certificate"), tr("How good the proof is"))
    table = sheet.table(sides.columns(tr("Figure"), "figure"))
    of = [option.proof for option in sides.options]
    fine = objective([p.objective for p in of])
    sides.row(table, tr("Objective"), [p.objective for p in of], fine)
    sides.row(table, tr("Bound"), [p.bound for p in of], fine)
    sides.row(table, tr("Gap"), [p.gap for p in of], "gap")
    sides.row(table, tr("Gap that was asked for"), [p.gap_target for p in of], "gap")
    sides.row(table, tr("States of the world"), [p.states for p in of], "count")
    sides.row(table, tr("Seed"), [p.seed for p in of], "year")
    sides.row(table, tr("Time, s"), [p.seconds for p in of], "ratio")
    line = table.line()
    line.words("name", tr("Scenario, SHA-256"))
    for (key, _), proof in zip(sides.keyed(), of, strict=True):
        line.words(key, proof.input_sha256[:12])
    sheet.freeze(table, 1)
    told = [prose.unlike(sides.comparison, one) for one in sides.comparison.unlike]
    if told:
        sheet.heading(tr("What is not like for like"))
    for text in told:
        sheet.note(text, len(sides.options) + 1)


def first_sheet(sides: Sides, sheet: Sheet) -> None:
    """Options and key figures as formulas over the other sheets, behind the verdict."""
    table = sheet.table(
        [
            Column("name", tr("Option"), width=30),
            Column("title", tr("Title"), width=46),
            Column("without", tr("Expected without plan"), "outcome", 15),
            Column("left", tr("Expected with plan"), "outcome", 15),
            Column("avoided", tr("Avoided"), "outcome", 15),
            Column("share", tr("Reduction"), "share", 12),
            Column("public", tr("Public money, {unit}", unit=sides.million), "money", 15),
        ]
    )
    for key, option in sides.keyed():
        line = table.line()
        line.words("name", option.label)
        line.words("title", said(option.title), wrap=True)
        for name in ("without", "left", "avoided", "share", "public"):
            cell = sides.rows[name].cells.get(key)
            if cell is not None and cell.value != "":
                line.put(name, cell)
    sheet.row += 1
    base = tr("Differences are those to {base}.", base=clean(sides.comparison.base))
    sheet.note(base, 7)
