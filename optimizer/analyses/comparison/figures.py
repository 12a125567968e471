"""The figures of options, and tables of them with options in columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.language import tr
from models.results.comparison import Barred
from models.results.option import Option
from optimizer.analyses.comparison.money import NO_CLASS
from optimizer.analyses.comparison.words import Side, said
from optimizer.report.cells import along
from optimizer.report.document import SHEET, TEXT, Column, Form, Table
from optimizer.report.figures import NOISE, percent
from optimizer.report.wording import CLASSES, class_name
from optimizer.report.workbook.expressions import Expression, ratio
from optimizer.report.workbook.formulas import Line, Placed

Path = str | Callable[[Option], Any]
Needs = tuple[Barred, ...]
MONEY: Needs = ("money",)
DAMAGE: Needs = ("damage",)
SUPPLY: Needs = ("dependence",)


@dataclass(frozen=True)
class Figure:
    """A figure of options: a row of a table that has options in columns."""

    key: str
    name: str
    form: Form
    path: Path
    """Attributes from the option to the figure, or a function of the option."""
    needs: Needs = ()
    """An option in which one of these is not compared does not show the figure."""
    formula: Callable[[Placed, str], Expression] | None = None
    """What a sheet calculates, of the table and the key of an option's column."""
    none: Path = ""
    """Where the base has the figure without any plan, if not beside that with its plan."""

    @property
    def without(self) -> Path:
        """Where the base has the figure without any plan; empty where nowhere."""
        path = self.path if isinstance(self.path, str) and ".with_plan" in self.path else ""
        return self.none or path.replace(".with_plan", ".without_plan")

    def of(self, side: Side, option: Option) -> Any:
        """The figure of an option; None where it is not known or not compared."""
        return None if side.bars(option.label, *self.needs) else read(option, self.path)

    def known(self, side: Side) -> bool:
        """Whether any option has this figure."""
        return any(self.of(side, option) is not None for option in side.options)


def read(option: Any, path: Path) -> Any:
    """A figure of an option, or of a part of one; None where there is none on the way."""
    if callable(path):
        return path(option)
    return along(path)(option) if path else None


def of_options(side: Side, made: Sequence[Column], labels: Sequence[str] = ()) -> list[Column]:
    """Columns of options, all or those of ``labels``; of many, texts head them by numbers."""
    if not side.numbered:
        return list(made)
    pairs = list(zip(made, labels or [option.label for option in side.options], strict=True))
    short = [
        replace(column, header=side.number(label), key="", formula=None, on=column.on & TEXT)
        for column, label in pairs
    ]
    return short + [
        replace(column, header=side.tagged(label), on=column.on & SHEET) for column, label in pairs
    ]


def across(side: Side, caption: str, rows: Sequence[Figure], name: str, note: str = "") -> Table:
    """Figures of different kinds down, options across; a row without any figure is left out."""

    def column(option: Option) -> Column:
        key = side.key(option.label)

        def formula(line: Line) -> Expression | None:
            row: Figure = line.row
            barred = row.formula is None or side.bars(option.label, *row.needs)
            return None if barred or row.formula is None else row.formula(line.table, key)

        return Column(
            side.called(option.label), lambda row: row.of(side, option), lambda row: row.form,
            key=key, formula=formula, width=17,
        )  # fmt: skip

    told = [row for row in rows if row.known(side)]
    columns = [Column(tr("Figure"), lambda row: row.name, "text", width=60)]
    columns += of_options(side, list(map(column, side.options)))
    if any(row.without for row in told):
        columns.append(
            Column(tr("No plan"), lambda row: read(side.base, row.without), lambda row: row.form)
        )
    return Table(caption, told, columns, name, note, key=lambda row: str(row.key))


def under(side: Side) -> list[Figure]:
    """Expected damage under each set of assumptions that the base has."""

    def of(id: str, what: str) -> Path:
        return lambda o: next((getattr(own, what) for own in o.under if own.id == id), None)

    return [
        Figure(own.id, said(own.title), "outcome", of(own.id, "expected"),
               none=of(own.id, "expected_without_plan"))
        for own in side.base.under
    ]  # fmt: skip


def benefits(side: Side) -> list[Figure]:
    """What each option achieves: damage, stocks, dependence, benchmarks, time."""
    about = {"noun": side.counted, "unit": side.unit}
    tail, mix = percent(1 - side.base.benefit.cvar_level), "benefit.dependence.with_plan."

    def above(which: str) -> Path:
        return lambda o: float(len(getattr(o.benefit.dependence, which)))

    def avoided(table: Placed, key: str) -> Expression:
        return table.find("without", key) - table.find("left", key)

    def share(table: Placed, key: str) -> Expression:
        return ratio(table.find("avoided", key), table.find("without", key))

    damage: list[tuple[str, str, Form, str]] = [
        ("avoided_low", tr("Avoided: 5 % quantile over the states"), "outcome",
         "avoided_range.low"),
        ("avoided_high", tr("Avoided: 95 % quantile over the states"), "outcome",
         "avoided_range.high"),
        ("left_worst", tr("Worst state that was computed"), "outcome", "worst.with_plan"),
    ]  # fmt: skip
    supply: list[tuple[str, str, Form, str]] = [
        ("days", tr("Days of need in stock"), "count", "benefit.cover.days"),
        ("imports", tr("Import dependency"), "share", f"{mix}imports"),
        ("largest_share", tr("Largest supplier's share"), "share", f"{mix}largest_share"),
        ("third_share", tr("Largest third country's share"), "share", f"{mix}third_share"),
        ("hhi", tr("HHI of countries"), "count", f"{mix}hhi"),
    ]
    cvar = tr("Expected shortfall (CVaR): mean {noun} in the worst {share} of states",
              noun=side.counted, share=tail)  # fmt: skip
    return [
        Figure("without", tr("Expected {noun} without any plan, {unit}", **about), "outcome",
               "benefit.expected.without_plan", DAMAGE),
        Figure("left", tr("Expected {noun} that is left, {unit}", **about), "outcome",
               "benefit.expected.with_plan", DAMAGE),
        Figure("avoided", tr("Expected {noun} avoided, {unit}", **about), "outcome",
               "benefit.expected.avoided", DAMAGE, avoided),
        Figure("share", tr("Share avoided"), "share", "benefit.expected.share", DAMAGE, share),
        Figure("left_cvar", cvar, "outcome", "benefit.cvar.with_plan", ("tail",)),
        *(Figure(key, name, form, f"benefit.{of}", DAMAGE) for key, name, form, of in damage),
        *(Figure(key, name, form, of, SUPPLY) for key, name, form, of in supply),
        Figure("above_limit", tr("Materials above 65 %"), "count", above("above_limit"), SUPPLY,
               none=above("above_limit_without_plan")),
        *_benchmarks(side),
        Figure("first", tr("First delivery if nothing is late"), "year",
               "benefit.first_tonne.year"),
        Figure("first_expected", tr("First delivery, expected"), "mean_year",
               "benefit.first_tonne.expected_year"),
    ]  # fmt: skip


def _benchmarks(side: Side) -> list[Figure]:
    """How many materials reach each benchmark of the Critical Raw Materials Act."""
    named = {
        "extraction": tr("extraction"),
        "processing": tr("processing"),
        "recycling": tr("recycling"),
    }

    def reached(stage: str, share: str) -> Path:
        return lambda o: float(
            sum(getattr(s, share) >= s.target for s in o.benefit.crma if s.stage == stage)
        )

    met = {share.stage: share.target for share in side.base.benefit.crma}
    return [
        Figure(
            f"benchmark:{stage}",
            tr("Materials with {share} of need from {stage} in the Union",
               share=percent(target), stage=named[stage]),
            "count", reached(stage, "share"), SUPPLY, none=reached(stage, "share_without_plan"),
        )
        for stage, target in met.items()
    ]  # fmt: skip


def classes_of(side: Side) -> list[str]:
    """The budget classes of public money in any option."""
    return [n for n in (*CLASSES, NO_CLASS) if any(n in o.cost.by_class for o in side.options)]


def costs(side: Side) -> list[Figure]:
    """What each option costs, what public money moves, and what it avoids."""
    about = {"currency": side.currency}
    left_out = {
        "residual": all(of.cost.public.residual_meur <= NOISE for of in side.options),
        "windfall": all(of.cost.windfall_meur <= NOISE for of in side.options),
    }

    def of_class(name: str) -> Path:
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
         "avoided_per_public_euro.expected", (*MONEY, *DAMAGE)),
        ("net", tr("Avoided per {currency} of net public cost, on average", **about),
         "avoided_per_net_euro.expected", (*MONEY, *DAMAGE)),
        ("private_per_public", tr("Private funding per public {currency}", **about),
         "leverage.private_per_public", MONEY),
        ("other_per_federal", tr("All other funding per federal {currency}", **about),
         "leverage.other_per_federal", MONEY),
    ]  # fmt: skip
    return [
        *(
            Figure(f"class:{name}", tr("Public funding: {part}", part=class_name(name)), "money",
                   of_class(name), MONEY)
            for name in classes_of(side)
        ),
        *(
            Figure(key, name, "money", f"cost.{path}", MONEY)
            for key, name, path in money
            if not left_out.get(key)
        ),
        *(Figure(key, name, "ratio", f"cost.{path}", needs) for key, name, path, needs in per),
    ]  # fmt: skip
