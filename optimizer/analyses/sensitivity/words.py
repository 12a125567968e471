"""What inputs of a sensitivity analysis are called, and which of them turn the decision."""

from __future__ import annotations

import math
from collections.abc import Iterable

from models.language import marked, tr
from models.results import ProvenRange, Sensitivity, SensitivityInput, SensitivityPoint
from optimizer.report.figures import NO_BREAK, clean, exact
from optimizer.report.wording import Wording

ALL = {
    "hazard": marked("Probability of all hazards"),
    "damage": marked("Damage of a missing tonne, all materials"),
    "demand": marked("Demand for all materials"),
    "capex": marked("Capex of all projects"),
    "success": marked("Chance that projects fail, all of them"),
    "delay": marked("Chance that projects are late, all of them"),
    "price": marked("Prices of all materials"),
}
ONE = {
    "hazard": marked("Probability: {name}"),
    "damage": marked("Damage of a missing tonne: {name}"),
    "demand": marked("Demand: {name}"),
    "capex": marked("Capex: {name}"),
    "success": marked("Chance of failure: {name}"),
    "delay": marked("Chance of delay: {name}"),
    "price": marked("Price: {name}"),
}
PARTS = {
    "hazard": "hazards",
    "damage": "materials",
    "demand": "materials",
    "price": "materials",
    "capex": "projects",
    "success": "projects",
    "delay": "projects",
}
RULES = {
    "P5 ticket_min": marked("a ticket falls below the least that is allowed"),
    "P5 ticket_max": marked("a ticket is larger than is allowed"),
    "P7": marked("the public share of a project is too high"),
    "P8": marked("state aid for a project is too high"),
    "S4": marked("stocks last for fewer days than is asked for"),
    "B1": marked("it cannot be paid from a funder's budget"),
    "B2": marked("it cannot be paid from the public budget"),
    "B3": marked("it cannot be paid from a budget line"),
    "B4": marked("more is guaranteed than a budget line allows"),
    "G1": marked("too much comes from one country"),
}
"""What a broken rule means, by its tag, or by tag and name."""


def name(say: Wording[Sensitivity], one: SensitivityInput) -> str:
    """What an input is called."""
    if one.kind == "input" or one.subject is None:
        return tr(ALL[one.kind]) if one.kind in ALL else clean(one.subject or one.id)
    return tr(ONE[one.kind], name=say.name(PARTS[one.kind], one.subject))


def named_by_id(say: Wording[Sensitivity], id: str) -> str:
    """What the input of an id is called."""
    return next((name(say, one) for one in say.found.inputs if one.id == id), clean(id))


def value(
    say: Wording[Sensitivity],
    one: SensitivityInput,
    at: float,
    known: float | None,
    digits: int = 3,
) -> str:
    """A value of an input: the number where it is a single one, else the factor."""
    if known is None:
        return "×\N{NO-BREAK SPACE}" + exact(float(f"{at:.{digits}g}"))
    if one.kind in ("hazard", "success"):
        share = known if one.kind == "hazard" else 1 - known
        return f"{exact(float(f'{100 * share:.{digits}g}'))}{NO_BREAK}%"
    counted = one.kind == "input" and float(known).is_integer()
    figure = exact(known if counted else float(f"{known:.{digits}g}"))
    per_tonne = f"{say.currency}/t"
    units = {
        "capex": say.million,
        "price": per_tonne,
        "damage": per_tonne,
        "demand": tr("t"),
    }
    return f"{figure} {units[one.kind]}" if one.kind in units else figure


def turned(say: Wording[Sensitivity], one: SensitivityInput, at: float, known: float | None) -> str:
    """A value at which the decision turns or does not yet, with a digit more."""
    return value(say, one, at, known, 4)


def of_point(say: Wording[Sensitivity], one: SensitivityInput, point: SensitivityPoint) -> str:
    """The value of an end."""
    return value(say, one, point.value, point.number)


def of_base(say: Wording[Sensitivity], one: SensitivityInput) -> str:
    """The value in the scenario as it is."""
    return value(say, one, one.base, one.base_number)


def reasons(broken: Iterable[str]) -> str:
    """Why a plan cannot be carried out, each reason once."""
    found: dict[str, None] = {}
    for rule in broken:
        tag = rule.partition(" ")[0]
        known = next((key for key in (rule.partition(":")[0], tag) if key in RULES), None)
        found[tr("it breaks rule {tag}", tag=tag) if known is None else tr(RULES[known])] = None
    return "; ".join(found)


def decision(point: SensitivityPoint) -> str:
    """What becomes of the decision at an end, in a word or two."""
    if point.status == "infeasible":
        return tr("no plan keeps all rules")
    return {
        "same": tr("stays"),
        "changed": tr("another plan is better"),
        "broken": tr("breaks a rule"),
        "open": tr("open"),
    }[point.decision]


def changing(found: Sensitivity) -> list[SensitivityInput]:
    """Inputs that change the decision somewhere in their range, the nearest to turn first; none
    where the plan is not proven to be right as things are, so that there is nothing to turn."""
    if found.decision != "same":
        return []

    def distance(one: SensitivityInput) -> float:
        """Share of the way from base to an end at which the decision turns."""
        ways = [1.0]
        for turn in one.break_evens:
            end = one.low.value if turn.toward == "low" else one.high.value
            ways.append(abs(turn.changed - one.base) / max(abs(end - one.base), 1e-12))
        return min(ways)

    some = [
        one
        for one in found.inputs
        if any(point.decision in ("changed", "broken") for point in (one.low, one.high))
    ]
    return sorted(some, key=distance)


def undecided(found: Sensitivity) -> list[SensitivityInput]:
    """Inputs of which an end was not decided, and no other end changes the decision."""
    known = {one.id for one in changing(found)}
    return [
        one
        for one in found.inputs
        if one.id not in known and "open" in (one.low.decision, one.high.decision)
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
    ranges = [found.best.objective]
    for one in found.inputs:
        ranges += [p.best.objective for p in (one.low, one.high) if p.best is not None]
    return max((r.high - r.low) / max(abs(r.high), 1e-6) for r in ranges)


def is_proven(range_: ProvenRange | None) -> bool:
    """Whether a swing is more than the gaps leave open."""
    return range_ is None or (range_.low > 0 and math.isfinite(range_.high))
