"""A scenario as every method takes it, or all of its sets of assumptions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from models.language import tr
from models.scenario.case import Case
from models.scenario.review import Observation
from optimizer.errors import Misuse
from optimizer.model.assumption_sets import (
    AssumptionSets,
    mark_over_assumptions,
    read_assumption_sets,
)
from optimizer.model.cores import usable_cores
from optimizer.model.instance import Instance, read_instance
from optimizer.model.instance_comparison import same_recourse, same_sampling
from optimizer.model.review import with_branches, with_information_sets
from optimizer.model.risk_measure import RiskMeasure
from optimizer.model.states import State, read_states
from optimizer.solve.checked_solution import ReferenceOptimum
from optimizer.solve.decomposition import CutPool, MasterModel
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.solver_result import Method

MAX_EXTENSIVE_SIZE = (
    300  # nodes * states * periods, so far the extensive form is as quick (benchmarks.md)
)


@dataclass(frozen=True, eq=False)
class Problem:
    """A scenario as every method takes it."""

    instance: Instance
    states: tuple[State, ...]
    read_seconds: float  # wall time that reading took
    recourse: RecourseEvaluator | None = (
        None  # of the same states from another standpoint, if there is any
    )
    master_model: MasterModel | None = (
        None  # of the same instance with other states, if there is any
    )
    set_problems: tuple[
        Problem, ...
    ] = ()  # under each set of assumptions, if a plan is made over them
    reference_optima: tuple[
        ReferenceOptimum, ...
    ] = ()  # of each of these, where regret is asked for
    scenario: Case | None = None  # the file as it stands, where the instance is not of that
    no_review_optimum: ReferenceOptimum | None = (
        None  # of plans that leave nothing to the review, where there is one
    )

    @classmethod
    def from_case(cls, case: Case, *earlier: Problem) -> Problem:
        """The problem of a scenario, with what it has in common with those that are known. One over
        sets of assumptions looks like that of the file as it stands, if that is one of them, else
        like that of the first set."""
        began = time.perf_counter()
        if case.objective.over_assumptions is None:
            return _with_branches([cls._from_instance(read_instance(case), began, earlier)])[0]
        first, together = read_assumption_sets(case)
        alike = [own for own in earlier if len(own.set_problems) == len(together.instances)]
        sets = _with_branches(
            [
                cls._from_instance(instance, began, [own.set_problems[k] for own in alike])
                for k, instance in enumerate(together.instances)
            ]
        )
        looks = sets[first]
        instance = mark_over_assumptions(case, looks.instance)
        seconds, recourse = time.perf_counter() - began, looks.recourse
        seen = None if recourse is None else recourse.for_instance(instance)
        return cls(instance, looks.states, seconds, seen, set_problems=sets, scenario=case)

    @classmethod
    def _from_instance(
        cls, instance: Instance, started_at: float, earlier: Sequence[Problem]
    ) -> Problem:
        """The problem of an instance, with what it has in common with those that are known."""
        drawn = (own for own in earlier if same_sampling(instance, own.instance))
        like = next(drawn, None)
        states = read_states(instance) if like is None else like.states
        alike = (
            own.recourse
            for own in earlier
            if own.states is states and own.recourse and same_recourse(instance, own.instance)
        )
        recourse = next(alike, None)
        seen = None if recourse is None else recourse.for_instance(instance)
        for own in earlier if seen is None else ():
            if own.recourse is not None and same_recourse(instance, own.instance):
                seen = own.recourse.for_states(instance, states)
                break
        return cls(instance, states, time.perf_counter() - started_at, seen)

    @classmethod
    def from_case_like(
        cls, previous: Problem | None, case: Case, threads: int | None = None
    ) -> Problem:
        """The same with recourse, of a scenario that is much like the last one."""
        return cls.from_case(case, *([] if previous is None else [previous])).with_recourse(threads)

    def with_recourse(self, threads: int | None = None) -> Problem:
        """The same with recourse, which search and judge then share."""
        if self.recourse is not None:
            return self
        if self.set_problems:
            sets = tuple(own.with_recourse(threads) for own in self.set_problems)
            looks = next(own for own in sets if own.states is self.states)
            seen = looks.recourse and looks.recourse.for_instance(self.instance)
            return replace(self, set_problems=sets, recourse=seen)
        return replace(
            self, recourse=RecourseEvaluator(self.instance, self.states, threads=threads)
        )

    def with_instances_changed(self, change_instance: Callable[[Instance], Instance]) -> Problem:
        """The same with other rules or weights, under each set of assumptions alike."""
        sets = tuple(own.with_instances_changed(change_instance) for own in self.set_problems)
        return replace(
            self, instance=change_instance(self.instance), set_problems=sets, master_model=None
        )

    @property
    def without_caches(self) -> Problem:
        """The same without what is known of sweeps, as another process gets it."""
        sets = tuple(own.without_caches for own in self.set_problems)
        return replace(self, set_problems=sets, recourse=None, master_model=None)

    @property
    def without_review(self) -> Problem:
        """The same where nothing is left to the review."""

        case = self.instance.case.model_copy(update={"review": None})
        instance = replace(self.instance, case=case, branches=())
        return replace(
            self,
            instance=instance,
            set_problems=tuple(own.without_review for own in self.set_problems),
            no_review_optimum=None,
        )

    @property
    def single_set_problems(self) -> tuple[Problem, ...]:
        """Itself, or what it is under each set of assumptions."""
        return self.set_problems or (self,)

    @property
    def assumption_sets(self) -> AssumptionSets:
        """What a plan is made for."""
        case = self.instance.case
        if not self.set_problems:
            return AssumptionSets((self.instance,))
        weights = tuple(float(own.weight) for own in case.assumptions.values())
        over = case.objective.over_assumptions or "mean"
        instances = tuple(own.instance for own in self.set_problems)
        best = tuple(own.objective for own in self.reference_optima) if over == "regret" else ()
        return AssumptionSets(instances, weights, over, best or (0.0,) * len(instances))

    @property
    def objective_floor(self) -> float:
        """What an objective counts as at least where a gap is taken of it, beside what it is
        without a plan: of regret, what the best plans come to, since it may be nought."""
        if self.assumption_sets.criterion != "regret":
            return 0.0
        return max((abs(own.objective) for own in self.reference_optima), default=0.0)

    @property
    def size(self) -> int:
        """Nodes times states times periods, of all sets."""
        return sum(_problem_size(own.instance, own.states) for own in self.single_set_problems)

    @property
    def is_small(self) -> bool:
        """Whether the extensive form is as quick."""
        return self.size <= MAX_EXTENSIVE_SIZE

    def suitable_method(self, pool: CutPool | None = None) -> Method:
        """The method that suits it; cuts are of use to the decomposition only, and a ball of
        modified chi-square is in no linear program."""
        small = self.is_small and pool is None and self.is_linear
        return "extensive" if small else "decomposition"

    @property
    def is_linear(self) -> bool:
        """Whether there is an extensive form of it."""
        return RiskMeasure.from_case(self.instance.case).ambiguity != "modified_chi_square"


def with_observations(problem: Problem, observations: Sequence[Observation]) -> Problem:
    """The same states of the world, of which something else is observed before the review."""

    def other(case: Case) -> Case:
        assert case.review is not None
        review = case.review.model_copy(update={"observe": tuple(observations)})
        return case.model_copy(update={"review": review})

    def there(own: Instance) -> Instance:
        return replace(own, case=other(own.case), branches=())

    parts = _with_branches(
        [own.with_instances_changed(there) for own in problem.single_set_problems]
    )
    scenario = None if problem.scenario is None else other(problem.scenario)
    if not problem.set_problems:
        return replace(parts[0], no_review_optimum=None, scenario=scenario)
    looks = next(own for own in parts if own.states is problem.states)
    instance = replace(there(problem.instance), branches=looks.instance.branches)
    seen = problem.recourse and problem.recourse.for_instance(instance)
    return replace(
        problem,
        instance=instance,
        recourse=seen,
        set_problems=parts,
        scenario=scenario,
        no_review_optimum=None,
    )


def read_instance_and_states(case: Case) -> tuple[Instance, tuple[State, ...]]:
    """The instance of a scenario, with the paths of its review, and its states."""
    problem = Problem.from_case(case)
    return problem.instance, problem.states


def with_same_branches(problem: Problem, reference: Instance) -> Problem:
    """The problem with the paths by which another instance tells states apart."""
    if not reference.branches:
        return problem
    sights = [path.observed for path in reference.branches]
    instance = with_information_sets(problem.instance, problem.states, sights)
    recourse = problem.recourse and problem.recourse.for_instance(instance)
    return replace(problem, instance=instance, recourse=recourse)


def _with_branches(set_problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """The problems with the paths that their states go, where there is a review."""
    instances = with_branches(
        [own.instance for own in set_problems], [own.states for own in set_problems]
    )
    return tuple(
        replace(
            own, instance=instance, recourse=own.recourse and own.recourse.for_instance(instance)
        )
        for own, instance in zip(set_problems, instances, strict=True)
    )


def _problem_size(instance: Instance, states: Sequence[State]) -> int:
    """Nodes times states times periods."""
    return len(instance.nodes) * len(states) * len(instance.periods)


def choose_method(
    instance: Instance, states: Sequence[State], pool: CutPool | None = None
) -> Method:
    """The method that suits the size of a problem."""
    small = _problem_size(instance, states) <= MAX_EXTENSIVE_SIZE
    return "extensive" if small and pool is None else "decomposition"


def default_jobs(instance: Instance, states: Sequence[State]) -> int:
    """Processes that are worth starting for many problems of this size: all usable cores, but one
    where a problem takes less time than a process takes to begin."""
    return 1 if choose_method(instance, states) == "extensive" else usable_cores()


def check_supported(
    case: Case,
    *,
    with_assumption_sets: bool = False,
    with_review: bool = False,
    with_ambiguity: bool = False,
) -> None:
    """Refuse a scenario with assumption sets, a review or ambiguous probabilities (Misuse) for an
    analysis that does not work with them; by default for one that works with none of the three."""
    if not with_assumption_sets:
        check_no_assumption_sets(case)
    if not with_review:
        check_no_review(case)
    if not with_ambiguity:
        check_no_ambiguity(case)


def check_no_ambiguity(case: Case) -> None:
    """Refuse a scenario whose mean is that of the least favourable probabilities (Misuse), where it
    would be taken for that of its states."""
    if case.objective.ambiguity is not None:
        raise Misuse(
            tr(
                "This analysis does not work with ambiguous probabilities; ask for those of the "
                "states with --set objective.ambiguity=null."
            )
        )


def check_no_review(case: Case) -> None:
    """Refuse a scenario whose plans leave decisions to a review (Misuse), where all of them would
    be taken for decided now."""
    if case.planned_review is not None:
        raise Misuse(
            tr(
                "This analysis does not work with a review; ask for a plan that decides all now "
                "with --set review=null."
            )
        )


def check_no_assumption_sets(case: Case) -> None:
    """Refuse a scenario whose plans are made over sets of assumptions (Misuse), where they would
    be taken for those of the file as it stands."""
    if case.objective.over_assumptions is not None:
        raise Misuse(
            tr(
                "This analysis does not work over sets of assumptions; ask for the file as it "
                "stands with --set objective.over_assumptions=null."
            )
        )
