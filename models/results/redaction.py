"""Result of a redaction: its cost to the answer, and how far figures can be recovered."""

from typing import Literal

from models.results.base import InMeasureUnit, Result, SealedDocument, Seconds, UnboundedShare

AnswerState = Literal["solved", "skipped", "infeasible", "redacted_infeasible", "no_plan"]
HiddenKind = Literal[
    "demand", "damage_value", "damage_share", "budget", "stock", "paid_share", "other"
]


class RecoveryRange(Result):
    """The range in which a hidden figure must lie, for a reader with given knowledge."""

    low: float  #: It is no less.
    high: float  #: It is no more.
    error: UnboundedShare
    """How far the best guess, √(low · high), is off, as a share of the figure."""
    by: str | None  #: The result that tells most; null where none tells more than the file.


class RedactedFigure(Result):
    """A figure that was replaced, and the ranges to which readers can narrow it."""

    path: str  #: Where it stands in the scenario, as ``--set`` has it.
    kind: HiddenKind
    """What it is; ``paid_share`` and ``other`` follow from hidden figures, or were asked for."""
    owner: str  #: Id of the consumer or company; empty for ``other``.
    material: str | None  #: Id of the material, where it is of one.
    published: float  #: What the redacted scenario says.
    value: float | None  #: What it is in truth; null without ``--values``.
    low: float
    """The least that it can be by the file alone: its band, and all relations of figures found."""
    high: float  #: The most that it can be by the file alone.
    error: UnboundedShare
    """How far the best guess, √(low · high), can be off, by the file, as a share."""
    bits_left: float  #: What stays hidden: log2 of possible values, each 1 % above the last.
    bits_told: float
    """What the file tells somebody who knew it up to a factor of ten either way, all orders of size
    alike: log2 of how many times narrower it has become."""
    known_shape: RecoveryRange | None
    """If one knows its course over years; null for single figures."""
    results: RecoveryRange | None
    """For one who also sees the true results; null where it was not solved, as the next two."""
    insider: RecoveryRange | None
    """For somebody who knows all other figures, and sees ``outcome.expected`` and
    ``outcome.without_plan.expected`` as a report prints them."""
    insider_by_consumer: RecoveryRange | None  #: The same with figures of the consumer.


class RevealingResult(Result):
    """A result of the true scenario that must not be published with the redacted one."""

    result: str  #: Where it stands in a [plan](#plan).
    exact: tuple[str, ...]  #: Paths of the figures that it gives within a thousandth.
    narrowed: tuple[str, ...]  #: Paths of those that it narrows to less than half of their range.


class RemovedItem(Result):
    """A part of the scenario that was removed or changed, since it could reveal figures."""

    path: str  #: Where it stood.
    reason: Literal["variant", "description", "source", "note", "text", "mentioned", "follows"]
    """``variant``: it sets a hidden figure, or needs a file; ``source``: an entry of the
    bibliography that nothing else named; ``text``: all sources, notes and descriptions of a
    section; ``mentioned``: a text that names a hidden figure; ``follows``: a figure that follows
    from hidden ones, made again from what is written for them."""


class RemainingHint(Result):
    """A part of the redacted scenario that may still reveal figures; its owner should check it."""

    path: str  #: Where it stands.
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
    """``mentioned``: a text names a hidden figure (until 0.2); ``supply_adds_up``: supply is as
    much as need; ``grows_alike``: demand of others that grows as hidden demand, or is a
    multiple of it; ``follows``: a figure that agrees with hidden ones and was allowed to stay;
    ``purse_open``: the company's budget was not chosen; ``curve_shared``: a damage curve is that of
    others too; ``shares_kept``: a factor cannot hide shares of steps; ``private_open``: a number of
    a private file is not hidden."""


class RedactionLoss(Result):
    """The loss from using the redacted scenario's plan, measured in the true scenario."""

    objective: InMeasureUnit  #: Objective of the true scenario's plan.
    bound: InMeasureUnit | None  #: No plan of the true scenario has a lower one.
    redacted_gap: UnboundedShare | None
    """Gap of the redacted scenario's plan, in the redacted scenario."""
    without_plan: InMeasureUnit  #: Objective of doing nothing, in the true scenario.
    feasible: bool  #: Whether the redacted scenario's plan keeps all rules of the true one.
    broken: tuple[str, ...]  #: Rules of the true scenario that it breaks, with their tags.
    attained: InMeasureUnit | None
    """Its objective in the true scenario; null where it breaks a rule."""
    same_projects: InMeasureUnit | None
    """If it breaks a rule: objective of the best plan with its projects and starts, if any."""
    regret: InMeasureUnit | None
    """``attained`` or ``same_projects`` less ``objective``; below 0 by gaps."""
    regret_at_most: InMeasureUnit | None  #: The same less ``bound``: no plan is better by more.
    benefit_lost: UnboundedShare | None
    """Regret as a share of ``without_plan`` less ``objective``."""
    expected: InMeasureUnit  #: Expected damage with the true scenario's plan.
    expected_attained: InMeasureUnit
    """Expected damage in the true scenario with the redacted one's plan; with its projects alone
    where it breaks a rule and there is such a plan."""
    expected_said: InMeasureUnit
    """Expected damage that the redacted scenario's plan says of itself."""
    entering: tuple[str, ...]  #: Projects that only the redacted scenario's plan builds.
    leaving: tuple[str, ...]  #: Projects that only the true scenario's plan builds.
    moved: dict[str, tuple[int, int]]  #: Start years that differ: true, redacted.
    stocks_t: dict[str, tuple[float, float]]  #: The most held, if over 1 % apart: true, redacted.


class Redaction(SealedDocument):
    """How a scenario was redacted, what that costs, and what can be recovered.

    It is computed from the true figures and meant for [their owner alone](confidentiality.md).
    """

    kind: Literal["redaction"] = "redaction"
    title: str  #: Title of the scenario.
    currency: str  #: Label of all amounts.
    method: Literal["band", "scale"]  #: How figures were replaced.
    width: UnboundedShare
    """Of the bands; of ``scale``, factors lie between 1 / (1 + width) and 1 + width."""
    consumers: tuple[str, ...]  #: Consumers whose figures were replaced.
    companies: tuple[str, ...]  #: Companies whose budgets were replaced.
    figures: tuple[RedactedFigure, ...]  #: What was replaced, in the order of the file.
    left_out: tuple[RemovedItem, ...]  #: What was taken out.
    hints: tuple[RemainingHint, ...]  #: What still tells.
    answer: AnswerState
    """``solved``: both scenarios; ``skipped``: with ``--no-solve``; ``infeasible``: no plan keeps
    all rules of the true scenario; ``redacted_infeasible``: the same of the redacted one;
    ``no_plan``: none was found before the limit."""
    unit: str  #: Unit of the measure.
    loss: RedactionLoss | None  #: What the answer loses; null where not both have a plan.
    telling: tuple[RevealingResult, ...]
    """Results that must not be published, the most telling first; empty if not solved."""
    seconds: Seconds  #: Wall time.
