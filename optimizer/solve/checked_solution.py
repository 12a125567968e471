"""Checked solution: a commitment with its evaluation and certificate, from which the plan document
is built, and its outcomes by assumption set and review branch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from models import results
from models.base import display_name
from models.files.reading import cases_by_assumption_set
from models.results import Certificate, Plan
from models.results.base import canonical_hash
from models.scenario.case import Case
from optimizer.model import commitment as plans
from optimizer.model.commitment import Commitment, net_cost, weighted_cost
from optimizer.model.decision_tree import DecisionTree
from optimizer.model.instance import Instance, read_instance
from optimizer.model.review import branch_state_indices, review_observations, with_information_sets
from optimizer.model.risk_measure import SetMeasure, WeightedMean
from optimizer.model.states import State, read_states
from optimizer.solve import plan_document
from optimizer.solve.accounts import event_clustering, values_by_year
from optimizer.solve.solver_result import (
    GapScale,
    compute_objective_floor,
    is_gap_closed,
    relative_gap,
)
from optimizer.solve.verification import broken_rules

if TYPE_CHECKING:
    from optimizer.solve.outcomes import PlanEvaluation
    from optimizer.solve.recourse import RecourseEvaluator


@dataclass(frozen=True)
class ReferenceOptimum:
    """Objective and bound of the best plan under one assumption set, or of the best plan without a
    review."""

    objective: float
    bound: float | None


@dataclass(frozen=True, eq=False)
class SetOutcome:
    """Evaluation of a plan under one assumption set."""

    instance: Instance
    states: Sequence[State]
    with_plan: PlanEvaluation
    without_plan: PlanEvaluation
    recourse: RecourseEvaluator | None = None
    reference_optimum: ReferenceOptimum | None = None  # reference of the regret

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "recourse": None}

    def objective(self, commitment: Commitment) -> float:
        """Return the objective of the commitment that was evaluated."""
        from optimizer.solve.outcomes import objective_value

        cost = weighted_cost(self.instance, commitment)
        return objective_value(self.instance, self.with_plan, cost)


def assumption_outcomes(
    case: Case,
    commitment: Commitment,
    set_outcomes: Sequence[SetOutcome],
    measure: SetMeasure,
    rounding: float,
) -> Iterator[results.AssumptionSetOutcome]:
    """Yield the outcome of a plan under each assumption set of a scenario. The largest objective or
    regret is the one that decides, within ``rounding``, unless ``measure`` is a mean."""
    objectives = [outcome.objective(commitment) for outcome in set_outcomes]
    regrets = [
        objective - (outcome.reference_optimum.objective if outcome.reference_optimum else 0.0)
        for objective, outcome in zip(objectives, set_outcomes, strict=True)
    ]
    largest = None if measure.is_additive else max(regrets)
    for (id, assumption_set), outcome, objective, regret in zip(
        case.assumptions.items(), set_outcomes, objectives, regrets, strict=True
    ):
        level = float(outcome.instance.case.objective.cvar.level)
        yield results.AssumptionSetOutcome(
            id=id,
            title=display_name(assumption_set.title, id),
            weight=float(assumption_set.weight),
            states=len(outcome.states),
            objective=objective,
            expected=outcome.with_plan.expected,
            cvar=outcome.with_plan.cvar(level),
            worst=outcome.with_plan.worst,
            worst_mean=plan_document.ambiguous_mean(outcome.instance, outcome.with_plan),
            net_cost_meur=net_cost(outcome.instance, commitment),
            without_plan=results.WithoutPlan(
                expected=outcome.without_plan.expected,
                cvar=outcome.without_plan.cvar(level),
                worst=outcome.without_plan.worst,
            ),
            best=outcome.reference_optimum.objective if outcome.reference_optimum else None,
            best_bound=outcome.reference_optimum.bound if outcome.reference_optimum else None,
            regret=regret if outcome.reference_optimum else None,
            decides=largest is not None and largest - regret <= rounding,
            broken_rules=tuple(broken_rules(outcome.instance, commitment)),
        )


def evaluate_sets(
    reported_outcome: SetOutcome, commitment: Commitment, threads: int | None
) -> Iterator[SetOutcome]:
    """Evaluate a plan that was not made for assumption sets under each set of its scenario.
    ``reported_outcome`` is its evaluation in the scenario without changes."""
    from optimizer.solve.outcomes import evaluate_commitments

    reported_instance = reported_outcome.instance
    for id, case in cases_by_assumption_set(reported_instance.case).items():
        if not reported_instance.case.assumptions[id].set:
            yield reported_outcome
            continue
        instance = read_instance(case, reported_instance.lot_tonnes)
        states = read_states(instance)
        if reported_instance.branches:
            observations = [branch.information_set for branch in reported_instance.branches]
            instance = with_information_sets(instance, states, observations)
        with_plan, without_plan = evaluate_commitments(
            instance, states, [commitment, Commitment()], threads=threads
        )
        yield SetOutcome(instance, states, with_plan, without_plan)


def outcome_after_review(
    outcome: SetOutcome,
    commitment: Commitment,
    certificate: results.Certificate,
    no_review_optimum: ReferenceOptimum | None,
) -> results.ReviewDecisions | None:
    """Return the decisions in each review branch and the value of deferral; None if there is no
    review."""
    instance, review = outcome.instance, outcome.instance.case.planned_review
    if review is None or not instance.branches:
        return None
    groups = []
    decisions = decisions_by_branch(instance, commitment)
    for state_indices, group_fields in zip(
        branch_state_indices(instance, outcome.states), decisions, strict=True
    ):
        probability = outcome.with_plan.probability[state_indices]
        total_probability = float(probability.sum())
        groups.append(
            results.ReviewGroup(
                **group_fields,
                states=len(state_indices),
                expected=_conditional_mean(
                    probability, outcome.with_plan.damage[state_indices], total_probability
                ),
                expected_without_plan=_conditional_mean(
                    probability, outcome.without_plan.damage[state_indices], total_probability
                ),
            )
        )
    optimum, objective, bound = no_review_optimum, certificate.objective, certificate.bound
    optimum_without_review, bound_without_review = (
        (None, None) if optimum is None else (optimum.objective, optimum.bound)
    )
    return results.ReviewDecisions(
        year=int(review.year),
        groups=tuple(groups),
        now=optimum_without_review,
        now_bound=bound_without_review,
        worth=None if optimum_without_review is None else optimum_without_review - objective,
        worth_least=None
        if bound_without_review is None
        else max(0.0, bound_without_review - objective),
        worth_most=None
        if optimum_without_review is None or bound is None
        else optimum_without_review - bound,
    )


def _conditional_mean(probability: Any, damage: Any, total_probability: float) -> float | None:
    return float(probability @ damage) / total_probability if total_probability > 0 else None


def decisions_by_branch(instance: Instance, commitment: Commitment) -> Iterator[dict[str, Any]]:
    """Yield for each review branch those fields of ``ReviewGroup`` that do not depend on the
    states."""
    for g, branch in enumerate(instance.branches):
        branch_instance, branch_commitment = instance.on_branch(g), commitment.on_branch(g)
        yield {
            "seen": tuple(_observed_values(instance, branch.information_set)),
            "probability": min(1.0, branch.probability),
            "net_cost_meur": plans.net_cost(branch_instance, branch_commitment),
            "projects": tuple(plan_document.project_plans(branch_instance, branch_commitment)),
            "stockpiles": tuple(plan_document.stockpile_plans(branch_instance, branch_commitment)),
            "spend_meur": {
                f: values_by_year(branch_instance, x)
                for f, x in plans.budget_use(branch_instance, branch_commitment).items()
            },
        }


def _observed_values(
    instance: Instance, information_set: tuple[str, ...]
) -> Iterator[results.ObservedOutcome]:
    for observation, value in zip(review_observations(instance), information_set, strict=True):
        if observation.hazard is not None:
            yield results.ObservedOutcome(hazard=observation.hazard, struck=value == "yes")
        elif observation.regime:
            yield results.ObservedOutcome(regime=value)
        else:
            material = observation.price or ""
            yield results.ObservedOutcome(
                price=material, state=_price_state_name(instance, material, int(value))
            )


def _price_state_name(instance: Instance, material: str, index: int) -> str:
    """Return the name of a price state, its number if it has none, and for prices by year the last
    price before the review."""
    price_states = instance.case.materials[material].price_states
    review = instance.case.planned_review
    if index >= instance.prices[material].stated_count and review is not None:
        last_year_seen = int(review.year) - 1
        prices = instance.prices[material].price_by_state[index]
        return f"{last_year_seen}: {prices[last_year_seen - instance.years[0]]:g}"
    name = price_states[index].name if price_states else None
    return display_name(name, str(index + 1))


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
        from optimizer.solve.plan_document import adaptation_outcomes

        evaluations = (self.with_plan, self.without_plan)
        return adaptation_outcomes(self.instance, self.states, *evaluations)

    @property
    def idle_projects(self) -> tuple[results.IdleProject, ...]:
        """How often each project is idle that runs only above its cash cost; empty if there are
        review branches."""
        has_cash_costs = any(p.cash_cost_material for p in self.instance.projects.values())
        if self.commitment.branches or not has_cash_costs:
            return ()
        from optimizer.solve.plan_document import idle_project_outcomes

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
