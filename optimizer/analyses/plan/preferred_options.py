"""What a comparison prefers to a plan, said where that plan is recommended."""

from collections.abc import Iterator

from models.language import current_language, tr
from models.results import ReferenceIncrement
from optimizer.analyses.comparison.money import MONEY_TOLERANCE
from optimizer.analyses.plan.plan_wording import PlanWording, option_name
from optimizer.report.number_format import format_number, sanitize


def describe_better_options(wording: PlanWording) -> Iterator[str]:
    """Which plan this is about, where the comparison beside it prefers others."""
    if not wording.brief.better:
        return
    title = sanitize(getattr(wording.brief.option.title, current_language()))
    based = tr("the base case") if wording.plan.variant is None else tr("“{option}”", option=title)
    yield tr(
        "This is about {plan} alone. Of the options compared with it ({count}), the comparison "
        "finds better: {options}; each compared with this plan, by {measures}.",
        plan=based,
        count=format_number(wording.brief.compared),
        options="; ".join(_describe_option(wording, one) for one in wording.brief.better),
        measures=tr("expected damage and the present value of public funding")
        if wording.counts_damage
        else tr("expected shortage and the present value of public funding"),
    )


def _describe_option(wording: PlanWording, comparison: ReferenceIncrement) -> str:
    """An option that is better, with what it leaves and takes beside the plan."""
    money = comparison.public_present_meur
    about = {
        "option": option_name(comparison),
        "left": wording.amount_for_sentence(abs(comparison.avoided)),
    }
    about["paid"] = wording.money_amount(abs(money))
    if comparison.avoided > 0:
        return tr("{option} leaves {left} more for {paid} less", **about)
    if money > MONEY_TOLERANCE:
        return tr("{option} leaves {left} less for {paid} less", **about)
    if money < -MONEY_TOLERANCE:
        return tr("{option} leaves {left} less for {paid} more", **about)
    return tr("{option} leaves {left} less for the same", **about)
