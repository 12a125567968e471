"""What the multipliers of a chain's recourse say in every look: values of forms and of capacity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import results
from models.scenario.chains import order
from optimizer.model.commitment import Commitment
from optimizer.model.instance import COMMON, Chain, Floats, Instance
from optimizer.model.states import State
from optimizer.solve.identities import SHORT
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.sweep import Point, Recourse
from optimizer.solve.sweep.looking import PART
from optimizer.solve.sweep.programs import ChainPass
from optimizer.solve.sweep.state_classes import ChainLooks

TIE = 1e-6  # parts of a multiplier that differ by less, as a share of it, are equal


class Plant(NamedTuple):
    """A conversion, or a project with inputs: what it makes of what, in tonnes for a tonne."""

    id: str
    project: bool
    output: str
    inputs: dict[str, float]


class Forms:
    """One chain in its looks, for all consumers, and the year that is told of."""

    def __init__(
        self,
        recourse: Recourse,
        states: Sequence[State],
        looks: ChainLooks,
        without_plan: Evaluation,
    ) -> None:
        it = self.instance = recourse.instance
        self.recourse, self.states, self.looks = recourse, states, looks
        nodes = {it.nodes[v].material for chain in looks.chains for v in chain.nodes}
        self.names = [m for m in order(it.case) if m in nodes]
        self.plants = _plants(it, looks.chains)
        missing = [without_plan.shortage[m] * it.lot_t[m] for m in self.names]
        tonnes = np.sum(missing, axis=0)
        self.y = int(np.flatnonzero(tonnes >= tonnes.max() * (1 - 1e-9))[0])
        self.chance: Floats = looks.weights(recourse.probability[None])[0]
        damaging = it.case.objective.measure == "damage"
        self.unit = 1e6 / it.discount if damaging else np.ones(len(it.years))

    def program(self, chain: Chain, point: Point) -> ChainPass:
        """A consumer's part of the chain at a point."""
        return self.recourse.program(chain, self.looks, point, self.chance[None], False)

    def build(self) -> None:
        """Build the programs of all consumers' parts, which are kept."""
        for chain in self.looks.chains:
            self.program(chain, self.recourse.columns.point(Commitment()))

    @property
    def parts(self) -> list[slice]:
        """Looks that are solved one after the other."""
        count = self.looks.count
        return [slice(start, min(start + PART, count)) for start in range(0, count, PART)]


@dataclass(frozen=True, eq=False)
class OfConsumer:
    """What is seen of the part of one consumer, or of all if they pool, in the year."""

    damage: Floats  # (U) in all years
    bases: list[Any]  # (U) that were optimal
    missing: Floats  # (U, M) share of the demand of all
    lost: Floats  # (U, M) damage
    value: Floats  # (U, M) of a tonne more of each form that is the consumer's
    capacity: Floats  # (U, P) of capacity for such a tonne of output of each plant


@dataclass(frozen=True, eq=False)
class Seen:
    """What the recourse of one commitment says of a chain, in U looks, M forms and P plants."""

    point: Point
    parts: dict[int, OfConsumer]  # by head
    value: Floats  # (U, M, Y) of a tonne more of each form that belongs to all
    capacity: Floats  # (U, P, Y) of capacity for such a tonne of output of each plant

    @property
    def damage(self) -> Floats:
        """(U) of all consumers, in all years."""
        total: Floats = np.sum([part.damage for part in self.parts.values()], axis=0)
        return total

    @property
    def short(self) -> NDArray[np.bool_]:
        """(U) whether anything is missing in the year."""
        missing = np.sum([part.missing for part in self.parts.values()], axis=0)
        found: NDArray[np.bool_] = np.logical_or.reduce(missing > SHORT, axis=1)
        return found


def seen(forms: Forms, commitment: Commitment, like: Seen | None = None) -> Seen:
    """Multipliers and shortages of a commitment in all looks; ``like`` is another, from whose bases
    programs go on."""
    recourse, years, count = forms.recourse, len(forms.instance.years), forms.looks.count
    many, plants = (count, len(forms.names)), (count, len(forms.plants))
    found = Seen(
        recourse.columns.point(commitment), {}, np.zeros((*many, years)), np.zeros((*plants, years))
    )
    for chain in forms.looks.chains:
        missing, lost, value = (np.zeros(many) for _ in range(3))
        bases: list[Any] = list(like.parts[chain.head].bases) if like else [None] * count
        own = OfConsumer(np.zeros(count), bases, missing, lost, value, np.zeros(plants))
        found.parts[chain.head] = own
        one = forms.program(chain, found.point)
        recourse.run([partial(_look, forms, one, part, own, found) for part in forms.parts])
    return found


def _look(forms: Forms, one: ChainPass, part: slice, own: OfConsumer, into: Seen) -> None:
    """Add what one consumer's part of the chain says in a part of the looks."""
    it, y = forms.instance, forms.y
    given, template = one.given(part), one.template
    values = np.zeros((len(given), len(template.columns)))
    bases = own.bases[part]
    solved = template.solve(given, one.open[part], bases, values)
    own.damage[part], own.bases[part] = solved.damage, bases
    place = {form: m for m, form in enumerate(forms.names)}
    plants = {label: p for p, label in enumerate(forms.plants)}

    def worth(v: int, key: tuple[str, Any]) -> tuple[Floats, Floats]:
        """(U, Y) of a tonne a year, spread evenly over it, that belongs to all; (U) of one that
        belongs to the consumer, in the year."""
        lots = -solved.by_given[:, template.place[key]]
        yearly = lots.reshape(len(given), len(it.years), it.per_year).mean(axis=2)
        per_tonne: Floats = np.maximum(0.0, yearly) * forms.unit / it.lot_t[it.nodes[v].material]
        return per_tonne * it.nodes[v].group_share[COMMON], per_tonne[:, y]

    for v in one.chain.nodes:
        common, alone = worth(v, ("market", v))
        m = place[it.nodes[v].material]
        into.value[part, m] += common
        own.value[part, m] = alone
    for plant in one.chain.plants:
        of_project = ("delivers", (plant.output, plant.id))
        key = of_project if plant.capacity is None else ("capacity", plant.id)
        common, alone = worth(plant.output, key)
        into.capacity[part, plants[plant.label]] += common
        own.capacity[part, plants[plant.label]] = alone
    nodes = {it.nodes[v].label: it.nodes[v] for v in one.chain.nodes}
    for (name, index), lots in zip(template.columns, values.T, strict=True):
        if name == "shortage" and it.year_of[index[2]] == y:
            node = nodes[index[0]]
            of_file = it.material_demand[node.material][y] * it.per_year
            demand = forms.looks.forms[node.material].demanded[part] * of_file
            share = np.divide(lots, demand, out=np.zeros_like(lots), where=demand > 0)
            own.missing[part, place[node.material]] += share
            own.lost[part, place[node.material]] += lots * node.steps[index[1]].weight[y]


Stage = tuple[str, str]  # a form, and whether its supply or its making is meant


def bottlenecks(forms: Forms, plan: Seen, none: Seen) -> Iterator[results.Bottleneck]:
    """Stages that are the bottleneck in any look that may come and in which the chain is short in
    the year."""
    shares: list[dict[Stage, float]] = []
    for own in (plan, none):
        short = np.flatnonzero(own.short & (forms.chance > 0))
        total, of_stage = float(forms.chance[short].sum()), dict[Stage, float]()
        for u in short:
            stage = _bottleneck(forms, own, int(u))
            of_stage[stage] = of_stage.get(stage, 0.0) + float(forms.chance[u]) / total
        shares.append(of_stage)
    for form in forms.names:
        for kind in ("supply", "making"):
            with_plan, without = (each.get((form, kind), 0.0) for each in shares)
            if with_plan > 0 or without > 0:
                yield results.Bottleneck(
                    material=form,
                    stage="supply" if kind == "supply" else "making",
                    share=with_plan,
                    share_without_plan=without,
                )


def _bottleneck(forms: Forms, own: Seen, u: int) -> Stage:
    """The stage that lacks in a look to the consumer who loses most: from the form whose shortage
    costs most downwards."""
    part = max(own.parts.values(), key=lambda one: (one.lost[u].sum(), one.missing[u].sum()))
    value = dict(zip(forms.names, part.value[u], strict=True))
    of_plant = dict(zip(forms.plants, part.capacity[u], strict=True))
    form = forms.names[int(np.lexsort((part.missing[u], part.lost[u]))[-1])]
    while True:
        # Of a tonne of the form, what its inputs are worth, and capacity; inputs come first.
        makers = {at: plant for at, plant in forms.plants.items() if plant.output == form}
        parts: dict[Stage, float] = {}
        for plant in makers.values():
            for taken, ratio in plant.inputs.items():
                worth = ratio * value.get(taken, 0.0)
                parts[taken, "supply"] = max(worth, parts.get((taken, "supply"), 0.0))
        parts[form, "making"] = max((of_plant[at] for at in makers), default=0.0)
        price = value[form]
        most = min(price, max(parts.values()))
        if most <= TIE * price:
            return form, "supply"
        stage = next(one for one, worth in parts.items() if worth >= most - TIE * price)
        if stage[1] == "making":
            return stage
        form = stage[0]


def _plants(it: Instance, chains: Iterable[Chain]) -> dict[str, Plant]:
    """Those of a chain by label, in the order of the file."""
    some = {plant.label: plant for chain in chains for plant in chain.plants}
    found: dict[str, Plant] = {}
    for project, known in ((False, it.case.conversions), (True, it.case.projects)):
        by_id = {own.id: own for own in some.values() if (own.capacity is None) == project}
        for id, one in known.items():
            if id in by_id:
                inputs = {m: float(ratio) for m, ratio in one.inputs_t_per_t.items()}
                output = it.nodes[by_id[id].output].material
                found[by_id[id].label] = Plant(id, project, output, inputs)
    return found
