"""What options choose and pay for, and what makes the difference between them."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from models.language import tr
from models.results.comparison import OptionDifference, ProjectChange
from models.results.option import BudgetUse, Option
from optimizer.analyses.comparison.comparison_wording import ComparisonWording
from optimizer.analyses.comparison.option_figures import with_numbered_headers
from optimizer.report.document import (
    SHEET,
    Bullets,
    Column,
    DisplayedValue,
    Part,
    Table,
    ValueForm,
    id_column,
)
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded,
    format_rounded_percent,
)
from optimizer.report.wording import budget_class_name, join_texts
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.placed_tables import FormulaRow

MAX_MATERIALS_NAMED = 2
"""Materials that are told one by one; the others stand in a table."""
MIN_SHARE_NAMED = 0.02
"""A smaller part of the difference is not told."""


def option_columns(
    wording: ComparisonWording, value_of: Callable[[Any, Option], Any], form: Any, **more: Any
) -> list[Column]:
    """A column an option, of rows that are items."""

    def column(option: Option) -> Column:
        return Column(wording.option_name(option.label), lambda row: value_of(row, option), form, decimals_group="options",
                      key=wording.column_key(option.label), width=17, **more)  # fmt: skip

    return with_numbered_headers(wording, list(map(column, wording.options)))


def funding_by_year_table(wording: ComparisonWording, title: str) -> list[Table]:
    """Public funding by year."""
    paid = {o.label: o.cost.public.paid_by_year_meur for o in wording.options}
    return year_table(wording, title, paid, "by-year")


def year_table(
    wording: ComparisonWording,
    title: str,
    amounts: Mapping[str, Mapping[str, float]],
    table_name: str,
    max_years: int | None = None,
) -> list[Table]:
    """Money by year, a column an option; ``amounts`` by its label. Where there are many more than
    ``most`` years, the later ones stand together."""

    def of(some: Sequence[str], option: Option) -> float | None:
        by_year = amounts.get(option.label, {})
        barred = wording.is_excluded(option.label, "money")
        return None if barred else math.fsum(by_year.get(year, 0.0) for year in some)

    years = sorted({year for by_year in amounts.values() for year in by_year}, key=int)
    if not any(
        abs(of([year], o) or 0.0) > ZERO_TOLERANCE for year in years for o in wording.options
    ):
        return []
    alone = len(years) if max_years is None or len(years) <= max_years + 1 else max_years
    rows = [[year] for year in years[:alone]] + ([years[alone:]] if years[alone:] else [])
    first = Column(
        tr("Year"), lambda some: int(some[0]) if len(some) == 1 else tr("Later"), "year", width=34
    )
    shown = [first, *option_columns(wording, of, "money", total=True)]
    return [Table(title, rows, shown, table_name, total_label=tr("All years"))]


def budget_table(wording: ComparisonWording, title: str) -> list[Part]:
    """How far each budget is used."""
    uses = {(u.funder, u.line): u for o in reversed(wording.options) for u in o.cost.budgets}

    def share(use: BudgetUse, option: Option) -> float | None:
        for own in option.cost.budgets:
            if (own.funder, own.line) == (use.funder, use.line) and own.granted_meur:
                return own.used_meur / own.granted_meur
        return None

    shown = [
        Column(tr("Budget"), wording.budget_name, "text"),
        *option_columns(wording, share, "share"),
    ]
    return [Table(title, list(uses.values()), shown, "budgets", wording.with_legend())]


def project_parts(wording: ComparisonWording) -> Iterator[Part]:
    """Which projects are in all, some or none of the options."""
    kinds = {"all": tr("all"), "some": tr("some"), "none": tr("none")}
    of = {kind: [p for p in wording.result.projects if p.built_in == kind] for kind in kinds}
    if not wording.result.projects:
        return
    yield tr(
        "Projects of the scenario: {count}; supported in all options: {all}, in some: {some}, in "
        "none: {none}.",
        count=format_number(len(wording.result.projects)),
        **{kind: format_number(len(some)) for kind, some in of.items()},
    )
    shown = [
        Column(tr("Project"), lambda row: wording.name("projects", row.project), "text"),
        Column(tr("In"), lambda row: kinds[row.built_in], "text"),
        *option_columns(wording, _decision_year, "year"),
        id_column(tr("Id"), "id", "project"),
    ]
    title, some = tr("Year of the decision to build"), [*of["all"], *of["some"]]
    yield Table(title, some, shown, "projects")
    if of["none"]:
        names = wording.names("projects", [p.project for p in of["none"]])
        yield tr("In no option: {names}.", names=names)


PROBABILITY_TOLERANCE = 1e-9
"""A probability that is short of 1 by less is 1."""


def _decision_year(row: Any, option: Option) -> DisplayedValue | int | None:
    """The year in which an option decides to build, and how likely where that is left open."""
    own = row.options.get(option.label)
    if own is None or own.probability >= 1 - PROBABILITY_TOLERANCE:
        return None if own is None else own.start
    said = tr("{year} ({chance})", year=own.start, chance=format_rounded_percent(own.probability))
    return DisplayedValue(said, own.start)


def stock_parts(wording: ComparisonWording, title: str) -> Iterator[Part]:
    """How much each option holds in stock."""

    def held(row: Any, option: Option) -> float:
        return getattr(row.options.get(option.label), "held_t", 0.0)

    shown = [
        Column(tr("Stockpile"), lambda row: wording.name("stockpiles", row.stockpile), "text"),
        *option_columns(wording, held, lambda _row: "tonnes"),
        id_column(tr("Id"), "id", "stockpile"),
    ]
    some = [pile for pile in wording.result.stockpiles if pile.bought_in != "none"]
    idle = [pile.stockpile for pile in wording.result.stockpiles if pile.bought_in == "none"]
    yield Table(title, some, shown, "stockpiles", wording.with_legend())
    if idle:
        yield tr("In no option: {names}.", names=wording.names("stockpiles", idle))


def difference_bullets(wording: ComparisonWording) -> Iterator[Part]:
    """What makes the difference between each option and the base, the main thing first."""
    yield Bullets([
        " ".join([_main_difference(wording, one), *_material_sentence(wording, one), *_money_sentences(wording, one)])
        for one in wording.differences
    ])  # fmt: skip


def _main_difference(wording: ComparisonWording, difference: OptionDifference) -> str:
    about = {
        "option": wording.option_name(difference.option),
        "base": wording.option_name(wording.result.base),
    }
    if difference.expected is None:
        return tr(
            "“{option}” and “{base}”: {noun} is not compared.", noun=wording.outcome_word, **about
        )
    if abs(difference.expected) <= ZERO_TOLERANCE:
        return tr(
            "“{option}” and “{base}” leave the same {noun}.", noun=wording.outcome_word, **about
        )
    if difference.significant is False:
        return tr(
            "“{option}” and “{base}” differ by {amount}, which is not significant: the gaps of "
            "both plans leave room for {room}.",
            amount=wording.amount(abs(difference.expected)),
            room=format_rounded(difference.resolution or 0.0),
            **about,
        )
    option = wording.option(difference.option).benefit.expected
    before = wording.base.benefit.expected.without_plan
    about["change"] = _less_or_more(wording, difference.expected)
    if before <= 0 or abs(before - option.without_plan) > ZERO_TOLERANCE * before:
        return tr("“{option}” leaves {change} than “{base}”.", **about)
    return tr(
        "“{option}” leaves {change} than “{base}”: {share} of what is expected without any plan.",
        share=format_percent(abs(difference.expected) / before),
        **about,
    )


def _less_or_more(wording: ComparisonWording, change: float) -> str:
    about = {"amount": wording.amount(abs(change)), "noun": wording.outcome_word}
    less, more = tr("{amount} less {noun}", **about), tr("{amount} more {noun}", **about)
    return less if change < 0 else more


def _material_sentence(wording: ComparisonWording, difference: OptionDifference) -> Iterator[str]:
    """The materials that make most of the difference."""
    if difference.expected is None or difference.significant is False:
        return
    whole = sum(abs(part.damage) for part in difference.by_material)
    told = []
    for part in difference.by_material[:MAX_MATERIALS_NAMED]:
        if abs(part.damage) <= MIN_SHARE_NAMED * whole:
            continue
        piles = [change for change in part.stockpiles if abs(change.held_t) > ZERO_TOLERANCE]
        done = [_describe_project_change(wording, change) for change in part.projects]
        done += [
            f"{wording.name('stockpiles', change.stockpile)}: {wording.format_signed(change.held_t)} {tr('t')}"
            for change in piles
        ]
        name = f"{wording.name('materials', part.material)} {wording.format_signed(part.damage)}"
        told.append(f"{name} ({join_texts(done)})" if done else name)
    if told:
        yield tr("Largest parts: {parts}.", parts="; ".join(told))


def _describe_project_change(wording: ComparisonWording, change: ProjectChange) -> str:
    before, after = (getattr(of, "start", None) for of in (change.base, change.option))
    about = {"project": wording.name("projects", change.project), "before": before, "after": after}
    return {
        "added": tr("{project} in addition", **about),
        "dropped": tr("without {project}", **about),
        "moved": tr("{project} from {before} to {after}", **about),
        "refinanced": tr("{project} financed otherwise", **about),
    }[change.change]


def _money_sentences(wording: ComparisonWording, difference: OptionDifference) -> Iterator[str]:
    if difference.public_paid_meur is not None:
        yield tr(
            "Public funding: {public} {unit} (not discounted).",
            public=wording.format_signed(difference.public_paid_meur),
            unit=wording.money_unit,
        )
    if difference.avoided_per_extra_public_euro is not None and difference.significant is not False:
        yield tr(
            "Each additional public {currency} avoids {amount} {currency} of expected damage "
            "(both as present values).",
            currency=wording.currency,
            amount=format_number(difference.avoided_per_extra_public_euro, 2),
        )


class DifferenceRow(NamedTuple):
    """A row of differences: what there is with each option, by label, and how much more that is
    than in the base."""

    id: str
    name: str
    levels: Mapping[str, float]
    differences: Mapping[str, float]
    budget_class: str = ""


def damage_tables(wording: ComparisonWording) -> Iterator[Table]:
    """How far each option's expected damage is from that of the base, by material and consumer;
    where the plans are known, a sheet holds what is left with each."""
    some = [d for d in wording.differences if d.expected is not None]
    about = {"noun": wording.outcome_word, "unit": wording.unit}
    for kind, header, caption, moves in (
        ("materials", tr("Material"),
         tr("Difference in expected {noun} by material ({unit})", **about),
         {d.option: {m.material: m.damage for m in d.by_material} for d in some}),
        ("consumers", tr("Consumer"),
         tr("Difference in expected {noun} by consumer ({unit})", **about),
         {d.option: d.by_consumer for d in some}),
    ):  # fmt: skip
        left = {
            o.label: {part.id: part.expected for part in getattr(wording.plans[o.label], kind)}
            for o in wording.options
            if o.label in wording.plans and not wording.is_excluded(o.label, "damage")
        }
        known = dict.fromkeys(id for by in (moves, left) for of in by.values() for id in of)
        rows = [
            DifferenceRow(
                id, wording.name(kind, id), _values_by_label(id, left), _values_by_label(id, moves)
            )
            for id in known
        ]
        rows.sort(key=lambda row: -max(map(abs, row.differences.values()), default=0.0))
        first = [Column(header, "name", "text")]
        yield _difference_table(wording, caption, rows, kind, first, ("outcome", "signed_outcome"))


def _values_by_label(item_id: Any, by_label: Mapping[str, Mapping[Any, float]]) -> dict[str, float]:
    return {label: of.get(item_id, 0.0) for label, of in by_label.items()}


def money_table(wording: ComparisonWording, title: str) -> Table:
    """How far money is from that of the base, by funder and class, and of lenders."""
    paid: dict[str, dict[tuple[str, str | None], float]] = {
        o.label: {
            **{(p.funder, p.budget_class): p.sums.paid_meur for p in o.cost.parts},
            ("", ""): o.cost.market_meur,
        }
        for o in wording.options
        if not wording.is_excluded(o.label, "money")
    }
    rows, base = [], wording.result.base
    for funder, booked in dict.fromkeys(at for of in paid.values() for at in of):
        levels = _values_by_label((funder, booked), paid)
        moves = {label: of - levels[base] for label, of in levels.items() if label != base}
        name = wording.name("funders", funder) if funder else tr("Lenders and investors")
        rows.append(
            DifferenceRow(funder, name, levels, moves, budget_class_name(booked) if funder else "")
        )
    first = [
        Column(tr("Funder"), "name", "text"),
        Column(tr("Budget class"), "budget_class", "text", empty_text=""),
    ]
    return _difference_table(wording, title, rows, "money", first, ("money", "signed"))


def _difference_table(
    wording: ComparisonWording,
    caption: str,
    rows: Sequence[DifferenceRow],
    table_name: str,
    leading_columns: Sequence[Column],
    column_forms: tuple[ValueForm, ValueForm],
) -> Table:
    """Differences of each option to the base; what there is with each stands on a sheet."""
    base = wording.column_key(wording.result.base)
    rows = [
        r
        for r in rows
        if max(map(abs, [*r.differences.values(), *r.levels.values(), 0])) > ZERO_TOLERANCE
    ]
    levels = dict.fromkeys(label for row in rows for label in row.levels)
    moves = dict.fromkeys(label for row in rows for label in row.differences)
    group = tr("Difference to “{base}”", base=wording.option_name(wording.result.base))

    def level(label: str) -> Column:
        return Column(wording.option_name(label), lambda row: row.levels[label], column_forms[0], decimals_group="levels",
                      media=SHEET, key=wording.column_key(label), total=True, width=17)  # fmt: skip

    def move(label: str) -> Column:
        def formula(line: FormulaRow) -> Expression | None:
            return line[wording.column_key(label)] - line[base] if levels else None

        return Column(wording.option_name(label), lambda row: row.differences[label], column_forms[1], group,
                      key=f"{wording.column_key(label)}_moves", formula=formula, total=True,
                      width=17)  # fmt: skip

    moved = with_numbered_headers(wording, list(map(move, moves)), list(moves))
    columns = [*leading_columns, *map(level, levels), *moved, id_column(tr("Id"), "id", "id")]
    note = wording.with_legend() if table_name == "money" else ""  # once in the section
    return Table(caption, rows if moves else [], columns, table_name, note, total_label=tr("Total"))
