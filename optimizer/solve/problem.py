"""The problem of a scenario, the input of all methods: one instance or several assumption sets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from models.scenario.case import Case
from models.scenario.sections import Observation
from optimizer.errors import Misuse
from optimizer.model.cores import usable_cores
from optimizer.model.decision_tree import DecisionTree, mark_over_assumptions, read_assumption_sets
from optimizer.model.instance import Instance, read_instance
from optimizer.model.instance_comparison import same_recourse, same_sampling
from optimizer.model.review import with_branches, with_information_sets
from optimizer.model.risk_measure import RiskMeasure, read_set_measure
from optimizer.model.states import State, read_states
from optimizer.solve.checked_solution import ReferenceOptimum
from optimizer.solve.decomposition import CutPool, MasterModel
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.solver_result import Method

# Nodes * states * periods up to which the extensive form is as fast (benchmarks.md).
MAX_EXTENSIVE_SIZE = 300


@dataclass(frozen=True, eq=False)
class Problem:
    """Problem to solve: an instance and its states, or several assumption sets with the states of
    each."""

    instance: Instance
    states: tuple[State, ...]
    read_seconds: float  # wall time of reading
    recourse: RecourseEvaluator | None = None  # evaluator of the same states, if there is one
    master_model: MasterModel | None = None  # master of the same instance, if there is one
    set_problems: tuple[Problem, ...] = ()  # one for each assumption set, if a plan is for several
    # Reference optimum of each set, if the criterion is regret.
    reference_optima: tuple[ReferenceOptimum, ...] = ()
    scenario: Case | None = None  # of the file, if a plan is made over its assumption sets
    # Optimum of plans that leave no decision to the review.
    no_review_optimum: ReferenceOptimum | None = None

    @classmethod
    def from_case(cls, case: Case, *earlier_problems: Problem) -> Problem:
        """Return the problem of a scenario. States and recourse of ``earlier_problems`` are
        shared where possible.

        For a problem over assumption sets, its instance and states are those of the set without
        changes, or of the first set if there is none.
        """
        started_at = time.perf_counter()
        if case.objective.over_assumptions is None:
            return cls._from_instance(
                read_instance(case), started_at, earlier_problems
            )._with_branches()
        reported_set, tree = read_assumption_sets(case)
        similar_problems = [
            problem
            for problem in earlier_problems
            if len(problem.set_problems) == len(tree.instances)
        ]
        set_problems = tuple(
            cls._from_instance(
                instance, started_at, [problem.set_problems[k] for problem in similar_problems]
            )
            for k, instance in enumerate(tree.instances)
        )
        reported_problem = set_problems[reported_set]
        problem = cls(
            reported_problem.instance,
            reported_problem.states,
            time.perf_counter() - started_at,
            reported_problem.recourse,
            set_problems=set_problems,
            scenario=case,
        )
        return problem._with_instance(
            mark_over_assumptions(case, reported_problem.instance)
        )._with_branches()

    @classmethod
    def _from_instance(
        cls, instance: Instance, started_at: float, earlier_problems: Sequence[Problem]
    ) -> Problem:
        """Return the problem of an instance. States and recourse of problems in
        ``earlier_problems`` are shared where possible."""
        problems_with_same_states = (
            problem for problem in earlier_problems if same_sampling(instance, problem.instance)
        )
        similar_problem = next(problems_with_same_states, None)
        states = read_states(instance) if similar_problem is None else similar_problem.states
        reusable_recourse = (
            problem.recourse
            for problem in earlier_problems
            if problem.states is states
            and problem.recourse
            and same_recourse(instance, problem.instance)
        )
        recourse = next(reusable_recourse, None)
        instance_recourse = None if recourse is None else recourse.for_instance(instance)
        for problem in earlier_problems if instance_recourse is None else ():
            if problem.recourse is not None and same_recourse(instance, problem.instance):
                instance_recourse = problem.recourse.for_states(instance, states)
                break
        return cls(instance, states, time.perf_counter() - started_at, instance_recourse)

    def _with_instance(self, instance: Instance) -> Problem:
        """Return the problem with another instance that has the same recourse."""
        recourse = self.recourse and self.recourse.for_instance(instance)
        return replace(self, instance=instance, recourse=recourse)

    def _with_branches(self) -> Problem:
        """Return the problem with the review branches that follow from the states of all assumption
        sets; unchanged if there is no review."""
        set_problems = self.single_set_problems
        instances = with_branches(
            [x.instance for x in set_problems], [x.states for x in set_problems]
        )
        set_problems = tuple(
            x._with_instance(y) for x, y in zip(set_problems, instances, strict=True)
        )
        if not self.set_problems:
            return set_problems[0]
        reported_problem = next(x for x in set_problems if x.states is self.states)
        instance = replace(self.instance, branches=reported_problem.instance.branches)
        return replace(self, set_problems=set_problems)._with_instance(instance)

    def with_recourse(self, threads: int | None = None) -> Problem:
        """Return the problem with a recourse evaluator, which the search and the certification
        share."""
        if self.recourse is not None:
            return self
        if self.set_problems:
            set_problems = tuple(problem.with_recourse(threads) for problem in self.set_problems)
            reported_problem = next(
                problem for problem in set_problems if problem.states is self.states
            )
            recourse = reported_problem.recourse and reported_problem.recourse.for_instance(
                self.instance
            )
            return replace(self, set_problems=set_problems, recourse=recourse)
        return replace(
            self, recourse=RecourseEvaluator(self.instance, self.states, threads=threads)
        )

    def with_instances_changed(self, change_instance: Callable[[Instance], Instance]) -> Problem:
        """Return the problem with ``change_instance`` applied to the instance of each assumption
        set.

        The change may affect rules or weights, but not the recourse.
        """
        set_problems = tuple(
            problem.with_instances_changed(change_instance) for problem in self.set_problems
        )
        return replace(
            self,
            instance=change_instance(self.instance),
            set_problems=set_problems,
            master_model=None,
        )

    @property
    def without_caches(self) -> Problem:
        """Return the problem without recourse evaluators and models, so that it can be sent to
        another process."""
        set_problems = tuple(problem.without_caches for problem in self.set_problems)
        return replace(self, set_problems=set_problems, recourse=None, master_model=None)

    @property
    def without_review(self) -> Problem:
        """Return the problem without its review."""
        case = self.instance.case.model_copy(update={"review": None})
        instance = replace(self.instance, case=case, branches=())
        return replace(
            self,
            instance=instance,
            set_problems=tuple(problem.without_review for problem in self.set_problems),
            no_review_optimum=None,
        )

    @property
    def single_set_problems(self) -> tuple[Problem, ...]:
        """The problem under each assumption set; the problem itself if it has no such sets."""
        return self.set_problems or (self,)

    @property
    def tree(self) -> DecisionTree:
        """The decision tree that a plan is made for."""
        if not self.set_problems:
            return DecisionTree((self.instance,))
        case = self.instance.case
        weights = tuple(float(assumption.weight) for assumption in case.assumptions.values())
        measure = read_set_measure(case.objective.over_assumptions, weights)
        if self.reference_optima and self.uses_reference_optima:
            measure = measure.with_references(
                [optimum.objective for optimum in self.reference_optima]
            )
        return DecisionTree(tuple(problem.instance for problem in self.set_problems), measure)

    @property
    def uses_reference_optima(self) -> bool:
        """Whether the objective is the regret, which needs the optimum of each assumption set."""
        criterion = self.instance.case.objective.over_assumptions
        return bool(self.set_problems) and criterion == "regret"

    @property
    def objective_floor(self) -> float:
        """Smallest denominator of relative gaps if the criterion is regret, otherwise 0.

        The denominator from the objective without a plan is a further limit. A regret may be zero,
        so its gap is relative to the largest reference optimum.
        """
        if not self.uses_reference_optima:
            return 0.0
        return max((abs(optimum.objective) for optimum in self.reference_optima), default=0.0)

    @property
    def size(self) -> int:
        """Number of nodes times states times periods, summed over assumption sets."""
        return sum(
            _problem_size(problem.instance, problem.states) for problem in self.single_set_problems
        )

    @property
    def is_small(self) -> bool:
        """Whether the problem is small enough to be solved as fast by the extensive form as by the
        decomposition."""
        return self.size <= MAX_EXTENSIVE_SIZE

    def suitable_method(self, pool: CutPool | None = None) -> Method:
        """Return the method that suits this problem.

        The decomposition is required if there is a cut pool, or an ambiguity set that no linear
        program can express.
        """
        is_small = self.is_small and pool is None and self.is_linear
        return "extensive" if is_small else "decomposition"

    @property
    def is_linear(self) -> bool:
        """Whether the problem has an extensive form that is a mixed-integer linear program."""
        return RiskMeasure.from_case(self.instance.case).mean.is_linear


def with_observations(problem: Problem, observations: Sequence[Observation]) -> Problem:
    """Return the problem with other observations before the review. Its states are unchanged."""

    def change_case(case: Case) -> Case:
        assert case.review is not None
        review = case.review.model_copy(update={"observe": tuple(observations)})
        return case.model_copy(update={"review": review})

    def change_instance(instance: Instance) -> Instance:
        return replace(instance, case=change_case(instance.case), branches=())

    changed_problem = replace(
        problem.with_instances_changed(change_instance),
        scenario=None if problem.scenario is None else change_case(problem.scenario),
        no_review_optimum=None,
    )
    return changed_problem._with_branches()


def read_instance_and_states(case: Case) -> tuple[Instance, tuple[State, ...]]:
    """Return the instance of a scenario, including its review branches, and the states of the
    world."""
    problem = Problem.from_case(case)
    return problem.instance, problem.states


def with_same_branches(problem: Problem, reference: Instance) -> Problem:
    """Return the problem with review branches for the information sets of another instance's
    review."""
    if not reference.branches:
        return problem
    observations = [branch.information_set for branch in reference.branches]
    instance = with_information_sets(problem.instance, problem.states, observations)
    return problem._with_instance(instance)


def _problem_size(instance: Instance, states: Sequence[State]) -> int:
    """Return the number of nodes times states times periods."""
    return len(instance.nodes) * len(states) * len(instance.periods)


def choose_method(
    instance: Instance, states: Sequence[State], pool: CutPool | None = None
) -> Method:
    """Return the method that suits a problem of this size."""
    is_small = _problem_size(instance, states) <= MAX_EXTENSIVE_SIZE
    return "extensive" if is_small and pool is None else "decomposition"


def default_jobs(instance: Instance, states: Sequence[State]) -> int:
    """Return the number of processes that is suitable for many problems of this size: one for small
    problems, otherwise the number of usable cores."""
    return 1 if choose_method(instance, states) == "extensive" else usable_cores()


def check_supported(
    case: Case,
    *,
    with_assumption_sets: bool = False,
    with_review: bool = False,
    with_ambiguity: bool = False,
) -> None:
    """Raise Misuse if a scenario has a feature that an analysis does not support.

    The features are assumption sets, a review and ambiguous probabilities. Each is supported only
    if its argument is True.
    """
    if case.objective.over_assumptions is not None and not with_assumption_sets:
        raise Misuse(
            "This analysis does not work over sets of assumptions; ask for the file as it "
            "stands with --set objective.over_assumptions=null."
        )
    if case.planned_review is not None and not with_review:
        raise Misuse(
            "This analysis does not work with a review; ask for a plan that decides all now "
            "with --set review=null."
        )
    if case.objective.ambiguity is not None and not with_ambiguity:
        raise Misuse(
            "This analysis does not work with ambiguous probabilities; ask for those of the "
            "states with --set objective.ambiguity=null."
        )
