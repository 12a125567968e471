"""What inputs of a sensitivity analysis are called, and which of them turn the decision."""

import math
from collections.abc import Iterable, Iterator

from models.language import marked, tr
from models.results import BreakEven, Sensitivity, SensitivityInput, SensitivityPoint
from optimizer.report.cells import between
from optimizer.report.figures import NO_BREAK, clean, exact, outwards
from optimizer.report.wording import Wording

Say = Wording[Sensitivity]

KINDS = {
    "hazard": (marked("Probability: {name}"), "hazards"),
    "damage": (marked("Damage of a missing tonne: {name}"), "materials"),
    "demand": (marked("Demand: {name}"), "materials"),
    "price": (marked("Price: {name}"), "materials"),
    "capex": (marked("Capex: {name}"), "projects"),
    "success": (marked("Chance of failure: {name}"), "projects"),
    "delay": (marked("Chance of delay: {name}"), "projects"),
}
"""What an input of a kind is called, and of what it is."""
RULES = {
    "P5": marked("a ticket is smaller or larger than is allowed"),
    "P7": marked("the public share of a project is too high"),
    "P8": marked("state aid for a project is too high"),
    "S4": marked("stocks last for fewer days than is asked for"),
    "B1": marked("it cannot be paid from a funder's budget"),
    "B2": marked("it cannot be paid from the public budget"),
    "B3": marked("it cannot be paid from a budget line"),
    "B4": marked("more is guaranteed than a budget line allows"),
    "G1": marked("too much comes from one country"),
}
"""What a broken rule means, by its tag."""


def name(say: Say, one: SensitivityInput) -> str:
    """What an input is called."""
    if one.kind == "input":
        return clean(one.subject or one.id)
    if one.subject is None:
        return every(one.kind)
    called, part = KINDS[one.kind]
    return tr(called, name=say.name(part, one.subject))


def every(kind: str) -> str:
    """What all numbers of a kind are called; the kind itself where it is none of these."""
    called, part = KINDS.get(kind, (kind, ""))
    names = {"hazards": tr("all hazards"), "materials": tr("all materials")}
    return tr(called, name={**names, "projects": tr("all projects")}.get(part, ""))


def named_by_id(say: Say, id: str) -> str:
    """What the input of an id is called."""
    return next((name(say, one) for one in say.found.inputs if one.id == id), clean(id))


def value(say: Say, one: SensitivityInput, at: float, known: float | None) -> str:
    """A value of an input: the number where it is a single one, else the factor."""
    figure = _figure(one, at, known)
    counted = one.kind == "input" and figure.is_integer()
    if not counted:  # of more digits than three none before the point is rounded away
        figure = float(round(figure) if abs(figure) >= 1000 else f"{figure:.3g}")
    return _shown(say, one, figure, known)


def turned(say: Say, one: SensitivityInput, turn: BreakEven) -> tuple[str, str]:
    """The last value that is proven to be right and the first that is not, rounded apart."""
    good = _figure(one, turn.good, turn.good_number)
    changed = _figure(one, turn.changed, turn.changed_number)
    places = 3 - math.floor(math.log10(max(abs(good), abs(changed), 1e-9)))
    if one.kind == "input" and good.is_integer() and changed.is_integer():
        places = 0
    ends = outwards(good, places, up=good > changed), outwards(changed, places, up=changed > good)
    return _shown(say, one, ends[0], turn.good_number), _shown(say, one, ends[1], turn.good_number)


def _figure(one: SensitivityInput, at: float, known: float | None) -> float:
    """The figure that is shown of a value: a factor, a chance in percent, or the number."""
    if known is None:
        return at
    return {"hazard": 100 * known, "success": 100 * (1 - known)}.get(one.kind, float(known))


def _shown(say: Say, one: SensitivityInput, figure: float, known: float | None) -> str:
    """A figure with its unit."""
    if known is None:
        return f"×{NO_BREAK}{exact(figure)}"
    if one.kind in ("hazard", "success"):
        return f"{exact(figure)}{NO_BREAK}%"
    units = {"capex": say.million, "demand": tr("t")}
    units |= dict.fromkeys(("price", "damage"), f"{say.currency}/t")
    return f"{exact(figure)} {units.get(one.kind, '')}".rstrip()


def of_point(say: Say, one: SensitivityInput, point: SensitivityPoint) -> str:
    """The value of an end."""
    return value(say, one, point.value, point.number)


def reasons(broken: Iterable[str]) -> str:
    """Why a plan cannot be carried out, each reason once."""
    tags = dict.fromkeys(rule.partition(" ")[0] for rule in broken)
    return "; ".join(
        tr(RULES[tag]) if tag in RULES else tr("it breaks rule {tag}", tag=tag) for tag in tags
    )


def changing(found: Sensitivity) -> list[SensitivityInput]:
    """Inputs that change the decision somewhere in their range, the nearest to turn first; none
    where the plan is not proven to be right as things are, so that there is nothing to turn."""

    def distance(one: SensitivityInput) -> float:
        """Share of the way from base to an end at which the decision turns."""
        ends = {"low": one.low.value, "high": one.high.value}
        ways = (
            abs(turn.changed - one.base) / max(abs(ends[turn.toward] - one.base), 1e-12)
            for turn in one.break_evens
        )
        return min(ways, default=1.0)

    decisive = {"changed", "broken"} if found.decision == "same" else set()
    some = [one for one in found.inputs if decisive & {one.low.decision, one.high.decision}]
    return sorted(some, key=distance)


def standing(say: Say) -> Iterator[str]:
    """Why break-evens were not sought: what is said where the plan is not proven to be right as
    things are."""
    found = say.found
    if found.decision == "changed" and found.regret is not None:
        yield tr(
            "It is not the best plan even as things are: its objective is worse by {regret}. "
            "Break-evens were not sought.",
            regret=f"{between(found.regret)} {say.unit}",
        )
    elif found.decision == "open":
        yield tr(
            "Whether it is the best plan as things are was not decided before the limit. "
            "Break-evens were not sought."
        )


def undecided(say: Say) -> list[str]:
    """The names of inputs of which nobody knows whether they turn the decision."""
    known = changing(say.found)
    return [
        name(say, one)
        for one in say.found.inputs
        if one not in known and "open" in (one.low.decision, one.high.decision)
    ]


def leading(found: Sensitivity) -> SensitivityInput | None:
    """The input that is proven to move the best plan most; None where the gaps leave open whether
    any does. Nothing moves it more than that there is none."""

    def moved(one: SensitivityInput) -> float:
        if "infeasible" in (one.low.status, one.high.status):
            return math.inf
        return 0.0 if one.swing is None else one.swing.low

    first = max(found.inputs, key=moved, default=None)
    return first if first is not None and moved(first) > 0 else None


def largest_gap(found: Sensitivity) -> float:
    """The largest gap of all solves, as a share."""
    points = [point for one in found.inputs for point in (one.low, one.high)]
    ranges = [found.best.objective, *(p.best.objective for p in points if p.best is not None)]
    return max((r.high - r.low) / max(abs(r.high), 1e-6) for r in ranges)
