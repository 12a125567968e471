"""A plan that was found and checked, before it becomes a document."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.base import named
from models.case import Case
from models.results import Certificate, Plan
from optimizer import outcomes, plan_document
from optimizer.commitment import Commitment, net_cost, weighed_cost
from optimizer.instance import Instance
from optimizer.outcomes import Evaluation
from optimizer.states import State
from optimizer.verification import check_commitment


@dataclass(frozen=True, eq=False)
class Found:
    """A commitment that keeps all rules of its instance, what it leads to, and its proof."""

    instance: Instance
    states: Sequence[State]
    commitment: Commitment
    with_plan: Evaluation
    without_plan: Evaluation
    certificate: Certificate
    interrupted: bool = False
    """Whether the user stopped the search."""

    @property
    def objective(self) -> float:
        """The objective, recomputed outside the solver."""
        return self.certificate.objective

    @property
    def net_cost(self) -> float:
        """Discounted million EUR, whoever pays."""
        return net_cost(self.instance, self.commitment)

    def plan(self, title: str | None = None, variant: str | None = None) -> Plan:
        """The plan as a document."""
        return plan_document.describe(
            self.instance,
            self.commitment,
            certificate=self.certificate,
            with_plan=self.with_plan,
            without_plan=self.without_plan,
            net_cost=self.net_cost,
            title=title or named(self.instance.case.title, "scenario"),
            variant=variant,
        )

    def under(self, instance: Instance, bound: float | None) -> Found:
        """This plan under other rules or weights, checked, with the bound that holds there.

        The scenario of ``instance`` must have recourse in common with this one.

        Raises
        ------
        CheckFailed
            If the plan breaks a rule there.
        """
        check_commitment(instance, self.commitment)
        cost = weighed_cost(instance, self.commitment)
        objective = outcomes.objective(instance, self.with_plan, cost)
        certificate = proven(self.certificate, objective, bound)
        certificate = certificate.model_copy(update={"input_sha256": input_hash(instance.case)})
        return replace(self, instance=instance, certificate=certificate)

    def bounded(self, bound: float | None) -> Found:
        """The same plan with another bound proven for it."""
        return replace(self, certificate=proven(self.certificate, self.objective, bound))


ROUNDING = 1e-6
"""A gap below this is the solver's arithmetic, whatever target was set."""


def gap_of(objective: float, bound: float | None) -> float | None:
    """The relative gap between a plan and a bound."""
    return None if bound is None else max(0.0, objective - bound) / max(abs(objective), 1e-6)


def is_within(objective: float, bound: float | None, gap_target: float) -> bool:
    """Whether a gap is within its target."""
    size = max(abs(objective), 1e-6)
    return bound is not None and objective - bound <= max(gap_target, ROUNDING) * size + 1e-9


def proven(certificate: Certificate, objective: float, bound: float | None) -> Certificate:
    """The certificate of another plan or with another bound."""
    within = is_within(objective, bound, certificate.gap_target)
    return certificate.model_copy(
        update={
            "objective": objective,
            "bound": bound,
            "gap": gap_of(objective, bound),
            "status": "optimal" if within else "limit",
        }
    )


def input_hash(case: Case) -> str:
    """SHA-256 of a scenario in canonical JSON: its content, not how it was written down."""
    content = case.model_dump(mode="json", by_alias=True, exclude={"variants"})
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
