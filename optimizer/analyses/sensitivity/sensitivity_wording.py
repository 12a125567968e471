"""Names of inputs of a sensitivity analysis, and which of them change the decision."""

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
"""Name template of each kind of input, and the kind of its subject."""
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
"""Explanation of a broken rule, by its tag."""


def input_name(wording: SensitivityWording, varied_input: SensitivityInput) -> str:
    """Return the name of an input."""
    if varied_input.kind == "input":
        return sanitize(varied_input.subject or varied_input.id)
    if varied_input.subject is None:
        return input_kind_name(varied_input.kind)
    template, kind = INPUT_KINDS[varied_input.kind]
    return tr(template, name=wording.name(kind, varied_input.subject))


def input_kind_name(kind: str) -> str:
    """Return the name of all numbers of a kind; the kind itself if it is unknown."""
    template, part = INPUT_KINDS.get(kind, (kind, ""))
    names = {"hazards": tr("all hazards"), "materials": tr("all materials")}
    return tr(template, name={**names, "projects": tr("all projects")}.get(part, ""))


def input_name_by_id(wording: SensitivityWording, id: str) -> str:
    """Return the name of the input with an id."""
    return next((input_name(wording, x) for x in wording.result.inputs if x.id == id), sanitize(id))


def value_text(
    wording: SensitivityWording,
    varied_input: SensitivityInput,
    raw_value: float,
    number: float | None,
) -> str:
    """Return a value of an input: the number if there is a single one, else the factor."""
    figure = _shown_figure(varied_input, raw_value, number)
    is_count = varied_input.kind == "input" and figure.is_integer()
    if not is_count:  # three significant digits, but no rounding before the point
        figure = float(round(figure) if abs(figure) >= 1000 else f"{figure:.3g}")
    return _figure_text(wording, varied_input, figure, number)


def turning_values(
    wording: SensitivityWording, varied_input: SensitivityInput, break_even: BreakEven
) -> tuple[str, str]:
    """Return the last value at which the plan is right and the first at which it is not.

    Both are rounded away from each other, so that they remain proven.
    """
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
    """Return the figure shown for a value: a factor, a probability in percent, or the number."""
    if number is None:
        return raw_value
    return {"hazard": 100 * number, "success": 100 * (1 - number)}.get(
        varied_input.kind, float(number)
    )


def _figure_text(
    wording: SensitivityWording, varied_input: SensitivityInput, figure: float, number: float | None
) -> str:
    """Return a figure with its unit."""
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
    """Return the value at an end of the range."""
    return value_text(wording, varied_input, point.value, point.number)


def broken_rules_text(broken_rules: Iterable[str]) -> str:
    """Return why a plan cannot be carried out, each reason once."""
    tags = dict.fromkeys(rule.partition(" ")[0] for rule in broken_rules)
    return "; ".join(
        tr(BROKEN_RULE_TEXTS[tag])
        if tag in BROKEN_RULE_TEXTS
        else tr("it breaks rule {tag}", tag=tag)
        for tag in tags
    )


def turning_inputs(sensitivity: Sensitivity) -> list[SensitivityInput]:
    """Return inputs that change the decision within their range, the nearest first.

    Empty if the plan is not proven right in the unchanged scenario.
    """

    def distance(varied: SensitivityInput) -> float:
        """Return the share of the way from base to an end at which the decision changes."""
        ends = {"low": varied.low.value, "high": varied.high.value}
        distances = (
            abs(break_even.changed - varied.base)
            / max(abs(ends[break_even.toward] - varied.base), 1e-12)
            for break_even in varied.break_evens
        )
        return min(distances, default=1.0)

    decisive = {"changed", "broken"} if sensitivity.decision == "same" else set()
    turning = [x for x in sensitivity.inputs if decisive & {x.low.decision, x.high.decision}]
    return sorted(turning, key=distance)


def describe_base_decision(wording: SensitivityWording) -> Iterator[str]:
    """Yield why there are no break-evens, if the plan is not proven right at base values."""
    result = wording.result
    if result.decision == "changed" and result.regret is not None:
        yield tr(
            "It is not the best plan even as things are: its objective is worse by {regret}. "
            "Break-evens were not searched for.",
            regret=f"{format_range(result.regret)} {wording.unit}",
        )
    elif result.decision == "open":
        yield tr(
            "Whether it is the best plan as things are was not decided before the limit. "
            "Break-evens were not searched for."
        )


def undecided_inputs(wording: SensitivityWording) -> list[str]:
    """Return the names of inputs for which it is open whether they change the decision."""
    turning = turning_inputs(wording.result)
    return [
        input_name(wording, varied_input)
        for varied_input in wording.result.inputs
        if varied_input not in turning
        and "open" in (varied_input.low.decision, varied_input.high.decision)
    ]


def leading_input(sensitivity: Sensitivity) -> SensitivityInput | None:
    """Return the input with the largest proven effect on the best plan; None if none is proven.

    An end without any feasible plan counts as the largest effect.
    """

    def min_swing(varied_input: SensitivityInput) -> float:
        if "infeasible" in (varied_input.low.status, varied_input.high.status):
            return math.inf
        return 0.0 if varied_input.swing is None else varied_input.swing.low

    first = max(sensitivity.inputs, key=min_swing, default=None)
    return first if first is not None and min_swing(first) > 0 else None


def largest_gap(sensitivity: Sensitivity) -> float:
    """Return the largest relative gap of all solves."""
    points = [
        point
        for varied_input in sensitivity.inputs
        for point in (varied_input.low, varied_input.high)
    ]
    ranges = [sensitivity.best.objective, *(p.best.objective for p in points if p.best is not None)]
    return max((r.high - r.low) / max(abs(r.high), 1e-6) for r in ranges)
