"""The figures of options, and tables of them with options in columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.language import tr
from models.results.comparison import ExcludedFigures
from models.results.option import Option
from optimizer.analyses.comparison.comparison_wording import ComparisonWording, localized
from optimizer.analyses.comparison.money import NO_BUDGET_CLASS
from optimizer.report.cells import attribute_getter
from optimizer.report.document import SHEET, TERMINAL_AND_PAGE, Column, Table, ValueForm
from optimizer.report.number_format import ZERO_TOLERANCE, format_percent
from optimizer.report.wording import BUDGET_CLASSES, budget_class_name
from optimizer.report.workbook.expressions import Expression, ratio_or_empty
from optimizer.report.workbook.placed_tables import FormulaRow, PlacedTable

FigurePath = str | Callable[[Option], Any]
RequiredFigures = tuple[ExcludedFigures, ...]
NEEDS_MONEY: RequiredFigures = ("money",)
NEEDS_DAMAGE: RequiredFigures = ("damage",)
NEEDS_DEPENDENCE: RequiredFigures = ("dependence",)


@dataclass(frozen=True)
class OptionFigure:
    """A figure of options: a row of a table that has options in columns."""

    key: str
    name: str
    form: ValueForm
    path: FigurePath
    """Attributes from the option to the figure, or a function of the option."""
    needs: RequiredFigures = ()
    """An option in which one of these is not compared does not show the figure."""
    formula: Callable[[PlacedTable, str], Expression] | None = None
    """What a sheet calculates, of the table and the key of an option's column."""
    explicit_without_plan: FigurePath = ""
    """Where the base has the figure without any plan, if not beside that with its plan."""

    @property
    def without_plan_path(self) -> FigurePath:
        """Where the base has the figure without any plan; empty where nowhere."""
        path = self.path if isinstance(self.path, str) and ".with_plan" in self.path else ""
        return self.explicit_without_plan or path.replace(".with_plan", ".without_plan")

    def value_of(self, wording: ComparisonWording, option: Option) -> Any:
        """The figure of an option; None where it is not known or not compared."""
        return (
            None
            if wording.is_excluded(option.label, *self.needs)
            else read_figure(option, self.path)
        )

    def is_known(self, wording: ComparisonWording) -> bool:
        """Whether any option has this figure."""
        return any(self.value_of(wording, option) is not None for option in wording.options)


def read_figure(option: Any, path: FigurePath) -> Any:
    """A figure of an option, or of a part of one; None where there is none on the way."""
    if callable(path):
        return path(option)
    return attribute_getter(path)(option) if path else None


def with_numbered_headers(
    wording: ComparisonWording, columns: Sequence[Column], labels: Sequence[str] = ()
) -> list[Column]:
    """Columns of options, all or those of ``labels``; of many, texts head them by numbers."""
    if not wording.uses_numbers:
        return list(columns)
    pairs = list(zip(columns, labels or [option.label for option in wording.options], strict=True))
    short = [
        replace(
            column,
            header=wording.option_number(label),
            key="",
            formula=None,
            media=column.media & TERMINAL_AND_PAGE,
        )
        for column, label in pairs
    ]
    return short + [
        replace(column, header=wording.numbered_name(label), media=column.media & SHEET)
        for column, label in pairs
    ]


def figures_table(
    wording: ComparisonWording,
    caption: str,
    rows: Sequence[OptionFigure],
    table_name: str,
    note: str = "",
) -> Table:
    """Figures of different kinds down, options across; a row without any figure is left out."""

    def column(option: Option) -> Column:
        key = wording.column_key(option.label)

        def formula(line: FormulaRow) -> Expression | None:
            row: OptionFigure = line.row
            barred = row.formula is None or wording.is_excluded(option.label, *row.needs)
            return None if barred or row.formula is None else row.formula(line.table, key)

        return Column(
            wording.option_name(option.label), lambda row: row.value_of(wording, option), lambda row: row.form,
            key=key, formula=formula, width=17,
        )  # fmt: skip

    told = [row for row in rows if row.is_known(wording)]
    columns = [Column(tr("Figure"), lambda row: row.name, "text", width=60)]
    columns += with_numbered_headers(wording, list(map(column, wording.options)))
    if any(row.without_plan_path for row in told):
        columns.append(
            Column(
                tr("No plan"),
                lambda row: read_figure(wording.base, row.without_plan_path),
                lambda row: row.form,
            )
        )
    return Table(caption, told, columns, table_name, note, row_key=lambda row: str(row.key))


def assumption_set_figures(wording: ComparisonWording) -> list[OptionFigure]:
    """Expected damage under each set of assumptions that the base has."""

    def of(id: str, what: str) -> FigurePath:
        return lambda o: next((getattr(own, what) for own in o.under if own.id == id), None)

    return [
        OptionFigure(own.id, localized(own.title), "outcome", of(own.id, "expected"),
               explicit_without_plan=of(own.id, "expected_without_plan"))
        for own in wording.base.under
    ]  # fmt: skip


def benefit_figures(wording: ComparisonWording) -> list[OptionFigure]:
    """What each option achieves: damage, stocks, dependence, benchmarks, time."""
    about = {"noun": wording.outcome_word, "unit": wording.unit}
    tail, mix = format_percent(1 - wording.base.benefit.cvar_level), "benefit.dependence.with_plan."

    def above(which: str) -> FigurePath:
        return lambda o: float(len(getattr(o.benefit.dependence, which)))

    def avoided(table: PlacedTable, key: str) -> Expression:
        return table.find_cell("without", key) - table.find_cell("left", key)

    def share(table: PlacedTable, key: str) -> Expression:
        return ratio_or_empty(table.find_cell("avoided", key), table.find_cell("without", key))

    damage: list[tuple[str, str, ValueForm, str]] = [
        ("avoided_low", tr("Avoided: 5 % quantile over the states"), "outcome",
         "avoided_range.low"),
        ("avoided_high", tr("Avoided: 95 % quantile over the states"), "outcome",
         "avoided_range.high"),
        ("left_worst", tr("Worst state that was computed"), "outcome", "worst.with_plan"),
    ]  # fmt: skip
    supply: list[tuple[str, str, ValueForm, str]] = [
        ("days", tr("Days of need in stock"), "count", "benefit.cover.days"),
        ("imports", tr("Import dependency"), "share", f"{mix}imports"),
        ("largest_share", tr("Largest supplier's share"), "share", f"{mix}largest_share"),
        ("third_share", tr("Largest third country's share"), "share", f"{mix}third_share"),
        ("hhi", tr("HHI of countries"), "count", f"{mix}hhi"),
    ]
    cvar = tr("Expected shortfall (CVaR): mean {noun} in the worst {share} of states",
              noun=wording.outcome_word, share=tail)  # fmt: skip
    return [
        OptionFigure("without", tr("Expected {noun} without any plan, {unit}", **about), "outcome",
               "benefit.expected.without_plan", NEEDS_DAMAGE),
        OptionFigure("left", tr("Expected {noun} that is left, {unit}", **about), "outcome",
               "benefit.expected.with_plan", NEEDS_DAMAGE),
        OptionFigure("avoided", tr("Expected {noun} avoided, {unit}", **about), "outcome",
               "benefit.expected.avoided", NEEDS_DAMAGE, avoided),
        OptionFigure("share", tr("Share avoided"), "share", "benefit.expected.share", NEEDS_DAMAGE, share),
        OptionFigure("left_cvar", cvar, "outcome", "benefit.cvar.with_plan", ("tail",)),
        *(OptionFigure(key, name, form, f"benefit.{of}", NEEDS_DAMAGE) for key, name, form, of in damage),
        *(OptionFigure(key, name, form, of, NEEDS_DEPENDENCE) for key, name, form, of in supply),
        OptionFigure("above_limit", tr("Materials above 65 %"), "count", above("above_limit"), NEEDS_DEPENDENCE,
               explicit_without_plan=above("above_limit_without_plan")),
        *_benchmark_figures(wording),
        OptionFigure("first", tr("First delivery if nothing is late"), "year",
               "benefit.first_tonne.year"),
        OptionFigure("first_expected", tr("First delivery, expected"), "mean_year",
               "benefit.first_tonne.expected_year"),
    ]  # fmt: skip


def _benchmark_figures(wording: ComparisonWording) -> list[OptionFigure]:
    """How many materials reach each benchmark of the Critical Raw Materials Act."""
    named = {
        "extraction": tr("extraction"),
        "processing": tr("processing"),
        "recycling": tr("recycling"),
    }

    def reached(stage: str, share: str) -> FigurePath:
        return lambda o: float(
            sum(getattr(s, share) >= s.target for s in o.benefit.crma if s.stage == stage)
        )

    met = {share.stage: share.target for share in wording.base.benefit.crma}
    return [
        OptionFigure(
            f"benchmark:{stage}",
            tr("Materials with {share} of need from {stage} in the Union",
               share=format_percent(target), stage=named[stage]),
            "count", reached(stage, "share"), NEEDS_DEPENDENCE, explicit_without_plan=reached(stage, "share_without_plan"),
        )
        for stage, target in met.items()
    ]  # fmt: skip


def used_budget_classes(wording: ComparisonWording) -> list[str]:
    """The budget classes of public money in any option."""
    return [
        n
        for n in (*BUDGET_CLASSES, NO_BUDGET_CLASS)
        if any(n in o.cost.by_class for o in wording.options)
    ]


def cost_figures(wording: ComparisonWording) -> list[OptionFigure]:
    """What each option costs, what public money moves, and what it avoids."""
    about = {"currency": wording.currency}
    left_out = {
        "residual": all(of.cost.public.residual_meur <= ZERO_TOLERANCE for of in wording.options),
        "windfall": all(of.cost.windfall_meur <= ZERO_TOLERANCE for of in wording.options),
    }

    def of_class(name: str) -> FigurePath:
        return lambda o: getattr(o.cost.by_class.get(name), "paid_meur", 0.0)

    money = [
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
    per = [
        ("average", tr("Avoided per public {currency}, on average", **about),
         "avoided_per_public_euro.expected", (*NEEDS_MONEY, *NEEDS_DAMAGE)),
        ("net", tr("Avoided per {currency} of net public cost, on average", **about),
         "avoided_per_net_euro.expected", (*NEEDS_MONEY, *NEEDS_DAMAGE)),
        ("private_per_public", tr("Private funding per public {currency}", **about),
         "leverage.private_per_public", NEEDS_MONEY),
        ("other_per_federal", tr("All other funding per federal {currency}", **about),
         "leverage.other_per_federal", NEEDS_MONEY),
    ]  # fmt: skip
    return [
        *(
            OptionFigure(f"class:{name}", tr("Public funding: {part}", part=budget_class_name(name)), "money",
                   of_class(name), NEEDS_MONEY)
            for name in used_budget_classes(wording)
        ),
        *(
            OptionFigure(key, name, "money", f"cost.{path}", NEEDS_MONEY)
            for key, name, path in money
            if not left_out.get(key)
        ),
        *(OptionFigure(key, name, "ratio", f"cost.{path}", needs) for key, name, path, needs in per),
    ]  # fmt: skip
