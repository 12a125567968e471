"""The second stage of a plan in every state: shortages, flows and multipliers, as long tables.

A table has a row for each combination of its keys, such as state, material, consumer and period,
and its figures as further columns. Where the state is not among the keys, figures are expected
values over the states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from models.language import mark_translatable
from models.results import Evaluation
from models.spelling import unknown_name_hint
from optimizer.analyses.saved_plan import SavedPlan
from optimizer.errors import Misuse
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Chain, Floats, Instance
from optimizer.model.review import branch_state_indices
from optimizer.model.risk_measure import RiskMeasure
from optimizer.model.scenario_data import HazardPatterns
from optimizer.model.states import State, compute_market_lots, sample_states
from optimizer.solve.outcomes import evaluate_commitments
from optimizer.solve.recourse import RecourseEvaluator
from optimizer.solve.recourse.program_template import ProgramTemplate
from optimizer.solve.recourse.state_classes import find_realizations
from optimizer.solve.recourse.state_flows import ChainFlows, StateFlows

if TYPE_CHECKING:
    from optimizer.report.render.data_frames import LongFrame

BLOCK_SIZE = 500
"""Number of states that are evaluated together, to bound memory."""
MIN_TONNES = 1e-9
"""Rows of flows with fewer tonnes are left out."""

TableName = Literal["by_state", "flows", "values"]
STATE_KEYS = ("state", "material", "consumer", "year", "period")
KEYS: dict[str, tuple[str, ...]] = {
    "by_state": STATE_KEYS,
    "flows": (*STATE_KEYS, "source_kind", "source", "destination_kind", "destination"),
    "values": ("state", "rule", "tag", "material", "consumer", "of", "year", "period"),
}
"""Keys of each table, in the order of its columns."""
RULES = {
    "demand_balance": ("demand_balance", "R3"),
    "stock_balance": ("stock_balance", "R1"),
    "conversion_limit": ("conversion_limit", "R6"),
    "refill_limit": ("refill_limit", "R7"),
    "refill_when_covered": ("refill", "R7"),
    "refill": ("refill", "R7"),
    "release": ("release", "R2"),
    "shortage_limit": ("shortage", "R4"),
    "shortage": ("shortage", "R4"),
}
"""Name and tag in ``docs/formulation.md`` of each constraint and bound of a program."""

NO_COLUMN = mark_translatable("there is no column '{name}'; {hint}")
NO_STATE = mark_translatable("there is no state '{name}'; {hint}")

Record = tuple[Mapping[str, str], Mapping[str, Floats]]
"""Keys that are equal in all states and periods, and figures (S, K)."""


@dataclass(frozen=True, eq=False)
class EvaluatedStates:
    """A commitment and the states in which its second stage is evaluated."""

    instance: Instance
    states: Sequence[State]
    commitment: Commitment
    recourse: RecourseEvaluator | None
    """Evaluator of other states of the instance, of which parts are reused."""
    templates: dict[int, ProgramTemplate] = field(default_factory=dict)

    def parts(self, indices: Sequence[int]) -> Iterator[tuple[Sequence[int], StateFlows]]:
        """Yield blocks of the states with these indices, with their second stage. With a review,
        each block belongs to one branch."""
        chosen = [self.states[n] for n in indices]
        branches: list[tuple[Instance, Commitment, Sequence[int]]] = [
            (self.instance, self.commitment, range(len(chosen)))
        ]
        if self.commitment.branches:
            branches = [
                (self.instance.on_branch(g), self.commitment.branches[g], list(map(int, positions)))
                for g, positions in enumerate(branch_state_indices(self.instance, chosen))
            ]
        realizations = find_realizations(self.instance, self.states)
        previous = self.recourse
        if previous is not None and not previous.covers_realizations(realizations):
            previous = None
        for instance, commitment, positions in branches:
            for start in range(0, len(positions), BLOCK_SIZE):
                block = positions[start : start + BLOCK_SIZE]
                states = [chosen[n] for n in block]
                previous = RecourseEvaluator(
                    instance,
                    states,
                    merge_classes=False,
                    reuse_from=previous,
                    realizations=realizations,
                )
                yield [indices[n] for n in block], StateFlows(previous, states, commitment)


def evaluated_states(
    saved_plan: SavedPlan, without_plan: bool = False, evaluation: Evaluation | None = None
) -> EvaluatedStates:
    """Return the states that a plan was made for, or those of its ``evaluation``.

    Raise Misuse if the plan was evaluated in another scenario.
    """
    problem = saved_plan.problem
    commitment = Commitment() if without_plan else saved_plan.solution.commitment
    states: Sequence[State] = problem.states
    if evaluation is not None:
        if evaluation.states_of is not None:
            raise Misuse(
                "This evaluation is in the states of another scenario; single states are known "
                "of an evaluation in the plan's own scenario."
            )
        if evaluation.fresh.seed is not None:
            states = sample_states(problem.instance, evaluation.fresh.states, evaluation.fresh.seed)
    return EvaluatedStates(problem.instance, states, commitment, problem.recourse)


def long_table(
    name: TableName,
    evaluated: EvaluatedStates,
    by: Sequence[str] | None = None,
    states: Sequence[str] | None = None,
    unit: str = "",
) -> LongFrame:
    """Return one of the tables of the second stage.

    Parameters
    ----------
    name
        ``by_state``, ``flows`` or ``values``.
    evaluated
        The commitment and its states.
    by
        Keys of the table; all that it can have if None. Figures are summed over the others, and
        are expected values if ``state`` is not among them. Multipliers are not summed over
        anything else.
    states
        Names of the states to include; all if None.
    unit
        Unit of the scenario's measure, for the attributes of the frame.

    Raises
    ------
    Misuse
        If there is no such key, or no such state.
    """
    from optimizer.report.render.data_frames import join_rows

    keys = KEYS[name] if by is None else _check_names(by, KEYS[name], NO_COLUMN)
    names = [state.name for state in evaluated.states]
    indices = list(range(len(names)))
    if states is not None:
        chosen = set(_check_names(states, names, NO_STATE))
        indices = [n for n in indices if names[n] in chosen]
    records: dict[str, Callable[[StateFlows], Iterator[Record]]] = {
        "by_state": partial(_shortage_records, templates=evaluated.templates),
        "flows": partial(_flow_records, templates=evaluated.templates),
        "values": _multiplier_records,
    }
    probability = np.array([state.probability for state in evaluated.states])
    weights = _objective_weights(evaluated) if name == "values" else probability
    blocks = []
    for block, flows in evaluated.parts(indices):
        for fixed, figures in records[name](flows):
            if name == "values":
                figures = {**figures, "weight": weights[block][:, None] + 0.0 * figures["value"]}
                figures["in_objective"] = figures["weight"] * figures["value"]
            columns = _reduce(evaluated.instance, keys, figures, probability[block])
            if "state" in keys:
                count = len(next(iter(columns.values()))) // len(block)
                columns["state"] = np.repeat([names[n] for n in block], count)
                columns["probability"] = np.repeat(probability[block], count)
                columns["position"] = np.repeat(block, count)
            columns |= {key: value for key, value in fixed.items() if key in keys}
            if name != "by_state":
                is_kept = np.abs(columns["tonnes" if name == "flows" else "value"]) > MIN_TONNES
                columns = {
                    key: value[is_kept] if isinstance(value, np.ndarray) else value
                    for key, value in columns.items()
                }
            blocks.append(columns)
    return join_rows(blocks, keys, {"table": name, "unit": unit})


def _check_names(given: Sequence[str], known: Sequence[str], message: str) -> tuple[str, ...]:
    """Return the given names in the order of the known ones. Raise Misuse if one is unknown."""
    for name in given:
        if name not in known:
            raise Misuse(message.format(name=name, hint=unknown_name_hint(name, known)))
    return tuple(name for name in known if name in given)


def _objective_weights(evaluated: EvaluatedStates) -> Floats:
    """Return the weight (S) that damage in each state has in the objective: (1 - λ) times its
    probability, and λ times its part in the worst states."""
    (evaluation,) = evaluate_commitments(
        evaluated.instance, evaluated.states, [evaluated.commitment]
    )
    measure = RiskMeasure.from_case(evaluated.instance.case)
    return measure.weights(evaluation.probability, evaluation.damage)


def _reduce(
    instance: Instance, keys: Sequence[str], figures: Mapping[str, Floats], probability: Floats
) -> dict[str, Any]:
    """Return columns of figures (S, K), summed over states and periods that are not keys."""
    n = instance.periods_per_year
    columns: dict[str, Any] = {}
    state_count = len(probability)
    for name, values in figures.items():
        if "state" not in keys:
            values, state_count = (probability @ values)[None], 1
        if "period" not in keys:
            values = values.reshape(len(values), -1, n).sum(axis=2)
            values = values if "year" in keys else values.sum(axis=1, keepdims=True)
        columns[name] = np.ravel(values)
    if "period" in keys:
        period = np.arange(len(instance.periods)) % n + 1
        columns["period"] = np.tile(period, state_count)
    if "year" in keys:
        years = np.array(instance.years)
        columns["year"] = np.tile(
            years[instance.year_index] if "period" in keys else years, state_count
        )
    return columns


def _shortage_records(flows: StateFlows, templates: dict[int, ProgramTemplate]) -> Iterator[Record]:
    """Yield demand, shortage and damage of each consumer of each material, and what stockpiles
    release: to the consumer where allocation is entitled, else in a record without a consumer."""
    instance = flows.instance
    for chain in instance.chains:
        chain_flows = flows.flows(chain, templates) if _has_stocks(instance, chain) else None
        for v in chain.nodes:
            node = instance.nodes[v]
            lot_tonnes = instance.lot_tonnes[node.material]
            demand, missing = flows.step_demand(v), flows.missing[v]
            zeros = np.zeros(flows.shape)
            released = sum(
                (lots for (w, _), lots in chain_flows.released.items() if w == v)
                if chain_flows is not None
                else (),
                zeros,
            )
            consumers = dict.fromkeys(step.consumer for step in node.steps)
            for consumer in consumers:
                steps = [j for j, step in enumerate(node.steps) if step.consumer == consumer]
                weight = flows.recourse.node_data[v].file_step_weight[steps]
                own = released if node.consumer is not None else zeros
                yield (
                    {"material": node.material, "consumer": consumer},
                    {
                        "demand_t": demand[:, steps].sum(axis=1) * lot_tonnes,
                        "shortage_t": missing[:, steps].sum(axis=1) * lot_tonnes,
                        "damage": (missing[:, steps] * weight).sum(axis=1),
                        "released_t": own * lot_tonnes,
                    },
                )
            if not consumers or (node.consumer is None and node.stockpile_shares):
                yield (
                    {"material": node.material, "consumer": node.consumer or ""},
                    {
                        **dict.fromkeys(("demand_t", "shortage_t", "damage"), zeros),
                        "released_t": released * lot_tonnes,
                    },
                )


def _has_stocks(instance: Instance, chain: Chain) -> bool:
    return any(instance.nodes[v].stockpile_shares for v in chain.nodes)


def _flow_records(flows: StateFlows, templates: dict[int, ProgramTemplate]) -> Iterator[Record]:
    """Yield what flows from each source of a material to each of its destinations. Material from
    all sources is mixed, so that each destination receives the same mix."""
    instance = flows.instance
    patterns = HazardPatterns(instance, flows.states)
    for chain in instance.chains:
        chain_flows = flows.flows(chain, templates)
        plant_ids = {
            plant.label: ("project" if plant.capacity is None else "conversion", plant.id)
            for plant in chain.plants
        }
        for v in chain.nodes:
            node = instance.nodes[v]
            sources = dict(_sources(flows, chain_flows, v, patterns, plant_ids))
            inflow: Floats = np.sum(list(sources.values()), axis=0)
            served = flows.step_demand(v) - flows.missing[v]
            destinations: dict[tuple[str, str], Floats] = {}
            for step, lots in zip(node.steps, np.moveaxis(served, 1, 0), strict=True):
                key = "consumer", step.consumer
                destinations[key] = destinations.get(key, 0.0) + lots
            for plant in chain.plants:
                if v in plant.inputs:
                    taken = plant.inputs[v] * chain_flows.made[plant.label]
                    destinations[plant_ids[plant.label]] = taken
            used: Floats = np.sum([np.zeros(flows.shape), *destinations.values()], axis=0)
            destinations["unused", ""] = np.maximum(inflow - used, 0.0)
            lot_tonnes = instance.lot_tonnes[node.material]
            share = {
                key: np.divide(lots, inflow, out=np.zeros(flows.shape), where=inflow > 0)
                for key, lots in destinations.items()
            }
            for (source_kind, source), lots in sources.items():
                for (kind, destination), part in share.items():
                    consumer = destination if kind == "consumer" else node.consumer or ""
                    yield (
                        {
                            "material": node.material,
                            "consumer": consumer,
                            "source_kind": source_kind,
                            "source": source,
                            "destination_kind": kind,
                            "destination": destination,
                        },
                        {"tonnes": lots * part * lot_tonnes},
                    )


def _sources(
    flows: StateFlows,
    chain_flows: ChainFlows,
    v: int,
    patterns: HazardPatterns,
    plant_ids: Mapping[str, tuple[str, str]],
) -> Iterator[tuple[tuple[str, str], Floats]]:
    """Yield the lots (S, K) that reach a node from each country of the market, project, conversion
    and stockpile, by kind and id."""
    instance, material = flows.instance, flows.instance.nodes[v].material
    market, factor = chain_flows.market[v], flows.classes[v].class_demand_factor
    lots_by_country: dict[str, Floats] = {}
    for origin in instance.supply:
        if origin[0] == material:
            share_left = partial(_share_left_of, origin, patterns)
            lots = compute_market_lots(instance, material, factor, share_left)
            lots_by_country[origin[1]] = lots
    total: Floats = np.sum([np.zeros(flows.shape), *lots_by_country.values()], axis=0)
    for country, lots in lots_by_country.items():
        share = np.divide(lots, total, out=np.zeros(flows.shape), where=total > 0)
        yield ("market", country), market * share
    for (w, project), lots in chain_flows.output.items():
        if w == v:
            yield ("project", project), lots
    for plant in chain_flows.chain.plants:
        if plant.output == v:
            yield plant_ids[plant.label], chain_flows.made[plant.label]
    for (w, stockpile), lots in chain_flows.released.items():
        if w == v:
            yield ("stockpile", stockpile), lots


def _share_left_of(
    chosen: tuple[str, str], patterns: HazardPatterns, origin: tuple[str, str]
) -> Floats:
    """Return the share (S, K) that hazards leave of an origin's supply; 0 unless it is chosen."""
    return patterns.share_left(origin) * float(origin == chosen)


def _multiplier_records(flows: StateFlows) -> Iterator[Record]:
    """Yield the multipliers of the constraints of each chain, per tonne."""
    instance = flows.instance
    for chain in instance.chains:
        nodes = {instance.nodes[v].label: instance.nodes[v] for v in chain.nodes}
        plants = {plant.label: plant.id for plant in chain.plants}
        multipliers = flows.multipliers(chain)
        by_key: dict[tuple[str, ...], Floats] = {}
        for (name, (label, *of, k)), values in [*multipliers.rows, *multipliers.bounds]:
            node, (rule, tag) = nodes[label], RULES.get(name, (name, ""))
            consumer, owner = node.consumer or "", str(of[0]) if of else ""
            if rule == "shortage":
                consumer, owner = node.steps[of[0]].consumer, f"step {of[0] + 1}"
            elif rule == "conversion_limit":
                owner = plants[of[0]]
            key = rule, tag, node.material, consumer, owner
            lots = by_key.setdefault(key, np.zeros(flows.shape))
            lots[:, k] += values / instance.lot_tonnes[node.material]
        for names, values in by_key.items():
            keys = ("rule", "tag", "material", "consumer", "of")
            yield dict(zip(keys, names, strict=True)), {"value": values}
