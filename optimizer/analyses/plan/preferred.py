"""What a comparison prefers to a plan, said where that plan is recommended."""

from collections.abc import Iterator

from models.language import language, tr
from models.results import Against
from optimizer.analyses.comparison.money import NOTHING
from optimizer.analyses.plan.words import PlanWording, called
from optimizer.report.figures import clean, number


def better(say: PlanWording) -> Iterator[str]:
    """Which plan this is about, where the comparison beside it prefers others."""
    if not say.brief.better:
        return
    title = clean(getattr(say.brief.option.title, language()))
    based = tr("the base case") if say.plan.variant is None else tr("“{option}”", option=title)
    yield tr(
        "This is about {plan} alone. Of the options compared with it ({count}), the comparison "
        "finds better: {options}; each compared with this plan, by {measures}.",
        plan=based,
        count=number(say.brief.compared),
        options="; ".join(_preferred(say, one) for one in say.brief.better),
        measures=tr("expected damage and the present value of public funding")
        if say.of_damage
        else tr("expected shortage and the present value of public funding"),
    )


def _preferred(say: PlanWording, one: Against) -> str:
    """An option that is better, with what it leaves and takes beside the plan."""
    money = one.public_present_meur
    about = {"option": called(one), "left": say.spoken(abs(one.avoided))}
    about["paid"] = say.money(abs(money))
    if one.avoided > 0:
        return tr("{option} leaves {left} more for {paid} less", **about)
    if money > NOTHING:
        return tr("{option} leaves {left} less for {paid} less", **about)
    if money < -NOTHING:
        return tr("{option} leaves {left} less for {paid} more", **about)
    return tr("{option} leaves {left} less for the same", **about)
