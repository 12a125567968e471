"""What was found at a value, as the result says it."""

from __future__ import annotations

from models.results import BestOutcome, OwnOutcome, ProvenRange, SensitivityPoint
from optimizer.analyses.assumptions import Assumption
from optimizer.analyses.frontier.summary import otherwise, stocks_held
from optimizer.analyses.sensitivity.looking import Best, Decision, Look, Subject
from optimizer.model.commitment import net_cost


def own_of(seen: Look) -> OwnOutcome:
    """What the plan leads to."""
    level = float(seen.problem.instance.case.objective.cvar.level)
    return OwnOutcome(
        objective=seen.objective,
        expected=seen.outcome.expected,
        cvar=seen.outcome.cvar(level),
        net_cost_meur=seen.net_cost,
    )


def best_of(seen: Look, found: Best) -> BestOutcome | None:
    """The best plan, where there is one and something was proven of it."""
    instance, commitment = seen.problem.instance, found.commitment
    if commitment is None or found.outcome is None:
        return None
    if found.objective is None or found.bound is None:
        return None
    bound = min(found.bound, found.objective)
    return BestOutcome(
        objective=ProvenRange(low=bound, high=found.objective),
        expected=found.outcome.expected,
        net_cost_meur=net_cost(instance, commitment),
        projects={p: commitment.start[p] for p in instance.projects if p in commitment.start},
        stocks_t=stocks_held(instance, commitment),
    )


def regret_of(seen: Look, found: Best) -> ProvenRange | None:
    """The plan's objective less that of the best plan."""
    if seen.broken or found.objective is None or found.bound is None:
        return None
    low = max(0.0, seen.objective - found.objective)
    return ProvenRange(low=low, high=max(low, seen.objective - found.bound))


def point_of(
    subject: Subject,
    assumption: Assumption,
    value: float,
    seen: Look,
    found: Best,
    decision: Decision,
    seconds: float,
) -> SensitivityPoint:
    """One input at one value.

    Plans that are equally good differ without a reason: what enters and leaves is told where the
    decision changes alone.
    """
    known = best_of(seen, found)
    own, instance = subject.commitment, subject.instance
    held, changes = stocks_held(instance, own), otherwise({}, {}, {}, {})
    if known is not None and decision in ("changed", "broken"):
        changes = otherwise(own.start, known.projects, held, known.stocks_t)
    return SensitivityPoint(
        value=value,
        number=assumption.number(value),
        status=found.status,
        own=own_of(seen),
        broken=seen.broken,
        best=known,
        regret=regret_of(seen, found),
        decision=decision,
        **vars(changes),
        seconds=seconds,
    )
