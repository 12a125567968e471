"""A scenario as every method takes it, or all of its sets of assumptions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from models.language import tr
from models.scenario.case import Case
from models.scenario.review import Observation
from optimizer.errors import Misuse
from optimizer.model.cores import usable_cores
from optimizer.model.instance import Instance, read_instance
from optimizer.model.likeness import drawn_alike, seen_alike
from optimizer.model.review import with_paths, with_sights
from optimizer.model.risk import Risk
from optimizer.model.states import State, read_states
from optimizer.model.together import Together, looked_at, read_sets
from optimizer.solve.checked_solution import Best
from optimizer.solve.decomposition import CutPool, Frame
from optimizer.solve.solver_result import Method
from optimizer.solve.sweep import Recourse

SMALL = 300  # nodes * states * periods, so far the extensive form is as quick (benchmarks.md)


@dataclass(frozen=True, eq=False)
class Problem:
    """A scenario as every method takes it."""

    instance: Instance
    states: tuple[State, ...]
    seconds: float  # wall time that reading took
    recourse: Recourse | None = None  # of the same states from another standpoint, if there is any
    frame: Frame | None = None  # of the same instance with other states, if there is any
    sets: tuple[Problem, ...] = ()  # under each set of assumptions, if a plan is made over them
    best: tuple[Best, ...] = ()  # of each of these, where regret is asked for
    scenario: Case | None = None  # the file as it stands, where the instance is not of that
    now: Best | None = None  # of plans that leave nothing to the review, where there is one

    @classmethod
    def of(cls, case: Case, *known: Problem) -> Problem:
        """The problem of a scenario, with what it has in common with those that are known. One over
        sets of assumptions looks like that of the file as it stands, if that is one of them, else
        like that of the first set."""
        began = time.perf_counter()
        if case.objective.over_assumptions is None:
            return _on_paths([cls._read(read_instance(case), began, known)])[0]
        first, together = read_sets(case)
        alike = [own for own in known if len(own.sets) == len(together.instances)]
        sets = _on_paths(
            [
                cls._read(instance, began, [own.sets[k] for own in alike])
                for k, instance in enumerate(together.instances)
            ]
        )
        looks = sets[first]
        instance = looked_at(case, looks.instance)
        seconds, recourse = time.perf_counter() - began, looks.recourse
        seen = None if recourse is None else recourse.seen(instance)
        return cls(instance, looks.states, seconds, seen, sets=sets, scenario=case)

    @classmethod
    def _read(cls, instance: Instance, began: float, known: Sequence[Problem]) -> Problem:
        """The problem of an instance, with what it has in common with those that are known."""
        drawn = (own for own in known if drawn_alike(instance, own.instance))
        like = next(drawn, None)
        states = read_states(instance) if like is None else like.states
        alike = (
            own.recourse
            for own in known
            if own.states is states and own.recourse and seen_alike(instance, own.instance)
        )
        recourse = next(alike, None)
        seen = None if recourse is None else recourse.seen(instance)
        for own in known if seen is None else ():
            if own.recourse is not None and seen_alike(instance, own.instance):
                seen = own.recourse.in_states(instance, states)
                break
        return cls(instance, states, time.perf_counter() - began, seen)

    @classmethod
    def after(cls, last: Problem | None, case: Case, threads: int | None = None) -> Problem:
        """The same with recourse, of a scenario that is much like the last one."""
        return cls.of(case, *([] if last is None else [last])).with_recourse(threads)

    def with_recourse(self, threads: int | None = None) -> Problem:
        """The same with recourse, which search and judge then share."""
        if self.recourse is not None:
            return self
        if self.sets:
            sets = tuple(own.with_recourse(threads) for own in self.sets)
            looks = next(own for own in sets if own.states is self.states)
            seen = looks.recourse and looks.recourse.seen(self.instance)
            return replace(self, sets=sets, recourse=seen)
        return replace(self, recourse=Recourse(self.instance, self.states, threads=threads))

    def changed(self, change: Callable[[Instance], Instance]) -> Problem:
        """The same with other rules or weights, under each set of assumptions alike."""
        sets = tuple(own.changed(change) for own in self.sets)
        return replace(self, instance=change(self.instance), sets=sets, frame=None)

    @property
    def bare(self) -> Problem:
        """The same without what is known of sweeps, as another process gets it."""
        sets = tuple(own.bare for own in self.sets)
        return replace(self, sets=sets, recourse=None, frame=None)

    @property
    def decided_now(self) -> Problem:
        """The same where nothing is left to the review."""

        case = self.instance.case.model_copy(update={"review": None})
        instance = replace(self.instance, case=case, paths=())
        return replace(
            self, instance=instance, sets=tuple(own.decided_now for own in self.sets), now=None
        )

    @property
    def parts(self) -> tuple[Problem, ...]:
        """Itself, or what it is under each set of assumptions."""
        return self.sets or (self,)

    @property
    def together(self) -> Together:
        """What a plan is made for."""
        case = self.instance.case
        if not self.sets:
            return Together((self.instance,))
        weights = tuple(float(own.weight) for own in case.assumptions.values())
        over = case.objective.over_assumptions or "mean"
        instances = tuple(own.instance for own in self.sets)
        best = tuple(own.objective for own in self.best) if over == "regret" else ()
        return Together(instances, weights, over, best or (0.0,) * len(instances))

    @property
    def least(self) -> float:
        """What an objective counts as at least where a gap is taken of it, beside what it is
        without a plan: of regret, what the best plans come to, since it may be nought."""
        if self.together.over != "regret":
            return 0.0
        return max((abs(own.objective) for own in self.best), default=0.0)

    @property
    def size(self) -> int:
        """Nodes times states times periods, of all sets."""
        return sum(_size(own.instance, own.states) for own in self.parts)

    @property
    def small(self) -> bool:
        """Whether the extensive form is as quick."""
        return self.size <= SMALL

    def suitable(self, pool: CutPool | None = None) -> Method:
        """The method that suits it; cuts are of use to the decomposition only, and a ball of
        modified chi-square is in no linear program."""
        small = self.small and pool is None and self.linear
        return "extensive" if small else "decomposition"

    @property
    def linear(self) -> bool:
        """Whether there is an extensive form of it."""
        return Risk.of(self.instance.case).ball != "modified_chi_square"


def observing(problem: Problem, observe: Sequence[Observation]) -> Problem:
    """The same states of the world, of which something else is observed before the review."""

    def other(case: Case) -> Case:
        assert case.review is not None
        review = case.review.model_copy(update={"observe": tuple(observe)})
        return case.model_copy(update={"review": review})

    def there(own: Instance) -> Instance:
        return replace(own, case=other(own.case), paths=())

    parts = _on_paths([own.changed(there) for own in problem.parts])
    scenario = None if problem.scenario is None else other(problem.scenario)
    if not problem.sets:
        return replace(parts[0], now=None, scenario=scenario)
    looks = next(own for own in parts if own.states is problem.states)
    instance = replace(there(problem.instance), paths=looks.instance.paths)
    seen = problem.recourse and problem.recourse.seen(instance)
    return replace(
        problem, instance=instance, recourse=seen, sets=parts, scenario=scenario, now=None
    )


def read_world(case: Case) -> tuple[Instance, tuple[State, ...]]:
    """The instance of a scenario, with the paths of its review, and its states."""
    problem = Problem.of(case)
    return problem.instance, problem.states


def seeing_alike(problem: Problem, other: Instance) -> Problem:
    """The problem with the paths by which another instance tells states apart."""
    if not other.paths:
        return problem
    sights = [path.sight for path in other.paths]
    instance = with_sights(problem.instance, problem.states, sights)
    recourse = problem.recourse and problem.recourse.seen(instance)
    return replace(problem, instance=instance, recourse=recourse)


def _on_paths(sets: Sequence[Problem]) -> tuple[Problem, ...]:
    """The problems with the paths that their states go, where there is a review."""
    instances = with_paths([own.instance for own in sets], [own.states for own in sets])
    return tuple(
        replace(own, instance=instance, recourse=own.recourse and own.recourse.seen(instance))
        for own, instance in zip(sets, instances, strict=True)
    )


def _size(instance: Instance, states: Sequence[State]) -> int:
    """Nodes times states times periods."""
    return len(instance.nodes) * len(states) * len(instance.periods)


def choose_method(
    instance: Instance, states: Sequence[State], pool: CutPool | None = None
) -> Method:
    """The method that suits the size of a problem."""
    small = _size(instance, states) <= SMALL
    return "extensive" if small and pool is None else "decomposition"


def usual_jobs(instance: Instance, states: Sequence[State]) -> int:
    """Processes that are worth starting for many problems of this size: all usable cores, but one
    where a problem takes less time than a process takes to begin."""
    return 1 if choose_method(instance, states) == "extensive" else usable_cores()


def check_plain(
    case: Case, *, over_sets: bool = False, with_review: bool = False, with_ball: bool = False
) -> None:
    """Refuse a scenario with assumption sets, a review or ambiguous probabilities (Misuse) for an
    analysis that does not work with them; by default for one that works with none of the three."""
    if not over_sets:
        check_single(case)
    if not with_review:
        check_decided_now(case)
    if not with_ball:
        check_sure(case)


def check_sure(case: Case) -> None:
    """Refuse a scenario whose mean is that of the least favourable probabilities (Misuse), where it
    would be taken for that of its states."""
    if case.objective.ambiguity is not None:
        raise Misuse(
            tr(
                "This analysis does not work with ambiguous probabilities; ask for those of the "
                "states with --set objective.ambiguity=null."
            )
        )


def check_decided_now(case: Case) -> None:
    """Refuse a scenario whose plans leave decisions to a review (Misuse), where all of them would
    be taken for decided now."""
    if case.decides_again is not None:
        raise Misuse(
            tr(
                "This analysis does not work with a review; ask for a plan that decides all now "
                "with --set review=null."
            )
        )


def check_single(case: Case) -> None:
    """Refuse a scenario whose plans are made over sets of assumptions (Misuse), where they would
    be taken for those of the file as it stands."""
    if case.objective.over_assumptions is not None:
        raise Misuse(
            tr(
                "This analysis does not work over sets of assumptions; ask for the file as it "
                "stands with --set objective.over_assumptions=null."
            )
        )
