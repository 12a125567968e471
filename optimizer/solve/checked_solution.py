"""Checked solution: a commitment with its evaluation and certificate, from which the plan document
is built."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from models import results
from models.base import display_name
from models.results import Certificate, Plan
from models.results.base import canonical_hash
from models.scenario.case import Case
from optimizer.model.commitment import Commitment, net_cost
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import Instance
from optimizer.model.risk_measure import SetMeasure, WeightedMean
from optimizer.model.states import State
from optimizer.solve import plan_document
from optimizer.solve.clustering import event_clustering
from optimizer.solve.gap import GapScale, compute_objective_floor, is_gap_closed, relative_gap
from optimizer.solve.review_outcomes import outcome_after_review
from optimizer.solve.set_outcomes import (
    ReferenceOptimum,
    SetOutcome,
    assumption_outcomes,
    evaluate_sets,
)

if TYPE_CHECKING:
    from optimizer.solve.outcomes import PlanEvaluation
    from optimizer.solve.recourse import RecourseEvaluator


@dataclass(frozen=True, eq=False, repr=False)
class CheckedSolution:
    """Commitment that satisfies all rules of its instance, with its evaluation and certificate."""

    instance: Instance
    states: Sequence[State]
    commitment: Commitment
    with_plan: PlanEvaluation
    without_plan: PlanEvaluation
    certificate: Certificate
    interrupted: bool = False  # whether the user stopped the search
    threads: int | None = None  # for recourse evaluations; all usable cores if None
    # Evaluator of these states; not sent to other processes.
    recourse: RecourseEvaluator | None = None
    measure: SetMeasure = field(default_factory=WeightedMean)  # over assumption sets
    # Evaluation under each assumption set, if the plan was made for several.
    set_outcomes: tuple[SetOutcome, ...] = ()
    scenario: Case | None = None  # of the file, if the plan is made over its assumption sets
    joint_gap_scale: GapScale | None = None  # scale of gaps over several assumption sets
    # Optimum of plans that leave no decision to the review.
    no_review_optimum: ReferenceOptimum | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "recourse": None}

    @property
    def reported_outcome(self) -> SetOutcome:
        """Evaluation of the plan in the instance and states that are reported."""
        return SetOutcome(
            self.instance, self.states, self.with_plan, self.without_plan, self.recourse
        )

    @property
    def outcomes(self) -> tuple[SetOutcome, ...]:
        """Evaluation of the plan under each assumption set that it was made for; if there are none,
        the reported evaluation."""
        return self.set_outcomes or (self.reported_outcome,)

    @property
    def tree(self) -> DecisionTree:
        """The decision tree that the plan was made for."""
        return DecisionTree(tuple(outcome.instance for outcome in self.outcomes), self.measure)

    def outcomes_of_all_sets(self) -> tuple[SetOutcome, ...]:
        """Return the evaluation under each assumption set that the plan was made for; if there are
        none, under each set of its scenario."""
        return self.set_outcomes or tuple(
            evaluate_sets(self.reported_outcome, self.commitment, self.threads)
        )

    @property
    def objective(self) -> float:
        """Objective of the plan, recomputed without the solver."""
        return self.certificate.objective

    @property
    def expected_by_set(self) -> dict[str, float]:
        """Mean damage under each assumption set that the plan was made for, by id of the set."""
        sets = (self.scenario or self.instance.case).assumptions if self.set_outcomes else {}
        return {
            id: outcome.with_plan.expected
            for id, outcome in zip(sets, self.set_outcomes, strict=True)
        }

    @property
    def gap_scale(self) -> GapScale:
        """Scale of the relative gap: its smallest denominator, and the size of rounding errors."""
        from optimizer.solve import outcomes

        if self.joint_gap_scale is not None:
            return self.joint_gap_scale
        objective_without_plan = outcomes.objective_value(self.instance, self.without_plan, 0.0)
        return GapScale(
            compute_objective_floor(objective_without_plan),
            outcomes.objective_rounding(self.instance),
        )

    def recomputed_objective(self, problem: Instance | DecisionTree) -> float:
        """Return the objective of this plan in a problem with the same recourse but other weights
        or costs."""
        tree = DecisionTree.of(problem)
        pairs = zip(self.outcomes, tree.instances, strict=True)
        return tree.measure.value(
            [
                replace(outcome, instance=instance).objective(self.commitment)
                for outcome, instance in pairs
            ]
        )

    @property
    def objective_floor(self) -> float:
        """Smallest denominator of relative gaps."""
        return self.gap_scale.objective_floor

    @property
    def net_cost(self) -> float:
        """Discounted net cost over all funders, in million EUR."""
        return net_cost(self.instance, self.commitment)

    @property
    def adaptation(self) -> tuple[results.AdaptationOutcome, ...]:
        """Outcome of each damage entry with adaptation, with the durations of shortages."""
        if not self.instance.adaptations:
            return ()
        from optimizer.solve.adaptation_and_idling import adaptation_outcomes

        evaluations = (self.with_plan, self.without_plan)
        return adaptation_outcomes(self.instance, self.states, *evaluations)

    @property
    def idle_projects(self) -> tuple[results.IdleProject, ...]:
        """How often each project is idle that runs only above its cash cost; empty if there are
        review branches."""
        has_cash_costs = any(p.cash_cost_material for p in self.instance.projects.values())
        if self.commitment.branches or not has_cash_costs:
            return ()
        from optimizer.solve.adaptation_and_idling import idle_project_outcomes

        return tuple(idle_project_outcomes(self.instance, self.states, self.commitment))

    def to_plan(
        self, title: str | None = None, variant: str | None = None, *, with_details: bool = True
    ) -> Plan:
        """Build the plan document.

        With ``with_details`` it includes chains, stock use, the damage that unaided projects avoid
        and outcomes under all assumption sets, which require further recourse evaluations.
        """
        chains: tuple[results.ChainOutcome, ...] = ()
        skipped_chains: tuple[str, ...] = ()
        stock_use: tuple[results.StockUse, ...] = ()
        # Both are reported only without review branches.
        with_chains = with_details and not self.commitment.branches
        if with_chains and any(len(chain.nodes) > 1 for chain in self.instance.chains):
            # Imported late, since it is slow and readers of a plan do not need it.
            from optimizer.solve.chains import chain_outcomes

            chains, skipped_chains = chain_outcomes(
                self.instance,
                self.states,
                self.commitment,
                self.without_plan,
                self._recourse_evaluator,
            )
        has_refills = any(
            stockpile.max_refill.any() for stockpile in self.instance.stockpiles.values()
        )
        if with_chains and has_refills:
            from optimizer.solve.recourse import simulate_release_policy

            policy_input = self.instance, self.states, self.commitment
            (policy_result,) = simulate_release_policy(
                *policy_input, [0.0], threads=self.threads, evaluator=self.recourse
            )
            stock_use = policy_result.stock_use(self.instance, self.commitment)
        instance, commitment, case = self.instance, self.commitment, self.instance.case
        scenario = self.scenario or case
        under: tuple[results.AssumptionSetOutcome, ...] = ()
        if scenario.assumptions and (with_details or self.set_outcomes):
            sets, rounding = self.outcomes_of_all_sets(), self.gap_scale.rounding
            under = tuple(assumption_outcomes(scenario, commitment, sets, self.measure, rounding))
        with_plan, without_plan = self.with_plan, self.without_plan
        level = float(case.objective.cvar.level)
        unaided = tuple(plan_document.unaided_project_outcomes(instance, commitment, self.states))
        return Plan(
            title=title or display_name(case.title, "scenario"),
            variant=variant,
            certificate=self.certificate,
            outcome=results.Outcome(
                **plan_document.stateless_outcome_fields(instance, commitment),
                expected=with_plan.expected,
                cvar=with_plan.cvar(level),
                worst=with_plan.worst,
                worst_mean=plan_document.ambiguous_mean(instance, with_plan),
                windfall_meur=math.fsum(project.windfall_meur for project in unaided),
                without_plan=results.WithoutPlan(
                    expected=without_plan.expected,
                    cvar=without_plan.cvar(level),
                    worst=without_plan.worst,
                    worst_mean=plan_document.ambiguous_mean(instance, without_plan),
                    avoided_anyway=self._avoided_anyway if with_details else None,
                ),
                distribution=plan_document.damage_distribution(with_plan, without_plan),
            ),
            materials=plan_document.material_outcomes(
                instance, commitment, with_plan, without_plan
            ),
            consumers=plan_document.consumer_outcomes(instance, with_plan, without_plan),
            unaided=unaided,
            idle=self.idle_projects,
            chains=chains,
            chains_untold=skipped_chains,
            adaptation=self.adaptation,
            clustering=event_clustering(instance, self.states),
            stock_use=stock_use,
            under=under,
            review=outcome_after_review(
                self.reported_outcome, commitment, self.certificate, self.no_review_optimum
            ),
            extra=plan_document.extra_rules_record(instance),
            scenario=plan_document.solved_scenario_json(scenario, variant),
            **plan_document.commitment_fields(instance, commitment),
        )

    @cached_property
    def _recourse_evaluator(self) -> RecourseEvaluator:
        from optimizer.solve.recourse import RecourseEvaluator

        return self.recourse or RecourseEvaluator(self.instance, self.states, threads=self.threads)

    @property
    def _avoided_anyway(self) -> float | None:
        """Expected damage that unaided projects avoid without a plan; None if there are none."""
        if not any(state.unaided_projects for state in self.states):
            return None
        from optimizer.solve import outcomes

        memo = self._recourse_evaluator.memo  # independent of the plan
        if "alone" not in memo:
            states_without_unaided = [
                replace(state, unaided_projects=frozenset()) for state in self.states
            ]
            memo["alone"] = outcomes.expected_damage(
                self.instance,
                states_without_unaided,
                Commitment(),
                similar_recourse=self._recourse_evaluator,
            )
        return float(memo["alone"] - self.without_plan.expected)

    def with_bound(self, bound: float | None) -> CheckedSolution:
        """Return the same plan with another lower bound in its certificate."""
        return replace(
            self,
            certificate=updated_certificate(
                self.certificate, self.objective, bound, self.gap_scale
            ),
        )


MIN_REPRESENTATIVE_STATES = 100  # plans on fewer states are marked as illustrative


def updated_certificate(
    certificate: Certificate, objective: float, bound: float | None, gap_scale: GapScale
) -> Certificate:
    """Return a copy of the certificate with another objective, bound and gap."""
    bound = None if bound is None else min(bound, objective)
    is_closed = is_gap_closed(objective, bound, certificate.gap_target, gap_scale.objective_floor)
    return certificate.model_copy(
        update={
            "objective": objective,
            "bound": bound,
            "gap": relative_gap(objective, bound, gap_scale.objective_floor),
            "status": "optimal" if is_closed else "limit",
        }
    )


def input_hash(case: Case) -> str:
    """Return the SHA-256 hash of a scenario's content in canonical JSON.

    Fields that were added to the format later are included only if the scenario uses them, so that
    the hashes of older files do not change. Figures with a unit count as converted: their hash is
    that of the same figures in the units of their fields.
    """
    # Figures of assumption sets are converted when a set is applied.
    excluded = {"variants", "counterfactual", *(() if case.assumptions else ("units",))}
    content: dict[str, Any] = _without_units(
        case.model_dump(mode="json", by_alias=True, exclude=excluded)
    )
    for section_name in ("conversions", "assumptions", "review", "units"):
        if not content.get(section_name):
            content.pop(section_name, None)
    for section in content.values():
        _drop_unused_fields(section)
    return canonical_hash(content)


@cache
def unused_field_values() -> dict[str, list[Any]]:
    """Return the optional fields below the sections that were added to the format later, each with
    the values that mean that it is unused: empty ones and the defaults of the field.

    ``always_hashed.txt`` lists the optional fields of the first version of the format, which are
    hashed with their defaults. Nothing is to be added there.
    """
    list_file = files("optimizer.solve") / "always_hashed.txt"
    first_fields = list_file.read_text(encoding="utf-8").split()
    unused_values: dict[str, list[Any]] = {}
    for model in Case.model_json_schema()["$defs"].values():
        fields = model.get("properties", {})
        for name in fields.keys() - {*model.get("required", ()), *first_fields}:
            unused_values.setdefault(name, [None, [], {}]).append(fields[name].get("default"))
    return unused_values


def _without_units(part: Any) -> Any:
    """Return content in which no figure states the unit in which it was written."""
    if isinstance(part, list):
        return [_without_units(item) for item in part]
    if not isinstance(part, dict):
        return part
    if "written" in part and "value" in part:
        remarks = {key: item for key, item in part.items() if key != "written"}
        return remarks if len(remarks) > 1 else part["value"]
    return {key: _without_units(item) for key, item in part.items()}


def _drop_unused_fields(part: Any) -> None:
    """Remove, recursively, fields that were added to the format later and that this part of a
    scenario does not use."""
    if isinstance(part, list):
        for item in part:
            _drop_unused_fields(item)
    elif isinstance(part, dict):
        unused = unused_field_values()
        for name in part.keys() & unused.keys():
            if part[name] in unused[name]:
                del part[name]
        for item in part.values():
            _drop_unused_fields(item)
