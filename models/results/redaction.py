"""Result of a redaction: its cost to the answer, and how far figures can be recovered."""

from typing import Literal

from models.results.base import InMeasureUnit, JsonDocument, Result, Seconds, UnboundedShare

AnswerState = Literal["solved", "skipped", "infeasible", "redacted_infeasible", "no_plan"]
HiddenKind = Literal[
    "demand", "damage_value", "damage_share", "budget", "stock", "paid_share", "other"
]


class RecoveryRange(Result):
    """The range in which a hidden figure must lie, for a reader with given knowledge."""

    low: float  #: Smallest possible value.
    high: float  #: Largest possible value.
    error: UnboundedShare  #: Relative error of the best guess, √(low · high).
    by: str | None
    """Result that narrows the range most; null if no result narrows the range given by the file."""


class RedactedFigure(Result):
    """A figure that was replaced, and the ranges to which readers can narrow it."""

    path: str  #: Path of the figure in the scenario, as used by ``--set``.
    kind: HiddenKind
    """Kind of the figure. ``paid_share`` and ``other``: the figure follows from hidden figures, or
    its redaction was requested."""
    owner: str  #: Id of the consumer or company; empty for ``other``.
    material: str | None  #: Id of the material; null if the figure does not concern a material.
    published: float  #: Value in the redacted scenario.
    value: float | None  #: True value; null without ``--values``.
    low: float
    """Smallest value that is compatible with the redacted file. It satisfies the band and all
    relations between figures that were found."""
    high: float  #: Largest value that is compatible with the redacted file.
    error: UnboundedShare
    """Largest relative error of the best guess from the file alone, √(low · high)."""
    bits_left: float
    """Remaining uncertainty in bits: log2 of the number of possible values in steps of 1 %."""
    bits_told: float
    """Information in bits that the file gives to a reader who knows the figure only to within a
    factor of ten, with equal probabilities of all orders of magnitude: log2 of the ratio of the
    ranges before and after."""
    known_shape: RecoveryRange | None
    """Range for a reader who knows how the figure changes over the years. Null for a single figure,
    and for 0."""
    results: RecoveryRange | None
    """Range for a reader who also knows the true results. This field and the next two are null if
    nothing was solved."""
    insider: RecoveryRange | None
    """Range for a reader who knows all other figures, and ``outcome.expected`` and
    ``outcome.without_plan.expected`` as a report prints them."""
    insider_by_consumer: RecoveryRange | None
    """The same range for a reader who also knows the consumer's part of these two results."""


class RevealingResult(Result):
    """A result of the true scenario that must not be published with the redacted one."""

    result: str  #: Path of the result in a [plan](#plan).
    exact: tuple[str, ...]  #: Paths of the figures that the result reveals to within a thousandth.
    narrowed: tuple[str, ...]
    """Paths of the figures whose range the result narrows to less than half."""


class RemovedItem(Result):
    """A part of the scenario that was removed or changed, since it could reveal figures."""

    path: str  #: Path of the removed or changed part.
    reason: Literal["variant", "description", "source", "note", "text", "mentioned", "follows"]
    """``variant``: a variant that sets a hidden figure or needs a file. ``description``, ``note``:
    such a text of a changed item. ``source``: an entry of the bibliography to which nothing else
    refers. ``text``: all sources, notes and descriptions of a section. ``mentioned``: a text that
    contains a hidden figure. ``follows``: a figure that follows from hidden ones and was recomputed
    from their replacements."""


class RemainingHint(Result):
    """A part of the redacted scenario that may still reveal figures; its owner should check it."""

    path: str  #: Path of the part.
    reason: Literal[
        "mentioned",
        "supply_adds_up",
        "grows_alike",
        "follows",
        "purse_open",
        "curve_shared",
        "shares_kept",
        "private_open",
    ]
    """``mentioned``: a text that contains a hidden figure (until version 0.2). ``supply_adds_up``:
    supply equals need. ``grows_alike``: demand of other consumers grows like hidden demand, or is a
    multiple of it. ``follows``: a figure that matches hidden ones and was permitted to stay.
    ``purse_open``: the budget of the company is not redacted. ``curve_shared``: other consumers
    have the same damage curve. ``shares_kept``: shares of damage steps, which a factor cannot hide.
    ``private_open``: a number of a private file is not redacted."""


class RedactionLoss(Result):
    """The loss from using the redacted scenario's plan, measured in the true scenario."""

    objective: InMeasureUnit  #: Objective of the plan of the true scenario.
    bound: InMeasureUnit | None
    """Proven lower bound on the objective of any plan of the true scenario; null without a
    bound."""
    redacted_gap: UnboundedShare | None
    """Relative gap of the redacted scenario's plan in the redacted scenario."""
    without_plan: InMeasureUnit  #: Objective in the true scenario without any plan.
    feasible: bool
    """Whether the redacted scenario's plan satisfies all rules of the true scenario."""
    broken: tuple[str, ...]  #: Rules of the true scenario that this plan breaks, with their tags.
    attained: InMeasureUnit | None
    """Objective of this plan in the true scenario; null if it breaks a rule."""
    same_projects: InMeasureUnit | None
    """If the plan breaks a rule: objective of the best plan with the same projects and starts. Null
    otherwise, or without such a plan."""
    regret: InMeasureUnit | None
    """``attained`` or ``same_projects`` minus ``objective``; may be negative within the gaps."""
    regret_at_most: InMeasureUnit | None
    """Upper bound on the regret: ``attained`` or ``same_projects`` minus ``bound``."""
    benefit_lost: UnboundedShare | None
    """Regret as a share of ``without_plan`` minus ``objective``."""
    expected: InMeasureUnit  #: Expected damage in the true scenario with its own plan.
    expected_attained: InMeasureUnit
    """Expected damage in the true scenario with the redacted scenario's plan. If this plan breaks a
    rule: with the best plan that has the same projects and starts, if there is one."""
    expected_said: InMeasureUnit  #: Expected damage that the redacted scenario's plan reports.
    entering: tuple[str, ...]  #: Projects that only the redacted scenario's plan builds.
    leaving: tuple[str, ...]  #: Projects that only the true scenario's plan builds.
    moved: dict[str, tuple[int, int]]
    """Projects with different start years: true plan, then redacted plan."""
    stocks_t: dict[str, tuple[float, float]]
    """Largest planned stocks that differ by more than 1 %: true plan, then redacted plan."""


class Redaction(JsonDocument):
    """How a scenario was redacted, what that costs, and what can be recovered.

    The document is computed from the true figures. It is meant for [their owner
    alone](confidentiality.md).
    """

    kind: Literal["redaction"] = "redaction"
    title: str  #: Title of the scenario.
    currency: str  #: Currency of all amounts.
    method: Literal["band", "scale"]
    """``band``: figures are replaced by the middle of a band; ``scale``: figures are multiplied by
    random factors."""
    width: UnboundedShare
    """Width of the bands; for ``scale``, factors lie between 1 / (1 + width) and 1 + width."""
    consumers: tuple[str, ...]  #: Consumers whose figures were replaced.
    companies: tuple[str, ...]  #: Companies whose budgets were replaced.
    figures: tuple[RedactedFigure, ...]  #: Figures that were replaced, in the order of the file.
    left_out: tuple[RemovedItem, ...]  #: Parts that were removed.
    hints: tuple[RemainingHint, ...]  #: Parts that may still reveal figures.
    answer: AnswerState
    """``solved``: both scenarios have a plan; ``skipped``: not solved because of ``--no-solve``;
    ``infeasible``: no plan satisfies all rules of the true scenario; ``redacted_infeasible``: no
    plan satisfies all rules of the redacted scenario; ``no_plan``: a limit stopped a solve before a
    plan was found."""
    unit: str  #: Unit of the measure.
    loss: RedactionLoss | None
    """Loss from using the redacted scenario; null unless both scenarios have a plan."""
    telling: tuple[RevealingResult, ...]
    """Results that must not be published, the most revealing first. Empty if nothing was solved."""
    seconds: Seconds  #: Wall time.
