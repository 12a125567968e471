"""What inputs of a sensitivity analysis are called, and which of them turn the decision."""

import math
from collections.abc import Iterable, Iterator

from models.language import mark_translatable, tr
from models.results import BreakEven, Sensitivity, SensitivityInput, SensitivityPoint
from optimizer.report.cells import format_range
from optimizer.report.number_format import NO_BREAK_SPACE, format_exact, round_outwards, sanitize
from optimizer.report.wording import Wording

SensitivityWording = Wording[Sensitivity]

INPUT_KINDS = {
    "hazard": (mark_translatable("Probability: {name}"), "hazards"),
    "damage": (mark_translatable("Damage of a missing tonne: {name}"), "materials"),
    "demand": (mark_translatable("Demand: {name}"), "materials"),
    "price": (mark_translatable("Price: {name}"), "materials"),
    "capex": (mark_translatable("Capex: {name}"), "projects"),
    "success": (mark_translatable("Chance of failure: {name}"), "projects"),
    "delay": (mark_translatable("Chance of delay: {name}"), "projects"),
}
"""What an input of a kind is called, and of what it is."""
BROKEN_RULE_TEXTS = {
    "P5": mark_translatable("a ticket is smaller or larger than is allowed"),
    "P7": mark_translatable("the public share of a project is too high"),
    "P8": mark_translatable("state aid for a project is too high"),
    "S4": mark_translatable("stocks last for fewer days than is asked for"),
    "B1": mark_translatable("it cannot be paid from a funder's budget"),
    "B2": mark_translatable("it cannot be paid from the public budget"),
    "B3": mark_translatable("it cannot be paid from a budget line"),
    "B4": mark_translatable("more is guaranteed than a budget line allows"),
    "G1": mark_translatable("too much comes from one country"),
}
"""What a broken rule means, by its tag."""


def input_name(wording: SensitivityWording, varied_input: SensitivityInput) -> str:
    """What an input is called."""
    if varied_input.kind == "input":
        return sanitize(varied_input.subject or varied_input.id)
    if varied_input.subject is None:
        return input_kind_name(varied_input.kind)
    called, part = INPUT_KINDS[varied_input.kind]
    return tr(called, name=wording.name(part, varied_input.subject))


def input_kind_name(kind: str) -> str:
    """What all numbers of a kind are called; the kind itself where it is none of these."""
    called, part = INPUT_KINDS.get(kind, (kind, ""))
    names = {"hazards": tr("all hazards"), "materials": tr("all materials")}
    return tr(called, name={**names, "projects": tr("all projects")}.get(part, ""))


def input_name_by_id(wording: SensitivityWording, id: str) -> str:
    """What the input of an id is called."""
    return next(
        (input_name(wording, one) for one in wording.result.inputs if one.id == id), sanitize(id)
    )


def value_text(
    wording: SensitivityWording,
    varied_input: SensitivityInput,
    raw_value: float,
    number: float | None,
) -> str:
    """A value of an input: the number where it is a single one, else the factor."""
    figure = _shown_figure(varied_input, raw_value, number)
    counted = varied_input.kind == "input" and figure.is_integer()
    if not counted:  # of more digits than three none before the point is rounded away
        figure = float(round(figure) if abs(figure) >= 1000 else f"{figure:.3g}")
    return _figure_text(wording, varied_input, figure, number)


def turning_values(
    wording: SensitivityWording, varied_input: SensitivityInput, break_even: BreakEven
) -> tuple[str, str]:
    """The last value that is proven to be right and the first that is not, rounded apart."""
    good = _shown_figure(varied_input, break_even.good, break_even.good_number)
    changed = _shown_figure(varied_input, break_even.changed, break_even.changed_number)
    places = 3 - math.floor(math.log10(max(abs(good), abs(changed), 1e-9)))
    if varied_input.kind == "input" and good.is_integer() and changed.is_integer():
        places = 0
    ends = (
        round_outwards(good, places, up=good > changed),
        round_outwards(changed, places, up=changed > good),
    )
    return _figure_text(wording, varied_input, ends[0], break_even.good_number), _figure_text(
        wording, varied_input, ends[1], break_even.good_number
    )


def _shown_figure(varied_input: SensitivityInput, raw_value: float, number: float | None) -> float:
    """The figure that is shown of a value: a factor, a chance in percent, or the number."""
    if number is None:
        return raw_value
    return {"hazard": 100 * number, "success": 100 * (1 - number)}.get(
        varied_input.kind, float(number)
    )


def _figure_text(
    wording: SensitivityWording, varied_input: SensitivityInput, figure: float, number: float | None
) -> str:
    """A figure with its unit."""
    if number is None:
        return f"×{NO_BREAK_SPACE}{format_exact(figure)}"
    if varied_input.kind in ("hazard", "success"):
        return f"{format_exact(figure)}{NO_BREAK_SPACE}%"
    units = {"capex": wording.money_unit, "demand": tr("t")}
    units |= dict.fromkeys(("price", "damage"), f"{wording.currency}/t")
    return f"{format_exact(figure)} {units.get(varied_input.kind, '')}".rstrip()


def end_value_text(
    wording: SensitivityWording, varied_input: SensitivityInput, point: SensitivityPoint
) -> str:
    """The value of an end."""
    return value_text(wording, varied_input, point.value, point.number)


def broken_rules_text(broken_rules: Iterable[str]) -> str:
    """Why a plan cannot be carried out, each reason once."""
    tags = dict.fromkeys(rule.partition(" ")[0] for rule in broken_rules)
    return "; ".join(
        tr(BROKEN_RULE_TEXTS[tag])
        if tag in BROKEN_RULE_TEXTS
        else tr("it breaks rule {tag}", tag=tag)
        for tag in tags
    )


def turning_inputs(sensitivity: Sensitivity) -> list[SensitivityInput]:
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

    decisive = {"changed", "broken"} if sensitivity.decision == "same" else set()
    some = [one for one in sensitivity.inputs if decisive & {one.low.decision, one.high.decision}]
    return sorted(some, key=distance)


def describe_base_decision(wording: SensitivityWording) -> Iterator[str]:
    """Why break-evens were not sought: what is said where the plan is not proven to be right as
    things are."""
    found = wording.result
    if found.decision == "changed" and found.regret is not None:
        yield tr(
            "It is not the best plan even as things are: its objective is worse by {regret}. "
            "Break-evens were not sought.",
            regret=f"{format_range(found.regret)} {wording.unit}",
        )
    elif found.decision == "open":
        yield tr(
            "Whether it is the best plan as things are was not decided before the limit. "
            "Break-evens were not sought."
        )


def undecided_inputs(wording: SensitivityWording) -> list[str]:
    """The names of inputs of which nobody knows whether they turn the decision."""
    known = turning_inputs(wording.result)
    return [
        input_name(wording, one)
        for one in wording.result.inputs
        if one not in known and "open" in (one.low.decision, one.high.decision)
    ]


def leading_input(sensitivity: Sensitivity) -> SensitivityInput | None:
    """The input that is proven to move the best plan most; None where the gaps leave open whether
    any does. Nothing moves it more than that there is none."""

    def moved(one: SensitivityInput) -> float:
        if "infeasible" in (one.low.status, one.high.status):
            return math.inf
        return 0.0 if one.swing is None else one.swing.low

    first = max(sensitivity.inputs, key=moved, default=None)
    return first if first is not None and moved(first) > 0 else None


def largest_gap(sensitivity: Sensitivity) -> float:
    """The largest gap of all solves, as a share."""
    points = [point for one in sensitivity.inputs for point in (one.low, one.high)]
    ranges = [sensitivity.best.objective, *(p.best.objective for p in points if p.best is not None)]
    return max((r.high - r.low) / max(abs(r.high), 1e-6) for r in ranges)
