"""Names and values of inputs of a sensitivity analysis in words, and the inputs that change the
decision."""

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
    """Return the name of an input in the current language."""
    if varied_input.kind == "input":
        return sanitize(varied_input.subject or varied_input.id)
    if varied_input.subject is None:
        return input_kind_name(varied_input.kind)
    template, kind = INPUT_KINDS[varied_input.kind]
    return tr(template, name=wording.name(kind, varied_input.subject))


def input_kind_name(kind: str) -> str:
    """Return the name of the input that changes all numbers of a kind; an unknown kind is returned
    as it is."""
    template, subject_kind = INPUT_KINDS.get(kind, (kind, ""))
    names = {"hazards": tr("all hazards"), "materials": tr("all materials")}
    return tr(template, name={**names, "projects": tr("all projects")}.get(subject_kind, ""))


def input_name_by_id(wording: SensitivityWording, id: str) -> str:
    """Return the name of the input that has this id."""
    return next((input_name(wording, x) for x in wording.result.inputs if x.id == id), sanitize(id))


def value_text(
    wording: SensitivityWording,
    varied_input: SensitivityInput,
    raw_value: float,
    number: float | None,
) -> str:
    """Return the text of an input's value: the number that it sets, or a factor if it sets several
    numbers."""
    figure = _shown_figure(varied_input, raw_value, number)
    is_count = varied_input.kind == "input" and figure.is_integer()
    if not is_count:  # three significant digits, but no rounding before the point
        figure = float(round(figure) if abs(figure) >= 1000 else f"{figure:.3g}")
    return _figure_text(wording, varied_input, figure, number)


def turning_values(
    wording: SensitivityWording, varied_input: SensitivityInput, break_even: BreakEven
) -> tuple[str, str]:
    """Return the texts of the last value at which the plan is right and of the first at which it is
    not.

    The first text is rounded towards values at which the plan is right, the second away from them,
    so that both remain proven.
    """
    unchanged_figure = _shown_figure(varied_input, break_even.good, break_even.good_number)
    changed_figure = _shown_figure(varied_input, break_even.changed, break_even.changed_number)
    places = 3 - math.floor(math.log10(max(abs(unchanged_figure), abs(changed_figure), 1e-9)))
    if (
        varied_input.kind == "input"
        and unchanged_figure.is_integer()
        and changed_figure.is_integer()
    ):
        places = 0
    range_ends = (
        round_outwards(unchanged_figure, places, up=unchanged_figure > changed_figure),
        round_outwards(changed_figure, places, up=changed_figure > unchanged_figure),
    )
    return _figure_text(wording, varied_input, range_ends[0], break_even.good_number), _figure_text(
        wording, varied_input, range_ends[1], break_even.good_number
    )


def _shown_figure(varied_input: SensitivityInput, raw_value: float, number: float | None) -> float:
    """Return the figure that stands for an input's value: a factor, a probability in percent, or
    the number itself."""
    if number is None:
        return raw_value
    return {"hazard": 100 * number, "success": 100 * (1 - number)}.get(
        varied_input.kind, float(number)
    )


def _figure_text(
    wording: SensitivityWording, varied_input: SensitivityInput, figure: float, number: float | None
) -> str:
    """Return the text of an input's figure with its unit."""
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
    """Return the text of the value at an end of an input's range."""
    return value_text(wording, varied_input, point.value, point.number)


def broken_rules_text(broken_rules: Iterable[str]) -> str:
    """Return a text on the rules that a plan breaks, with each reason given once."""
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

    def distance(varied_input: SensitivityInput) -> float:
        """Return the share of the way from the base value to the end of the range at which the
        decision changes."""
        range_ends = {"low": varied_input.low.value, "high": varied_input.high.value}
        distances = (
            abs(break_even.changed - varied_input.base)
            / max(abs(range_ends[break_even.toward] - varied_input.base), 1e-12)
            for break_even in varied_input.break_evens
        )
        return min(distances, default=1.0)

    decisive = {"changed", "broken"} if sensitivity.decision == "same" else set()
    turning = [x for x in sensitivity.inputs if decisive & {x.low.decision, x.high.decision}]
    return sorted(turning, key=distance)


def describe_base_decision(wording: SensitivityWording) -> Iterator[str]:
    """Yield why no break-evens were computed, if the plan is not proven to be right in the
    unchanged scenario."""
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
    """Return the input whose swing of the best plan's objective has the largest proven lower bound;
    None if no lower bound is positive.

    An input with an end at which no plan keeps all rules comes first.
    """

    def min_swing(varied_input: SensitivityInput) -> float:
        if "infeasible" in (varied_input.low.status, varied_input.high.status):
            return math.inf
        return 0.0 if varied_input.swing is None else varied_input.swing.low

    leading = max(sensitivity.inputs, key=min_swing, default=None)
    return leading if leading is not None and min_swing(leading) > 0 else None


def largest_gap(sensitivity: Sensitivity) -> float:
    """Return the largest relative gap of the best plans at all ends and in the unchanged
    scenario."""
    points = [
        point
        for varied_input in sensitivity.inputs
        for point in (varied_input.low, varied_input.high)
    ]
    objective_ranges = [
        sensitivity.best.objective,
        *(p.best.objective for p in points if p.best is not None),
    ]
    return max((r.high - r.low) / max(abs(r.high), 1e-6) for r in objective_ranges)
