"""What a plan chooses: projects and stockpiles as marks of a portfolio, and how often each is
chosen by alternatives, in variants of a file, and if assumptions change."""

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.base import named
from models.files import Reading
from models.language import language
from models.results import OtherCase, PlanFigures, Robustness
from models.results.alternatives import HowOften
from models.scenario.case import Case
from optimizer.analyses.alternatives.options import AlternativesOptions
from optimizer.analyses.assumptions import assumptions
from optimizer.errors import Infeasible, Interrupted, NoPlan
from optimizer.model.commitment import Commitment, planned_stock, spend
from optimizer.model.instance import Instance, read_instance
from optimizer.solve.checked_solution import Found
from optimizer.solve.decomposition import Mark, Portfolio, most_lots, pool_key
from optimizer.solve.session import Session

ROUNDING = 1e-3
"""Share of the least purchase that is left to the solver."""
TRACE = 1e-6
"""Tonnes below which nothing is bought."""
NEARLY = 0.9
"""From here on a choice is nearly always made."""


def least_lots(instance: Instance, days: float, *sets: Instance) -> dict[str, float]:
    """Lots from which on each stockpile counts as bought up: so many days of the need served, at
    its mean over the years. Stockpiles that cannot buy as much, under some of the ``sets`` of
    assumptions where there are any, are left out."""
    found = {}
    for h, pile in instance.stockpiles.items():
        least = days / 365 * float(pile.served.mean()) * instance.per_year
        if 0 < least <= min(most_lots(own, h) for own in sets or (instance,)):
            found[h] = least
    return found


def marks_of(projects: Iterable[str], stockpiles: Iterable[str]) -> Portfolio:
    """The portfolio of these projects and stockpiles."""
    return frozenset([*(("project", p) for p in projects), *(("stockpile", h) for h in stockpiles)])


def portfolio_of(
    instance: Instance, commitment: Commitment, least: Mapping[str, float]
) -> Portfolio:
    """The projects that are built and the stockpiles that are bought up."""
    bought = {h: float(commitment.bought(instance, h).sum()) for h in least}
    return marks_of(
        (p for p in commitment.start if instance.projects[p].starts),
        (h for h, lots in least.items() if bought[h] >= (1 - ROUNDING) * lots),
    )


def with_marks(
    instance: Instance,
    has: Collection[Mark],
    lacks: Collection[Mark],
    least: Mapping[str, float],
) -> Instance:
    """The problem in which some things are built or bought up, and others are not at all."""

    def ids(kind: str, marks: Collection[Mark]) -> list[str]:
        return sorted(id for of, id in marks if of == kind)

    policy, held = instance.case.policy, instance.held
    policy = policy.model_copy(
        update={
            "must_build": (*policy.must_build, *ids("project", has)),
            "must_not_build": (*policy.must_not_build, *ids("project", lacks)),
        }
    )
    nothing = dict.fromkeys(ids("stockpile", lacks), np.zeros(len(instance.years)))
    asked = {h: least[h] for h in ids("stockpile", has)}
    return replace(
        instance,
        case=instance.case.model_copy(update={"policy": policy}),
        held=replace(held, buy={**held.buy, **nothing}, at_least={**held.at_least, **asked}),
    )


def figures_of(found: Found, bound: float, least: Mapping[str, float]) -> PlanFigures:
    """What a plan builds and buys, what it leads to and costs."""
    instance, commitment, reached = found.instance, found.commitment, found.with_plan
    used = spend(instance, commitment)
    bought: dict[str, float] = {}
    held: dict[str, float] = {}
    for h, pile in instance.stockpiles.items():
        bought[h] = float(commitment.bought(instance, h).sum()) * instance.lot_t[pile.material]
        last = float(planned_stock(instance, commitment, h)[-1])
        held[pile.material] = held.get(pile.material, 0.0) + last
    a_year = {m: float(instance.need[m][-1]) * instance.per_year for m in held}
    chosen = portfolio_of(instance, commitment, least)
    return PlanFigures(
        objective=found.objective,
        above=max(0.0, found.objective - bound) / max(abs(bound), 1e-6),
        expected=reached.expected,
        cvar=reached.cvar(float(instance.case.objective.cvar.level)),
        worst=reached.worst,
        expected_under=found.expected_under,
        net_cost_meur=found.net_cost,
        public_meur=math.fsum(float(used[f].sum()) for f in instance.public_funders),
        projects={p: commitment.start[p] for p in instance.projects if p in commitment.start},
        bought_t={h: tonnes for h, tonnes in bought.items() if tonnes > TRACE},
        stockpiles=tuple(h for h in instance.stockpiles if ("stockpile", h) in chosen),
        days_of_cover={m: lots / a_year[m] * 365 for m, lots in held.items() if a_year[m] > 0},
    )


def robustness(
    marks: Sequence[Mark],
    first: Portfolio,
    settled: Mapping[Mark, bool],
    alternatives: Sequence[Portfolio],
    others: Sequence[OtherCase],
) -> tuple[Robustness, ...]:
    """The index of every mark. Cases that were stopped early do not count: their best plan may
    choose otherwise."""
    chosen = {"alternatives": list(alternatives)}
    for kind in ("variant", "assumption"):
        some = [other for other in others if other.kind == kind and other.status == "optimal"]
        chosen[f"{kind}s"] = [marks_of(other.projects, other.stockpiles) for other in some]
    found = []
    for mark in marks:
        shares = {name: share_of(mark, some) for name, some in chosen.items()}
        known = [share for share in shares.values() if share is not None]
        index = math.fsum(known) / len(known) if known else None
        held = settled.get(mark)
        found.append(
            Robustness(
                kind=mark[0],
                id=mark[1],
                in_plan=mark in first,
                within="open" if held is None else "in all" if held else "in none",
                index=index,
                says=None if index is None else how_often(index),
                **shares,
            )
        )
    return tuple(found)


def share_of(mark: Mark, portfolios: Collection[Portfolio]) -> float | None:
    """The share of portfolios that have a mark; None without any."""
    having = sum(mark in portfolio for portfolio in portfolios)
    return having / len(portfolios) if portfolios else None


def how_often(index: float) -> HowOften:
    """A share in words."""
    if index >= 1:
        return "always"
    if index >= NEARLY:
        return "nearly always"
    if index >= 0.5:
        return "in most"
    return "in some" if index > 0 else "never"


Told = dict[str, Any]
"""Fields of an :class:`OtherCase`."""


@dataclass(frozen=True, eq=False)
class Other:
    """A case to be solved beside that of the plan, and what is known of it beforehand."""

    case: Case
    told: Told


def others_of(
    reading: Reading, variants: Mapping[str, Case], options: AlternativesOptions
) -> list[Other]:
    """The variants of a file, the assumption sets that were stated, and the low and the high of
    each group of assumptions; of a kind with one part alone, that part.

    Raises ScenarioError where a setting leads nowhere or does not fit.
    """
    own, found = reading.case.variants, []
    for id, case in variants.items():
        title = named(own[id].title if id in own else None, id, language())
        told: Told = {"kind": "variant", "id": id, "title": title, "factor": None, "settings": ()}
        found.append(Other(case, told))
    every = assumptions(reading.case) if options.assumptions else ()
    whole = {group.kind for group in every if group.subject is None}
    asked: list[tuple[str, float | None, Sequence[str]]] = [
        (stated.name, None, stated.settings) for stated in options.stated
    ]
    asked += [
        (group.kind, factor, group.settings(factor))
        for group in every
        if group.subject is None or group.kind not in whole
        for factor in (group.low, group.high)
    ]
    for id, factor, settings in asked:
        told = {"id": id, "title": id, "factor": factor, "settings": tuple(settings)}
        found.append(Other(reading.changed(list(settings)).case, {"kind": "assumption", **told}))
    return found


def solver(days: float, gap: float, time_limit: float | None) -> Callable[[Other], OtherCase]:
    """What a worker does with one case after the other; its sessions stay with it.

    It raises KeyboardInterrupt if the user stopped it.
    """
    sessions: dict[str, Session] = {}

    def solve(other: Other) -> OtherCase:
        began = time.perf_counter()
        key = pool_key(read_instance(other.case))
        session = sessions.setdefault(key, Session(1, always=False))
        reached: Told = {"objective": None, "gap": None, "projects": (), "stockpiles": ()}
        try:
            found = session.ask(other.case, gap=gap, time_limit=time_limit)
        except (Infeasible, NoPlan) as error:
            reached["status"] = "infeasible" if isinstance(error, Infeasible) else "none"
        except Interrupted:
            raise KeyboardInterrupt from None
        else:
            if found.interrupted:
                raise KeyboardInterrupt
            instance, sets = found.instance, [own.instance for own in found.sets]
            least = least_lots(instance, days, *sets)
            chosen = portfolio_of(instance, found.commitment, least)
            reached = {
                "status": found.certificate.status,
                "objective": found.objective,
                "gap": found.certificate.gap,
                "projects": tuple(p for p in instance.projects if ("project", p) in chosen),
                "stockpiles": tuple(h for h in instance.stockpiles if ("stockpile", h) in chosen),
            }
        seconds = time.perf_counter() - began
        return OtherCase.model_validate({**other.told, **reached, "seconds": seconds})

    return solve
