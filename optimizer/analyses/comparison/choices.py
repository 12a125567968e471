"""What plans build and buy: in all of them, in some, in none."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Literal

from models.results import Plan, ProjectPlan, StockpilePlan
from models.results.comparison import (
    ProjectChange,
    ProjectChoice,
    ProjectIn,
    StockpileChange,
    StockpileChoice,
    StockpileIn,
)
from optimizer.analyses.comparison.benefit import materials_of

BOUGHT = 1e-6
"""A gram in tonnes: less is a solver's zero."""
ALIKE = 0.005
"""Shares of capex, and relative amounts of stock, that differ by less are called the same."""
NO_CAPEX = frozenset({"interest_subsidy", "price_floor"})
"""Kinds of instruments that carry no part of the capex."""
AtMost = Literal["all", "some", "none"]


def projects(plans: Mapping[str, Plan]) -> Iterator[ProjectChoice]:
    """All candidates of all plans, in the order of the files."""
    built = {label: {p.id: p for p in plan.projects} for label, plan in plans.items()}
    candidates: dict[str, tuple[str, ...]] = {}
    for plan in plans.values():
        if plan.case is not None:
            for p, project in plan.case.projects.items():
                candidates.setdefault(p, tuple(project.output_t_per_year))
        for project_plan in plan.projects:
            candidates.setdefault(project_plan.id, ())
    for p, materials in candidates.items():
        options = {label: project_in(plans[label], of[p]) for label, of in built.items() if p in of}
        yield ProjectChoice(
            project=p, materials=materials, built_in=_in(options, plans), options=options
        )


def stockpiles(plans: Mapping[str, Plan]) -> Iterator[StockpileChoice]:
    """All stockpiles of all plans, in the order of the files."""
    known: dict[str, str] = {}
    for plan in plans.values():
        for stockpile in plan.stockpiles:
            known.setdefault(stockpile.id, stockpile.material)
    for h, material in known.items():
        options = {
            label: held
            for label, plan in plans.items()
            for stockpile in plan.stockpiles
            if stockpile.id == h and (held := stockpile_in(stockpile)).bought_t > BOUGHT
        }
        yield StockpileChoice(
            stockpile=h, material=material, bought_in=_in(options, plans), options=options
        )


def _in(options: Mapping[str, object], plans: Mapping[str, Plan]) -> AtMost:
    if not options:
        return "none"
    return "all" if len(options) == len(plans) else "some"


def project_in(plan: Plan, built: ProjectPlan) -> ProjectIn:
    """How a plan builds a project."""
    public = {funder.id for funder in plan.funders if funder.kind == "public"}
    return ProjectIn(
        start=built.start,
        first_output=built.first_output,
        public_share=math.fsum(
            share
            for f, shares in built.shares.items()
            for i, share in shares.items()
            if f in public and _carries_capex(plan, f, i)
        ),
        public_meur=math.fsum(
            math.fsum(position.paid_meur.values())
            for position in plan.accounts
            if position.project == built.id and position.funder in public
        ),
    )


def _carries_capex(plan: Plan, funder: str, instrument: str) -> bool:
    if plan.case is None:
        return True
    terms = plan.case.funders[funder].instruments[instrument]
    return getattr(terms, "kind", None) not in NO_CAPEX


def stockpile_in(stockpile: StockpilePlan) -> StockpileIn:
    """How much a plan buys and holds."""
    return StockpileIn(
        bought_t=math.fsum(stockpile.buy_t.values()),
        held_t=max(stockpile.planned_t.values(), default=0.0),
        cost_meur=math.fsum(stockpile.cost_meur.values()),
    )


def project_changes(base: Plan, option: Plan) -> Iterator[ProjectChange]:
    """Projects that an option adds, drops, moves to another year or finances otherwise."""
    before, after = ({p.id: p for p in plan.projects} for plan in (base, option))
    for p in dict.fromkeys((*before, *after)):
        old, new = before.get(p), after.get(p)
        change = _change(old, new)
        if change is None:
            continue
        plan, built = (option, new) if new is not None else (base, old)
        assert built is not None
        yield ProjectChange(
            project=p,
            materials=materials_of(plan, built),
            change=change,
            base=None if old is None else project_in(base, old),
            option=None if new is None else project_in(option, new),
        )


def _change(
    old: ProjectPlan | None, new: ProjectPlan | None
) -> Literal["added", "dropped", "moved", "refinanced"] | None:
    if old is None or new is None:
        return "added" if old is None else "dropped"
    if old.start != new.start:
        return "moved"
    before, after = _financing(old), _financing(new)
    differs = any(
        abs(before.get(key, 0.0) - after.get(key, 0.0)) > ALIKE for key in {*before, *after}
    )
    return "refinanced" if differs else None


def _financing(built: ProjectPlan) -> dict[tuple[str, str], float]:
    shares = {(f, i): share for f, of in built.shares.items() for i, share in of.items()}
    return {**shares, ("", ""): built.market_share}


def stockpile_changes(base: Plan, option: Plan) -> Iterator[StockpileChange]:
    """Stockpiles that an option holds more or less of, or for more or less money."""
    before, after = ({s.id: s for s in plan.stockpiles} for plan in (base, option))
    for h in dict.fromkeys((*before, *after)):
        old, new = ((stockpile_in(of[h]) if h in of else _NOTHING) for of in (before, after))
        held, cost = new.held_t - old.held_t, new.cost_meur - old.cost_meur
        alike_t = max(BOUGHT, ALIKE * max(old.held_t, new.held_t))
        alike_meur = max(BOUGHT, ALIKE * max(abs(old.cost_meur), abs(new.cost_meur)))
        if abs(held) > alike_t or abs(cost) > alike_meur:
            material = (after.get(h) or before[h]).material
            yield StockpileChange(stockpile=h, material=material, held_t=held, cost_meur=cost)


_NOTHING = StockpileIn(bought_t=0.0, held_t=0.0, cost_meur=0.0)
