"""Sets and coefficients of the optimization problem, read off a scenario.

One name a symbol of ``docs/formulation.md``. Money is million EUR. Mass is counted in lots: a
power of two of tonnes for each material, near an eighth of its yearly demand, so that the
coefficients of a tonne of germanium and of a tonne of copper are of one order; ``lot_t`` turns
lots into tonnes. Quantities per year are divided by the periods of a year. Arrays run over the
years of the horizon (Y), its periods (K) or both.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.scenario.case import Case
from optimizer.model.instance.components import (
    COMMON_GROUP,
    Adaptation,
    BudgetLineData,
    Chain,
    ConversionData,
    HazardData,
    InstrumentData,
    Node,
    Plant,
    ProfileData,
    ProjectData,
    ReviewBranch,
    StockpileData,
    company_group,
)
from optimizer.model.instance.funding import read_instruments
from optimizer.model.instance.instrument_terms import CashFlows, Floats, compute_cash_flows
from optimizer.model.instance.perspective import NOTHING_FIXED, FixedDecisions, Stake
from optimizer.model.instance.prices import PriceData


@dataclass(frozen=True, eq=False)
class Instance:
    """Everything the model, the sweep and the check of an answer compute with."""

    case: Case
    years: range
    periods_per_year: int  # periods in a year, n
    discount_factor: Floats  # (Y) δ
    lot_tonnes: dict[str, float]  # tonnes in a lot, by material
    demand: dict[tuple[str, str], Floats]  # (Y) by consumer and material, lots per period
    need: dict[str, Floats]
    """(Y) of each material, in lots per period: demand, and what conversions take in at full
    capacity."""
    supply: dict[tuple[str, str], Floats]  # (Y) by material and country, lots per period
    need_linked_supply: dict[
        tuple[str, str], Floats
    ]  # (Y) the part of it that is given as a share of need
    adaptations: dict[str, tuple[Adaptation, ...]]  # by material, each that is unlike the others
    origins: tuple[tuple[str, str], ...]
    """Pairs of material and country that a hazard can strike: supply, projects, conversions."""
    conversions: dict[str, ConversionData]
    projects: dict[str, ProjectData]
    prices: dict[str, PriceData]  # by material
    instruments: tuple[InstrumentData, ...]
    budget_lines: dict[tuple[str, str], BudgetLineData]  # budget lines, by funder and id
    stockpiles: dict[str, StockpileData]
    hazards: tuple[HazardData, ...]
    nodes: tuple[Node, ...]
    chains: tuple[Chain, ...]  # of all nodes, in the order of their first ones
    offtake_groups: tuple[str, ...]  # ``common`` and the company funders
    cost_weights: dict[str, float]  # how much the net cost of each funder counts in the objective
    premium_per_lot: dict[str, dict[str, Floats]] = field(default_factory=dict)
    """(Y) million EUR above the market that each funder pays per lot secured, by material."""
    damage_weights: dict[str, float] = field(
        default_factory=dict
    )  # of consumers' mean damage; else 1
    stakes: tuple[Stake, ...] = ()
    fixed_decisions: FixedDecisions = NOTHING_FIXED
    branches: tuple[ReviewBranch, ...] = ()  # that states go after the review; none without one

    def on_branch(self, branch: int) -> "Instance":
        """What is decided on a path, by itself."""
        if branch not in self._branch_instances:
            prices = dict(self.prices)
            for m, chance in self.branches[branch].price_probabilities.items():
                prices[m] = replace(prices[m], probability_in_states=chance)
            if self.branches[branch].price_probabilities:
                read = read_instruments(self.case, self.years, prices)
                floors = {(i.funder, i.id): i.floor_prices for i in read}
                some = tuple(
                    replace(i, floor_prices=floors[i.funder, i.id]) for i in self.instruments
                )
                self._branch_instances[branch] = replace(
                    self, branches=(), prices=prices, instruments=some
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
    def _branch_instances(self) -> dict[int, "Instance"]:
        return {}

    def is_decided_before_review(self, year: int) -> bool:
        """Whether what begins in a year is decided for all paths alike."""
        return self.case.planned_review is None or year < int(self.case.planned_review.year)

    @cached_property
    def profiles(self) -> dict[str, ProfileData]:
        """Ways in which an event of any hazard may go, by their ids, by which states name them."""
        return {way.id: way for hazard in self.hazards for way in hazard.profiles}

    @property
    def periods(self) -> range:
        """The periods k, from 0."""
        return range(len(self.years) * self.periods_per_year)

    @cached_property
    def year_index(self) -> NDArray[np.intp]:
        """(K) position of each period's year."""
        return np.repeat(np.arange(len(self.years)), self.periods_per_year)

    @cached_property
    def start_options(self) -> tuple[tuple[str, int], ...]:
        """All pairs of a project and a start year."""
        return tuple((p.id, year) for p in self.projects.values() for year in p.start_years)

    @cached_property
    def unaided_projects(self) -> tuple[str, ...]:
        """Projects of which something comes home without anybody's money, if nobody starts them."""
        return tuple(
            p.id for p in self.projects.values() if p.unaided_year is not None and p.home_share > 0
        )

    def price_floors(self, project: str) -> tuple[InstrumentData, ...]:
        """Price floors that keep a project running where its price is below its cash cost."""
        price = self.projects[project].cash_cost_material
        return tuple(
            i
            for i in self.instruments
            if price in i.floor_prices and project in i.eligible_projects and i.max_share > 0
        )

    @cached_property
    def floored_offtakes(self) -> tuple[tuple[str, int, str, str, str], ...]:
        """All that can be kept running: project, start year, group, funder and price floor."""
        return tuple(
            (p, year, group, i.funder, i.id)
            for p, year in self.start_options
            for i in self.price_floors(p)
            for group in self.groups_with_right(p)
        )

    @cached_property
    def tickets(self) -> tuple[tuple[str, str, str], ...]:
        """All triples of a project, a funder and an instrument that may take part in it."""
        return tuple(
            (project, i.funder, i.id)
            for project in self.projects
            for i in self.instruments
            if project in i.eligible_projects
        )

    @cached_property
    def instrument_by_key(self) -> dict[tuple[str, str], InstrumentData]:
        """Instruments by funder and id."""
        return {(i.funder, i.id): i for i in self.instruments}

    def offtake_instruments(self, project: str, group: str) -> Iterator[InstrumentData]:
        """Instruments through which a group gets a right to a project's output."""
        for i in self.instruments:
            owner = company_group(i.funder) if i.funder_kind == "company" else COMMON_GROUP
            if project in i.eligible_projects and owner == group and i.offtake_per_share > 0:
                yield i

    def offtake_right(
        self, project: str, group: str, funding_shares: Mapping[tuple[str, str, str], float]
    ) -> float:
        """Share of a project's output that a group may reserve (P6), by shares of its capex."""
        home = self.projects[project].home_share if group == COMMON_GROUP else 0.0
        return home + math.fsum(
            i.offtake_per_share * funding_shares.get((project, i.funder, i.id), 0.0)
            for i in self.offtake_instruments(project, group)
        )

    def groups_with_right(self, project: str) -> tuple[str, ...]:
        """Groups that can have a right to a project's output."""
        home = self.projects[project].home_share > 0
        return tuple(
            group
            for group in self.offtake_groups
            if (group == COMMON_GROUP and home) or any(self.offtake_instruments(project, group))
        )

    @cached_property
    def material_demand(self) -> dict[str, Floats]:
        """(Y) demand of all consumers for each material, lots per period."""
        total = {m: np.zeros(len(self.years)) for m in self.case.materials}
        for (_, material), demand in self.demand.items():
            total[material] = total[material] + demand
        return total

    @cached_property
    def max_demand_factor(self) -> dict[str, float]:
        """The largest factor on demand, 1 at least, of each material whose demand states change."""
        found: dict[str, float] = {}
        uncertainty = self.case.uncertainty
        if uncertainty is not None:
            factors = [(m, x.factor) for m, own in uncertainty.demand.items() for x in own]
            factors += [x for state in uncertainty.states or () for x in state.demand.items()]
            for m, factor in factors:
                found[m] = max(1.0, found.get(m, 1.0), float(factor))
        return found

    def demand_varies(self, material: str) -> bool:
        """Whether demand for a material, or how much of it is on which step, depends on the
        state."""
        return material in self.max_demand_factor or material in self.adaptations

    @cached_property
    def max_useful_lots(self) -> dict[str, Floats]:
        """(Y) most lots per period of each material that can be of use in any state: its need, and
        what projects with inputs could take in."""
        most = {m: need * self.max_demand_factor.get(m, 1.0) for m, need in self.need.items()}
        for p in self.projects.values():
            for material, ratio in p.inputs.items():
                most[material] = most[material] + ratio * math.fsum(p.output.values())
        return most

    @cached_property
    def materials_with_damage(self) -> frozenset[str]:
        """Materials that anybody misses, by themselves or in what is made of them."""
        found: set[int] = set()
        for chain in self.chains:
            for v in reversed(chain.nodes):
                into = any(v in x.inputs and x.output in found for x in chain.plants)
                if into or any(step.weight.any() for step in self.nodes[v].steps):
                    found.add(v)
        return frozenset(self.nodes[v].material for v in found)

    def restrict_to_materials(self, materials: Collection[str]) -> "Instance":
        """The same problem without the nodes of other materials; all of a chain or none of it."""
        kept = [v for v, node in enumerate(self.nodes) if node.material in materials]
        place = {v: position for position, v in enumerate(kept)}

        def moved(plant: Plant) -> Plant:
            inputs = {place[v]: lots for v, lots in plant.inputs.items()}
            return replace(plant, output=place[plant.output], inputs=inputs)

        chains = (
            Chain(tuple(place[v] for v in chain.nodes), tuple(map(moved, chain.plants)))
            for chain in self.chains
            if chain.id in place
        )
        return replace(self, nodes=tuple(self.nodes[v] for v in kept), chains=tuple(chains))

    def cash_flows(self, p: str, f: str, i: str, start: int) -> CashFlows:
        """What a whole share of an instrument moves in a project started in a year."""
        key = (p, f, i, start)
        if key not in self._cash_flows:
            self._cash_flows[key] = compute_cash_flows(
                self, self.projects[p], self.instrument_by_key[f, i], start
            )
        return self._cash_flows[key]

    def premium_by_funder(self, p: str, start: int) -> dict[str, Floats]:
        """(Y) million EUR that each funder is expected to pay above the market for all output of a
        project that is started in a year, undiscounted."""
        if (p, start) not in self._premium_by_funder:
            project, found = self.projects[p], dict[str, Floats]()
            running = project.success_probability * project.running_shares(self.years, start)
            for material, lots in project.output.items():
                for f, per_lot in self.premium_per_lot.get(material, {}).items():
                    paid = per_lot * (lots * self.periods_per_year) * running
                    found[f] = found.get(f, 0.0) + paid
            self._premium_by_funder[p, start] = found
        return self._premium_by_funder[p, start]

    @cached_property
    def _premium_by_funder(self) -> dict[tuple[str, int], dict[str, Floats]]:
        return {}

    @cached_property
    def _cash_flows(self) -> dict[tuple[str, str, str, int], CashFlows]:
        return {}

    @cached_property
    def public_funders(self) -> tuple[str, ...]:
        """Funders of kind public."""
        return tuple(f for f, funder in self.case.funders.items() if funder.kind == "public")
