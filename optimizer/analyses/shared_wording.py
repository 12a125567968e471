"""Sentences, tables and terms that documents of several analyses share."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from models.language import tr
from models.results import (
    AdaptationOutcome,
    Disagreement,
    Frontier,
    Plan,
    SetPlan,
    StockUse,
    Target,
)
from models.results.plan import BreakEvenFactor
from optimizer.report.document import PAGE, Column, DisplayedValue, Part, Section, Table, Terms
from optimizer.report.number_format import format_number, sanitize
from optimizer.report.wording import Wording, capitalize, join_with_and

DisagreementWording = Wording[Disagreement]


def set_title(wording: DisagreementWording, id: str | None) -> str:
    """Return the title of an assumption set; None stands for the one plan for all sets."""
    return tr("One plan for all") if id is None else wording.assumption_set_title(id)


def objective_names() -> dict[str, str]:
    """Return, by kind of objective over assumption sets, the quantity that it minimizes, in
    words."""
    return {
        "mean": tr("the mean of all sets by their weight"),
        "worst": tr("the worst of all sets"),
        "regret": tr("the largest regret, what it is above the best plan of a set"),
    }


def damage_by_set_caption(wording: Wording[Any]) -> str:
    """Return the caption of a table of mean damage under each assumption set."""
    if wording.counts_damage:
        return tr("Expected damage under each set, {unit}", unit=wording.unit)
    return tr("Expected shortage under each set, {unit}", unit=wording.unit)


def damage_by_set_table(
    wording: Wording[Any],
    first_column: Column,
    rows: Sequence[Any],
    damage_by_set: Callable[[Any], Mapping[str, float]],
    caption: str | None = None,
) -> Table:
    """Build the table of mean damage under each assumption set, a column per set.

    ``rows`` are plans, or other items for which ``damage_by_set`` returns the damage by set; rows
    without damage are left out.
    """
    shown_rows = [row for row in rows if damage_by_set(row)]
    caption = caption or damage_by_set_caption(wording)

    def damage_column(id: str) -> Column:
        return Column(
            wording.assumption_set_title(id),
            lambda row: damage_by_set(row)[id],
            "outcome",
            decimals_group="under",
        )

    columns = [damage_column(id) for id in (damage_by_set(shown_rows[0]) if shown_rows else ())]
    return Table(caption, shown_rows, [first_column, *columns], "under")


def best_plan_by_set(result: Disagreement) -> dict[str, SetPlan]:
    """Return the best plan that was found for each assumption set, by the id of the set.

    It may be the plan of another set, as the gap leaves room for a better one. Two sets with the
    same best plan then do not count as different.
    """

    def best_plan(id: str) -> SetPlan:
        feasible_plans = [plan for plan in result.all_plans if not plan.under[id].broken_rules]
        return min(feasible_plans, key=lambda plan: (plan.under[id].regret, plan.of != id))

    return {plan.of: best_plan(plan.of) for plan in result.plans if plan.of is not None}


def agreement_sentences(wording: DisagreementWording) -> Iterator[str]:
    """Yield sentences on the projects that the best plans of all sets build, and on those on which
    they differ."""
    result, plans = wording.result, best_plan_by_set(wording.result)
    if len(plans) < 2:
        return
    names = {p: wording.name("projects", p, result.project_names[p]) for p in result.project_names}
    in_all = [p for p in names if all(p in plan.projects for plan in plans.values())]
    in_some = [p for p in names if p not in in_all and any(p in x.projects for x in plans.values())]
    if in_all:
        yield tr(
            "The best plans of {count} sets of assumptions all build {projects}.",
            count=format_number(len(plans)),
            projects=join_with_and([names[p] for p in in_all]),
        )
    if in_some:
        yield tr("They differ on {projects}.", projects=join_with_and([names[p] for p in in_some]))
    elif in_all:
        yield tr("They differ in no project, but in years, shares or stocks at most.")
    else:
        yield tr("None of them builds a project.")
    for set_plan, (id, plan) in zip(result.plans, plans.items(), strict=True):
        if set(plan.projects) != set(set_plan.projects):
            yield tr(
                "Within the gap the plan of “{other}” is better for “{set}” than its own: "
                "what “{set}” builds is described for that one.",
                other=set_title(wording, plan.of),
                set=set_title(wording, id),
            )


def uncertainty_sentences(result: Disagreement) -> Iterator[str]:
    """Yield sentences on what is not proven about the compared plans."""
    if len(result.plans) < len(result.sets):
        yield tr(
            "Stopped early: the best plans of {count} of {all} sets of assumptions were found.",
            count=format_number(len(result.plans)),
            all=format_number(len(result.sets)),
        )
    elif result.compromise is None:
        yield tr("Stopped early: no plan for all of them was found.")
    if any(plan.status != "optimal" for plan in result.all_plans):
        yield tr("Some plans were stopped before their gap was closed: regrets may be larger.")


def compromise_sentences(wording: DisagreementWording) -> Iterator[str]:
    """Yield a sentence on the largest regret of the one plan for all sets."""
    result, compromise = wording.result, wording.result.compromise
    if compromise is not None and compromise.under:
        set_id, worst_outcome = max(compromise.under.items(), key=lambda pair: pair[1].regret)
        yield tr(
            "One plan for all, which minimizes {what}, costs at most {regret} more than the best "
            "plan of any set ({set}).",
            what=objective_names()[result.over],
            regret=wording.amount(max(0.0, worst_outcome.regret)),
            set=set_title(wording, set_id),
        )


def break_even_sentences(thresholds: Sequence[BreakEvenFactor], plan_name: str) -> Iterator[str]:
    """Yield sentences on the conditions under which a plan pays for itself, with the bounds for any
    plan.

    ``plan_name`` is the name of the plan in the sentences. Yield nothing if break-even factors were
    not computed.
    """
    conditions = join_with_and(
        [_break_even_condition(threshold) for threshold in thresholds if threshold.plan is not None]
    )
    if conditions:
        yield tr(
            "{plan} is worth its money (compared with no plan it avoids no less expected damage "
            "than it costs all funders, net) as long as {conditions}; each by itself.",
            plan=plan_name,
            conditions=conditions,
        )
    quantity_names = {
        "damage": tr("the damage of a tonne"),
        "rate": tr("the frequency of events"),
        "duration": tr("the length of events"),
    }
    not_reached = [
        quantity_names[threshold.of] for threshold in thresholds if threshold.plan is None
    ]
    if not_reached:
        yield tr(
            "{plan} is not found to be worth its money at up to 10 times {things}.",
            plan=plan_name,
            things=join_with_and(not_reached),
        )


def _break_even_condition(threshold: BreakEvenFactor) -> str:
    """Return the condition on one quantity, with the factor below which no plan pays for itself."""
    factor = format_number(threshold.plan, 2)
    needed_condition = {
        "damage": tr(
            "a tonne missing costs at least {factor} times what the scenario says", factor=factor
        ),
        "rate": tr("events strike at least {factor} times as often", factor=factor),
        "duration": tr("events last at least {factor} times as long", factor=factor),
    }[threshold.of]
    if not threshold.any_plan:
        return needed_condition
    bound = tr("below {factor} no plan is worth it", factor=format_number(threshold.any_plan, 2))
    return f"{needed_condition} ({bound})"


def glossary_section(wording: Wording[Plan]) -> Section:
    """Build the glossary section for a document of one or several plans; ``wording`` is that of one
    of them."""
    entries = {
        tr("Budget class"): tr(
            "How a budget books money: a financial transaction (a stake or a loan that is "
            "worth something in return), a guarantee, a grant, or expenditure."
        ),
        tr("Damage"): tr(
            "What missing tonnes cost the economy: {unit} by the damage curve of the scenario, "
            "discounted and summed over the years.",
            unit=wording.money_unit,
        ),
        tr("Gap and bound"): tr(
            "Plans are measured by their objective, the outcome over all states and weighted net "
            "cost; less is better. The bound is a value below which no plan can fall; the gap is "
            "the distance of this plan from it."
        ),
        tr("HHI (Herfindahl-Hirschman index)"): tr(
            "Sum of the squared shares of supplying countries in percent: {most} for a single "
            "supplier, {fifth} for five equal ones.",
            most=format_number(10_000),
            fifth=format_number(2_000),
        ),
        tr("Import dependency"): tr(
            "Share of supply that comes from outside the countries that the scenario calls "
            "domestic."
        ),
        tr("Need"): tr(
            "Of a material in a year: demand of all consumers, and what plants that run today take "
            "in of it, at full capacity, to make other materials."
        ),
        tr("State of the world"): tr(
            "One way the coming years may go: which disruptions strike when, which projects "
            "fail or come late."
        ),
    }
    if wording.result.outcome.residual_meur:
        entries[tr("Residual value")] = tr(
            "What the scenario lets stocks and projects be worth when its last year ends; "
            "discounted. Stock counts as if none were released. It lowers the net cost and brings "
            "no budget."
        )
    ordered_entries = sorted(entries.items(), key=lambda entry: entry[0].casefold())
    return Section("glossary", tr("Terms"), [Terms(ordered_entries)], PAGE)


def shortage_duration_parts(
    wording: Wording[Any], adaptations: Sequence[AdaptationOutcome]
) -> Iterator[Part]:
    """Yield a table with a row for each damage entry with adaptation; nothing if there is none."""
    if not adaptations:
        return

    def row_label(adaptation: AdaptationOutcome) -> str:
        name = wording.name("materials", adaptation.material)
        consumer = adaptation.consumer and wording.name("consumers", adaptation.consumer)
        return f"{name} ({consumer})" if consumer else name

    header_values = {
        "currency": wording.currency,
        "months": format_number(adaptations[0].later_months),
    }
    columns = [
        Column(tr("Material"), row_label, "text"),
        Column(tr("Outage likely"), "clock", "share", key="clock"),
        Column(tr("It lasts, months"), "clock_months", key="months"),
        Column(tr("Half last at most"), "clock_months_median", key="median"),
        Column(tr("Nine in ten at most"), "clock_months_ninety", key="ninety"),
        Column(tr("Short without plan, months"), "shortage_months_without_plan", key="without"),
        Column(tr("Short with plan, months"), "shortage_months", key="with"),
        Column(tr("A tonne at once, {currency}", **header_values), "first_eur_per_t", key="first"),
        Column(
            tr("{months} months later, {currency}", **header_values), "later_eur_per_t", key="later"
        ),
    ]
    note = tr(
        "Users adapt as long as an outage of the market lasts, counted until supply has been back "
        "for the periods that the scenario asks for; outages and shortages end with the horizon at "
        "the latest. Short: mean length of a shortage. What a missing tonne costs is the mean of "
        "all steps of damage, not discounted."
    )
    yield Table(
        tr("How long shortages last, and how users adapt"),
        adaptations,
        columns,
        "lasting",
        note,
        is_collapsed=True,
    )


def stock_use_caption() -> str:
    """Return the caption for a table with the columns of :func:`stock_use_columns`."""
    return tr("How often stocks are used and filled again, expected in all years")


def stock_use_columns(
    wording: Wording[Any], get_stock_use: Callable[[Any], StockUse]
) -> list[Column]:
    """Return columns on the use of stockpiles; ``get_stock_use`` reads the use from a row."""
    return [
        Column(
            tr("Stockpile"), lambda row: wording.name("stockpiles", get_stock_use(row).id), "text"
        ),
        Column(tr("Released, t"), lambda row: get_stock_use(row).released_t, "tonnes"),
        Column(tr("Comes back, t"), lambda row: get_stock_use(row).refilled_t, "tonnes"),
        Column(tr("Times used"), lambda row: get_stock_use(row).times, decimals=1),
    ]


VariedWording = Wording[Frontier] | Wording[Target]

BUDGET_PATH = "policy.budget_meur"
TAIL_WEIGHT_PATH = "objective.cvar.weight"


def varied_unit(wording: VariedWording) -> str:
    """Return the unit of the varied number in the current language; empty if its name does not
    state a unit."""
    unit = wording.result.varied_unit or ""
    if unit.startswith("million"):
        return wording.money_unit
    return {"": "", "t": tr("t")}.get(unit, tr("years"))


def varied_number_name(wording: VariedWording) -> str:
    """Return the name of the varied number in words; its dotted path if it has no name."""
    path = wording.result.varied
    names = {BUDGET_PATH: tr("public budget"), TAIL_WEIGHT_PATH: tr("weight of the tail")}
    owner = varied_funder(wording)
    if owner is not None:
        return tr("budget of {funder}", funder=wording.name("funders", owner))
    if path.startswith("policy.rules."):
        rule, *_, last = path.removeprefix("policy.rules.").split(".")
        # Not the title, which may state the number that is varied.
        title = sanitize(rule)
        senses = {"at_least": tr("at least"), "at_most": tr("at most"), "equals": tr("exactly")}
        return f"{title}: {senses.get(last, tr('multiple'))}"
    return names.get(path, path)


def varied_funder(wording: VariedWording) -> str | None:
    """Return the id of the funder whose budget is varied; None if the number is not the budget of a
    funder."""
    first_step, _, remaining_path = wording.result.varied.partition(".")
    owner, _, last_step = remaining_path.partition(".")
    return owner if (first_step, last_step) == ("funders", "budget_meur") else None


def varied_number_header(wording: VariedWording) -> str:
    """Return the name of the varied number with its unit, as a column header."""
    unit, name = varied_unit(wording), varied_number_name(wording)
    # A space after each dot allows line breaks in a long path.
    name = capitalize(name) if name != wording.result.varied else name.replace(".", ". ")
    return f"{name}, {unit}" if unit else name


def format_with_unit(value: float | None, unit: str) -> str:
    """Format a number with its unit."""
    return f"{format_number(value)} {unit}" if unit and value is not None else format_number(value)


def format_values(wording: VariedWording, numbers: Iterable[float]) -> list[str]:
    """Format values of the varied number with as many decimals as distinguish them, six at most."""
    numbers = list(numbers)
    if wording.result.varied.endswith("_year"):
        return [f"{value:g}" for value in numbers]
    for places in range(4):
        if all(abs(round(value, places) - value) < 1e-9 for value in numbers):
            return [format_number(value, places) for value in numbers]
    cells: list[str] = []
    for places in range(2, 7):
        cells = [format_number(value, places) for value in numbers]
        if len(set(cells)) == len(set(numbers)):
            break
    return cells


def cells_by_value(wording: VariedWording, numbers: Sequence[float]) -> dict[float, DisplayedValue]:
    """Return the table cells for values of the varied number, by value."""
    texts = format_values(wording, numbers)
    return {value: DisplayedValue(text, value) for value, text in zip(numbers, texts, strict=True)}


def format_range(low: str, high: str) -> str:
    """Return a text for the range between two formatted values."""
    return tr("{low} to {high}", low=low, high=high)
