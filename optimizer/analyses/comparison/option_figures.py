"""Figures of options as rows of tables that have a column for each option."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.language import tr
from models.results.comparison import ExcludedFigures
from models.results.option import Option
from optimizer.analyses.comparison.comparison_wording import ComparisonWording, localized
from optimizer.analyses.comparison.money import NO_BUDGET_CLASS
from optimizer.report.document import SHEET, TERMINAL_AND_PAGE, Column, Table, ValueForm
from optimizer.report.metrics import FigurePath, Metric, read_figure
from optimizer.report.number_format import ZERO_TOLERANCE, format_percent
from optimizer.report.wording import BUDGET_CLASSES, benchmark_stages, budget_class_name

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
