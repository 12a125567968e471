"""Good plans early: rounding, diving, and trying the neighbours of the best plan.

Each proposes start years; the plan is what the relaxation makes of them once they are fixed, its
recourse exact (``polish``).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import Floats
from optimizer.model.together import Places
from optimizer.solve.decomposition.columns import Windows
from optimizer.solve.decomposition.run import UNKNOWN, Known, Run

WORTHWHILE = 0.1  # share of the distance between bound and plan that another plan has to gain
UNSWEPT = 0.1  # share of the distance between bound and plan that a dive leaves unswept
HURRIED = 30  # rounds of cuts in a plan that is hardly the last
SWEPT_ANEW = 2  # plans of other problems that are swept where recourse has changed
SETTLING = 500  # the same in one that has to be settled: many purchases take many


class Heuristics:
    """Ways to find plans in a run."""

    def __init__(self, run: Run, fixed: NDArray[np.bool_]) -> None:
        self.run, self.master = run, run.master
        self.fixed = fixed
        # Accuracy to which branches were polished, and whether to the end.
        self._tried: dict[tuple[bytes, bool], float] = {}
        self._order = np.random.default_rng(0)
        self._around = np.inf
        self._untried: list[int] = []

    def polish(self, windows: Windows, *, to_the_end: bool = False) -> bool:
        """Optimise everything else around fixed starts and tickets; whether a plan came of it. As
        long as plans are far from the bound this one is hardly the last, and is not worth all
        digits unless it has to be settled what its starts can give."""
        run = self.run
        parts = (windows.first, windows.last, windows.most)
        key = b"".join(part.tobytes() for part in parts), to_the_end
        accuracy = max(0.2 * run.within, 1e-6) if to_the_end else self._accuracy
        if self._tried.get(key, np.inf) <= accuracy:
            return False
        self._tried[key] = accuracy
        self.master.restrict(windows)
        cutoff = self._worthwhile
        if to_the_end and np.isfinite(run.upper):
            cutoff = run.upper * (1 - 1e-6)
        rounds = SETTLING if to_the_end else HURRIED
        _, x, value = run.relax(accuracy, cutoff=cutoff, rounds=rounds)
        return x is not None and run.offer(x, value)

    @property
    def _accuracy(self) -> float:
        """To what share the value of a plan has to be known that is hardly the last."""
        run = self.run
        # Where a tree goes on, what is better than its first plan is likely to be the last.
        usual = run.within if run.frontiers and np.isfinite(run.upper) else UNKNOWN
        return max(0.2 * run.within, 1e-6, 0.1 * min(run.open, usual))

    @property
    def _worthwhile(self) -> float:
        """What a plan has to cost less than to be worth looking for; infinite without one."""
        run = self.run
        distance = run.distance if np.isfinite(run.distance) else 0.0
        least = max(1e-5 * run.size(run.upper), WORTHWHILE * distance)
        return run.upper - least if np.isfinite(run.upper) else np.inf

    def recall(self) -> None:
        """Offer the best plan of other problems that keeps the rules of this one."""
        run, found = self.run, list[tuple[float, Known]]()
        if run.broken is None:
            return
        for number, own in enumerate(run.known):
            # To sweep all of them once more would take longer than what it is good for.
            anew = number < SWEPT_ANEW
            if own.swept(run.appraise) or (anew and not run.broken(own.plan)):
                found.append((own.worth(run.appraise), own))
        for worth, own in sorted(found, key=lambda one: one[0]):
            if worth >= run.upper:
                return
            if not run.broken(own.plan):
                run.offer(self.master.values_of(own.plan), worth)

    def refinance(self) -> bool:
        """Offer the last plan of another problem with what recourse sees of it as it was, paid for
        as well as can be here; where that cannot be, with what is costly to sweep as it was.
        Whether one of them can."""
        run, master, appraise = self.run, self.master, self.run.appraise
        for own in run.known[:1]:
            x = master.values_of(own.plan)
            windows = master.fix(self.forced(self.places(x)), x)
            for heads in (list(appraise.chains), appraise.slow(own.plan)):
                with master.held(x, heads):
                    master.restrict(windows)
                    _, found, value = run.relax(self._accuracy, cutoff=run.cutoff, rounds=HURRIED)
                    if found is not None:
                        run.offer(found, value)
                        return True
        return False

    def forced(self, place: Places) -> Places:
        """Places of start years, without projects that must not be built."""
        projects, policy = self.master.projects, self.master.instance.case.policy
        barred = [p in policy.must_not_build for p in projects]
        return np.where(barred, -1, place)

    def leave_out(self, hint: Places) -> bool:
        """Dive among the projects of another problem's plan, each in its year or not at all, and
        those that must be built."""
        master = self.master
        place, windows = self.forced(hint), master.everything().starting(self.forced(hint))
        windows = replace(windows, must=0 * windows.must)
        for p, name in enumerate(master.projects):
            if name in master.instance.case.policy.must_build and place[p] < 0:
                windows = windows.holding(p, 0, len(master.start[p]) - 1, 1)
        return self.dive(windows)

    def follow(self, hints: list[Places]) -> bool:
        """Polish the best of other plans' start years, as cuts judge them with all else free."""
        run, master = self.run, self.master
        everything = master.everything()
        # What cuts alone put far from the bound is not worth a polish.
        lower = run.lower if np.isfinite(run.lower) else run.enough
        known = np.isfinite(lower)
        best, chosen = lower + UNKNOWN * run.size(lower) if known else np.inf, None
        must = [p in master.instance.case.policy.must_build for p in master.projects]
        for place in hints:
            place = self.forced(place)
            windows, free = everything.starting(place), np.array(must, dtype=bool) & (place < 0)
            for p in np.flatnonzero(free).tolist():
                windows = windows.holding(p, 0, len(master.start[p]) - 1, 1)
            master.restrict(windows)
            master.simplex.set_cutoff(min(best, run.cutoff))
            if run.solve() == "optimal" and master.simplex.objective < best:
                best, x = master.simplex.objective, master.simplex.values()
                chosen = master.fix(np.where(free, self.places(x, 0.0), place), x)
        return chosen is not None and self.polish(chosen)

    def round(self, x: Floats, threshold: float) -> bool:
        """Start what is started by more than a threshold, each where most of it is."""
        some = np.array([started[-1] > threshold for started in self.master.started(x)], bool)
        return self.polish(self.master.fix(np.where(some, self.places(x, -1.0), -1), x))

    def dive(self, windows: Windows) -> bool:
        """Fix one project after another as the relaxation nearly has it, then polish. What is fixed
        is swept as well: cuts from fractions say little of whole projects. Where nothing is left,
        the last project is fixed the other way, once."""
        run, master = self.run, self.master
        branch, other = windows, None
        for _ in range(3 * len(windows.first) + len(windows.least)):
            master.restrict(branch, self.fixed)
            master.simplex.set_cutoff(run.cutoff)
            if run.solve() != "optimal" or master.simplex.objective >= run.cutoff:
                if other is None:
                    return False
                branch, other = other, None
                continue
            x = master.simplex.values()
            if run.sound(x, UNSWEPT * run.left(master.simplex.objective), 1e-5)[1]:
                if run.solve() != "optimal":
                    continue
                x = master.simplex.values()
            started = master.started(x)
            whole = [x[own].max() > 1 - master.whole for own in master.start]
            open_ = [p for p, s in enumerate(started) if s[-1] > master.whole and not whole[p]]
            if open_:
                p = min(open_, key=lambda p: abs(float(started[p][-1]) - round(started[p][-1])))
                branch, other = self._fixed_one(branch, p, x, started[p])
                continue
            loose = master.loose_tickets(x)
            if not len(loose):
                return self.polish(master.fix(self.places(x), x))
            takes = master.taken(x)[loose] > 0.5
            least, most = branch.least.copy(), branch.most.copy()
            least[loose], most[loose] = takes, takes
            branch, other = replace(branch, least=least, most=most), None
        return False

    def _fixed_one(
        self, branch: Windows, p: int, x: Floats, started: Floats
    ) -> tuple[Windows, Windows | None]:
        """A branch with a project fixed as it nearly is, and the other way."""
        year = int(np.argmax(x[self.master.start[p]]))
        built = branch.holding(p, year, year, 1)
        never = None if branch.must[p] else branch.holding(p, 1, 0, 0)
        if started[-1] >= 0.5 or never is None:
            return built, never
        return never, built

    def between(self, x: Floats) -> bool:
        """Dive where a solution and the best plan disagree, and keep to what they have in common.
        Relaxation induced neighbourhoods (Danna, Rothberg and Le Pape 2005)."""
        run, master = self.run, self.master
        if run.best is None:
            return False
        place, windows = self.places(run.best), master.everything()
        for p, (own, started) in enumerate(zip(master.start, master.started(x), strict=True)):
            at = int(place[p])
            if at >= 0 and x[own[at]] > 0.9:
                windows = windows.holding(p, at, at, 1)
            elif at < 0 and started[-1] < 0.1:
                windows = windows.holding(p, 1, 0, 0)
        return self.dive(windows)

    def improve(self, trials: int) -> None:
        """Leave out, add or shift one project of the best plan at a time, as cuts judge it. What
        was tried around a plan is not tried again; ``trials`` limits the linear programs."""
        run, master = self.run, self.master
        while run.best is not None and trials > 0 and not run.done:
            if self._around != run.upper:
                self._around = run.upper
                self._untried = list(self._order.permutation(len(master.start)))
            if not self._untried:
                return
            p = int(self._untried.pop())
            place = self.places(run.best)
            best, choice, values = self._worthwhile, None, None
            for other in self._neighbours(p, int(place[p])):
                changed = master.shifted(place, p, other)
                windows = master.fix(changed, run.best)
                free = np.ones(len(windows.most), np.int64)
                master.restrict(replace(windows, least=0 * free, most=free))
                master.simplex.set_cutoff(best)
                trials -= 1
                if run.solve(sure=False) == "optimal" and master.simplex.objective < best:
                    best, choice = master.simplex.objective, changed
                    values = master.simplex.values()
            if choice is not None and values is not None:
                self.polish(master.fix(choice, values))

    def places(self, x: Floats, least: float = 0.5) -> Places:
        """Where each project starts by more than a least share, -1 where it does not."""
        return np.array(
            [int(np.argmax(x[own])) if x[own].max() > least else -1 for own in self.master.start]
        )

    def _neighbours(self, p: int, place: int) -> list[int]:
        count, shift = len(self.master.start[p]), int(self.master.offset[p])
        near = [-1, place - 1, place + 1, place - 2, place + 2] if place >= 0 else [0, 1, 2, 4, 7]
        return [
            n
            for n in dict.fromkeys(near)
            if n != place
            and -1 <= n < count
            and (n < 0 or not self.fixed[self.master.place_of[shift + n]])
        ]
