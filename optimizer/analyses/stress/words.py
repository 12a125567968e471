"""A disruption in words: what comes, what it does, and what that rests on."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results.stress import ShortMaterial, Stress, StressCase, StressEvent, StressPeriod
from optimizer.report.document import DETAIL, Bullets, Fact, Facts, Part
from optimizer.report.figures import NO_BREAK, clean, percent, small_percent
from optimizer.report.wording import Wording, capital, joined

Say = Wording[Stress]

SHORT = 1e-6
"""A period is short if more than this share of its demand is missing, as in a plan."""
NAMED = 5
"""Stocks that a sentence names."""


def case_name(case: StressCase) -> str:
    """A case as the head of columns."""
    return {"market": tr("Market alone"), "plan": tr("With plan")}[case]


def label(say: Say, period: StressPeriod) -> str:
    """A period as it is called: 2027, 2027 Q2, 2027-05, or 2027.2 where a year has other parts."""
    parts = 1 if say.case is None else int(say.case.horizon.periods_per_year)
    if parts == 1:
        return str(period.year)
    if parts == 4:
        called = tr("{year} Q{quarter}", year=period.year, quarter=period.period)
        return called.replace(" ", NO_BREAK)
    return f"{period.year}-{period.period:02}" if parts == 12 else f"{period.year}.{period.period}"


def labels(say: Say) -> list[str]:
    """How the periods of the result are called."""
    return [label(say, period) for period in say.found.periods]


def share_missing(of: ShortMaterial, case: StressCase, place: int) -> float:
    """Share of the demand of a period that is missing."""
    demand = of.demand_t[place]
    return of.missing_t[case][place] / demand if demand > 0 else 0.0


def short_at(of: ShortMaterial, case: StressCase) -> list[int]:
    """Places of the periods in which it is short."""
    return [k for k in range(len(of.demand_t)) if share_missing(of, case, k) > SHORT]


def worst_at(of: ShortMaterial, case: StressCase) -> int:
    """The place of the first period in which the largest share of demand is missing."""
    shares = [share_missing(of, case, k) for k in range(len(of.demand_t))]
    return shares.index(max(shares))


def answer(say: Say) -> Iterator[Part]:
    """What comes, what it costs, what is hit hardest, and which stocks it uses up."""
    found = say.found
    yield from _disruption(say)
    market, plan = found.damage["market"], found.damage["plan"]
    if not found.materials:
        yield tr("Nothing runs short: the market covers all demand throughout.")
        return
    counted = capital(say.counted)
    facts = [
        Fact(f"{counted}: {case_name(case)}", say.amount(x)) for case, x in found.damage.items()
    ]
    less = percent((market - plan) / market) if market > 0 else ""
    yield Facts([*facts, Fact(tr("Avoided by the plan"), say.amount(market - plan), less)], DETAIL)
    if market <= 0:
        yield tr("Stocks that exist already cover what the market lacks: nothing is missing.")
    else:
        words = {"market": say.amount(market), "plan": say.amount(plan), "less": less}
        yield (
            tr("In the market alone damage comes to {market}; with the plan it comes to {plan}, "
               "{less} less.", **words)
            if say.of_damage
            else tr("In the market alone the shortage comes to {market}; with the plan it comes to "
                    "{plan}, {less} less.", **words)
        )  # fmt: skip
        yield from _most(say)
    yield from _emptied(say)
    yield tr(
        "Releases assume foresight: stocks are released in the best way for a disruption whose "
        "length is known from its start. If it is not, the stocks achieve less."
    )


def _disruption(say: Say) -> Iterator[Part]:
    """What comes."""
    found = say.found
    what = [_event(say, event) for event in found.events]
    what += [tr("{name} never produces", name=say.name("projects", p)) for p in found.failed]
    what += [
        tr("{name} is late, years: {years}", name=say.name("projects", p), years=years)
        for p, years in found.late.items()
    ]
    if found.state is not None:
        yield tr("The state of the world: {name}.", name=clean(found.state))
    if what:
        yield Bullets(what)
    if not found.failed and not found.late:
        yield tr("All projects of the plan succeed and are on time.")


def _event(say: Say, event: StressEvent) -> str:
    """A hazard, when it begins, and when it ends, or the horizon does."""
    name = say.name("hazards", event.hazard)
    begins = StressPeriod(year=event.start, period=event.period)
    case = say.case
    if case is None:
        return tr("{name}: from {begins}", name=name, begins=label(say, begins))
    parts = int(case.horizon.periods_per_year)
    year, period = divmod(event.start * parts + event.period - 1 + event.periods - 1, parts)
    if year > case.horizon.years[-1]:
        return tr("{name}: from {begins} to the end of the horizon", name=name,
                  begins=label(say, begins))  # fmt: skip
    ends = StressPeriod.model_construct(year=year, period=period + 1)
    if ends == begins:
        return tr("{name}: {period}", name=name, period=label(say, begins))
    return tr("{name}: from {begins} to {ends}", name=name, begins=label(say, begins),
              ends=label(say, ends))  # fmt: skip


def _most(say: Say) -> Iterator[Part]:
    """The material that costs most in the market alone."""
    found, called = say.found, labels(say)
    worst = max(found.materials, key=lambda one: one.damage["market"])
    if worst.damage["market"] <= 0:
        return
    at = worst_at(worst, "market")
    yield tr(
        "Hit hardest: {name}. Of its demand {market} is missing in {period} in the market alone, "
        "and at most {plan} in any period with the plan.",
        name=say.name("materials", worst.id),
        market=percent(share_missing(worst, "market", at)),
        period=called[at],
        plan=percent(share_missing(worst, "plan", worst_at(worst, "plan"))),
    )


def _emptied(say: Say) -> Iterator[Part]:
    """Which stocks of the plan are used up, and when."""
    gone = [
        tr(
            "{name} (by the end of {period})",
            name=say.name("stockpiles", one.id),
            period=label(say, at),
        )
        for one in say.found.stocks
        if (at := one.empty["plan"]) is not None and one.released_t["plan"] > 0
    ]
    if gone:
        shown = gone[:NAMED] + ([tr("{count} more", count=len(gone) - NAMED)] * (len(gone) > NAMED))
        yield tr("With the plan these stocks are used up: {names}.", names=joined(shown))
    elif any(one.released_t["plan"] > 0 for one in say.found.stocks):
        yield tr("With the plan no stock is emptied.")


def method(say: Say) -> Iterator[str]:
    """What the figures rest on."""
    found = say.found
    yield tr(
        "Market alone: nothing is built or bought by the plan; stocks that exist already are "
        "released. With plan: with all that the plan builds and buys."
    )
    if found.state is None:
        yield tr(
            "How much is lost in each period is what the effects of the hazard say. An event that "
            "lasts longer than that goes on with the last loss."
        )
    yield tr("A period is short if more than a millionth of its demand is missing.")
    if not found.solved:
        yield tr("The plan was given; nothing was solved.")
    elif found.gap is None:
        yield tr(
            "A plan for the scenario was solved first, until a limit; how far it is from the best "
            "is not known."
        )
    else:
        yield tr(
            "The best plan for the scenario was solved first, to a gap of {gap}; it was not made "
            "for this disruption alone.",
            gap=small_percent(found.gap),
        )
