"""What a plan chooses: projects and stockpiles as marks of a portfolio, and how often each is
chosen by alternatives, in variants of a file, and if assumptions change."""

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.base import display_name
from models.files import LoadedScenario
from models.language import current_language
from models.results import PlanFigures, Robustness, RobustnessCase
from models.results.alternatives import FrequencyWord
from models.scenario.case import Case
from optimizer.analyses.alternatives.options import AlternativesOptions
from optimizer.analyses.assumptions import list_assumptions
from optimizer.errors import Infeasible, Interrupted, NoPlan
from optimizer.model.commitment import Commitment, budget_use, planned_stock
from optimizer.model.instance import Instance, read_instance
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import Portfolio, PortfolioItem, max_useful_lots, pool_key
from optimizer.solve.session import Session

PURCHASE_TOLERANCE = 1e-3
"""Share of the least purchase that is left to the solver."""
MIN_TONNES = 1e-6
"""Tonnes below which nothing is bought."""
NEARLY_ALWAYS_SHARE = 0.9
"""From here on a choice is nearly always made."""


def min_lots_by_stockpile(instance: Instance, min_days: float, *sets: Instance) -> dict[str, float]:
    """Lots from which on each stockpile counts as bought up: so many days of the need served, at
    its mean over the years. Stockpiles that cannot buy as much, under some of the ``sets`` of
    assumptions where there are any, are left out."""
    found = {}
    for h, pile in instance.stockpiles.items():
        least = min_days / 365 * float(pile.served_need.mean()) * instance.periods_per_year
        if 0 < least <= min(max_useful_lots(own, h) for own in sets or (instance,)):
            found[h] = least
    return found


def make_portfolio(projects: Iterable[str], stockpiles: Iterable[str]) -> Portfolio:
    """The portfolio of these projects and stockpiles."""
    return frozenset([*(("project", p) for p in projects), *(("stockpile", h) for h in stockpiles)])


def plan_portfolio(
    instance: Instance, commitment: Commitment, min_lots: Mapping[str, float]
) -> Portfolio:
    """The projects that are built and the stockpiles that are bought up."""
    bought = {h: float(commitment.expected_purchases(instance, h).sum()) for h in min_lots}
    return make_portfolio(
        (p for p in commitment.start if instance.projects[p].start_years),
        (h for h, lots in min_lots.items() if bought[h] >= (1 - PURCHASE_TOLERANCE) * lots),
    )


def fix_marks(
    instance: Instance,
    required: Collection[PortfolioItem],
    excluded: Collection[PortfolioItem],
    min_lots: Mapping[str, float],
) -> Instance:
    """The problem in which some things are built or bought up, and others are not at all."""

    def ids(kind: str, marks: Collection[PortfolioItem]) -> list[str]:
        return sorted(id for of, id in marks if of == kind)

    policy, held = instance.case.policy, instance.fixed_decisions
    policy = policy.model_copy(
        update={
            "must_build": (*policy.must_build, *ids("project", required)),
            "must_not_build": (*policy.must_not_build, *ids("project", excluded)),
        }
    )
    nothing = dict.fromkeys(ids("stockpile", excluded), np.zeros(len(instance.years)))
    asked = {h: min_lots[h] for h in ids("stockpile", required)}
    return replace(
        instance,
        case=instance.case.model_copy(update={"policy": policy}),
        fixed_decisions=replace(
            held,
            buy={**held.buy, **nothing},
            min_total_purchases={**held.min_total_purchases, **asked},
        ),
    )


def plan_figures(
    solution: CheckedSolution, bound: float, min_lots: Mapping[str, float]
) -> PlanFigures:
    """What a plan builds and buys, what it leads to and costs."""
    instance, commitment, reached = solution.instance, solution.commitment, solution.with_plan
    used = budget_use(instance, commitment)
    bought: dict[str, float] = {}
    held: dict[str, float] = {}
    for h, pile in instance.stockpiles.items():
        bought[h] = (
            float(commitment.expected_purchases(instance, h).sum())
            * instance.lot_tonnes[pile.material]
        )
        last = float(planned_stock(instance, commitment, h)[-1])
        held[pile.material] = held.get(pile.material, 0.0) + last
    a_year = {m: float(instance.need[m][-1]) * instance.periods_per_year for m in held}
    chosen = plan_portfolio(instance, commitment, min_lots)
    return PlanFigures(
        objective=solution.objective,
        above=max(0.0, solution.objective - bound) / max(abs(bound), 1e-6),
        expected=reached.expected,
        cvar=reached.cvar(float(instance.case.objective.cvar.level)),
        worst=reached.worst,
        expected_under=solution.expected_by_set,
        net_cost_meur=solution.net_cost,
        public_meur=math.fsum(float(used[f].sum()) for f in instance.public_funders),
        projects={p: commitment.start[p] for p in instance.projects if p in commitment.start},
        bought_t={h: tonnes for h, tonnes in bought.items() if tonnes > MIN_TONNES},
        stockpiles=tuple(h for h in instance.stockpiles if ("stockpile", h) in chosen),
        days_of_cover={m: lots / a_year[m] * 365 for m, lots in held.items() if a_year[m] > 0},
    )


def robustness_indices(
    marks: Sequence[PortfolioItem],
    plan_portfolio: Portfolio,
    settled_marks: Mapping[PortfolioItem, bool],
    alternatives: Sequence[Portfolio],
    other_cases: Sequence[RobustnessCase],
) -> tuple[Robustness, ...]:
    """The index of every mark. Cases that were stopped early do not count: their best plan may
    choose otherwise."""
    chosen = {"alternatives": list(alternatives)}
    for kind in ("variant", "assumption"):
        some = [other for other in other_cases if other.kind == kind and other.status == "optimal"]
        chosen[f"{kind}s"] = [make_portfolio(other.projects, other.stockpiles) for other in some]
    found = []
    for mark in marks:
        shares = {name: share_with_mark(mark, some) for name, some in chosen.items()}
        known = [share for share in shares.values() if share is not None]
        index = math.fsum(known) / len(known) if known else None
        held = settled_marks.get(mark)
        found.append(
            Robustness(
                kind=mark[0],
                id=mark[1],
                in_plan=mark in plan_portfolio,
                within="open" if held is None else "in all" if held else "in none",
                index=index,
                says=None if index is None else frequency_word(index),
                **shares,
            )
        )
    return tuple(found)


def share_with_mark(mark: PortfolioItem, portfolios: Collection[Portfolio]) -> float | None:
    """The share of portfolios that have a mark; None without any."""
    having = sum(mark in portfolio for portfolio in portfolios)
    return having / len(portfolios) if portfolios else None


def frequency_word(index: float) -> FrequencyWord:
    """A share in words."""
    if index >= 1:
        return "always"
    if index >= NEARLY_ALWAYS_SHARE:
        return "nearly always"
    if index >= 0.5:
        return "in most"
    return "in some" if index > 0 else "never"


OtherCaseFields = dict[str, Any]
"""Fields of an :class:`OtherCase`."""


@dataclass(frozen=True, eq=False)
class CaseToSolve:
    """A case to be solved beside that of the plan, and what is known of it beforehand."""

    case: Case
    known_fields: OtherCaseFields


def list_other_cases(
    reading: LoadedScenario, variants: Mapping[str, Case], options: AlternativesOptions
) -> list[CaseToSolve]:
    """The variants of a file, the assumption sets that were stated, and the low and the high of
    each group of assumptions; of a kind with one part alone, that part.

    Raises ScenarioError where a setting leads nowhere or does not fit.
    """
    own, found = reading.case.variants, []
    for id, case in variants.items():
        title = display_name(own[id].title if id in own else None, id, current_language())
        told: OtherCaseFields = {
            "kind": "variant",
            "id": id,
            "title": title,
            "factor": None,
            "settings": (),
        }
        found.append(CaseToSolve(case, told))
    every = list_assumptions(reading.case) if options.assumptions else ()
    whole = {group.kind for group in every if group.subject is None}
    asked: list[tuple[str, float | None, Sequence[str]]] = [
        (stated.name, None, stated.settings) for stated in options.stated
    ]
    asked += [
        (group.kind, factor, group.settings_at(factor))
        for group in every
        if group.subject is None or group.kind not in whole
        for factor in (group.low, group.high)
    ]
    for id, factor, settings in asked:
        told = {"id": id, "title": id, "factor": factor, "settings": tuple(settings)}
        found.append(
            CaseToSolve(reading.with_settings(list(settings)).case, {"kind": "assumption", **told})
        )
    return found


def make_case_solver(
    min_days: float, gap: float, time_limit: float | None
) -> Callable[[CaseToSolve], RobustnessCase]:
    """What a worker does with one case after the other; its sessions stay with it.

    It raises KeyboardInterrupt if the user stopped it.
    """
    sessions: dict[str, Session] = {}

    def solve(other: CaseToSolve) -> RobustnessCase:
        began = time.perf_counter()
        key = pool_key(read_instance(other.case))
        session = sessions.setdefault(key, Session(1, always_keep_recourse=False))
        reached: OtherCaseFields = {
            "objective": None,
            "gap": None,
            "projects": (),
            "stockpiles": (),
        }
        try:
            found = session.ask(other.case, gap=gap, time_limit=time_limit)
        except (Infeasible, NoPlan) as error:
            reached["status"] = "infeasible" if isinstance(error, Infeasible) else "none"
        except Interrupted:
            raise KeyboardInterrupt from None
        else:
            if found.interrupted:
                raise KeyboardInterrupt
            instance, sets = found.instance, [own.instance for own in found.set_outcomes]
            least = min_lots_by_stockpile(instance, min_days, *sets)
            chosen = plan_portfolio(instance, found.commitment, least)
            reached = {
                "status": found.certificate.status,
                "objective": found.objective,
                "gap": found.certificate.gap,
                "projects": tuple(p for p in instance.projects if ("project", p) in chosen),
                "stockpiles": tuple(h for h in instance.stockpiles if ("stockpile", h) in chosen),
            }
        seconds = time.perf_counter() - began
        return RobustnessCase.model_validate({**other.known_fields, **reached, "seconds": seconds})

    return solve
