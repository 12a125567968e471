"""Formulation in Pyomo. Its modules, tags and names are those of the chapters of
``docs/formulation.md``.

This module assembles models, and reads commitments from their solutions.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo

from optimizer.model.commitment import Commitment, clip_floored_offtake
from optimizer.model.formulation import (
    objective,
    objective as perspective,
    projects,
    projects as public_money,
    recourse,
    user_rules,
    user_rules as extra_rules,
)
from optimizer.model.formulation.recourse import add_deliveries, add_recourse, chains_in_state
from optimizer.model.highs import CompiledModel, SubstitutedProgram, substitute_defined_columns
from optimizer.model.instance import Instance, Stake
from optimizer.model.scenario_data import ScenarioData, compute_scenario_data
from optimizer.model.states import State


def build_commitment(instance: Instance) -> Any:
    """Build a model of the first stage alone: its variables and rules."""
    model = pyo.ConcreteModel()
    # A column fixed at zero, so that a rule without any decision is still a row.
    model.nothing = pyo.Var(bounds=(0, 0))
    projects.add_projects(model, instance)
    projects.add_support_rules(model, instance)
    projects.add_project_rules(model, instance)
    recourse.add_stockpiles(model, instance)
    public_money.add_public_limits(model, instance)
    public_money.add_budgets(model, instance)
    public_money.add_budget_lines(model, instance)
    projects.add_country_limit(model, instance)
    user_rules.add_user_rules(model, instance)
    perspective.add_stakes(model, instance)
    perspective.add_fixed_decisions(model, instance)
    objective.add_net_cost(model, instance)
    extra_rules.add_extra_rules(model, instance)
    return model


def build_extensive_form(instance: Instance, states: tuple[State, ...]) -> Any:
    """Build the extensive form: one model with all states."""
    return build_for_scenario_data(
        instance, [(s.probability, compute_scenario_data(instance, s)) for s in states]
    )


def build_for_scenario_data(
    instance: Instance,
    weighted_data: Sequence[tuple[float, ScenarioData]],
    *,
    all_periods: bool = False,
) -> Any:
    """Build the extensive form. ``weighted_data`` are pairs of a probability and the scenario data
    of one state, or the mean data of several states. With ``all_periods`` every period of every
    state has variables and rules, also those in which no shortage is possible."""
    model = build_commitment(instance)
    add_deliveries(model, instance, [data for _, data in weighted_data])
    model.state = pyo.Block(range(len(weighted_data)))
    for number, (_, data) in enumerate(weighted_data):
        open_chains = list(chains_in_state(instance, data, model, all_periods=all_periods))
        add_recourse(model.state[number], instance, open_chains, model)
    damage = [
        (probability, model.state[s].damage) for s, (probability, _) in enumerate(weighted_data)
    ]
    counted_damages = [model.state[s].counted for s in range(len(weighted_data))]
    objective.add_objective(model, instance, damage, counted_damages)
    return model


def build_master(instance: Instance) -> Any:
    """Build the master problem without cuts: the first stage, with columns for recourse costs,
    which cuts will bound."""
    model = build_commitment(instance)
    objective.add_cost_to_go(model, instance)
    return model


def build_max_net_cost(instance: Instance) -> Any:
    """Build the first stage with the objective to maximize net cost."""
    model = build_commitment(instance)
    model.objective = pyo.Objective(expr=-model.net_cost)
    return model


def build_min_spending(instance: Instance, funders: Sequence[str]) -> Any:
    """Build the first stage with the objective to minimize what ``funders`` spend of their budgets
    in all years together."""
    model = build_commitment(instance)
    spending = [model.spend[f, year] for f in funders for year in instance.years]
    model.objective = pyo.Objective(expr=pyo.quicksum(spending) + model.nothing)
    return model


def build_max_stake(instance: Instance, stake: Stake) -> Any:
    """Build a first stage that starts at least one project of a stake. Its objective is to maximize
    the amount by which the funders of the stake exceed the share that H1 prescribes."""
    model = build_commitment(instance)
    carried_capex, started_capex = perspective.stake_terms(model, instance, stake)

    @model.Constraint(["any"], doc="at least one project of the stake is started")
    def some_start(model: Any, _: str) -> Any:
        start_variables = [
            model.start[p, y] for p, y in instance.start_options if p in stake.projects
        ]
        return pyo.quicksum(start_variables) + model.nothing >= 1

    model.objective = pyo.Objective(
        expr=stake.share * started_capex - carried_capex + model.nothing
    )
    return model


def substitute_planned_stock(compiled: CompiledModel) -> SubstitutedProgram:
    """Replace planned stock by the purchases that define it (S2). If a stock has large losses, its
    definition is a chain of tiny coefficients, which the solver misreads."""
    return substitute_defined_columns(compiled, "planned", "planned_stock_definition")


def read_commitment(instance: Instance, model: Any) -> Commitment:
    """Read the commitment from a solved model. Values within rounding of 0 or 1 become 0 or 1."""
    start = {
        p: year for p, year in instance.start_options if (model.start[p, year].value or 0) > 0.5
    }
    share = {
        (p, f, i): value
        for (p, f, i, year), variable in model.share.items()
        if start.get(p) == year
        and (value := variable.value or 0.0) > 1e-9 * instance.instrument_by_key[f, i].max_share
        and _takes_part(instance, model, (p, f, i), value)
    }
    market = {p: max(0.0, model.market[p, year].value or 0.0) for p, year in start.items()}
    market = {p: value if value > 1e-9 else 0.0 for p, value in market.items()}
    for p in start:
        carrier_shares = {
            key: value
            for key, value in share.items()
            if key[0] == p and instance.instrument_by_key[key[1:]].carries_capex
        }
        total = market[p] + math.fsum(carrier_shares.values())
        if 0 < abs(total - 1) < 1e-5:
            market[p] /= total
            share.update({key: value / total for key, value in carrier_shares.items()})
    # If a project makes over ten times what can be used, even a tiny share of it may matter.
    large_projects = {
        p.id
        for p in instance.projects.values()
        if any(lots > 10 * instance.max_useful_lots[m].max() > 0 for m, lots in p.output.items())
    }
    offtake = {}
    for (p, year, group), variable in model.offtake.items():
        if start.get(p) == year:
            # Within its tolerances the solver may exceed the right.
            value = min(variable.value or 0.0, instance.offtake_right(p, group, share))
            if value > (1e-13 if p in large_projects else 1e-9):
                offtake[p, group] = value
    floored = {
        (p, group, f, i): value
        for (p, year, group, f, i), variable in model.floored.items()
        if start.get(p) == year and (value := variable.value or 0.0) > 1e-9
    }
    buy = {
        h: np.array(
            [
                min(_purchase_lots(model.buy[h, year].value), max_lots)
                for year, max_lots in zip(instance.years, stockpile.max_purchase, strict=True)
            ]
        )
        for h, stockpile in instance.stockpiles.items()
    }
    return Commitment(
        start, share, market, offtake, buy, clip_floored_offtake(floored, offtake, share)
    )


def _takes_part(instance: Instance, model: Any, key: tuple[str, str, str], share: float) -> bool:
    """Check whether an instrument takes part in a project. If it has a minimum ticket, a share far
    below this ticket is rounding by the solver and does not count."""
    if key not in model.takes_part or (model.takes_part[key].value or 0.0) > 0.5:
        return True
    p, f, i = key
    ticket = instance.projects[p].capex * share
    return ticket >= instance.instrument_by_key[f, i].ticket_min / 2


def _purchase_lots(value: float | None) -> float:
    return value if value is not None and value > 1e-12 else 0.0
