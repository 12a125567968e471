"""The figures of options, and tables of them with options in columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from models.language import tr
from models.results.comparison import Barred
from models.results.option import Option
from optimizer.analyses.comparison.money import NO_CLASS
from optimizer.analyses.comparison.words import Side
from optimizer.report.cells import along
from optimizer.report.document import EVERYWHERE, Column, Form, Media, Table
from optimizer.report.figures import NOISE, percent
from optimizer.report.wording import CLASSES, class_name
from optimizer.report.workbook.expressions import Expression, ratio, total
from optimizer.report.workbook.formulas import Line, Placed

Path = str | Callable[[Option], Any]
Needs = tuple[Barred, ...]
Formula = Callable[[Placed, str], Expression]
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
    formula: Formula | None = None
    """What a sheet calculates, of the table and the key of an option's column."""
    telling: bool = False
    """Whether it says something even where it is known of no option."""
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


def read(option: Any, path: Path) -> Any:
    """A figure of an option, or of a part of one; None where there is none on the way."""
    if callable(path):
        return path(option)
    return along(path)(option) if path else None


def difference(a: str, b: str) -> Formula:
    """A row less another."""
    return lambda table, key: table.find(a, key) - table.find(b, key)


def quotient(a: str, b: str) -> Formula:
    """A row over another; empty where there is nothing to divide by."""
    return lambda table, key: ratio(table.find(a, key), table.find(b, key))


def across(
    side: Side,
    caption: str,
    rows: Iterable[Figure],
    name: str,
    note: str = "",
    on: Media = EVERYWHERE,
) -> Table:
    """Figures of different kinds down, options across; a row without any figure is left out."""

    def column(option: Option) -> Column:
        key = side.key(option.label)

        def formula(line: Line) -> Expression | None:
            row: Figure = line.row
            known = row.formula is not None and not side.bars(option.label, *row.needs)
            return row.formula(line.table, key) if known and row.formula else None

        return Column(side.called(option.label), lambda row: row.of(side, option),
                      lambda row: row.form, key=key, formula=formula, width=17)  # fmt: skip

    told = [row for row in rows if row.telling or any_known(side, row)]
    columns = [Column(tr("Figure"), lambda row: row.name, "text", width=60)]
    columns += map(column, side.options)
    if any(row.without for row in told):
        columns.append(
            Column(tr("No plan"), lambda row: read(side.base, row.without), lambda row: row.form)
        )
    return Table(caption, told, columns, name, note, on=on, key=lambda row: str(row.key))


def any_known(side: Side, figure: Figure) -> bool:
    """Whether any option has this figure."""
    return any(figure.of(side, option) is not None for option in side.options)


def benefits(side: Side) -> list[Figure]:
    """What each option achieves: damage, stocks, dependence, time."""
    about = {"noun": side.counted, "unit": side.unit}
    tail = percent(1 - side.base.benefit.cvar_level)
    mix = "benefit.dependence.with_plan."

    def above(which: str) -> Path:
        return lambda o: float(len(getattr(o.benefit.dependence, which)))

    return [
        Figure("without", tr("Expected {noun} without any plan, {unit}", **about), "outcome",
               "benefit.expected.without_plan", DAMAGE),
        Figure("left", tr("Expected {noun} that is left, {unit}", **about), "outcome",
               "benefit.expected.with_plan", DAMAGE),
        Figure("avoided", tr("Expected {noun} avoided, {unit}", **about), "outcome",
               "benefit.expected.avoided", DAMAGE, difference("without", "left")),
        Figure("share", tr("Share avoided"), "share",
               "benefit.expected.share", DAMAGE, quotient("avoided", "without")),
        Figure("avoided_low", tr("Avoided: 5 % quantile over the states"), "outcome",
               "benefit.avoided_range.low", DAMAGE),
        Figure("avoided_high", tr("Avoided: 95 % quantile over the states"), "outcome",
               "benefit.avoided_range.high", DAMAGE),
        Figure("left_cvar",
               tr("Expected shortfall (CVaR): mean {noun} in the worst {share} of states",
                  noun=side.counted, share=tail),
               "outcome", "benefit.cvar.with_plan", ("tail",)),
        Figure("left_worst", tr("Worst state that was computed"), "outcome",
               "benefit.worst.with_plan", DAMAGE),
        Figure("days", tr("Days of demand in stock"), "count", "benefit.cover.days", SUPPLY),
        Figure("imports", tr("Share of imports"), "share", f"{mix}imports", SUPPLY),
        Figure("largest_share", tr("Largest supplier's share"), "share", f"{mix}largest_share",
               SUPPLY),
        Figure("third_share", tr("Largest third country's share"), "share", f"{mix}third_share",
               SUPPLY),
        Figure("above_limit", tr("Materials above 65 %"), "count", above("above_limit"), SUPPLY,
               none=above("above_limit_without_plan")),
        Figure("hhi", tr("HHI of countries"), "count", f"{mix}hhi", SUPPLY),
        Figure("first", tr("First delivery if nothing is late"), "year",
               "benefit.first_tonne.year"),
        Figure("first_expected", tr("First delivery, expected"), "mean_year",
               "benefit.first_tonne.expected_year"),
    ]  # fmt: skip


def classes_of(side: Side) -> list[str]:
    """The budget classes of public money in any option."""
    return [n for n in (*CLASSES, NO_CLASS) if any(n in o.cost.by_class for o in side.options)]


def costs(side: Side) -> list[Figure]:
    """What each option costs; public money by class first, which is added up."""
    classes = classes_of(side)

    def of_class(name: str) -> Path:
        return lambda o: getattr(o.cost.by_class.get(name), "paid_meur", 0.0)

    def known_for(o: Option) -> float | None:
        most = o.cost.public.maximum_loss_meur
        return o.cost.public.expected_loss_known_for_meur / most if most > 0 else None

    def amount(key: str, name: str, path: Path, **more: Any) -> Figure:
        return Figure(key, name, "money", path, MONEY, **more)

    def residual(o: Option) -> float | None:
        some = any(of.cost.public.residual_meur > NOISE for of in side.options)
        return o.cost.public.residual_meur if some else None

    added: Formula = lambda table, key: total(table.part(0, len(classes), key))  # noqa: E731
    return [
        *(amount(f"class:{n}", tr("Public funding: {part}", part=class_name(n)), of_class(n))
          for n in classes),
        amount("public", tr("Public funding in all"), "cost.public.paid_meur",
               formula=added if classes else None),
        amount("charged", tr("Charged to public budgets"), "cost.public_charged_meur"),
        amount("peak", tr("Peak of public risk"), "cost.public.peak_meur"),
        amount("maximum_loss", tr("Maximum loss"), "cost.public.maximum_loss_meur"),
        amount("expected_loss", tr("Expected loss"), "cost.public.expected_loss_meur",
               telling=True),
        Figure("known_for", tr("Part of the maximum loss for which that is known"), "share",
               known_for, MONEY),
        amount("returned", tr("Expected to come back, present value"),
               "cost.public.returned_present_meur"),
        amount("residual", tr("Residual value, present value"), residual),
        amount("cost", tr("Net public cost, present value"), "cost.public.cost_meur"),
        amount("private", tr("Funding by companies and other private funders"),
               "cost.private.paid_meur"),
        amount("private_cost", tr("Net cost to them, present value"), "cost.private.cost_meur"),
        amount("market", tr("Funding by lenders and investors"), "cost.market_meur"),
    ]  # fmt: skip


def leverage(side: Side) -> list[Figure]:
    """Funding of others per public unit of money, and what it is made of."""
    about = {"currency": side.currency}
    private, federal = ("private_meur", "public_meur"), ("other_meur", "federal_meur")
    rows: list[tuple[str, str, tuple[str, str] | None]] = [
        (private[0], tr("Private funding in projects"), None),
        (private[1], tr("Public funding in projects, guaranteed loans included"), None),
        ("private_per_public", tr("Private funding per public {currency}", **about), private),
        (federal[0], tr("All other funding in projects"), None),
        (federal[1], tr("Federal funding in projects, guaranteed loans not included"), None),
        ("other_per_federal", tr("All other funding per federal {currency}", **about), federal),
    ]
    return [
        Figure(key, name, "ratio" if of else "money", f"cost.leverage.{key}", MONEY,
               quotient(*of) if of else None)
        for key, name, of in rows
    ]  # fmt: skip


def per_euro(side: Side) -> list[Figure]:
    """Damage avoided per unit of public money: the additional one first, then averages."""
    about, needs = {"currency": side.currency}, (*MONEY, *DAMAGE)
    extra = {d.option: d.avoided_per_extra_public_euro for d in side.found.differences}
    public = "cost.avoided_per_public_euro."

    return [
        Figure("extra", tr("Per additional public {currency}, compared with “{base}”",
                           base=side.called(side.found.base), **about),
               "ratio", lambda o: extra.get(o.label)),
        *(Figure(key, name, "ratio", path, needs) for key, name, path in (
            ("average", tr("Per public {currency}, on average", **about), f"{public}expected"),
            ("low", tr("The same, 5 % quantile over the states"), f"{public}range.low"),
            ("high", tr("The same, 95 % quantile over the states"), f"{public}range.high"),
            ("net", tr("Per {currency} of net public cost, on average", **about),
             "cost.avoided_per_net_euro.expected"),
        )),
    ]  # fmt: skip


def proofs() -> Sequence[Figure]:
    """How good each plan is, and what it rests on."""
    status = {"optimal": tr("met"), "limit": tr("missed")}
    return [
        Figure("objective", tr("Objective"), "objective", "proof.objective"),
        Figure("bound", tr("Bound"), "objective", "proof.bound"),
        Figure("gap", tr("Gap"), "gap", "proof.gap"),
        Figure("gap_target", tr("Gap asked for"), "gap", "proof.gap_target"),
        Figure("status", tr("Gap asked for, met or missed"), "text",
               lambda o: status[o.proof.status]),
        Figure("states", tr("States of the world"), "count", "proof.states"),
        Figure("seed", tr("Seed of the sample"), "year", "proof.seed"),
        Figure("seconds", tr("Time, s"), "ratio", "proof.seconds"),
        Figure("sha", tr("Scenario, SHA-256"), "text", lambda o: o.proof.input_sha256[:16]),
    ]  # fmt: skip
