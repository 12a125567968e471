"""Tables on compared options: figures, projects, stocks, money, and differences from the base."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from models.language import tr
from models.results.comparison import ExcludedFigures, OptionDifference, ProjectChange
from models.results.option import BudgetUse, Option
from optimizer.analyses.comparison.comparison_wording import ComparisonWording, localized
from optimizer.analyses.comparison.money import NO_BUDGET_CLASS
from optimizer.report.document import (
    SHEET,
    TERMINAL_AND_PAGE,
    Bullets,
    Column,
    DisplayedValue,
    Part,
    Table,
    ValueForm,
)
from optimizer.report.number_format import (
    ZERO_TOLERANCE,
    format_number,
    format_percent,
    format_rounded,
    format_rounded_percent,
)
from optimizer.report.wording import (
    BUDGET_CLASSES,
    FigurePath,
    Metric,
    benchmark_stages,
    budget_class_name,
    join_texts,
    read_figure,
)

RequiredFigures = tuple[ExcludedFigures, ...]
NEEDS_MONEY: RequiredFigures = ("money",)
NEEDS_DAMAGE: RequiredFigures = ("damage",)
NEEDS_DEPENDENCE: RequiredFigures = ("dependence",)


@dataclass(frozen=True)
class OptionFigure(Metric):
    """A figure that options have; a row of a table that has a column for each option."""

    needs: RequiredFigures = ()
    """Kinds of figures that must be comparable with the base for an option to show this figure."""
    explicit_without_plan: FigurePath = ""
    """Path to the figure without any plan; if empty, it is derived from ``path`` where possible."""

    @property
    def without_plan_path(self) -> FigurePath:
        """The path to the same figure of the base without any plan; empty if there is none."""
        path = self.path if isinstance(self.path, str) and ".with_plan" in self.path else ""
        return self.explicit_without_plan or path.replace(".with_plan", ".without_plan")

    def value_of(self, wording: ComparisonWording, option: Option) -> Any:
        """Return the figure of an option; None if it is not known or cannot be compared with the
        base."""
        return None if wording.is_excluded(option.label, *self.needs) else self.read(option)

    def is_known(self, wording: ComparisonWording) -> bool:
        """Return whether this figure is known for any option."""
        return any(self.value_of(wording, option) is not None for option in wording.options)


def with_numbered_headers(
    wording: ComparisonWording, columns: Sequence[Column], labels: Sequence[str] = ()
) -> list[Column]:
    """Return the columns of options with the numbers of the options as headers, if there are many
    options.

    Sheets have names as headers in any case. ``labels`` are the labels of the options in the order
    of the columns; if empty, the columns are those of all options.
    """
    if not wording.uses_numbers:
        return list(columns)
    labeled_columns = list(
        zip(columns, labels or [option.label for option in wording.options], strict=True)
    )
    numbered_columns = [
        replace(column, header=wording.option_number(label),
                media=column.media & TERMINAL_AND_PAGE)
        for column, label in labeled_columns
    ]  # fmt: skip
    return numbered_columns + [
        replace(column, header=wording.numbered_name(label), media=column.media & SHEET)
        for column, label in labeled_columns
    ]


def figures_table(
    wording: ComparisonWording,
    caption: str,
    rows: Sequence[OptionFigure],
    table_name: str,
    note: str = "",
) -> Table:
    """Build a table of figures, a row per figure and a column per option.

    Rows in which no option has a figure are left out.
    """

    def column(option: Option) -> Column:
        return Column(
            wording.option_name(option.label), lambda row: row.value_of(wording, option),
            lambda row: row.form,
        )  # fmt: skip

    known_rows = [row for row in rows if row.is_known(wording)]
    columns = [Column(tr("Figure"), lambda row: row.name, "text")]
    columns += with_numbered_headers(wording, list(map(column, wording.options)))
    if any(row.without_plan_path for row in known_rows):
        columns.append(
            Column(tr("No plan"), lambda row: read_figure(wording.base, row.without_plan_path),
                   lambda row: row.form)
        )  # fmt: skip
    return Table(caption, known_rows, columns, table_name, note)


def assumption_set_figures(wording: ComparisonWording) -> list[OptionFigure]:
    """Return rows with the expected damage under each assumption set of the base."""

    def set_figure(id: str, name: str) -> FigurePath:
        return lambda o: next((getattr(x, name) for x in o.under if x.id == id), None)

    return [
        OptionFigure(outcome.id, localized(outcome.title), "outcome",
                     set_figure(outcome.id, "expected"),
                     explicit_without_plan=set_figure(outcome.id, "expected_without_plan"))
        for outcome in wording.base.under
    ]  # fmt: skip


def benefit_figures(wording: ComparisonWording) -> list[OptionFigure]:
    """Return rows on what options achieve: damage, stock cover, supplier concentration, benchmarks,
    first delivery."""
    args = {"noun": wording.outcome_word, "unit": wording.unit}
    tail_share = format_percent(1 - wording.base.benefit.cvar_level)
    mix_path = "benefit.dependence.with_plan."

    def count_of(field: str) -> FigurePath:
        return lambda o: float(len(getattr(o.benefit.dependence, field)))

    damage_rows: list[tuple[str, str, ValueForm, str]] = [
        ("avoided_low", tr("Avoided: 5 % quantile over the states"), "outcome",
         "avoided_range.low"),
        ("avoided_high", tr("Avoided: 95 % quantile over the states"), "outcome",
         "avoided_range.high"),
        ("left_worst", tr("Worst state that was computed"), "outcome", "worst.with_plan"),
    ]  # fmt: skip
    supply_rows: list[tuple[str, str, ValueForm, str]] = [
        ("days", tr("Days of need in stock"), "count", "benefit.cover.days"),
        ("imports", tr("Import dependency"), "share", f"{mix_path}imports"),
        ("largest_share", tr("Largest supplier's share"), "share", f"{mix_path}largest_share"),
        ("third_share", tr("Largest third country's share"), "share", f"{mix_path}third_share"),
        ("hhi", tr("HHI of countries"), "count", f"{mix_path}hhi"),
    ]
    cvar_name = tr("Expected shortfall (CVaR): mean {noun} in the worst {share} of states",
              noun=wording.outcome_word, share=tail_share)  # fmt: skip
    return [
        OptionFigure("without", tr("Expected {noun} without any plan, {unit}", **args),
                     "outcome", "benefit.expected.without_plan", NEEDS_DAMAGE),
        OptionFigure("left", tr("Expected {noun} that is left, {unit}", **args), "outcome",
               "benefit.expected.with_plan", NEEDS_DAMAGE),
        OptionFigure("avoided", tr("Expected {noun} avoided, {unit}", **args), "outcome",
               "benefit.expected.avoided", NEEDS_DAMAGE),
        OptionFigure("share", tr("Share avoided"), "share", "benefit.expected.share", NEEDS_DAMAGE),
        OptionFigure("left_cvar", cvar_name, "outcome", "benefit.cvar.with_plan", ("tail",)),
        *(OptionFigure(key, name, form, f"benefit.{path}", NEEDS_DAMAGE)
          for key, name, form, path in damage_rows),
        *(OptionFigure(key, name, form, path, NEEDS_DEPENDENCE)
          for key, name, form, path in supply_rows),
        OptionFigure("above_limit", tr("Materials above 65 %"), "count", count_of("above_limit"),
                     NEEDS_DEPENDENCE, explicit_without_plan=count_of("above_limit_without_plan")),
        *_benchmark_figures(wording),
        OptionFigure("first", tr("First delivery if nothing is late"), "year",
               "benefit.first_tonne.year"),
        OptionFigure("first_expected", tr("First delivery, expected"), "mean_year",
               "benefit.first_tonne.expected_year"),
    ]  # fmt: skip


def _benchmark_figures(wording: ComparisonWording) -> list[OptionFigure]:
    """Return a row for each benchmark of the Critical Raw Materials Act, with the number of
    materials that reach it."""

    def count_reached(stage: str, share: str) -> FigurePath:
        return lambda o: float(
            sum(getattr(s, share) >= s.target for s in o.benefit.crma if s.stage == stage)
        )

    target_by_stage = {share.stage: share.target for share in wording.base.benefit.crma}
    return [
        OptionFigure(
            f"benchmark:{stage}",
            tr("Materials with {share} of need from {stage} in the Union",
               share=format_percent(target), stage=benchmark_stages()[stage]),
            "count", count_reached(stage, "share"), NEEDS_DEPENDENCE,
            explicit_without_plan=count_reached(stage, "share_without_plan"),
        )
        for stage, target in target_by_stage.items()
    ]  # fmt: skip


def used_budget_classes(wording: ComparisonWording) -> list[str]:
    """Return the budget classes in which any option has public money."""
    return [
        name
        for name in (*BUDGET_CLASSES, NO_BUDGET_CLASS)
        if any(name in o.cost.by_class for o in wording.options)
    ]


def cost_figures(wording: ComparisonWording) -> list[OptionFigure]:
    """Return rows on the money of options: public and private funding, public risk, net cost, and
    ratios such as avoided damage per euro."""
    args = {"currency": wording.currency}
    costs = [option.cost for option in wording.options]
    is_omitted = {
        "residual": all(cost.public.residual_meur <= ZERO_TOLERANCE for cost in costs),
        "windfall": all(cost.windfall_meur <= ZERO_TOLERANCE for cost in costs),
    }

    def paid_in_class(name: str) -> FigurePath:
        return lambda o: getattr(o.cost.by_class.get(name), "paid_meur", 0.0)

    money_figures = [
        ("public", tr("Public funding in all"), "public.paid_meur"),
        ("public_present", tr("Public funding, present value"), "public.paid_present_meur"),
        ("charged", tr("Charged to public budgets"), "public_charged_meur"),
        ("peak", tr("Peak of public risk"), "public.peak_meur"),
        ("maximum_loss", tr("Maximum loss"), "public.maximum_loss_meur"),
        ("expected_loss", tr("Expected loss"), "public.expected_loss_meur"),
        ("returned", tr("Expected to come back, present value"), "public.returned_present_meur"),
        ("residual", tr("Residual value, present value"), "public.residual_meur"),
        ("cost", tr("Net public cost, present value"), "public.cost_meur"),
        ("private", tr("Funding by companies and other private funders"), "private.paid_meur"),
        ("private_cost", tr("Net cost to them, present value"), "private.cost_meur"),
        ("market", tr("Funding by lenders and investors"), "market_meur"),
        ("windfall", tr("Of all money, for what comes without it"), "windfall_meur"),
    ]
    ratios = [
        ("average", tr("Avoided per public {currency}, on average", **args),
         "avoided_per_public_euro.expected", (*NEEDS_MONEY, *NEEDS_DAMAGE)),
        ("net", tr("Avoided per {currency} of net public cost, on average", **args),
         "avoided_per_net_euro.expected", (*NEEDS_MONEY, *NEEDS_DAMAGE)),
        ("private_per_public", tr("Private funding per public {currency}", **args),
         "leverage.private_per_public", NEEDS_MONEY),
        ("other_per_federal", tr("All other funding per federal {currency}", **args),
         "leverage.other_per_federal", NEEDS_MONEY),
    ]  # fmt: skip
    return [
        *(
            OptionFigure(
                f"class:{name}", tr("Public funding: {part}", part=budget_class_name(name)),
                "money", paid_in_class(name), NEEDS_MONEY)
            for name in used_budget_classes(wording)
        ),
        *(
            OptionFigure(key, name, "money", f"cost.{path}", NEEDS_MONEY)
            for key, name, path in money_figures
            if not is_omitted.get(key)
        ),
        *(OptionFigure(key, name, "ratio", f"cost.{path}", needs)
          for key, name, path, needs in ratios),
    ]  # fmt: skip


MAX_MATERIALS_NAMED = 2
"""Maximum number of materials that are named; a table has all of them."""
MIN_SHARE_NAMED = 0.02
"""Minimum share of a material in the difference to be named."""


def option_columns(
    wording: ComparisonWording, value_of: Callable[[Any, Option], Any], form: Any, **more: Any
) -> list[Column]:
    """Return a column per option for a table whose rows are items.

    ``value_of`` returns the cell of an item and an option, and ``form`` is the format of the cells.
    """

    def column(option: Option) -> Column:
        return Column(wording.option_name(option.label), lambda row: value_of(row, option), form,
                      decimals_group="options", **more)  # fmt: skip

    return with_numbered_headers(wording, list(map(column, wording.options)))


def funding_by_year_table(wording: ComparisonWording, title: str) -> list[Table]:
    """Return a list with the table of the options' public funding by year; empty without any."""
    paid_by_option = {o.label: o.cost.public.paid_by_year_meur for o in wording.options}
    return year_table(wording, title, paid_by_option, "by-year")


def year_table(
    wording: ComparisonWording,
    title: str,
    amounts: Mapping[str, Mapping[str, float]],
    table_name: str,
    max_years: int | None = None,
) -> list[Table]:
    """Return a list with the table of amounts by year, a column per option; empty if all amounts
    are zero.

    ``amounts`` has the amounts by year for each label of an option. If there are more than
    ``max_years + 1`` years, those after the first ``max_years`` are summed up in one row.
    """

    def paid_in(some_years: Sequence[str], option: Option) -> float | None:
        by_year = amounts.get(option.label, {})
        is_excluded = wording.is_excluded(option.label, "money")
        return None if is_excluded else math.fsum(by_year.get(year, 0.0) for year in some_years)

    years = sorted({year for by_year in amounts.values() for year in by_year}, key=int)
    if not any(
        abs(paid_in([year], o) or 0.0) > ZERO_TOLERANCE for year in years for o in wording.options
    ):
        return []
    single_count = len(years) if max_years is None or len(years) <= max_years + 1 else max_years
    rows = [[year] for year in years[:single_count]]
    rows += [years[single_count:]] if years[single_count:] else []
    year_column = Column(
        tr("Year"), lambda row: int(row[0]) if len(row) == 1 else tr("Later"), "year"
    )
    columns = [year_column, *option_columns(wording, paid_in, "money", total=True)]
    return [Table(title, rows, columns, table_name, total_label=tr("All years"))]


def budget_table(wording: ComparisonWording, title: str) -> list[Part]:
    """Return the table of the share of each budget that each option uses, in a list."""
    use_by_line = {(u.funder, u.line): u for o in reversed(wording.options) for u in o.cost.budgets}

    def share(use: BudgetUse, option: Option) -> float | None:
        for budget in option.cost.budgets:
            if (budget.funder, budget.line) == (use.funder, use.line) and budget.granted_meur:
                return budget.used_meur / budget.granted_meur
        return None

    columns = [
        Column(tr("Budget"), wording.budget_name, "text"),
        *option_columns(wording, share, "share"),
    ]
    return [Table(title, list(use_by_line.values()), columns, "budgets", wording.with_legend())]


def project_parts(wording: ComparisonWording) -> Iterator[Part]:
    """Yield the number of projects that all, some or none of the options build, and the table of
    their decision years."""
    words = {"all": tr("all"), "some": tr("some"), "none": tr("none")}
    by_kind = {kind: [p for p in wording.result.projects if p.built_in == kind] for kind in words}
    if not wording.result.projects:
        return
    yield tr(
        "Projects of the scenario: {count}; supported in all options: {all}, in some: {some}, in "
        "none: {none}.",
        count=format_number(len(wording.result.projects)),
        **{kind: format_number(len(projects)) for kind, projects in by_kind.items()},
    )
    columns = [
        Column(tr("Project"), lambda row: wording.name("projects", row.project), "text"),
        Column(tr("In"), lambda row: words[row.built_in], "text"),
        *option_columns(wording, _decision_year, "year"),
    ]
    title, projects = tr("Year of the decision to build"), [*by_kind["all"], *by_kind["some"]]
    yield Table(title, projects, columns, "projects")
    if by_kind["none"]:
        names = wording.names("projects", [p.project for p in by_kind["none"]])
        yield tr("In no option: {names}.", names=names)


PROBABILITY_TOLERANCE = 1e-9
"""Difference from 1 up to which a probability counts as 1."""


def _decision_year(row: Any, option: Option) -> DisplayedValue | int | None:
    """Return the year in which an option decides to build a project; None if it does not.

    The probability is added to the year if it is below 1.
    """
    choice = row.options.get(option.label)
    if choice is None or choice.probability >= 1 - PROBABILITY_TOLERANCE:
        return None if choice is None else choice.start
    text = tr(
        "{year} ({chance})", year=choice.start, chance=format_rounded_percent(choice.probability)
    )
    return DisplayedValue(text, choice.start)


def stock_parts(wording: ComparisonWording, title: str) -> Iterator[Part]:
    """Yield the table of the largest amount that each option holds in each stockpile, and the names
    of the stockpiles that no option fills."""

    def held_tonnes(row: Any, option: Option) -> float:
        return getattr(row.options.get(option.label), "held_t", 0.0)

    columns = [
        Column(tr("Stockpile"), lambda row: wording.name("stockpiles", row.stockpile), "text"),
        *option_columns(wording, held_tonnes, lambda _row: "tonnes"),
    ]
    bought_stockpiles = [
        choice for choice in wording.result.stockpiles if choice.bought_in != "none"
    ]
    unused_stockpiles = [x.stockpile for x in wording.result.stockpiles if x.bought_in == "none"]
    yield Table(title, bought_stockpiles, columns, "stockpiles", wording.with_legend())
    if unused_stockpiles:
        yield tr("In no option: {names}.", names=wording.names("stockpiles", unused_stockpiles))


def difference_bullets(wording: ComparisonWording) -> Iterator[Part]:
    """Yield a bullet for each option with the reasons for its difference from the base."""
    yield Bullets([
        " ".join([_main_difference(wording, d), *_material_sentence(wording, d),
                  *_money_sentences(wording, d)])
        for d in wording.differences
    ])  # fmt: skip


def _main_difference(wording: ComparisonWording, difference: OptionDifference) -> str:
    """Return a sentence on the difference in expected damage between an option and the base."""
    args = {
        "option": wording.option_name(difference.option),
        "base": wording.option_name(wording.result.base),
    }
    if difference.expected is None:
        return tr(
            "“{option}” and “{base}”: {noun} is not compared.", noun=wording.outcome_word, **args
        )
    if abs(difference.expected) <= ZERO_TOLERANCE:
        return tr(
            "“{option}” and “{base}” leave the same {noun}.", noun=wording.outcome_word, **args
        )
    if difference.significant is False:
        return tr(
            "“{option}” and “{base}” differ by {amount}, which is not significant: the gaps of "
            "both plans leave room for {room}.",
            amount=wording.amount(abs(difference.expected)),
            room=format_rounded(difference.resolution or 0.0),
            **args,
        )
    damage = wording.option(difference.option).benefit.expected
    without_plan = wording.base.benefit.expected.without_plan
    amount = wording.amount(abs(difference.expected))
    args["change"] = (
        tr("{amount} less {noun}", amount=amount, noun=wording.outcome_word)
        if difference.expected < 0
        else tr("{amount} more {noun}", amount=amount, noun=wording.outcome_word)
    )
    if without_plan <= 0 or abs(without_plan - damage.without_plan) > ZERO_TOLERANCE * without_plan:
        return tr("“{option}” leaves {change} than “{base}”.", **args)
    return tr(
        "“{option}” leaves {change} than “{base}”: {share} of what is expected without any plan.",
        share=format_percent(abs(difference.expected) / without_plan),
        **args,
    )


def _material_sentence(wording: ComparisonWording, difference: OptionDifference) -> Iterator[str]:
    """Yield a sentence on the materials with most of the difference in damage, and on the changed
    projects and stockpiles that affect them."""
    if difference.expected is None or difference.significant is False:
        return
    total_damage = sum(abs(part.damage) for part in difference.by_material)
    sentences = []
    for part in difference.by_material[:MAX_MATERIALS_NAMED]:
        if abs(part.damage) <= MIN_SHARE_NAMED * total_damage:
            continue
        reasons = [_describe_project_change(wording, change) for change in part.projects]
        reasons += [
            f"{wording.name('stockpiles', change.stockpile)}: "
            f"{wording.format_signed(change.held_t)} {tr('t')}"
            for change in part.stockpiles
            if abs(change.held_t) > ZERO_TOLERANCE
        ]
        name = f"{wording.name('materials', part.material)} {wording.format_signed(part.damage)}"
        sentences.append(f"{name} ({join_texts(reasons)})" if reasons else name)
    if sentences:
        yield tr("Largest parts: {parts}.", parts="; ".join(sentences))


def _describe_project_change(wording: ComparisonWording, change: ProjectChange) -> str:
    """Return a text on how an option changes a project, compared with the base."""
    start_before, start_after = (
        getattr(project, "start", None) for project in (change.base, change.option)
    )
    args = {
        "project": wording.name("projects", change.project),
        "before": start_before,
        "after": start_after,
    }
    return {
        "added": tr("{project} in addition", **args),
        "dropped": tr("without {project}", **args),
        "moved": tr("{project} from {before} to {after}", **args),
        "refinanced": tr("{project} financed otherwise", **args),
    }[change.change]


def _money_sentences(wording: ComparisonWording, difference: OptionDifference) -> Iterator[str]:
    """Yield sentences on the difference in public funding, and on the damage that an additional
    public euro avoids."""
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
    """A row of a table of differences.

    ``levels`` are the values of the options by their labels, and ``differences`` these values less
    the value of the base.
    """

    id: str
    name: str
    levels: Mapping[str, float]
    differences: Mapping[str, float]
    budget_class: str = ""


def damage_tables(wording: ComparisonWording) -> Iterator[Table]:
    """Yield the tables of differences in expected damage by material and by consumer.

    If the plans are available, a sheet also has the expected damage itself.
    """
    differences = [d for d in wording.differences if d.expected is not None]
    args = {"noun": wording.outcome_word, "unit": wording.unit}
    for kind, header, caption, changes in (
        ("materials", tr("Material"),
         tr("Difference in expected {noun} by material ({unit})", **args),
         {d.option: {m.material: m.damage for m in d.by_material} for d in differences}),
        ("consumers", tr("Consumer"),
         tr("Difference in expected {noun} by consumer ({unit})", **args),
         {d.option: d.by_consumer for d in differences}),
    ):  # fmt: skip
        levels = {
            o.label: {part.id: part.expected for part in getattr(wording.plans[o.label], kind)}
            for o in wording.options
            if o.label in wording.plans and not wording.is_excluded(o.label, "damage")
        }
        ids = dict.fromkeys(
            id
            for values_by_id in (changes, levels)
            for by_id in values_by_id.values()
            for id in by_id
        )
        rows = [
            DifferenceRow(id, wording.name(kind, id),
                          _values_by_label(id, levels), _values_by_label(id, changes))
            for id in ids
        ]  # fmt: skip
        rows.sort(key=lambda row: -max(map(abs, row.differences.values()), default=0.0))
        columns = [Column(header, "name", "text")]
        yield _difference_table(wording, caption, rows, kind, columns, "outcome", "signed_outcome")


def _values_by_label(item_id: Any, by_label: Mapping[str, Mapping[Any, float]]) -> dict[str, float]:
    """Return an item's value for each label of an option; 0 where it is missing."""
    return {label: values_by_item.get(item_id, 0.0) for label, values_by_item in by_label.items()}


def money_table(wording: ComparisonWording, title: str) -> Table:
    """Return the table of differences in payments by funder and budget class, and in the money of
    lenders and investors."""
    paid_by_option: dict[str, dict[tuple[str, str | None], float]] = {
        o.label: {
            **{(p.funder, p.budget_class): p.sums.paid_meur for p in o.cost.parts},
            ("", ""): o.cost.market_meur,
        }
        for o in wording.options
        if not wording.is_excluded(o.label, "money")
    }
    rows, base_label = [], wording.result.base
    for funder, budget_class in dict.fromkeys(
        key for amounts in paid_by_option.values() for key in amounts
    ):
        levels = _values_by_label((funder, budget_class), paid_by_option)
        differences = {
            label: value - levels[base_label]
            for label, value in levels.items()
            if label != base_label
        }
        name, class_name = tr("Lenders and investors"), ""
        if funder:
            name, class_name = wording.name("funders", funder), budget_class_name(budget_class)
        rows.append(DifferenceRow(funder, name, levels, differences, class_name))
    leading_columns = [
        Column(tr("Funder"), "name", "text"),
        Column(tr("Budget class"), "budget_class", "text", empty_text=""),
    ]
    return _difference_table(wording, title, rows, "money", leading_columns, "money", "signed")


def _difference_table(
    wording: ComparisonWording,
    caption: str,
    rows: Sequence[DifferenceRow],
    table_name: str,
    leading_columns: Sequence[Column],
    level_form: ValueForm,
    difference_form: ValueForm,
) -> Table:
    """Return the table of differences of all options from the base; only a sheet also has the
    levels."""
    rows = [
        row
        for row in rows
        if any(abs(x) > ZERO_TOLERANCE for x in (*row.differences.values(), *row.levels.values()))
    ]
    levels = dict.fromkeys(label for row in rows for label in row.levels)
    labels = dict.fromkeys(label for row in rows for label in row.differences)
    group = tr("Difference to “{base}”", base=wording.option_name(wording.result.base))

    def level(label: str) -> Column:
        return Column(wording.option_name(label), lambda row: row.levels[label], level_form,
                      decimals_group="levels", media=SHEET, key=label, total=True)  # fmt: skip

    def difference(label: str) -> Column:
        return Column(wording.option_name(label), lambda row: row.differences[label],
                      difference_form, group, difference=(label, wording.result.base),
                      total=True)  # fmt: skip

    difference_columns = with_numbered_headers(wording, list(map(difference, labels)), list(labels))
    columns = [*leading_columns, *map(level, levels), *difference_columns]
    # The damage tables share the section's note.
    note = wording.with_legend() if table_name == "money" else ""
    rows = rows if labels else []
    return Table(caption, rows, columns, table_name, note, total_label=tr("Total"))
