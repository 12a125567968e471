"""From where on a plan is worth its money, in sentences."""

from collections.abc import Iterator, Sequence

from models.language import tr
from models.results.plan import BreakEvenFactor
from optimizer.report.number_format import format_number
from optimizer.report.wording import join_with_and


def break_even_sentences(thresholds: Sequence[BreakEvenFactor], plan_name: str) -> Iterator[str]:
    """What each of damage, rate and duration must be for a plan, as it is called, to be worth its
    money, with the bound on any plan; nothing where it was not asked for."""
    known = [
        join_with_and([_break_even_condition(one) for one in thresholds if one.plan is not None])
    ]
    if known != [""]:
        yield tr(
            "{plan} is worth its money (compared with no plan it avoids no less expected damage "
            "than it costs all funders, net) as long as {conditions}; each by itself.",
            plan=plan_name,
            conditions=known[0],
        )
    things = {
        "damage": tr("the damage of a tonne"),
        "rate": tr("the frequency of events"),
        "duration": tr("the length of events"),
    }
    never = [things[one.of] for one in thresholds if one.plan is None]
    if never:
        yield tr(
            "{plan} is not found to be worth its money at up to 10 times {things}.",
            plan=plan_name,
            things=join_with_and(never),
        )


def _break_even_condition(threshold: BreakEvenFactor) -> str:
    """A condition, and below which factor no plan meets one."""
    factor = format_number(threshold.plan, 2)
    needed = {
        "damage": tr(
            "a tonne missing costs at least {factor} times what the scenario says", factor=factor
        ),
        "rate": tr("events strike at least {factor} times as often", factor=factor),
        "duration": tr("events last at least {factor} times as long", factor=factor),
    }[threshold.of]
    if not threshold.any_plan:
        return needed
    bound = tr("below {factor} no plan is worth it", factor=format_number(threshold.any_plan, 2))
    return f"{needed} ({bound})"
