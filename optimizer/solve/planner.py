"""A scenario in, a plan out."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, Unpack

from models.language import tr
from models.results import Certificate, Plan
from models.scenario.case import Case
from optimizer.errors import (
    CheckFailed,
    Infeasible,
    Interrupted,
    Misuse,
    NoPlan,
    SolverError,
)
from optimizer.model.commitment import Commitment, weighed_cost, without_idle
from optimizer.model.cores import usable_cores
from optimizer.model.highs import Solution
from optimizer.model.instance import Instance, read_instance
from optimizer.model.likeness import drawn_alike, seen_alike
from optimizer.model.outlook import without_surplus
from optimizer.model.states import State, read_states
from optimizer.model.together import Together, looked_at, read_sets, sets_of
from optimizer.solve import outcomes
from optimizer.solve.checked_solution import ENOUGH_STATES, Best, Found, Under, input_hash
from optimizer.solve.conflicts import smallest_conflict, told_of
from optimizer.solve.decomposition import CutPool, Frame, solve_by_decomposition
from optimizer.solve.extensive_form import solve_extensive_form
from optimizer.solve.gap import Sizes, gap_of, is_within, settled, smallest_size
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.solver_result import GAP, NUMERICAL_LIMIT, How, Incumbent, Method, Solved
from optimizer.solve.sweep import Recourse
from optimizer.solve.sweep.recourse import BLOCK
from optimizer.solve.verification import broken_rules, check_commitment

AGREEMENT = 1e-5  # the recomputed objective may lie this far above the solver's, relatively
BY_ITSELF = ("Optimal", "gap closed", NUMERICAL_LIMIT)  # ends of searches that no limit ended
ROUGH, AFTER = 1e-2, 120.0  # gap and seconds of what a plan that is salvaged is compared with
SMALL = 300  # nodes * states * periods, so far the extensive form is as quick (benchmarks.md)
MODERATE = 20_000  # so far it is tried where the decomposition meets its numerical limit


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

    @classmethod
    def of(cls, case: Case, *known: Problem) -> Problem:
        """The problem of a scenario, with what it has in common with those that are known. One over
        sets of assumptions looks like that of the file as it stands, if that is one of them, else
        like that of the first set."""
        began = time.perf_counter()
        if case.objective.over_assumptions is None:
            return cls._read(read_instance(case), began, known)
        first, together = read_sets(case)
        alike = [own for own in known if len(own.sets) == len(together.instances)]
        sets = tuple(
            cls._read(instance, began, [own.sets[k] for own in alike])
            for k, instance in enumerate(together.instances)
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


def plan(
    case: Case,
    *,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    variant: str | None = None,
    title: str | None = None,
    **how: Unpack[How],
) -> Plan:
    """The investment mix that minimises the scenario's objective, checked, with its proof. ``pool``
    holds cuts of problems that share recourse with this one (variants, budgets, risk weights): the
    decomposition, then the method, starts from it and adds to it. Raises Infeasible with a smallest
    set of rules in conflict; ScenarioError if figures are too unlike in size to be solved together;
    NoPlan or Interrupted if no plan was found before a limit, or the user stopped it; SolverError
    if the solver fails, or its answer fails the check."""
    return find(Problem.of(case), method=method, pool=pool, **how).plan(title, variant)


def find(
    problem: Problem,
    *,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    brief: bool = False,
    **how: Unpack[How],
) -> Found:
    """The plan before it becomes a document; as :func:`plan`, and :func:`judge` for ``brief``."""
    began = time.perf_counter()
    if method == "auto":
        method = "extensive" if problem.small and pool is None else "decomposition"
    if method == "decomposition" and all(len(own.states) <= BLOCK for own in problem.parts):
        problem = problem.with_recourse(how.get("threads"))
    problem = with_best(problem, **how)
    if problem.best and (limit := how.get("time_limit")) is not None:
        how["time_limit"] = max(0.0, limit - (time.perf_counter() - began))
    solved = search(problem, method=method, pool=pool, **how)
    on_incumbent = how.get("on_incumbent")
    if on_incumbent is not None and solved.commitment is not None:
        claimed, bound = solved.solution.objective, solved.solution.bound
        objective = math.inf if claimed is None else claimed
        on_incumbent(Incumbent(solved.method, solved.commitment, objective, bound, final=True))
    gap, threads = how.get("gap", GAP), how.get("threads")
    return judge(problem, solved, gap=gap, began=began, threads=threads, brief=brief)


def with_best(problem: Problem, **how: Unpack[How]) -> Problem:
    """The problem with the best plan of each set of assumptions, where regret is asked for."""
    if problem.together.over != "regret" or problem.best:
        return problem
    began, limit, founds = time.perf_counter(), how.get("time_limit"), list[Found]()
    own: How = {**how, "on_progress": None, "on_incumbent": None}
    alone = [by_itself(part) for part in problem.sets]
    for part in alone:
        if limit is not None:
            own["time_limit"] = max(0.0, began + limit - time.perf_counter())
        founds.append(find(part, brief=True, **own))
        if founds[-1].interrupted:
            raise Interrupted(tr("stopped before any plan was found"))
        if part.recourse is not None:
            part.recourse.forget()  # sweeps of all sets together take too much room
    return replace(problem, best=best_known(alone, founds))


def by_itself(part: Problem) -> Problem:
    """A set of assumptions without the others, which may not allow all of its start years."""
    own = part.instance
    instance = read_instance(own.case, own.lot_t)
    if all(project.starts == own.projects[p].starts for p, project in instance.projects.items()):
        return part
    return Problem(instance, part.states, 0.0)


def best_known(alone: Sequence[Problem], founds: Sequence[Found]) -> tuple[Best, ...]:
    """The best of the plans found for each set of assumptions that keeps its rules: within the gap
    that of another set may be better than its own. Bounds are those of its own search."""
    best = []
    for part, own in zip(alone, founds, strict=False):
        objectives = [own.objective]
        for other in founds:
            if other is not own and not broken_rules(part.instance, other.commitment):
                objectives.append(objective_of(part, other.commitment))
        best.append(Best(min(objectives), own.certificate.bound))
    return tuple(best)


def objective_of(problem: Problem, commitment: Commitment) -> float:
    """The objective of a commitment, whether or not it keeps all rules."""
    instance, states = problem.instance, problem.states
    (seen,) = outcomes.evaluate(instance, states, [commitment], recourse=problem.recourse)
    return outcomes.objective(instance, seen, weighed_cost(instance, commitment))


def salvage(
    case: Case,
    incumbent: Incumbent,
    *,
    ended: str,
    gap: float = GAP,
    threads: int | None = None,
    variant: str | None = None,
    title: str | None = None,
) -> Plan:
    """The plan of a search that did not come back, from the last that it told; ``ended`` says what
    became of it. CheckFailed if that breaks a rule, or is worth less than its bound allows."""
    began = time.perf_counter()
    problem = with_best(Problem.of(case), gap=max(gap, ROUGH), threads=threads, time_limit=AFTER)
    # What the search claimed is not compared: it may not have solved around its whole numbers. What
    # it proved of regrets is taken from other best plans.
    bound = None if problem.best else incumbent.bound
    solution = Solution("limit", ended, None, None, bound, nodes=0, seconds=0.0)
    solved = Solved(incumbent.method, solution, incumbent.commitment, seconds={}, size={})
    return judge(problem, solved, gap=gap, began=began, threads=threads).plan(title, variant)


def search(
    problem: Problem,
    *,
    method: Method | Literal["auto"] = "auto",
    pool: CutPool | None = None,
    enough: float | None = None,
    against: float | None = None,
    **how: Unpack[How],
) -> Solved:
    """Solve a problem, or, with ``enough``, only find out whether an objective can be so low; where
    all that is asked is the difference from an objective (``against``), a tenth of it may stay open
    if that is more than the gap. The extensive form takes no notice of either: it is for problems
    that are solved quickly. Where the answer of a method is in doubt, the other is asked. Raises
    TypeError for an unknown name."""
    if unknown := how.keys() - How.__annotations__.keys():
        raise TypeError(f"no options of a search: {', '.join(sorted(unknown))}")
    began, parts, states = time.perf_counter(), problem.parts, [x.states for x in problem.parts]
    if not problem.sets:
        check_single(problem.instance.case)
    instances = tuple(without_surplus(own.instance, own.states) for own in parts)
    together, least = replace(problem.together, instances=instances), problem.least
    gap, threads, limit = how.get("gap", GAP), how.get("threads"), how.get("time_limit")

    def in_time() -> How:
        left = None if limit is None else max(0.0, began + limit - time.perf_counter())
        return {**how, "gap": gap, "time_limit": left}

    lent: dict[str, Any] = {"pool": pool, "broken": partial(_broken, together), "least": least}
    lent |= {"enough": enough, "against": against, "recourses": [x.recourse for x in parts]}
    by_cuts = partial(solve_by_decomposition, together, states, **lent)

    def decompose(exact: bool) -> Solved:
        pairs = zip(parts, instances, strict=True)
        frames = [own.frame if own.instance is instance else None for own, instance in pairs]
        with told_of(together.first):
            return by_cuts(frames=frames, exact=exact, **in_time())

    def extend() -> Solved | None:
        """By the extensive form; None where it fails."""
        worth = []
        for own, instance in zip(parts, instances, strict=True):
            with told_of(instance):
                (without,) = outcomes.evaluate(
                    instance, own.states, [Commitment()], threads=threads, recourse=own.recourse
                )
            worth.append(outcomes.objective(instance, without, 0.0))
        nothing = together.objective(worth) if together.adds_up else max(worth)
        sizes: dict[str, Any] = {"nothing": nothing, "least": least}
        with contextlib.suppress(SolverError):
            return solve_extensive_form(together, states, **sizes, **in_time())
        return None

    chosen = method
    if method == "auto":
        chosen = "extensive" if problem.small and pool is None else "decomposition"
    solved: Solved | None = None
    if chosen == "extensive":
        solved = extend()
        if solved is not None and not _is_doubtful(problem, solved, gap=gap, threads=threads):
            return solved
    # Sweeps are exact, and the master is far smaller than an extensive form.
    for exact in (False, True):
        again = decompose(exact)
        if again.commitment is None and solved is not None and solved.commitment is not None:
            # Time ran out before it found as much. What is in doubt proves nothing.
            unproven = replace(solved.solution, bound=None)
            return replace(solved, solution=unproven) if solved.doubtful else solved
        solved = again
        if not _breaks_a_rule(problem, solved):
            break
    assert solved is not None
    if solved.solution.ending == "infeasible" and not _broken(problem.together, Commitment()):
        # To do nothing is a plan, whatever the solver says.
        idle = replace(solved.solution, ending="limit", ended=NUMERICAL_LIMIT, bound=None)
        solved = replace(solved, commitment=Commitment(), solution=idle)
    if solved.solution.ended == NUMERICAL_LIMIT and problem.size <= MODERATE:
        other = extend() if chosen != "extensive" else None
        if other is not None and other.commitment is not None:
            return solved if _is_doubtful(problem, other, gap=gap, threads=threads) else other
    return solved


def _breaks_a_rule(problem: Problem, solved: Solved) -> bool:
    """Whether a plan, as far as there is one, would fail the check."""
    if solved.commitment is None:
        return False
    together = problem.together
    return bool(_broken(together, together.without(solved.commitment, without_idle)))


def _broken(together: Together, commitment: Commitment) -> list[str]:
    """Every rule that a commitment breaks under any set of assumptions."""
    return [text for own in together.instances for text in broken_rules(own, commitment)]


def _is_doubtful(problem: Problem, solved: Solved, *, gap: float, threads: int | None) -> bool:
    """Whether solves by several tolerances differ, or the plan is not worth what they say."""
    if solved.solution.interrupted or solved.commitment is None:
        return solved.doubtful and not solved.solution.interrupted
    if solved.doubtful or _breaks_a_rule(problem, solved):
        return True
    if solved.near_one:
        return False
    try:
        judge(problem, solved, gap=gap, began=time.perf_counter(), threads=threads)
    except CheckFailed:
        return True
    return False


def judge(
    problem: Problem,
    solved: Solved,
    *,
    gap: float,
    began: float,
    threads: int | None = None,
    consumers: Collection[str] = (),
    brief: bool = False,
) -> Found:
    """Check what a search, begun at ``began``, found and reckon it anew, the damage of some
    consumers by state as well; ``brief`` where no more is asked of the outcome than the damage in
    each state, which the search has swept."""
    solution = solved.solution
    commitment = commitment_in(problem.together, solved)
    checked = time.perf_counter()
    reckoned = reckon(problem, commitment, threads=threads, consumers=consumers, brief=brief)
    objective, sizes = reckoned.objective, reckoned.sizes
    _check_objective(solved, objective, sizes, gap)
    ended, bound = time.perf_counter(), solution.bound
    if solution.ended in BY_ITSELF:
        bound = settled(objective, bound, gap, sizes)
    elif bound is not None:
        bound = min(bound, objective)
    case = problem.scenario or problem.instance.case
    sample = case.uncertainty.sample if case.uncertainty else None
    certificate = Certificate(
        status="optimal" if is_within(objective, bound, gap, sizes.least) else "limit",
        objective=objective,
        bound=bound,
        gap=gap_of(objective, bound, sizes.least),
        gap_target=gap,
        ended=solution.ended,
        method=solved.method,
        states=sum(len(own.states) for own in problem.parts),
        illustrative=min(len(own.states) for own in problem.parts) < ENOUGH_STATES,
        seed=int(sample.seed) if sample else None,
        seconds=problem.seconds + ended - began,
        seconds_by_step={"read": problem.seconds, **solved.seconds, "check": ended - checked},
        model_size=solved.size,
        work=solved.work,
        input_sha256=input_hash(case),
        versions=versions(),
        over_assumptions=problem.together.over if problem.sets else None,
        regret_open=_open(problem.best) if problem.together.over == "regret" else None,
    )
    return reckoned.found(certificate, interrupted=solution.interrupted, threads=threads)


@dataclass(frozen=True, eq=False)
class Reckoned:
    """What a commitment that keeps all rules leads to."""

    problem: Problem
    commitment: Commitment
    pairs: Sequence[tuple[Evaluation, Evaluation]]  # with it and without, under each set
    objective: float
    sizes: Sizes

    def found(self, certificate: Certificate, **ends: Any) -> Found:
        """The plan, with its certificate."""
        problem, pairs, sets = self.problem, self.pairs, self.problem.sets
        looks = next(k for k, own in enumerate(problem.parts) if own.states is problem.states)
        best = problem.best or [None] * len(pairs)
        return Found(
            problem.instance,
            problem.states,
            self.commitment,
            *pairs[looks],
            certificate,
            recourse=problem.recourse,
            together=problem.together if sets else None,
            sets=tuple(
                Under(own.instance, own.states, *pairs[k], own.recourse, best[k])
                for k, own in enumerate(sets)
            ),
            scenario=problem.scenario,
            sizes_of_sets=self.sizes if sets else None,
            **ends,
        )


def reckon(
    problem: Problem,
    commitment: Commitment,
    *,
    threads: int | None = None,
    consumers: Collection[str] = (),
    brief: bool = False,
) -> Reckoned:
    """Check a commitment, under all sets of assumptions that there are, and reckon its objective
    apart from any solver. CheckFailed names every rule that it breaks."""
    together = problem.together
    for own in together.instances:
        check_commitment(own, commitment)
    how: dict[str, Any] = {"threads": threads, "consumers": consumers, "brief": brief}
    pairs = [_with_and_without(own, commitment, **how) for own in problem.parts]
    values, nothing = list[float](), list[float]()
    for own, (seen, without) in zip(together.instances, pairs, strict=True):
        values.append(outcomes.objective(own, seen, weighed_cost(own, commitment)))
        nothing.append(outcomes.objective(own, without, 0.0))
    least = smallest_size(together.objective(nothing) if together.adds_up else max(nothing))
    rounding = max(map(outcomes.rounding, together.instances))
    sizes = Sizes(max(problem.least, least), rounding)
    return Reckoned(problem, commitment, pairs, together.objective(values), sizes)


def _open(best: Sequence[Best]) -> float | None:
    """What proofs of the best plans leave open: by so much a regret may be larger."""
    bounds = [(own.objective, own.bound) for own in best]
    if not bounds or any(bound is None for _, bound in bounds):
        return None
    return max(objective - (bound or 0.0) for objective, bound in bounds)


def _with_and_without(
    problem: Problem,
    commitment: Commitment,
    *,
    threads: int | None,
    consumers: Collection[str],
    brief: bool,
) -> tuple[Evaluation, Evaluation]:
    """What a plan leads to, and what comes without any, in brief where that is enough."""
    instance, states, recourse = problem.instance, problem.states, problem.recourse
    brief &= recourse is not None and not instance.counts
    of_plans = outcomes.in_brief if brief else outcomes.evaluate
    how: dict[str, Any] = {"threads": threads, "recourse": recourse}
    (with_plan,) = of_plans(instance, states, [commitment], consumers=consumers, **how)
    without = None if recourse is None or consumers else recourse.memory.get(brief)
    if without is None:
        (without,) = of_plans(instance, states, [Commitment()], consumers=consumers, **how)
    if recourse is not None and not consumers:
        recourse.memory[brief] = without
    return with_plan, without


def told_in_full(found: Found) -> Found:
    """The same with all of its outcome, which :func:`judge` was to tell in brief. CheckFailed if it
    does not bear out the objective."""
    both, threads = [found.commitment, Commitment()], found.threads

    def whole(instance: Instance, states: Any, recourse: Recourse | None) -> list[Evaluation]:
        return outcomes.evaluate(instance, states, both, threads=threads, recourse=recourse)

    sets = [(own, whole(own.instance, own.states, own.recourse)) for own in found.sets]
    of_sets = tuple(replace(own, with_plan=x, without_plan=y) for own, (x, y) in sets)
    seen, without = next(
        (pair for own, pair in sets if own.states is found.states),
        None,
    ) or whole(found.instance, found.states, found.recourse)
    full = replace(found, with_plan=seen, without_plan=without, sets=of_sets)
    objective = full.reckoned(found.together or found.instance)
    slack = AGREEMENT * max(full.sizes.least, abs(objective)) + full.sizes.rounding
    if abs(objective - found.objective) > slack:
        raise CheckFailed(
            tr(
                "the plan is worth {objective:.9g}, the solver says {claimed:.9g}",
                objective=objective,
                claimed=found.objective,
            )
        )
    return full


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


def commitment_in(problem: Instance | Together, solved: Solved) -> Commitment:
    """The commitment that was found, or the reason why there is none, as :func:`plan` raises it."""
    solution, (together, _) = solved.solution, sets_of(problem, ())
    if solution.ending == "infeasible":
        with told_of(together.first):
            conflict = smallest_conflict(together)
        if not conflict:
            raise SolverError(tr("the solver calls a problem infeasible that has a plan"))
        raise Infeasible(conflict)
    if solution.ending == "unbounded":
        raise SolverError(
            tr("the solver calls a problem unbounded whose damage cannot be negative")
        )
    if solved.commitment is None:
        if solution.interrupted:
            raise Interrupted(tr("stopped before any plan was found"))
        raise NoPlan(tr("no plan was found before the limit ({ended})", ended=solution.ended))
    needed: Commitment = together.without(solved.commitment, without_idle)
    return needed


def _check_objective(solved: Solved, objective: float, sizes: Sizes, gap: float) -> None:
    """Refuse an objective that the solver's own answer, or its bound, does not bear out."""
    claimed, bound = solved.solution.objective, solved.solution.bound
    slack = AGREEMENT * max(sizes.least, abs(objective)) + sizes.rounding
    if claimed is not None and objective > claimed + max(slack, gap * abs(objective)):
        raise CheckFailed(
            tr(
                "the plan is worth {objective:.9g}, the solver says {claimed:.9g}",
                objective=objective,
                claimed=claimed,
            )
        )
    if bound is not None and objective < bound - slack:
        raise CheckFailed(
            tr(
                "the plan is worth {objective:.9g}, below the bound {bound:.9g}",
                objective=objective,
                bound=bound,
            )
        )


def versions() -> dict[str, str]:
    """Versions of the project and of what its results rest on."""
    names = ("vorrat", "pyomo", "highspy", "numpy", "scipy", "numba")
    return {name: version_of(name) for name in names}


@cache
def version_of(name: str) -> str:
    """The version of an installed distribution; looked up once, since that reads files."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
