"""Result of a comparison of several plans, with the differences between them."""

from typing import Literal

from models.results.base import InMeasureUnit, Result, SealedDocument, Share, UnboundedShare
from models.results.caveats import Caveats
from models.results.option import BilingualName, Option
from models.results.plan import BudgetClass

ExcludedFigures = Literal["damage", "tail", "money", "objective", "dependence"]
"""Figures that are not compared: ``damage`` bars the tail and the objective with it."""


class ValueChange(Result):
    """A value of an option's scenario that differs from the base scenario."""

    path: str  #: Where it stands, as in the variants of a scenario file.
    base: str | None  #: The value in the base as JSON, at most 120 characters; null if none.
    value: str | None  #: The value in the option.


class ComparabilityIssue(Result):
    """A difference between the scenarios of an option and the base that limits comparison.

    - Currency, ``price_year``, years and ``discount_rate`` bar damage and money;
    - ``periods_per_year``, ``measure``, ``damage``, hazards and states of the world bar damage;
    - demand and supply bar damage and dependence;
    - ``horizon.residual_value`` bars money and the objective, ``home`` dependence;
    - the level of the CVaR bars the tail and the objective, weights of the objective bar that;
    - prices, consumers, candidates and ``allocation`` bar nothing, but are named.

    Funders, stockpiles and policy are what options are about: they are not in ``unlike``, but in
    ``changes``. Names, sources and texts are ignored.
    """

    option: str  #: Label of the option.
    subject: str
    """What they differ in: a section or field of the scenario; ``scenario`` where a plan does not
    carry its own; ``outcome.without_plan`` where other damage comes without any plan."""
    changes: tuple[ValueChange, ...]  #: What differs, value by value.
    bars: tuple[ExcludedFigures, ...]
    """Figures that are not compared for it; ``damage`` bars the tail and the objective with it;
    none where it only has to be known."""


class OptionProject(Result):
    """How one option builds a project: years, public share and money."""

    start: int  #: Year in which the decision to build falls.
    first_output: int  #: First year of output if nothing is delayed.
    public_share: UnboundedShare  #: Share of capex from public funders, guaranteed loans with it.
    public_meur: float  #: What public funders put up for it, undiscounted.
    probability: Share = 1.0
    """Of being built at all, by what has been seen at a review; the years are the earliest then."""


class ProjectChoice(Result):
    """A candidate project, and the options that build it."""

    project: str  #: Id of the project.
    materials: tuple[str, ...]  #: Ids of what it delivers.
    built_in: Literal["all", "some", "none"]  #: How many of the options build it.
    options: dict[str, OptionProject]  #: How, by label of the options that do.


class OptionStockpile(Result):
    """What one option buys for a stockpile, in tonnes and million EUR."""

    bought_t: float  #: Tonnes bought over all years.
    held_t: float  #: The most that is planned to be held at a year's end.
    cost_meur: float  #: What it costs over all years, undiscounted.


class StockpileChoice(Result):
    """The options that buy for a stockpile."""

    stockpile: str  #: Id of the stockpile.
    material: str  #: Id of its material.
    bought_in: Literal["all", "some", "none"]  #: How many of the options buy for it.
    options: dict[str, OptionStockpile]  #: How much, by label of the options that do.


class ProjectChange(Result):
    """A project on which an option and the base decide differently."""

    project: str  #: Id of the project.
    materials: tuple[str, ...]  #: Ids of what it delivers.
    change: Literal["added", "dropped", "moved", "refinanced"]
    """Built in addition (``added``), not built, begun in another year, or financed otherwise
    (``refinanced``): a share of capex differs by more than 0.005."""
    base: OptionProject | None  #: In the base; null if it is not built there.
    option: OptionProject | None  #: In the option; null if it is not built there.


class StockpileChange(Result):
    """A stockpile that holds more or less in an option than in the base."""

    stockpile: str  #: Id of the stockpile.
    material: str  #: Id of its material.
    held_t: float  #: Difference of the most that is held.
    cost_meur: float  #: Difference of what it costs, undiscounted.


class MaterialDifference(Result):
    """The difference in expected damage that is due to one material, and related decisions.

    A project that delivers several materials is listed under each of them. These decisions need not
    explain the whole difference, since supply goes to where a shortage costs most.
    """

    material: str  #: Id of the material.
    damage: InMeasureUnit  #: Difference, in the unit of the measure.
    projects: tuple[ProjectChange, ...]  #: Projects of this material that are treated otherwise.
    stockpiles: tuple[StockpileChange, ...]  #: Its stockpiles that hold more or less.


class MoneyDifference(Result):
    """Difference in money of one funder in one budget class."""

    funder: str  #: Id of the funder.
    kind: Literal["public", "company", "private"]  #: What the funder is.
    budget_class: BudgetClass | None  #: How a budget books it.
    paid_meur: float  #: Difference of what is put up, undiscounted.
    cost_meur: float  #: Difference of net cost, discounted.


class OptionDifference(Result):
    """The differences between an option and the base; null for figures that cannot be compared."""

    option: str  #: Label of the option.
    expected: InMeasureUnit | None
    """Difference of expected damage; null if not compared, as all below."""
    cvar: InMeasureUnit | None  #: Difference of the mean of the worst states.
    worst: InMeasureUnit | None  #: Difference of the worst state.
    by_material: tuple[MaterialDifference, ...]  #: By material, largest first: parts of the whole.
    by_consumer: dict[str, InMeasureUnit]  #: By consumer: adds up to ``expected``.
    objective: InMeasureUnit | None  #: Difference of the objectives.
    resolution: InMeasureUnit | None
    """Less is not significant: what both proofs leave open, added up."""
    significant: bool | None
    """Whether the differences of objective and of expected damage both exceed the resolution; null
    where that is not known. If not, the search for the two plans has left more open than they
    differ by, and another search could turn the order round."""
    public_paid_meur: float | None  #: Difference of what public funders put up, undiscounted.
    private_paid_meur: float | None  #: The same of company and private funders.
    market_meur: float | None  #: The same of lenders and other investors.
    net_cost_meur: float | None  #: Difference of net cost, discounted, whoever bears it.
    money: tuple[MoneyDifference, ...]  #: By funder and class; adds up to public and private money.
    avoided_per_extra_public_euro: float | None
    """Expected damage avoided in addition per public euro put up in addition, both discounted; null
    where there is no additional one."""
    projects: tuple[ProjectChange, ...]  #: Projects that are treated otherwise.
    stockpiles: tuple[StockpileChange, ...]  #: Stockpiles that hold over 0.5 % more or less.


class Increment(Result):
    """The additional public money and avoided damage of an option.

    Both are compared with another option, or with no plan.
    """

    option: str  #: Label of the option.
    over: str | None  #: Label of the other; null for no plan.
    public_present_meur: float  #: Public money in addition, present value.
    avoided: InMeasureUnit
    """Expected damage avoided in addition; below 0 where the option leaves more."""
    avoided_per_euro: float | None
    """``avoided`` per public euro in addition; null where there is none, or damage is not money."""
    resolution: InMeasureUnit | None
    """What both proofs leave open, as in a [difference](#option-difference)."""
    significant: bool | None
    """As in a difference: if not, the proofs do not tell the two apart. Against no plan, which is
    no result of a search, the avoided damage alone has to exceed the resolution."""


class EfficientOption(Increment):
    """An efficient option, compared with the previous one; the first is compared with no plan.

    An option is efficient if it is dominated neither by another option nor by having no plan. An
    option dominates another one if it leaves no more expected damage, takes no more public money
    (present value), and is strictly better in one of the two. In a chart of both figures the
    efficient options form a staircase. The convex line below the staircase is not used as the
    efficient line: an option is a bundle of terms that cannot be bought in part, so that mixtures
    of two options do not exist.
    """

    convex: bool
    """Whether it lies on the convex line too. If not, some later option avoids more per euro than
    this one, both against the last option before them that lies on that line: whoever would pay for
    this one does better to look further."""


class FunderGain(Result):
    """The output and the damage of one funder's consumers in one option.

    Output is that of a year at full output, undisturbed, if the projects succeed. Payments of the
    funder are in ``cost.by_funder``.
    """

    output_t: dict[str, float]  #: Tonnes a year contracted to its consumers alone, by material.
    expected: InMeasureUnit | None  #: Expected damage of its consumers; null if none are its own.
    expected_without_plan: InMeasureUnit | None  #: The same without any plan.


class FunderView(Result):
    """The options from the view of one funder: a company, or a public one that is not federal."""

    funder: str  #: Id of the funder, one that pays in some option.
    kind: Literal["public", "company"]  #: What it is.
    consumers: tuple[str, ...]  #: Ids of the consumers whose ``company`` it is, in any option.
    options: dict[str, FunderGain]  #: What it has of each, by label; where a plan has its scenario.


class BrokenRule(Result):
    """A rule in a minimal set of rules that cannot all be kept."""

    tag: str  #: Tag in the formulation.
    name: str  #: Name in the formulation.
    says: str  #: The rule in words.
    path: tuple[str | int, ...]  #: Where it stands in the scenario.
    place: str  #: File, line and column, or cell.


class BestOptionRange(Result):
    """An option, and the value of an avoided EUR of damage from which it is the best option.

    The best option has the lowest public money less the value of the damage that it avoids.
    """

    option: str | None  #: Label of the option; null for no plan at all.
    worth: float  #: Public EUR that an avoided EUR of damage is worth, from which on it is best.


class FailedOption(Result):
    """An option without a plan, which is left out of the comparison."""

    label: str  #: Its label.
    title: BilingualName  #: Title of its variant, or of its scenario.
    variant: str | None  #: Id of the variant.
    reason: Literal["infeasible", "no_plan", "failed"]
    """``infeasible``: no plan keeps all rules; ``no_plan``: none was found before a limit, or the
    user stopped it; ``failed``: the solver or a check failed."""
    message: str  #: What was said.
    conflict: tuple[BrokenRule, ...]  #: [Rules](#no-plan) that exclude each other, if any.


class ComparisonNames(Result):
    """Names in both languages of all that the comparison mentions, by id."""

    materials: dict[str, BilingualName]  #: Materials.
    consumers: dict[str, BilingualName]  #: Consumers.
    projects: dict[str, BilingualName]  #: Projects.
    stockpiles: dict[str, BilingualName]  #: Stockpiles.
    funders: dict[str, BilingualName]  #: Funders.
    budget_lines: dict[str, dict[str, BilingualName]] = {}  #: Lines of their budgets, by funder.
    instruments: dict[str, dict[str, BilingualName]] = {}  #: Their instruments, by funder.


class Comparison(SealedDocument):
    """A comparison of several plans side by side.

    It is computed from the plans alone. Differences are figures of an option less those of the
    base: a negative difference in damage means less damage.
    """

    kind: Literal["comparison"] = "comparison"
    title: BilingualName  #: Title of the base's scenario.
    base: str  #: Label of the option that the others are compared with.
    year: int  #: Reference year of cover and dependence; for an option without it, the nearest.
    options: tuple[Option, ...]  #: What each option buys and costs, in the order given.
    unlike: tuple[ComparabilityIssue, ...]  #: In what options are not like the base.
    changes: dict[str, tuple[ValueChange, ...]]  #: All values that differ from the base, by label.
    projects: tuple[ProjectChoice, ...]  #: Which options build each candidate, in file order.
    stockpiles: tuple[StockpileChoice, ...]  #: Which options buy for each, in file order.
    differences: tuple[OptionDifference, ...]  #: Each option but the base against it.
    efficient: tuple[EfficientOption, ...] = ()
    """The [efficient](#efficient-option) options by public money, the least first: of those whose
    damage and money are compared with the base's. Those that take and leave the same all stand
    here."""
    efficient_by_net_cost: tuple[str, ...] = ()
    """Labels of those that nothing dominates where net public cost takes the place of public
    funding, the cheapest first."""
    best_from: tuple[BestOptionRange, ...] = ()
    """Which of the efficient options is best, by what an avoided EUR is worth, the least first;
    those that the proofs do not tell apart from the one before are left out. Empty of
    shortages in tonnes."""
    best_from_by_net_cost: tuple[BestOptionRange, ...] = ()
    """The same where net public cost takes the place of public funding."""
    dominated: tuple[Increment, ...] = ()
    """The others of these by public money, each against the efficient option that leaves least
    damage for no more public money; against no plan where there is none."""
    industry_alone: str | None = None
    """Label of the option that shows what is done without public money, less than 0.001 million;
    the one that leaves least damage where there are several, null where there is none."""
    over_industry: tuple[Increment, ...] = ()  #: All others by public money, each against that one.
    own_views: tuple[FunderView, ...] = ()
    """What single companies, and public funders that are not federal, have of each option."""
    failed: tuple[FailedOption, ...] = ()  #: Options without a plan.
    doubts: tuple[str, ...] = ()
    """Why saved plans that are compared are [not whole](#whole-or-not)."""
    unconfirmed: tuple[str, ...] = ()  #: Which of them cannot be confirmed, in sentences.
    names: ComparisonNames  #: Names of all that is spoken of, in both languages.

    @property
    def caveats(self) -> Caveats:
        """Caveats about the saved plans that are compared."""
        return Caveats(self.doubts, self.unconfirmed)
