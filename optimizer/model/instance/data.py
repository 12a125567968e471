"""Instance: sets and coefficients of the optimization problem.

Names follow the symbols of ``docs/formulation.md``. Money is in million EUR. Mass is counted in
lots: a power of two of tonnes for each material, near an eighth of its yearly need, so that
coefficients of a tonne of germanium and of a tonne of copper have the same order; ``lot_tonnes``
converts lots to tonnes. Yearly quantities are divided by the periods of a year. Arrays run over the
years of the horizon (Y), its periods (K) or both."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.scenario.case import Case
from models.scenario.user_rule_rows import RuleRow, rule_rows
from optimizer.model.instance.cash_flows import CashFlows, cash_flow_class
from optimizer.model.instance.components import (
    COMMON_GROUP,
    NOTHING_FIXED,
    Adaptation,
    BudgetLineData,
    Chain,
    ConversionData,
    FixedDecisions,
    Floats,
    HazardData,
    InstrumentData,
    Node,
    ProfileData,
    ProjectData,
    ReviewBranch,
    Stake,
    StockpileData,
    company_group,
)
from optimizer.model.instance.prices import PriceData, read_instruments
from optimizer.model.rule_declaration import ExtraRules


@dataclass(frozen=True, eq=False)
class Instance:
    """Data of one optimization problem, for the model, the recourse evaluation and the checks of
    solutions."""

    case: Case
    years: range
    periods_per_year: int  # periods in a year, n
    discount_factor: Floats  # (Y) δ
    lot_tonnes: dict[str, float]  # tonnes in a lot, by material
    demand: dict[tuple[str, str], Floats]  # (Y) by consumer and material, lots per period
    need: dict[str, Floats]
    """(Y) lots per period, by material: demand, and inputs of conversions at full capacity."""
    supply: dict[tuple[str, str], Floats]  # (Y) by material and country, lots per period
    need_linked_supply: dict[tuple[str, str], Floats]  # (Y) part of supply given as share of need
    adaptations: dict[str, tuple[Adaptation, ...]]  # distinct ones, by material
    origins: tuple[tuple[str, str], ...]
    """Pairs of material and country that hazards can affect: supply, projects, conversions."""
    conversions: dict[str, ConversionData]
    projects: dict[str, ProjectData]
    prices: dict[str, PriceData]  # by material
    instruments: tuple[InstrumentData, ...]
    budget_lines: dict[tuple[str, str], BudgetLineData]  # by funder and id
    stockpiles: dict[str, StockpileData]
    hazards: tuple[HazardData, ...]
    nodes: tuple[Node, ...]
    chains: tuple[Chain, ...]  # of all nodes, ordered by their first nodes
    offtake_groups: tuple[str, ...]  # ``common`` first, then one group for each company funder
    cost_weights: dict[str, float]  # weight of each funder's net cost in the objective
    premium_per_lot: dict[str, dict[str, Floats]] = field(default_factory=dict)
    """(Y) million EUR above the market per lot secured, by material and funder."""
    damage_weights: dict[str, float] = field(default_factory=dict)
    """Weights of consumers' mean damage in the objective; 1 if absent."""
    stakes: tuple[Stake, ...] = ()
    fixed_decisions: FixedDecisions = NOTHING_FIXED
    branches: tuple[ReviewBranch, ...] = ()  # empty without a review
    extra_rules: ExtraRules | None = None  # rules in Python

    def on_branch(self, branch: int) -> "Instance":
        """Return the instance for the decisions on one review branch."""
        if branch not in self._branch_instances:
            prices = dict(self.prices)
            for m, probability in self.branches[branch].price_probabilities.items():
                prices[m] = replace(prices[m], probability_in_states=probability)
            if self.branches[branch].price_probabilities:
                updated = read_instruments(self.case, self.years, prices)
                floor_prices = {(i.funder, i.id): i.floor_prices for i in updated}
                instruments = tuple(
                    replace(i, floor_prices=floor_prices[i.funder, i.id]) for i in self.instruments
                )
                self._branch_instances[branch] = replace(
                    self, branches=(), prices=prices, instruments=instruments
                )
            elif self._branch_instances and not self.fixed_decisions.branches:
                self._branch_instances[branch] = next(iter(self._branch_instances.values()))
            else:
                self._branch_instances[branch] = replace(self, branches=())
            if self.fixed_decisions.branches:
                self._branch_instances[branch] = replace(
                    self._branch_instances[branch],
                    fixed_decisions=self.fixed_decisions.branches[branch],
                )
        return self._branch_instances[branch]

    @cached_property
    def user_rule_rows(self) -> tuple[RuleRow, ...]:
        """The rows of the rules that the scenario states itself."""
        return tuple(rule_rows(self.case))

    @cached_property
    def _branch_instances(self) -> dict[int, "Instance"]:
        return {}

    def is_decided_before_review(self, year: int) -> bool:
        """Check whether decisions of a year are made before the review and so are common to all
        branches."""
        return self.case.planned_review is None or year < int(self.case.planned_review.year)

    @cached_property
    def profiles(self) -> dict[str, ProfileData]:
        """The profiles of all hazards by id, as events in states refer to them."""
        return {profile.id: profile for hazard in self.hazards for profile in hazard.profiles}

    @property
    def periods(self) -> range:
        """The periods k of the horizon, numbered from 0."""
        return range(len(self.years) * self.periods_per_year)

    @cached_property
    def year_index(self) -> NDArray[np.intp]:
        """For each period (K), the index of its year in the horizon."""
        return np.repeat(np.arange(len(self.years)), self.periods_per_year)

    @cached_property
    def start_options(self) -> tuple[tuple[str, int], ...]:
        """Pairs of a project and a year in which it can be started."""
        return tuple((p.id, year) for p in self.projects.values() for year in p.start_years)

    @cached_property
    def unaided_projects(self) -> tuple[str, ...]:
        """Projects that can deliver to home consumers without support if no plan starts them."""
        return tuple(
            p.id
            for p in self.projects.values()
            if p.unaided_start_year is not None and p.home_share > 0
        )

    def price_floors(self, project: str) -> tuple[InstrumentData, ...]:
        """Return the price floors for which a project is eligible, and which refer to the price
        that decides whether it runs."""
        price = self.projects[project].cash_cost_material
        return tuple(
            i
            for i in self.instruments
            if price in i.floor_prices and project in i.eligible_projects and i.max_share > 0
        )

    @cached_property
    def floored_offtakes(self) -> tuple[tuple[str, int, str, str, str], ...]:
        """Index of floored offtake: project, start year, group, funder and price floor."""
        return tuple(
            (p, year, group, i.funder, i.id)
            for p, year in self.start_options
            for i in self.price_floors(p)
            for group in self.groups_with_right(p)
        )

    @cached_property
    def tickets(self) -> tuple[tuple[str, str, str], ...]:
        """All combinations of a project, a funder, and an instrument for which the project is
        eligible."""
        return tuple(
            (project, i.funder, i.id)
            for project in self.projects
            for i in self.instruments
            if project in i.eligible_projects
        )

    @cached_property
    def instrument_by_key(self) -> dict[tuple[str, str], InstrumentData]:
        """The instruments by funder and id."""
        return {(i.funder, i.id): i for i in self.instruments}

    def offtake_instruments(self, project: str, group: str) -> Iterator[InstrumentData]:
        """Yield the instruments that give a group a right to output of a project."""
        for i in self.instruments:
            group_of_funder = (
                company_group(i.funder) if i.funder_kind == "company" else COMMON_GROUP
            )
            if (
                project in i.eligible_projects
                and group_of_funder == group
                and i.offtake_per_share > 0
            ):
                yield i

    def offtake_right(
        self, project: str, group: str, funding_shares: Mapping[tuple[str, str, str], float]
    ) -> float:
        """Return the share of a project's output that a group may reserve (P6). ``funding_shares``
        are the shares of capex by project, funder and instrument."""
        home_share = self.projects[project].home_share if group == COMMON_GROUP else 0.0
        return home_share + math.fsum(
            i.offtake_per_share * funding_shares.get((project, i.funder, i.id), 0.0)
            for i in self.offtake_instruments(project, group)
        )

    def groups_with_right(self, project: str) -> tuple[str, ...]:
        """Return the groups that can obtain a right to output of a project."""
        has_home_share = self.projects[project].home_share > 0
        return tuple(
            group
            for group in self.offtake_groups
            if (group == COMMON_GROUP and has_home_share)
            or any(self.offtake_instruments(project, group))
        )

    @cached_property
    def material_demand(self) -> dict[str, Floats]:
        """Total demand of all consumers by material, in lots per period of each year (Y)."""
        total = {m: np.zeros(len(self.years)) for m in self.case.materials}
        for (_, material), demand in self.demand.items():
            total[material] = total[material] + demand
        return total

    @cached_property
    def max_demand_factor(self) -> dict[str, float]:
        """The largest factor on demand in any state, and at least 1, for each material whose demand
        depends on the state."""
        max_factors: dict[str, float] = {}
        uncertainty = self.case.uncertainty
        if uncertainty is not None:
            factors = [
                (m, x.factor)
                for m, demand_factors in uncertainty.demand.items()
                for x in demand_factors
            ]
            factors += [
                (m, x)
                for state in uncertainty.states or ()
                for m, path in state.demand.items()
                for x in path.values
            ]
            for m, factor in factors:
                max_factors[m] = max(1.0, max_factors.get(m, 1.0), float(factor))
        return max_factors

    def demand_varies(self, material: str) -> bool:
        """Check whether demand for a material or its damage steps depend on the state."""
        return material in self.max_demand_factor or material in self.adaptations

    @cached_property
    def max_useful_lots(self) -> dict[str, Floats]:
        """Upper limit of the lots of each material that can be used in any state, per period of
        each year (Y): its largest need, and the inputs of projects."""
        max_lots = {m: need * self.max_demand_factor.get(m, 1.0) for m, need in self.need.items()}
        for p in self.projects.values():
            for material, ratio in p.inputs.items():
                max_lots[material] = max_lots[material] + ratio * math.fsum(p.output.values())
        return max_lots

    @cached_property
    def materials_with_damage(self) -> frozenset[str]:
        """Materials whose shortage causes damage: to their consumers, or to those of products that
        are made from them."""
        damaging_nodes: set[int] = set()
        for chain in self.chains:
            for v in reversed(chain.nodes):
                makes_damaging_output = any(
                    v in x.inputs and x.output in damaging_nodes for x in chain.plants
                )
                if makes_damaging_output or any(step.weight.any() for step in self.nodes[v].steps):
                    damaging_nodes.add(v)
        return frozenset(self.nodes[v].material for v in damaging_nodes)

    def cash_flows(self, p: str, f: str, i: str, start: int) -> CashFlows:
        """Return the cash flows of an instrument that carries all of a project with this start."""
        key = (p, f, i, start)
        if key not in self._cash_flows:
            project, instrument = self.projects[p], self.instrument_by_key[f, i]
            output = {
                m: lots * self.periods_per_year * self.lot_tonnes[m] / 1e6
                for m, lots in project.output.items()
            }
            self._cash_flows[key] = cash_flow_class(instrument)(
                project, instrument, start, self.years, self.discount_factor, output
            )
        return self._cash_flows[key]

    def premium_by_funder(self, p: str, start: int) -> dict[str, Floats]:
        """Return the undiscounted expected premiums that each funder would pay in each year (Y,
        million EUR) for the whole output of a project with this start."""
        if (p, start) not in self._premium_by_funder:
            project, premiums = self.projects[p], dict[str, Floats]()
            running_share = project.success_probability * project.running_shares(self.years, start)
            for material, lots in project.output.items():
                for f, per_lot in self.premium_per_lot.get(material, {}).items():
                    premium = per_lot * (lots * self.periods_per_year) * running_share
                    premiums[f] = premiums.get(f, 0.0) + premium
            self._premium_by_funder[p, start] = premiums
        return self._premium_by_funder[p, start]

    @cached_property
    def _premium_by_funder(self) -> dict[tuple[str, int], dict[str, Floats]]:
        return {}

    @cached_property
    def _cash_flows(self) -> dict[tuple[str, str, str, int], CashFlows]:
        return {}

    @cached_property
    def public_funders(self) -> tuple[str, ...]:
        """Ids of the funders of kind ``public``."""
        return tuple(f for f, funder in self.case.funders.items() if funder.kind == "public")
