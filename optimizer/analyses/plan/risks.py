"""What may go wrong with a plan, what would turn the decision, and what it rests on."""

from collections.abc import Iterator, Sequence

from models.language import tr
from models.results import SensitivityInput
from optimizer.analyses.instead import changes
from optimizer.analyses.plan import evidence
from optimizer.analyses.plan.accounts import provision
from optimizer.analyses.plan.fiscal import returns
from optimizer.analyses.plan.words import PlanWording
from optimizer.analyses.sensitivity import words as sensitivity
from optimizer.analyses.stress.words import what_comes
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
        yield " ".join([
            tr("If every project fails, public funders lose {loss}; what stocks cost is spent in "
               "any case.", loss=say.money(loss)),
            *provision(say),
            *returns(say),
        ])  # fmt: skip
    for test in say.beside.stress[:1]:
        yield tr(
            "{event}: damage comes to {after} with the plan, {before} without it.",
            event="; ".join(what_comes(Wording(test))),
            after=say.spoken(test.damage["plan"]),
            before=say.spoken(test.damage["market"]),
        )

    found = say.beside.evaluation
    if found is not None and found.budget_risk is not None:
        yield tr(
            "Projects may cost more than was announced: with {share} % probability every budget is "
            "enough all the same.",
            share=number(100 * found.budget_risk.all_hold.value, 0),
        )
    yield from remains(say)
    if plan.outcome.windfall_meur > NOISE:
        some = sorted(plan.unaided, key=lambda one: -one.windfall_meur)[:MOST_NAMED]
        likely = [one for one in some if one.windfall_meur > NOISE]
        yield tr(
            "{windfall} of what funders pay is a windfall: it goes to output that would come home "
            "without it, since these may be built in any case: {projects}.",
            windfall=say.money(plan.outcome.windfall_meur),
            projects=listed(
                [
                    f"{say.name('projects', one.id)} ({rounded_percent(one.probability)})"
                    for one in likely
                ]
            ),
        )


def remains(say: PlanWording) -> Iterator[str]:
    """What is left with the plan, and of which materials most."""
    after = say.plan.outcome.expected
    hit = [one for one in say.plan.materials if one.expected > NOISE]
    some = sorted(hit, key=lambda one: -one.expected)[:MOST_NAMED]
    if some and after > NOISE:
        yield tr(
            "Expected to remain: {after}, {share} of it of {materials}.",
            after=say.spoken(after),
            share=rounded_percent(sum(one.expected for one in some) / after),
            materials=listed(
                [f"{say.name('materials', x.id)} ({say.spoken(x.expected)})" for x in some]
            ),
        )


def turns(say: PlanWording) -> Iterator[str]:
    """From where on the plan is worth its money, which inputs turn it, and what nearly came in."""
    yield from sentences(say.plan.worth_from, tr("This plan"))
    if say.beside.sensitivity is not None:
        found = Wording(say.beside.sensitivity)
        some = []
        turning = sensitivity.changing(say.beside.sensitivity)
        for one in turning:
            for turn in one.break_evens:
                last, first = sensitivity.turned(found, one, turn)
                about = {"input": sensitivity.name(found, one), "last": last, "first": first}
                some.append(tr("{input} (right at {last}, no longer at {first})", **about))
        moved = [x for one in say.beside.sensitivity.inputs for x in (one.low.own, one.high.own)]
        if moved:
            yield tr(
                "Over the ranges of {count} uncertain inputs expected damage goes from {low} to "
                "{high}, one moved at a time.",
                count=number(len(say.beside.sensitivity.inputs)),
                low=say.spoken(min(x.expected for x in moved)),
                high=say.spoken(max(x.expected for x in moved)),
            )
            yield (
                tr("The decision turns with {inputs}.", inputs=listed(some[:MOST_NAMED]))
                if some
                else tr("None of them turns the decision: how much is unsure, what to do is not.")
            )
        yield from _instead(found, turning)
    near = [one for one in say.brief.rejected if one.high is not None][:MOST_NAMED]
    if near:
        told = [f"{say.name('projects', one.project)} ({between(one)})" for one in near]
        yield tr(
            "Left out, but nearest to it: {projects}; in brackets by how much the objective is "
            "worse with it ({unit}).",
            projects=listed(told),
            unit=say.unit,
        )


def _instead(say: sensitivity.Say, turning: Sequence[SensitivityInput]) -> Iterator[str]:
    """What is right in place of the plan at the end of the range of the first input that turns it,
    and what the plan is worse by there."""
    ends = [(one, end) for one in turning for end in (one.low, one.high)]
    better = [(one, end) for one, end in ends if end.decision == "changed" and end.regret]
    for one, end in better[:1]:
        yield tr(
            "{input} at {value}: another plan is better by {regret} {unit}, {changes}.",
            input=sensitivity.name(say, one),
            value=sensitivity.of_point(say, one, end),
            regret=between(end.regret),
            unit=say.unit,
            changes=changes(say, end, say.found.stocks_t),
        )


def assumed(say: PlanWording) -> Iterator[str]:
    """What must be read with the answer: how much of it depends on assumptions."""
    assumed = {kind: shares["assumption"] for kind, shares in evidence.rests_on(say.plan).items()}
    most = {evidence.kind_name(kind): share for kind, share in assumed.items() if share > 0.5}
    told = [f"{name} ({percent(share)})" for name, share in most.items()]
    if told:
        yield tr(
            "Most of the benefit depends on assumptions; shares of it that depend on assumed "
            "figures: {kinds}. The figures compare options; they do not predict losses.",
            kinds=listed(told),
        )
    standings = [figure.standing for figure in evidence.figures(say.case)]
    if "none" in standings:
        yield tr(
            "Figures of the scenario without a source: {count} of {total}.",
            count=number(standings.count("none")),
            total=number(len(standings)),
        )
    if len(say.brief.increments) < 2 and say.public and say.of_damage:
        yield tr(
            "What public money adds to what companies do alone is not known here: vorrat evaluate "
            "finds it."
        )
