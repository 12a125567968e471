"""Portfolios: the projects and stockpiles that a plan chooses, and how often other plans choose
each of them.

The other plans are alternatives, and the best plans of variants and assumption sets.
"""

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
from models.scenario.references import Case
from optimizer.analyses.analysis_options import AlternativesOptions
from optimizer.analyses.assumptions import list_assumptions
from optimizer.errors import Infeasible, Interrupted, NoPlan
from optimizer.model.commitment import Commitment, budget_use, planned_stock
from optimizer.model.instance import Instance, read_instance
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import Portfolio, PortfolioItem, max_useful_lots, pool_key
from optimizer.solve.session import Session

PURCHASE_TOLERANCE = 1e-3
"""Relative tolerance of the minimum purchase that counts as filling a stockpile."""
MIN_TONNES = 1e-6
"""Tonnes up to which a purchase counts as none."""
NEARLY_ALWAYS_SHARE = 0.9
"""Least share of cases in which a choice that is made nearly always is made."""


def min_lots_by_stockpile(instance: Instance, min_days: float, *sets: Instance) -> dict[str, float]:
    """Compute the purchases in lots from which on each stockpile counts as chosen, by id.

    They cover ``min_days`` of the need that the stockpile serves (mean over the years). Stockpiles
    that serve no need or cannot buy that much are left out. ``sets`` are the instances of the
    assumption sets, if there are any; a stockpile must be able to buy that much under each of them.
    """
    min_lots = {}
    for h, stockpile in instance.stockpiles.items():
        lots = min_days / 365 * float(stockpile.served_need.mean()) * instance.periods_per_year
        if (
            0
            < lots
            <= min(max_useful_lots(set_instance, h) for set_instance in sets or (instance,))
        ):
            min_lots[h] = lots
    return min_lots


def make_portfolio(projects: Iterable[str], stockpiles: Iterable[str]) -> Portfolio:
    """Return the portfolio with these projects and stockpiles, given by their ids."""
    return frozenset([*(("project", p) for p in projects), *(("stockpile", h) for h in stockpiles)])


def plan_portfolio(
    instance: Instance, commitment: Commitment, min_lots: Mapping[str, float]
) -> Portfolio:
    """Return the portfolio of a plan: projects that it builds, and stockpiles for which it buys at
    least ``min_lots``."""
    bought_tonnes = {h: float(commitment.expected_purchases(instance, h).sum()) for h in min_lots}
    return make_portfolio(
        (p for p in commitment.start if instance.projects[p].start_years),
        (h for h, lots in min_lots.items() if bought_tonnes[h] >= (1 - PURCHASE_TOLERANCE) * lots),
    )


def with_fixed_items(
    instance: Instance,
    required_items: Collection[PortfolioItem],
    excluded_items: Collection[PortfolioItem],
    min_lots: Mapping[str, float],
) -> Instance:
    """Return the instance in which required items must be chosen and excluded items must not.

    A required project must be built; a required stockpile must buy at least ``min_lots``.
    """

    def ids(kind: str, items: Collection[PortfolioItem]) -> list[str]:
        return sorted(id for item_kind, id in items if item_kind == kind)

    policy, fixed_decisions = instance.case.policy, instance.fixed_decisions
    policy = policy.model_copy(
        update={
            "must_build": (*policy.must_build, *ids("project", required_items)),
            "must_not_build": (*policy.must_not_build, *ids("project", excluded_items)),
        }
    )
    no_purchases = dict.fromkeys(ids("stockpile", excluded_items), np.zeros(len(instance.years)))
    required_purchases = {h: min_lots[h] for h in ids("stockpile", required_items)}
    return replace(
        instance,
        case=instance.case.model_copy(update={"policy": policy}),
        fixed_decisions=replace(
            fixed_decisions,
            buy={**fixed_decisions.buy, **no_purchases},
            min_total_purchases={**fixed_decisions.min_total_purchases, **required_purchases},
        ),
    )


def plan_figures(
    solution: CheckedSolution, bound: float, min_lots: Mapping[str, float]
) -> PlanFigures:
    """Compute the figures of a plan: what it builds and buys, its outcomes and its costs."""
    instance, commitment, outcome = solution.instance, solution.commitment, solution.with_plan
    funding_used = budget_use(instance, commitment)
    bought_tonnes: dict[str, float] = {}
    held_lots: dict[str, float] = {}
    for h, stockpile in instance.stockpiles.items():
        bought_tonnes[h] = (
            float(commitment.expected_purchases(instance, h).sum())
            * instance.lot_tonnes[stockpile.material]
        )
        lots = float(planned_stock(instance, commitment, h)[-1])
        held_lots[stockpile.material] = held_lots.get(stockpile.material, 0.0) + lots
    need = {m: float(instance.need[m][-1]) * instance.periods_per_year for m in held_lots}
    portfolio = plan_portfolio(instance, commitment, min_lots)
    return PlanFigures(
        objective=solution.objective,
        above=max(0.0, solution.objective - bound) / max(abs(bound), 1e-6),
        expected=outcome.expected,
        cvar=outcome.cvar(float(instance.case.objective.cvar.level)),
        worst=outcome.worst,
        expected_under=solution.expected_by_set,
        net_cost_meur=solution.net_cost,
        public_meur=math.fsum(float(funding_used[f].sum()) for f in instance.public_funders),
        projects={p: commitment.start[p] for p in instance.projects if p in commitment.start},
        bought_t={h: tonnes for h, tonnes in bought_tonnes.items() if tonnes > MIN_TONNES},
        stockpiles=tuple(h for h in instance.stockpiles if ("stockpile", h) in portfolio),
        days_of_cover={m: lots / need[m] * 365 for m, lots in held_lots.items() if need[m] > 0},
    )


def robustness_indices(
    items: Sequence[PortfolioItem],
    plan_portfolio: Portfolio,
    settled_items: Mapping[PortfolioItem, bool],
    alternatives: Sequence[Portfolio],
    other_cases: Sequence[RobustnessCase],
) -> tuple[Robustness, ...]:
    """Compute the robustness index of every item: how often alternatives, variants and assumption
    sets choose it.

    Cases that were stopped early are not counted, as their best plan may choose differently.
    """
    portfolios_by_kind = {"alternatives": list(alternatives)}
    for kind in ("variant", "assumption"):
        cases = [other for other in other_cases if other.kind == kind and other.status == "optimal"]
        portfolios_by_kind[f"{kind}s"] = [
            make_portfolio(other.projects, other.stockpiles) for other in cases
        ]
    indices = []
    for item in items:
        share_by_kind = {
            name: share_with_item(item, portfolios)
            for name, portfolios in portfolios_by_kind.items()
        }
        known_shares = [share for share in share_by_kind.values() if share is not None]
        index = math.fsum(known_shares) / len(known_shares) if known_shares else None
        in_all = settled_items.get(item)
        indices.append(
            Robustness(
                kind=item[0],
                id=item[1],
                in_plan=item in plan_portfolio,
                within="open" if in_all is None else "in all" if in_all else "in none",
                index=index,
                says=None if index is None else frequency_word(index),
                **share_by_kind,
            )
        )
    return tuple(indices)


def share_with_item(item: PortfolioItem, portfolios: Collection[Portfolio]) -> float | None:
    """Return the share of portfolios that contain an item; None if there are no portfolios."""
    count = sum(item in portfolio for portfolio in portfolios)
    return count / len(portfolios) if portfolios else None


def frequency_word(index: float) -> FrequencyWord:
    """Return the word for how often an item is chosen, given the share of cases that choose it."""
    if index >= 1:
        return "always"
    if index >= NEARLY_ALWAYS_SHARE:
        return "nearly always"
    if index >= 0.5:
        return "in most"
    return "in some" if index > 0 else "never"


OtherCaseFields = dict[str, Any]
"""Fields of a :class:`RobustnessCase`, by name."""


@dataclass(frozen=True, eq=False)
class CaseToSolve:
    """A case to be solved in addition to that of the plan, with the fields of its result that are
    known before it is solved."""

    case: Case
    known_fields: OtherCaseFields


def list_other_cases(
    loaded_scenario: LoadedScenario, variants: Mapping[str, Case], options: AlternativesOptions
) -> list[CaseToSolve]:
    """List the other cases to be solved.

    They are the variants of a file, the stated assumption sets, and the low and high value of each
    kind of assumption. A kind that is not listed as a whole is represented by its single part.
    Raises ScenarioError if a setting is invalid.
    """
    variant_infos, cases = loaded_scenario.case.variants, []
    for id, case in variants.items():
        title = display_name(
            variant_infos[id].title if id in variant_infos else None, id, current_language()
        )
        fields: OtherCaseFields = {
            "kind": "variant",
            "id": id,
            "title": title,
            "factor": None,
            "settings": (),
        }
        cases.append(CaseToSolve(case, fields))
    assumptions = list_assumptions(loaded_scenario.case) if options.assumptions else ()
    kinds_with_group = {group.kind for group in assumptions if group.subject is None}
    settings_to_solve: list[tuple[str, float | None, Sequence[str]]] = [
        (stated_assumptions.name, None, stated_assumptions.settings)
        for stated_assumptions in options.stated
    ]
    settings_to_solve += [
        (group.kind, factor, group.settings_at(factor))
        for group in assumptions
        if group.subject is None or group.kind not in kinds_with_group
        for factor in (group.low, group.high)
    ]
    for id, factor, settings in settings_to_solve:
        fields = {"id": id, "title": id, "factor": factor, "settings": tuple(settings)}
        cases.append(
            CaseToSolve(
                loaded_scenario.with_settings(list(settings)).case, {"kind": "assumption", **fields}
            )
        )
    return cases


def make_case_solver(
    min_days: float, gap: float, time_limit: float | None
) -> Callable[[CaseToSolve], RobustnessCase]:
    """Return the function with which a worker solves one case after the other.

    The function keeps sessions between cases, and raises KeyboardInterrupt if the user stopped it.
    """
    sessions: dict[str, Session] = {}

    def solve(other: CaseToSolve) -> RobustnessCase:
        started_at = time.perf_counter()
        key = pool_key(read_instance(other.case))
        session = sessions.setdefault(key, Session(1, always_keep_recourse=False))
        outcome_fields: OtherCaseFields = {
            "objective": None,
            "gap": None,
            "projects": (),
            "stockpiles": (),
        }
        try:
            solution = session.ask(other.case, gap=gap, time_limit=time_limit)
        except (Infeasible, NoPlan) as error:
            outcome_fields["status"] = "infeasible" if isinstance(error, Infeasible) else "none"
        except Interrupted:
            raise KeyboardInterrupt from None
        else:
            if solution.interrupted:
                raise KeyboardInterrupt
            instance = solution.instance
            sets = [outcome.instance for outcome in solution.set_outcomes]
            min_lots = min_lots_by_stockpile(instance, min_days, *sets)
            chosen_portfolio = plan_portfolio(instance, solution.commitment, min_lots)
            outcome_fields = {
                "status": solution.certificate.status,
                "objective": solution.objective,
                "gap": solution.certificate.gap,
                "projects": tuple(
                    p for p in instance.projects if ("project", p) in chosen_portfolio
                ),
                "stockpiles": tuple(
                    h for h in instance.stockpiles if ("stockpile", h) in chosen_portfolio
                ),
            }
        seconds = time.perf_counter() - started_at
        return RobustnessCase.model_validate(
            {**other.known_fields, **outcome_fields, "seconds": seconds}
        )

    return solve
