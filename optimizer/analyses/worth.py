"""From where on a plan is worth its money, in sentences."""

from collections.abc import Iterator, Sequence

from models.language import tr
from models.results.plan import WorthFrom
from optimizer.report.figures import number
from optimizer.report.wording import listed


def sentences(found: Sequence[WorthFrom], plan: str) -> Iterator[str]:
    """What each of damage, rate and duration must be for a plan, as it is called, to be worth its
    money, with the bound on any plan; nothing where it was not asked for."""
    known = [listed([_needed(one) for one in found if one.plan is not None])]
    if known != [""]:
        yield tr(
            "{plan} is worth its money (compared with no plan it avoids no less expected damage "
            "than it costs all funders, net) as long as {conditions}; each by itself.",
            plan=plan,
            conditions=known[0],
        )
    things = {
        "damage": tr("the damage of a tonne"),
        "rate": tr("the frequency of events"),
        "duration": tr("the length of events"),
    }
    never = [things[one.of] for one in found if one.plan is None]
    if never:
        yield tr(
            "{plan} is not found to be worth its money at up to 10 times {things}.",
            plan=plan,
            things=listed(never),
        )


def _needed(one: WorthFrom) -> str:
    """A condition, and below which factor no plan meets one."""
    factor = number(one.plan, 2)
    needed = {
        "damage": tr(
            "a tonne missing costs at least {factor} times what the scenario says", factor=factor
        ),
        "rate": tr("events strike at least {factor} times as often", factor=factor),
        "duration": tr("events last at least {factor} times as long", factor=factor),
    }[one.of]
    if not one.any_plan:
        return needed
    bound = tr("below {factor} no plan is worth it", factor=number(one.any_plan, 2))
    return f"{needed} ({bound})"
