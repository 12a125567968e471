"""Which budgets and limits are worth asking after, and what more of each is worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from models.results import Instead, LimitValue, ValueStep
from optimizer.analyses.explanation.active_constraints import TIGHT, StandingPlan
from optimizer.analyses.explanation.binding import has_years
from optimizer.analyses.explanation.subproblem import Answer, Desk, Loosen, Reply
from optimizer.model.commitment import line_use, spend
from optimizer.solve.gap import ROUNDING

MILLIONS = (1.0, 10.0, 100.0)
POINTS = (1.0, 5.0, 10.0)
NOISE = 2 * ROUNDING
"""Of the objective: a difference below this share of it is the arithmetic of two solves."""


def told_from_none(difference: float, of: float) -> float:
    """A difference of objectives that is not below 0; 0 where it is arithmetic."""
    return difference if difference > NOISE * max(1e-6, abs(of)) else 0.0


@dataclass(frozen=True)
class Limit:
    """A number that could be looser, and by how much it is tried."""

    path: str
    kind: Literal["budget", "share"]
    now: float
    steps: tuple[float, ...]
    """Million EUR, or percentage points."""
    unused: float | None = None
    funder: str | None = None
    project: str | None = None
    year: int | None = None

    @property
    def ask(self) -> Loosen:
        """The question, in the unit of the number."""
        return Loosen(self.path, self.now, tuple(step * self.unit for step in self.steps))

    @property
    def unit(self) -> float:
        """What a step is in the unit of the number."""
        return 1.0 if self.kind == "budget" else 0.01


def limits(standing: StandingPlan) -> list[Limit]:
    """Budgets and limits to ask after.

    A budget that is not used up is tried with the largest step alone: more of it may still let a
    project in that what is left does not pay for. Of years and of shares those that bind are tried.
    """
    return [*_of_funders(standing), *_of_policy(standing), *_of_shares(standing)]


def _budget(
    path: str, now: float, unused: float, funder: str | None = None, year: int | None = None
) -> Limit:
    steps = MILLIONS if unused <= TIGHT * max(now, 1.0) else MILLIONS[-1:]
    return Limit(path, "budget", now, steps, max(0.0, unused), funder=funder, year=year)


def _of_funders(standing: StandingPlan) -> Iterator[Limit]:
    instance, tight = standing.instance, standing.all_tight()
    used = spend(instance, standing.commitment)
    by_line = line_use(instance, standing.commitment)
    full_years = {
        (key.name, tuple(dict(key.about).values()), key.year) for key in tight if key.year
    }
    for f, funder in instance.case.funders.items():
        if funder.budget_meur is not None:
            now = float(funder.budget_meur)
            yield _budget(f"funders.{f}.budget_meur", now, now - float(used[f].sum()), funder=f)
        by_year = funder.budget_by_year_meur or {}
        full = [y for y in by_year if ("funder_budget_by_year", (f,), int(y)) in full_years]
        for year in _few(full, funder.carry_over):
            path = f"funders.{f}.budget_by_year_meur.{year}"
            yield _budget(path, float(by_year[year]), 0.0, funder=f, year=int(year))
        for id, line in funder.budget_lines.items():
            path = f"funders.{f}.budget_lines.{id}"
            if line.total_meur is not None:
                now = float(line.total_meur)
                left = now - float(by_line[f, id].sum())
                yield _budget(f"{path}.total_meur", now, left, funder=f)
            by_year = line.by_year_meur or {}
            full = [y for y in by_year if ("budget_line_by_year", (f, id), int(y)) in full_years]
            for year in _few(full, line.carry_over):
                at = f"{path}.by_year_meur.{year}"
                yield _budget(at, float(by_year[year]), 0.0, funder=f, year=int(year))
            if line.limit_meur is not None and not has_years(line.limit_meur):
                now = line.limit_meur.at(instance.years[0])
                left = now - float(by_line[f, id].max(initial=0.0))
                yield _budget(f"{path}.limit_meur", now, left, funder=f)


def _few(years: Sequence[int], carries_over: bool) -> list[int]:
    """Years to ask after: all, or where money is carried over the first, a middle and the last.

    A million that can be carried over is worth no less the earlier it comes, so that these bracket
    the others.
    """
    ordered = sorted(years)
    if not carries_over or len(ordered) <= 3:
        return ordered
    return [ordered[0], ordered[len(ordered) // 2], ordered[-1]]


def _of_policy(standing: StandingPlan) -> Iterator[Limit]:
    instance = standing.instance
    policy = instance.case.policy
    if policy.budget_meur is not None:
        used = spend(instance, standing.commitment)
        spent = math.fsum(float(used[f].sum()) for f in instance.public_funders)
        now = float(policy.budget_meur)
        yield _budget("policy.budget_meur", now, now - spent)


def _of_shares(standing: StandingPlan) -> Iterator[Limit]:
    instance, tight = standing.instance, standing.all_tight()
    policy, names = instance.case.policy, {key.name for key in tight}
    if policy.max_public_share is not None and "public_share_limit" in names:
        yield from _share("policy.max_public_share", float(policy.max_public_share))
    aid = policy.state_aid
    if aid is not None and aid.max_intensity is not None and "state_aid_limit" in names:
        yield from _share("policy.state_aid.max_intensity", float(aid.max_intensity))
    most = policy.max_country_share
    if most is not None and "country_share_limit" in names:
        yield from _share("policy.max_country_share.limit", float(most.limit))
    for key in sorted(tight, key=lambda key: (key.name, key.about)):
        about = dict(key.about)
        if key.name == "share_limit":
            f, i = about["funder"], about["instrument"]
            path = f"funders.{f}.instruments.{i}.max_share"
            yield from _share(path, instance.instrument[f, i].max_share, funder=f)
        elif key.name == "market_finance_limit":
            p = about["project"]
            path = f"projects.{p}.market_finance_max"
            yield from _share(path, instance.projects[p].market_finance_max, project=p)


def _share(
    path: str, now: float, funder: str | None = None, project: str | None = None
) -> Iterator[Limit]:
    steps = tuple(step for step in POINTS if now + step / 100 <= 1 + 1e-12)
    if steps:
        yield Limit(path, "share", now, steps, funder=funder, project=project)


def value(
    limit: Limit, answer: Answer | None, desk: Desk, instead: Callable[[Reply], Instead | None]
) -> LimitValue:
    """What more of a limit is worth, as far as it was found out.

    A larger step gains no less than a smaller one, whatever was proven of each by itself.
    """
    replies = {} if answer is None else answer.replies
    found: dict[float, tuple[float | None, float | None]] = {}
    most: float | None = None
    for step in sorted(limit.steps, reverse=True):
        reply = replies.get(step * limit.unit)
        bound = None if reply is None else reply.bound
        high = None if bound is None else told_from_none(desk.best - bound, desk.best)
        most = high if most is None else most if high is None else min(most, high)
        objective = None if reply is None else reply.objective
        low = None if objective is None else told_from_none(desk.bound - objective, desk.best)
        found[step] = (0.0 if low is None and most is not None else low, most)
    least = 0.0
    steps = []
    for step in limit.steps:
        low, high = found[step]
        if low is not None:
            least = low = max(least, low)
        reply = replies.get(step * limit.unit)
        objective = None if reply is None else reply.objective
        steps.append(
            ValueStep(
                step=step,
                low=None if low is None else low / step,
                plans=None
                if objective is None
                else told_from_none(desk.best - objective, desk.best) / step,
                high=None if high is None else high / step,
                instead=None if reply is None else instead(reply),
                solved=reply is not None,
                status=None if reply is None else reply.status,
            )
        )
    seen = [one.step for one in steps if one.low is not None and one.low > 0]
    return LimitValue(
        path=limit.path,
        kind=limit.kind,
        funder=limit.funder,
        project=limit.project,
        year=limit.year,
        now=limit.now,
        unused_meur=limit.unused,
        steps=tuple(steps),
        visible=min(seen, default=None),
    )
