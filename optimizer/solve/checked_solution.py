"""A plan that was found and checked, before it becomes a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from models.base import named
from models.results import (
    Adapting,
    Certificate,
    ChainOutcome,
    IdleProject,
    Plan,
    StockUse,
    UnderAssumptions,
)
from models.results.base import hash_of
from models.scenario.case import Case
from optimizer.model.commitment import Commitment, net_cost, weighed_cost
from optimizer.model.instance import Instance
from optimizer.model.states import State
from optimizer.model.together import Together
from optimizer.solve import plan_document
from optimizer.solve.clustering import clustering
from optimizer.solve.gap import Sizes, gap_of, is_within, smallest_size

if TYPE_CHECKING:
    from optimizer.solve.outcomes import Evaluation
    from optimizer.solve.sweep import Recourse


@dataclass(frozen=True)
class Best:
    """What the best plan comes to, of a set of assumptions or without a review, and what is proven
    of all."""

    objective: float
    bound: float | None


@dataclass(frozen=True, eq=False)
class Under:
    """What a plan leads to under one set of assumptions."""

    instance: Instance
    states: Sequence[State]
    with_plan: Evaluation
    without_plan: Evaluation
    recourse: Recourse | None = None
    best: Best | None = None  # what regret is taken from

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "recourse": None}


@dataclass(frozen=True, eq=False, repr=False)
class Found:
    """A commitment that keeps all rules of its instance, what it leads to, and its proof."""

    instance: Instance
    states: Sequence[State]
    commitment: Commitment
    with_plan: Evaluation
    without_plan: Evaluation
    certificate: Certificate
    interrupted: bool = False  # whether the user stopped the search
    threads: int | None = None  # to sweep in; all usable cores where None
    recourse: Recourse | None = None  # in these states, as long as the plan stays in its process
    together: Together | None = None  # the sets of assumptions it was made for, if it was
    sets: tuple[Under, ...] = ()  # what it leads to under each of them
    scenario: Case | None = None  # the file as it stands, where the instance is not of that
    sizes_of_sets: Sizes | None = None  # what gaps are measured by where there are several
    now: Best | None = None  # what the best plan comes to that leaves nothing to the review

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "recourse": None}

    @property
    def objective(self) -> float:
        """The objective, recomputed outside the solver."""
        return self.certificate.objective

    @property
    def expected_under(self) -> dict[str, float]:
        """Mean damage under each set of assumptions that it was made over."""
        sets = (self.scenario or self.instance.case).assumptions if self.sets else {}
        return {id: own.with_plan.expected for id, own in zip(sets, self.sets, strict=True)}

    @property
    def sizes(self) -> Sizes:
        """What gaps of the objective are measured by."""
        from optimizer.solve import outcomes

        if self.sizes_of_sets is not None:
            return self.sizes_of_sets
        without = outcomes.objective(self.instance, self.without_plan, 0.0)
        return Sizes(smallest_size(without), outcomes.rounding(self.instance))

    def reckoned(self, problem: Instance | Together) -> float:
        """The objective of this plan in instances that have recourse in common with its own."""
        from optimizer.solve import outcomes

        together = problem if isinstance(problem, Together) else Together((problem,))
        seen = [own.with_plan for own in self.sets] or [self.with_plan]
        pairs = zip(together.instances, seen, strict=True)
        values = [
            outcomes.objective(own, x, weighed_cost(own, self.commitment)) for own, x in pairs
        ]
        return together.objective(values)

    @property
    def least(self) -> float:
        """What the objective counts as at least where a gap is taken of it."""
        return self.sizes.least

    @property
    def net_cost(self) -> float:
        """Discounted million EUR, whoever pays."""
        return net_cost(self.instance, self.commitment)

    @property
    def adaptation(self) -> tuple[Adapting, ...]:
        """How long shortages last to which users adapt."""
        if not self.instance.adaptations:
            return ()
        from optimizer.solve.adapting import adaptation_outcomes

        seen = (self.with_plan, self.without_plan)
        return adaptation_outcomes(self.instance, self.states, *seen)

    @property
    def idle(self) -> tuple[IdleProject, ...]:
        """How often projects stand still that run only when it pays."""
        alike = not self.commitment.paths  # it is not told of each path
        if not (alike and any(p.cash_of for p in self.instance.projects.values())):
            return ()
        from optimizer.solve.adapting import idle_projects

        return tuple(idle_projects(self.instance, self.states, self.commitment))

    def plan(
        self, title: str | None = None, variant: str | None = None, *, chains: bool = True
    ) -> Plan:
        """The plan as a document. What is told of ``chains``, of how stocks are used and of what
        unaided projects avoid takes sweeps of its own, which one of many plans is not worth."""
        from optimizer.solve.after_review import after_review

        told: tuple[ChainOutcome, ...] = ()
        untold: tuple[str, ...] = ()
        alike = not self.commitment.paths  # neither is told of each path
        if chains and alike and any(len(chain.nodes) > 1 for chain in self.instance.chains):
            # It takes a moment to import: those who only read a plan do without.
            from optimizer.solve.chains import chain_outcomes

            told, untold = chain_outcomes(
                self.instance, self.states, self.commitment, self.without_plan, self._recourse
            )
        used: tuple[StockUse, ...] = ()
        refilled = any(pile.refill.any() for pile in self.instance.stockpiles.values())
        if chains and alike and refilled:
            from optimizer.solve.sweep import by_rule

            asked = self.instance, self.states, self.commitment
            (rule,) = by_rule(*asked, [0.0], threads=self.threads, recourse=self.recourse)
            used = rule.stock_use(self.instance, self.commitment)
        return plan_document.describe(
            self.instance,
            self.commitment,
            certificate=self.certificate,
            with_plan=self.with_plan,
            without_plan=self.without_plan,
            title=title or named(self.instance.case.title, "scenario"),
            scenario=self.scenario,
            under=self._under if chains or self.sets else (),
            variant=variant,
            unaided=tuple(
                plan_document.unaided_projects(self.instance, self.commitment, self.states)
            ),
            idle=self.idle,
            avoided_anyway=self._avoided_anyway if chains else None,
            chains=told,
            chains_untold=untold,
            adaptation=self.adaptation,
            clustering=clustering(self.instance, self.states),
            stock_use=used,
            review=after_review(self),
        )

    @property
    def _under(self) -> tuple[UnderAssumptions, ...]:
        """The outcome under each set of assumptions that there is."""
        if not (self.scenario or self.instance.case).assumptions:
            return ()
        from optimizer.solve.under_sets import outcomes_under

        return tuple(outcomes_under(self))

    @cached_property
    def _recourse(self) -> Recourse:
        from optimizer.solve.sweep import Recourse

        return self.recourse or Recourse(self.instance, self.states, threads=self.threads)

    @property
    def _avoided_anyway(self) -> float | None:
        """What is expected to be avoided by projects that come unaided, without any plan."""
        if not any(state.unaided for state in self.states):
            return None
        from optimizer.solve import outcomes

        memory = self._recourse.memory  # it is the same whatever the plan
        if "alone" not in memory:
            alone = [replace(state, unaided=frozenset()) for state in self.states]
            memory["alone"] = outcomes.expected_damage(
                self.instance, alone, Commitment(), like=self._recourse
            )
        return float(memory["alone"] - self.without_plan.expected)

    def under(self, problem: Instance | Together, bound: float | None) -> Found:
        """This plan under other rules or weights of a scenario that has recourse in common with its
        own, checked (CheckFailed), with the bound that holds there; under all sets of assumptions
        where it was made for several, which the first of them then stands for."""
        # It takes a moment to import: those who only read a plan do without.
        from optimizer.solve.verification import check_commitment

        together = problem if isinstance(problem, Together) else Together((problem,))
        for own in together.instances:
            check_commitment(own, self.commitment)
        objective, seen = self.reckoned(together), replace(self, instance=together.first)
        if self.together is not None:
            pairs = zip(self.sets, together.instances, strict=True)
            sets = tuple(replace(own, instance=instance) for own, instance in pairs)
            seen = replace(self, together=together, sets=sets)
        certificate = proven(self.certificate, objective, bound, seen.sizes)
        case = seen.scenario or seen.instance.case
        certificate = certificate.model_copy(update={"input_sha256": input_hash(case)})
        return replace(seen, certificate=certificate)

    def bounded(self, bound: float | None) -> Found:
        """The same plan with another bound proven for it."""
        return replace(
            self, certificate=proven(self.certificate, self.objective, bound, self.sizes)
        )


ENOUGH_STATES = 100  # a plan made on fewer states is called illustrative


def proven(
    certificate: Certificate, objective: float, bound: float | None, sizes: Sizes
) -> Certificate:
    """The certificate of another plan or with another bound, which no plan can be below."""
    bound = None if bound is None else min(bound, objective)
    within = is_within(objective, bound, certificate.gap_target, sizes.least)
    return certificate.model_copy(
        update={
            "objective": objective,
            "bound": bound,
            "gap": gap_of(objective, bound, sizes.least),
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
        _leave_out_unused(section)
    return hash_of(content)


UNUSED: dict[str, Any] = {
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


def _leave_out_unused(part: Any) -> None:
    """Take fields out of a part of a scenario in JSON that were added later and are not used."""
    if isinstance(part, list):
        for one in part:
            _leave_out_unused(one)
    elif isinstance(part, dict):
        for name in part.keys() & UNUSED.keys():
            if part[name] in (UNUSED[name], None, [], {}):
                del part[name]
        for one in part.values():
            _leave_out_unused(one)
