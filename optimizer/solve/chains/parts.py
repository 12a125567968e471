"""What parts of a plan are worth to a chain: its damage without them, nothing optimized anew."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from models import results
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats
from optimizer.solve.chains.multipliers import Forms, Seen
from optimizer.solve.sweep.programs import ChainPass

ROUNDING = 1e-9  # share of damage that is rounding


class Parts:
    """The parts of a plan that deliver forms of a chain."""

    def __init__(self, forms: Forms, commitment: Commitment, plan: Seen, none: Seen) -> None:
        self._forms, self._commitment, self._plan, self._none = forms, commitment, plan, none
        held = {p for (p, _), share in commitment.offtake.items() if share > 0}
        self._plants = {plant.id: plant for plant in forms.plants.values() if plant.project}
        self._built = [p for p in self._delivering(forms.names) if p in held]
        bought = {h for h, lots in commitment.buy.items() if (lots > 0).any()}
        piles = forms.instance.stockpiles.values()
        self._bought = {x.id: x.material for x in piles if x.id in bought}
        self._damages: dict[tuple[frozenset[str], frozenset[str]], float] = {}

    def projects(self) -> Iterator[results.ChainProject]:
        """What each project avoids."""
        for p in self._built:
            yield results.ChainProject(id=p, avoided=self._without([p]) - self._without())

    def stockpiles(self) -> Iterator[results.ChainStockpile]:
        """What each stockpile avoids."""
        for h, form in self._bought.items():
            if form in self._forms.names:
                avoided = self._without((), [h]) - self._without()
                yield results.ChainStockpile(id=h, avoided=avoided)

    def stages(self) -> Iterator[results.ChainStages]:
        """Stages of the plan that follow one another, by the form that the later makes."""
        forms, plants, now = self._forms, self._plants, self._without()
        for form in forms.names:
            later = [p for p in self._built if p in plants and plants[p].output == form]
            inputs = {taken for p in later for taken in plants[p].inputs}
            earlier = [p for p in self._delivering(inputs) if p in self._built and p not in later]
            stocks = [h for h, kept in self._bought.items() if kept in inputs]
            if not later or not (earlier or stocks):
                continue
            both = self._without([*later, *earlier], stocks)
            no_later, no_earlier = self._without(later), self._without(earlier, stocks)
            yield results.ChainStages(
                output=form,
                projects=tuple(later),
                earlier_projects=tuple(earlier),
                earlier_stockpiles=tuple(stocks),
                later=no_later - now,
                later_alone=both - no_earlier,
                earlier=no_earlier - now,
                earlier_alone=both - no_later,
                both=both - now,
            )

    def _delivering(self, forms: Collection[str]) -> list[str]:
        return [
            p.id
            for p in self._forms.instance.projects.values()
            if p.id in self._commitment.start and not p.output.keys().isdisjoint(forms)
        ]

    def _without(self, projects: Collection[str] = (), piles: Collection[str] = ()) -> float:
        """Expected damage of the chain by the plan without some projects and stockpiles."""
        key, forms = (frozenset(projects), frozenset(piles)), self._forms
        if key not in self._damages:
            plan = self._commitment
            left = replace(
                plan,
                offtake={of: x for of, x in plan.offtake.items() if of[0] not in key[0]},
                buy={h: lots for h, lots in plan.buy.items() if h not in key[1]},
            )
            point, found = forms.recourse.columns.point(left), np.zeros(forms.looks.count)
            for chain in forms.looks.chains:
                quick = forms.recourse.compiled(chain, forms.looks, point)
                if quick is not None:
                    forms.recourse.run(quick.parts())
                    found += quick.damage
                    continue
                one, planned = (forms.program(chain, at) for at in (point, self._plan.point))
                forms.recourse.run(
                    [partial(self._between, one, planned, part, found) for part in forms.parts]
                )
            self._damages[key] = float(forms.chance @ found)
        return self._damages[key]

    def _between(self, one: ChainPass, planned: ChainPass, part: slice, found: Floats) -> None:
        """Add the damage of a part of the plan in a part of the looks: only where the plan helps,
        and only where what is left out would deliver, can it be another than that of the plan."""
        head, place = one.head, one.template.place
        own, most = self._plan.parts[head], self._none.parts[head].damage[part]
        damage = own.damage[part].copy()
        given, open_ = one.given(part), one.open[part]
        differs = given != planned.given(part)
        for (kind, _), at in place.items():
            if kind != "buy":
                differs[:, at] &= open_
        solved = np.flatnonzero(differs.any(axis=1) & (most > damage * (1 + ROUNDING)))
        if len(solved):
            bases = [own.bases[part][u] for u in solved]
            damage[solved] = one.template.solve(given[solved], open_[solved], bases).damage
        found[part] += damage
