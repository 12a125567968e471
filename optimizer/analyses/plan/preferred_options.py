"""Options that a comparison ranks above a plan, for the texts that recommend the plan."""

from collections.abc import Iterator

from models.language import current_language, tr
from models.results import ReferenceIncrement
from optimizer.analyses.comparison.money import MONEY_TOLERANCE
from optimizer.analyses.plan.plan_wording import PlanWording, option_name
from optimizer.report.number_format import format_number, sanitize


def describe_better_options(wording: PlanWording) -> Iterator[str]:
    """Yield a sentence that names the better options, if the comparison found any."""
    if not wording.brief.better:
        return
    title = sanitize(getattr(wording.brief.option.title, current_language()))
    is_base = wording.plan.variant is None
    plan_name = tr("the base case") if is_base else tr("“{option}”", option=title)
    yield tr(
        "This is about {plan} alone. Of the options compared with it ({count}), the comparison "
        "finds better: {options}; each compared with this plan, by {measures}.",
        plan=plan_name,
        count=format_number(wording.brief.compared),
        options="; ".join(_describe_option(wording, option) for option in wording.brief.better),
        measures=tr("expected damage and the present value of public funding")
        if wording.counts_damage
        else tr("expected shortage and the present value of public funding"),
    )


def _describe_option(wording: PlanWording, increment: ReferenceIncrement) -> str:
    """Return a text on a better option: how its damage and public money differ from the plan's."""
    extra_money = increment.public_present_meur
    sentence_fields = {
        "option": option_name(increment),
        "left": wording.amount_for_sentence(abs(increment.avoided)),
    }
    sentence_fields["paid"] = wording.money_amount(abs(extra_money))
    if increment.avoided > 0:
        return tr("{option} leaves {left} more for {paid} less", **sentence_fields)
    if extra_money > MONEY_TOLERANCE:
        return tr("{option} leaves {left} less for {paid} less", **sentence_fields)
    if extra_money < -MONEY_TOLERANCE:
        return tr("{option} leaves {left} less for {paid} more", **sentence_fields)
    return tr("{option} leaves {left} less for the same", **sentence_fields)
