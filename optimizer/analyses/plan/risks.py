"""What may go wrong with a plan, what would turn the decision, and what it rests on."""

import math
from collections.abc import Iterator

from models.language import tr
from models.results import SensitivityInput
from optimizer.analyses.plan import after_review, evidence
from optimizer.analyses.plan.accounts import provision
from optimizer.analyses.plan.fiscal import returns
from optimizer.analyses.plan.words import PlanWording, called
from optimizer.analyses.sensitivity import words as sensitivity
from optimizer.analyses.stress.beside import run_short, what_comes
from optimizer.analyses.stress.words import shares
from optimizer.analyses.worth import sentences
from optimizer.report.cells import between
from optimizer.report.figures import NOISE, number, percent, rounded_percent
from optimizer.report.wording import Wording, listed

MOST_NAMED = 3
"""Materials, candidates or inputs that a sentence names."""


def risks(say: PlanWording) -> Iterator[str]:
    """What may be lost, what provisions lack, and what stays exposed."""
    plan, loss = say.plan, say.cost.public.maximum_loss_meur
    if loss > NOISE:
        losses = [
            tr("Public funders lose {loss} of stakes, loans, guarantees and price floors at most.",
               loss=say.money(loss)),
        ]  # fmt: skip
        spent = math.fsum(
            paid
            for one in plan.accounts
            if say.kinds.get(one.funder) == "public" and one.maximum_loss_meur <= NOISE
            for paid in one.paid_meur.values()
        )
        if spent > NOISE:
            losses.append(
                tr("Stocks, grants and other support, {spent}, are spent in any case.",
                   spent=say.money(spent))
            )  # fmt: skip
        yield " ".join([*losses, *provision(say), *returns(say), *after_review.means(plan.review)])
    worst = sorted(say.beside.stress, key=lambda test: -test.damage["market"])
    for test in worst[:1]:
        told = tr(
            "{event}: {noun} comes to {after} with the plan, {before} without it.",
            event=what_comes(Wording(test)),
            noun=say.counted,
            after=say.spoken(test.damage["plan"]),
            before=say.spoken(test.damage["market"]),
        )
        for hit in run_short(Wording(test))[:1]:
            told += " " + tr(
                "Hit hardest, by {noun}: {material}; {after} of its demand is missing at most with "
                "the plan, {before} without it.",
                noun=say.counted,
                material=say.name("materials", hit.id),
                after=percent(max(shares(hit, "plan"))),
                before=percent(max(shares(hit, "market"))),
            )
        yield told
    yield from remains(say)
    if plan.outcome.windfall_meur > NOISE:
        yield tr(
            "Windfall: all funders together pay {windfall} for output that would come home in any "
            "case; {anyway}, weighted by probability, go to projects that may come without the "
            "plan.",
            windfall=say.money(plan.outcome.windfall_meur),
            anyway=say.money(math.fsum(one.anyway_meur for one in plan.unaided)),
        )


def remains(say: PlanWording) -> Iterator[str]:
    """What is left with the plan, and of which materials most."""
    after = say.plan.outcome.expected
    hit = [one for one in say.plan.materials if one.expected > NOISE]
    some = sorted(hit, key=lambda one: -one.expected)[:MOST_NAMED]
    if some and after > NOISE:
        judged = say.beside.evaluation
        about = {
            "after": say.spoken(after),
            "share": rounded_percent(sum(one.expected for one in some) / after),
            "materials": listed(
                [f"{say.name('materials', x.id)} ({say.spoken(x.expected)})" for x in some]
            ),
        }
        told = tr("Expected to remain: {after}, {share} of it of {materials}.", **about)
        if judged is not None and judged.rules:
            told = tr(
                "Expected to remain on the states that it was chosen on: {after}, {share} of it of "
                "{materials}.",
                **about,
            )
            least = min(rule.performance.expected.value for rule in judged.rules)
            told += " " + tr(
                "On fresh states {fresh}, and {least} without foresight.",
                fresh=say.spoken(judged.fresh.with_plan.expected.value),
                least=say.spoken(least),
            )
        yield told


def turns(say: PlanWording) -> Iterator[str]:
    """From where on the plan is worth its money, which inputs turn it, and what nearly came in."""
    yield from sentences(say.plan.worth_from, tr("This plan"))
    more = [
        (one, one.net_cost_meur / one.avoided)
        for one in say.brief.increments[1:]
        if say.of_damage and min(one.avoided, one.net_cost_meur) > NOISE
    ]
    if more:
        told = [
            tr(
                "{factor} compared with {other} ({cost})",
                factor=number(factor, 2),
                other=called(one),
                cost=say.money(one.net_cost_meur),
            )
            for one, factor in more
        ]
        text = tr(
            "What it costs all funders in addition, net, is worth it as long as a missing tonne "
            "costs at least this multiple of what the scenario says: {factors}.",
            factors=listed(told),
        )
        if beaten := [called(one) for one, factor in more if factor > 1]:
            text += " " + tr("Compared with {others} it is not worth it by the scenario's own "
                             "figures.", others=listed(beaten))  # fmt: skip
        yield text
    if say.beside.sensitivity is not None:
        yield from _moved(say, Wording(say.beside.sensitivity))
    near = [one for one in say.brief.rejected if one.high is not None][:MOST_NAMED]
    if near:
        told = [f"{say.name('projects', one.project)} ({between(one)})" for one in near]
        yield tr(
            "Left out, but nearest to it: {projects}; in brackets by how much the objective is "
            "worse with it ({unit}).",
            projects=listed(told),
            unit=say.unit,
        )


def _moved(say: PlanWording, study: sensitivity.Say) -> Iterator[str]:
    """How far uncertain inputs move what is expected, and which of them turn the decision."""
    inputs = study.found.inputs
    ends = [point.own.expected for one in inputs for point in (one.low, one.high)]
    if not ends:
        return
    yield tr(
        "Over the ranges of {count} uncertain inputs, one moved at a time, {noun} with this plan "
        "goes from {low} to {high}.",
        count=number(len(inputs)),
        noun=say.expected,
        low=say.spoken(min(ends)),
        high=say.spoken(max(ends)),
    )
    yield from sensitivity.standing(study)
    turning, undecided = sensitivity.changing(study.found), sensitivity.undecided(study)
    if turning:
        named = [_turn(study, one) for one in turning[:MOST_NAMED]]
        yield tr("The decision turns with {inputs}.", inputs=listed(named))
    elif study.found.decision == "same" and not undecided:
        yield tr("None of them turns the decision: how much is unsure, what to do is not.")
    if undecided:
        yield tr("Not decided before the limit: {inputs}.", inputs=listed(undecided))


def _turn(say: sensitivity.Say, one: SensitivityInput) -> str:
    """An input, and between which values it first turns the decision."""
    name = sensitivity.name(say, one)
    nearest = min(one.break_evens, key=lambda turn: abs(turn.changed - one.base), default=None)
    if nearest is None:
        return name
    last, first = sensitivity.turned(say, one, nearest)
    told = tr("right at {last}, no longer at {first}", last=last, first=first)
    if nearest.reason == "broken":
        told = tr("right at {last}, breaks a rule at {first}", last=last, first=first)
    return f"{name} ({told})"


def assumed(say: PlanWording) -> Iterator[str]:
    """What must be read with the answer: how much of it depends on assumptions."""
    assumed = {kind: shares["assumption"] for kind, shares in evidence.rests_on(say.plan).items()}
    most = {evidence.kind_name(kind): share for kind, share in assumed.items() if share > 0.5}
    told = [f"{name} ({percent(share)})" for name, share in most.items()]
    if told:
        yield tr(
            "Most of the benefit depends on assumed figures: {kinds}. They serve to compare "
            "options, not to predict losses.",
            kinds=listed(told),
        )
    standings = [figure.standing for figure in evidence.figures(say.case)]
    if "none" in standings:
        yield tr(
            "Figures of the scenario without a source: {count} of {total}.",
            count=number(standings.count("none")),
            total=number(len(standings)),
        )
    known = len(say.brief.increments) > 1 or say.beside.evaluation is not None
    if not known and say.public and say.of_damage:
        yield tr(
            "What public money adds to what companies do alone takes an evaluation of its own "
            "(vorrat evaluate)."
        )
