"""What a run returns: a plan with its certificate.

The names are a contract (extend, do not rename). Money is million EUR, mass is tonnes, years
are keys as text. A plan written as JSON loads back equal.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from models.results import ids
from models.results.accounts import BudgetLineUse, Position
from models.results.base import VOLATILE, OfScenario, Result, Seconds, Share, Versions
from models.results.dependence import CrmaShare, SupplyMix


class Certificate(Result):
    """How good the plan is, and what that rests on."""

    status: Literal["optimal", "limit"]
    """``optimal``: the gap is within its target; ``limit``: stopped by a limit or by the user."""
    objective: float
    """Objective of the plan, recomputed outside the solver."""
    bound: float | None
    """Proven lower bound on the objective of any plan, never above ``objective``; null where none
    was reached."""
    gap: float | None
    """max(0, objective - bound) / max(|objective|, least); least is 1e-6 of the objective without a
    plan, or 1e-6 itself where that is no more than 1e-6."""
    gap_target: float
    """The gap that was asked for."""
    ended: str
    """How the solve ended, in the solver's own words, or what became of it."""
    method: Literal["extensive", "decomposition"]
    """How the problem was solved."""
    states: int
    """States of the world the plan was made for."""
    illustrative: bool
    """True for fewer than 100 states: too few to judge rare events by."""
    seed: int | None
    """Seed of the sampled states; null where they are written out."""
    seconds: Seconds
    """Wall time, reading apart."""
    seconds_by_step: Annotated[dict[str, float], VOLATILE]
    """Wall time of building, handing over, solving and checking."""
    model_size: dict[str, int]
    """Rows, columns, integer columns and non-zeros of the model that was solved; its cuts."""
    work: dict[str, int] = {}
    """What the decomposition took: pairs of a node and a state, sweeps, solves, nodes."""
    input_sha256: str
    """SHA-256 of the scenario as it was solved, patches applied, in canonical JSON."""
    versions: Versions
    """Versions of the project and of what it rests on."""


class WithoutPlan(Result):
    """What comes if nothing is started and nothing is bought."""

    expected: float
    """Mean over the states."""
    cvar: float
    """Mean of the worst states."""
    worst: float
    """The worst state."""


LEVELS = tuple(step / 100 for step in range(101))
"""Levels of the distribution of a plan."""


class Distribution(Result):
    """Damage over the states of the world, as quantiles: one figure a level."""

    levels: tuple[Share, ...]
    """Shares of the states by probability, rising from 0 (least) to 1 (worst)."""
    with_plan: tuple[float, ...]
    """Least damage that is not exceeded with this probability."""
    without_plan: tuple[float, ...]
    """The same without any plan."""
    avoided: tuple[float, ...]
    """Quantiles of the difference within each state, without less with the plan."""


class Outcome(Result):
    """What the plan leads to, in the unit of the scenario's measure."""

    measure: Literal["damage", "tonnes", "share_of_demand"]
    """What is counted."""
    unit: str
    """Its unit."""
    expected: float
    """Mean over the states."""
    cvar: float
    """Mean of the worst states, at the scenario's level."""
    cvar_level: Share
    """The level: 0.95 means the worst 5 %."""
    worst: float
    """The worst state."""
    net_cost_meur: float
    """Discounted net cost, before cost_weight."""
    residual_meur: float = 0.0
    """Residual value of stocks and projects at the end, discounted; the net cost is less by it."""
    without_plan: WithoutPlan
    """The same without any plan."""
    distribution: Distribution | None = None
    """How it is spread over the states."""


class ProjectPlan(Result):
    """A project that is built."""

    id: ids.Project
    """Id of the project."""
    name: str
    """Its name."""
    start: ids.YearNumber
    """Year in which the decision to build falls."""
    first_output: int
    """First year of output if nothing is delayed."""
    capex_meur: float
    """Its capital cost."""
    market_share: Share
    """Share of capex from lenders and other investors."""
    offtake: Share
    """Share of output that reaches home consumers."""
    offtake_common: Share
    """Of that for all home consumers."""
    offtake_by_company: dict[ids.Funder, Share]
    """Of that for the consumers of each company funder."""
    shares: dict[ids.Funder, dict[ids.Instrument, Share]]
    """Share of capex by funder and instrument."""
    supports: dict[ids.Funder, dict[ids.Instrument, Share]] = {}
    """Share of capex whose interest is subsidised, or of output under a price floor."""


class StockpilePlan(Result):
    """What a stockpile buys and holds."""

    id: ids.Stockpile
    """Id of the stockpile."""
    name: str
    """Its name."""
    material: ids.Material
    """Id of its material."""
    buy_t: ids.ByYear
    """Tonnes bought in each year."""
    planned_t: ids.ByYear
    """Stock at the end of each year before any release."""
    cost_meur: ids.ByYear
    """What it costs in each year, undiscounted."""


class FunderInfo(Result):
    """A purse, as reports name it."""

    id: ids.Funder
    """Id of the funder."""
    name: str
    """Its name."""
    kind: Literal["public", "company", "private"]
    """What it is."""


class MaterialYear(Result):
    """One material in one year, over all states."""

    demand_t: float
    """Demand of all consumers."""
    expected_shortage_t: float
    """Mean shortage over the states."""
    expected_shortage_without_plan_t: float
    """The same if nothing is started and nothing is bought."""
    probability_of_shortage: Share
    """Probability that some period of the year is short by more than 1e-6 of its demand."""
    days_of_cover: float | None
    """Planned stock at the year's end over the year's demand, in days; null without demand."""
    supply: SupplyMix | None = None
    """Where it comes from with the plan, undisturbed; null without demand or supply."""
    supply_without_plan: SupplyMix | None = None
    """The same without any plan."""


class MaterialOutcome(Result):
    """How exposed a material stays."""

    id: ids.Material
    """Id of the material."""
    name: str
    """Its name."""
    expected: float
    """Its part of the expected damage, in the unit of the measure."""
    expected_without_plan: float
    """The same without any plan."""
    by_year: Annotated[dict[ids.HorizonYear, MaterialYear], ids.EVERY]
    """By year."""


class ConsumerOutcome(Result):
    """What falls on a consumer."""

    id: ids.Consumer
    """Id of the consumer."""
    name: str
    """Its name."""
    expected: float
    """Its part of the expected damage, in the unit of the measure."""
    expected_without_plan: float
    """The same without any plan."""


class Plan(OfScenario):
    """What an optimization returns: commitment, outcomes and certificate."""

    kind: Literal["plan"] = "plan"
    """What this document is."""
    certificate: Certificate
    """How good the plan is."""
    outcome: Outcome
    """What it leads to."""
    projects: tuple[ProjectPlan, ...]
    """Projects that are built, in the order of the file."""
    stockpiles: Annotated[tuple[StockpilePlan, ...], ids.EVERY]
    """All stockpiles, in the order of the file."""
    funders: Annotated[tuple[FunderInfo, ...], ids.EVERY] = ()
    """All funders, in the order of the file."""
    spend_meur: Annotated[dict[ids.Funder, ids.ByYear], ids.EVERY]
    """Undiscounted use of each funder's budget, by year."""
    committed_meur: Annotated[dict[ids.Funder, ids.ByYear], ids.EVERY]
    """Undiscounted money of each funder by year, whatever its budget is charged."""
    materials: Annotated[tuple[MaterialOutcome, ...], ids.EVERY]
    """All materials, in the order of the file."""
    consumers: Annotated[tuple[ConsumerOutcome, ...], ids.EVERY]
    """All consumers, in the order of the file."""
    accounts: tuple[Position, ...] = ()
    """Whose money goes where and what comes of it: adds up to the net cost."""
    budget_lines: tuple[BudgetLineUse, ...] = ()
    """How far each budget is used."""
    crma: tuple[CrmaShare, ...] = ()
    """Shares that the Critical Raw Materials Act has benchmarks for, where stages are given."""
    scenario: dict[str, Any] | None = None
    """The scenario as it was solved, in JSON, of its variants only the one applied."""
