"""Sentences on the break-even factors of a plan."""

from collections.abc import Iterator, Sequence

from models.language import tr
from models.results.plan import BreakEvenFactor
from optimizer.report.number_format import format_number
from optimizer.report.wording import join_with_and


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
