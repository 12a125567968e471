"""A plan that was found and checked, before it becomes a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from models.base import display_name
from models.results import (
    AdaptationOutcome,
    AssumptionSetOutcome,
    Certificate,
    ChainOutcome,
    IdleProject,
    Plan,
    StockUse,
)
from models.results.base import canonical_hash
from models.scenario.case import Case
from optimizer.model.assumption_sets import AssumptionSets
from optimizer.model.commitment import Commitment, net_cost, weighted_cost
from optimizer.model.instance import Instance
from optimizer.model.states import State
from optimizer.solve import plan_document
from optimizer.solve.clustering import event_clustering
from optimizer.solve.gap import GapScale, compute_objective_floor, is_gap_closed, relative_gap

if TYPE_CHECKING:
    from optimizer.solve.outcomes import PlanEvaluation
    from optimizer.solve.recourse import RecourseEvaluator


@dataclass(frozen=True)
class ReferenceOptimum:
    """What the best plan comes to, of a set of assumptions or without a review, and what is proven
    of all."""

    objective: float
    bound: float | None


@dataclass(frozen=True, eq=False)
class SetOutcome:
    """What a plan leads to under one set of assumptions."""

    instance: Instance
    states: Sequence[State]
    with_plan: PlanEvaluation
    without_plan: PlanEvaluation
    recourse: RecourseEvaluator | None = None
    reference_optimum: ReferenceOptimum | None = None  # what regret is taken from

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "recourse": None}


@dataclass(frozen=True, eq=False, repr=False)
class CheckedSolution:
    """A commitment that keeps all rules of its instance, what it leads to, and its proof."""

    instance: Instance
    states: Sequence[State]
    commitment: Commitment
    with_plan: PlanEvaluation
    without_plan: PlanEvaluation
    certificate: Certificate
    interrupted: bool = False  # whether the user stopped the search
    threads: int | None = None  # to sweep in; all usable cores where None
    recourse: RecourseEvaluator | None = (
        None  # in these states, as long as the plan stays in its process
    )
    assumption_sets: AssumptionSets | None = (
        None  # the sets of assumptions it was made for, if it was
    )
    set_outcomes: tuple[SetOutcome, ...] = ()  # what it leads to under each of them
    scenario: Case | None = None  # the file as it stands, where the instance is not of that
    joint_gap_scale: GapScale | None = None  # what gaps are measured by where there are several
    no_review_optimum: ReferenceOptimum | None = (
        None  # what the best plan comes to that leaves nothing to the review
    )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "recourse": None}

    @property
    def objective(self) -> float:
        """The objective, recomputed outside the solver."""
        return self.certificate.objective

    @property
    def expected_by_set(self) -> dict[str, float]:
        """Mean damage under each set of assumptions that it was made over."""
        sets = (self.scenario or self.instance.case).assumptions if self.set_outcomes else {}
        return {id: own.with_plan.expected for id, own in zip(sets, self.set_outcomes, strict=True)}

    @property
    def gap_scale(self) -> GapScale:
        """What gaps of the objective are measured by."""
        from optimizer.solve import outcomes

        if self.joint_gap_scale is not None:
            return self.joint_gap_scale
        without = outcomes.objective_value(self.instance, self.without_plan, 0.0)
        return GapScale(
            compute_objective_floor(without), outcomes.objective_rounding(self.instance)
        )

    def recomputed_objective(self, problem: Instance | AssumptionSets) -> float:
        """The objective of this plan in instances that have recourse in common with its own."""
        from optimizer.solve import outcomes

        together = problem if isinstance(problem, AssumptionSets) else AssumptionSets((problem,))
        seen = [own.with_plan for own in self.set_outcomes] or [self.with_plan]
        pairs = zip(together.instances, seen, strict=True)
        values = [
            outcomes.objective_value(own, x, weighted_cost(own, self.commitment))
            for own, x in pairs
        ]
        return together.combine_objectives(values)

    @property
    def objective_floor(self) -> float:
        """What the objective counts as at least where a gap is taken of it."""
        return self.gap_scale.objective_floor

    @property
    def net_cost(self) -> float:
        """Discounted million EUR, whoever pays."""
        return net_cost(self.instance, self.commitment)

    @property
    def adaptation(self) -> tuple[AdaptationOutcome, ...]:
        """How long shortages last to which users adapt."""
        if not self.instance.adaptations:
            return ()
        from optimizer.solve.adaptation_and_idling import adaptation_outcomes

        seen = (self.with_plan, self.without_plan)
        return adaptation_outcomes(self.instance, self.states, *seen)

    @property
    def idle_projects(self) -> tuple[IdleProject, ...]:
        """How often projects stand still that run only when it pays."""
        alike = not self.commitment.branches  # it is not told of each path
        if not (alike and any(p.cash_cost_material for p in self.instance.projects.values())):
            return ()
        from optimizer.solve.adaptation_and_idling import idle_project_outcomes

        return tuple(idle_project_outcomes(self.instance, self.states, self.commitment))

    def to_plan(
        self, title: str | None = None, variant: str | None = None, *, with_details: bool = True
    ) -> Plan:
        """The plan as a document. What is told of ``chains``, of how stocks are used and of what
        unaided projects avoid takes sweeps of its own, which one of many plans is not worth."""
        from optimizer.solve.review_outcomes import outcome_after_review

        told: tuple[ChainOutcome, ...] = ()
        untold: tuple[str, ...] = ()
        alike = not self.commitment.branches  # neither is told of each path
        if with_details and alike and any(len(chain.nodes) > 1 for chain in self.instance.chains):
            # It takes a moment to import: those who only read a plan do without.
            from optimizer.solve.chains import chain_outcomes

            told, untold = chain_outcomes(
                self.instance,
                self.states,
                self.commitment,
                self.without_plan,
                self._recourse_evaluator,
            )
        used: tuple[StockUse, ...] = ()
        refilled = any(pile.max_refill.any() for pile in self.instance.stockpiles.values())
        if with_details and alike and refilled:
            from optimizer.solve.recourse import simulate_release_policy

            asked = self.instance, self.states, self.commitment
            (rule,) = simulate_release_policy(
                *asked, [0.0], threads=self.threads, evaluator=self.recourse
            )
            used = rule.stock_use(self.instance, self.commitment)
        return plan_document.build_plan(
            self.instance,
            self.commitment,
            certificate=self.certificate,
            with_plan=self.with_plan,
            without_plan=self.without_plan,
            title=title or display_name(self.instance.case.title, "scenario"),
            scenario=self.scenario,
            under=self._assumption_outcomes if with_details or self.set_outcomes else (),
            variant=variant,
            unaided=tuple(
                plan_document.unaided_project_outcomes(self.instance, self.commitment, self.states)
            ),
            idle=self.idle_projects,
            avoided_anyway=self._avoided_anyway if with_details else None,
            chains=told,
            chains_untold=untold,
            adaptation=self.adaptation,
            clustering=event_clustering(self.instance, self.states),
            stock_use=used,
            review=outcome_after_review(self),
        )

    @property
    def _assumption_outcomes(self) -> tuple[AssumptionSetOutcome, ...]:
        """The outcome under each set of assumptions that there is."""
        if not (self.scenario or self.instance.case).assumptions:
            return ()
        from optimizer.solve.set_outcomes import assumption_outcomes

        return tuple(assumption_outcomes(self))

    @cached_property
    def _recourse_evaluator(self) -> RecourseEvaluator:
        from optimizer.solve.recourse import RecourseEvaluator

        return self.recourse or RecourseEvaluator(self.instance, self.states, threads=self.threads)

    @property
    def _avoided_anyway(self) -> float | None:
        """What is expected to be avoided by projects that come unaided, without any plan."""
        if not any(state.unaided_projects for state in self.states):
            return None
        from optimizer.solve import outcomes

        memory = self._recourse_evaluator.memo  # it is the same whatever the plan
        if "alone" not in memory:
            alone = [replace(state, unaided_projects=frozenset()) for state in self.states]
            memory["alone"] = outcomes.expected_damage(
                self.instance, alone, Commitment(), similar_recourse=self._recourse_evaluator
            )
        return float(memory["alone"] - self.without_plan.expected)

    def recertified_for(
        self, problem: Instance | AssumptionSets, bound: float | None
    ) -> CheckedSolution:
        """This plan under other rules or weights of a scenario that has recourse in common with its
        own, checked (CheckFailed), with the bound that holds there; under all sets of assumptions
        where it was made for several, which the first of them then stands for."""
        # It takes a moment to import: those who only read a plan do without.
        from optimizer.solve.verification import check_commitment

        together = problem if isinstance(problem, AssumptionSets) else AssumptionSets((problem,))
        for own in together.instances:
            check_commitment(own, self.commitment)
        objective, seen = (
            self.recomputed_objective(together),
            replace(self, instance=together.first_instance),
        )
        if self.assumption_sets is not None:
            pairs = zip(self.set_outcomes, together.instances, strict=True)
            sets = tuple(replace(own, instance=instance) for own, instance in pairs)
            seen = replace(self, assumption_sets=together, set_outcomes=sets)
        certificate = updated_certificate(self.certificate, objective, bound, seen.gap_scale)
        case = seen.scenario or seen.instance.case
        certificate = certificate.model_copy(update={"input_sha256": input_hash(case)})
        return replace(seen, certificate=certificate)

    def with_bound(self, bound: float | None) -> CheckedSolution:
        """The same plan with another bound proven for it."""
        return replace(
            self,
            certificate=updated_certificate(
                self.certificate, self.objective, bound, self.gap_scale
            ),
        )


MIN_REPRESENTATIVE_STATES = 100  # a plan made on fewer states is called illustrative


def updated_certificate(
    certificate: Certificate, objective: float, bound: float | None, gap_scale: GapScale
) -> Certificate:
    """The certificate of another plan or with another bound, which no plan can be below."""
    bound = None if bound is None else min(bound, objective)
    within = is_gap_closed(objective, bound, certificate.gap_target, gap_scale.objective_floor)
    return certificate.model_copy(
        update={
            "objective": objective,
            "bound": bound,
            "gap": relative_gap(objective, bound, gap_scale.objective_floor),
            "status": "optimal" if within else "limit",
        }
    )


def input_hash(case: Case) -> str:
    """SHA-256 of a scenario in canonical JSON: its content, not how it was written down. What the
    format was extended by counts only where a file uses it, so that those of before keep theirs."""
    content = case.model_dump(mode="json", by_alias=True, exclude={"variants", "counterfactual"})
    for later in ("conversions", "assumptions", "review"):
        if not content[later]:
            del content[later]
    for section in content.values():
        _drop_unused_fields(section)
    return canonical_hash(content)


UNUSED_FIELD_VALUES: dict[str, Any] = {
    "inputs_t_per_t": {},
    "anyway": None,
    "adaptation": None,
    "cash_cost_eur_per_t": {},
    "restart_periods": 0,
    "prices": {},
    "demand": {},
    "profiles": {},
    "profile": None,
    "regimes": None,
    "regime_factors": {},
    "project_correlation": 0,
    "secured_premium_eur_per_t": None,
    "premium_paid_by": None,
    "premium_charge": 1,
    "capex_overrun": [],
    "contingency": None,
    "max_starts_by_year": {},
    "refill_t_per_year": None,
    "over_assumptions": None,
    "ambiguity": None,
}
"""Fields below the sections that the format was extended by, as a file has them that says nothing
of them."""


def _drop_unused_fields(part: Any) -> None:
    """Take fields out of a part of a scenario in JSON that were added later and are not used."""
    if isinstance(part, list):
        for one in part:
            _drop_unused_fields(one)
    elif isinstance(part, dict):
        for name in part.keys() & UNUSED_FIELD_VALUES.keys():
            if part[name] in (UNUSED_FIELD_VALUES[name], None, [], {}):
                del part[name]
        for one in part.values():
            _drop_unused_fields(one)
