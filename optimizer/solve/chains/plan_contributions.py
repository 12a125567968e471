"""What parts of a plan are worth to a chain: its damage without them, nothing optimized anew."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from models import results
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats
from optimizer.solve.chains.chain_values import ChainAnalysis, ChainValues
from optimizer.solve.recourse.program_evaluation import ProgramEvaluation

DAMAGE_TOLERANCE = 1e-9  # share of damage that is rounding


class PlanContributions:
    """The parts of a plan that deliver forms of a chain."""

    def __init__(
        self,
        analysis: ChainAnalysis,
        commitment: Commitment,
        with_plan: ChainValues,
        without_plan: ChainValues,
    ) -> None:
        self._analysis, self._commitment, self._with_plan, self._without_plan = (
            analysis,
            commitment,
            with_plan,
            without_plan,
        )
        held = {p for (p, _), share in commitment.offtake.items() if share > 0}
        self._plants = {plant.id: plant for plant in analysis.plants.values() if plant.is_project}
        self._built = [p for p in self._projects_delivering(analysis.materials) if p in held]
        bought = {h for h, lots in commitment.buy.items() if (lots > 0).any()}
        piles = analysis.instance.stockpiles.values()
        self._bought = {x.id: x.material for x in piles if x.id in bought}
        self._damages: dict[tuple[frozenset[str], frozenset[str]], float] = {}

    def project_contributions(self) -> Iterator[results.ChainProject]:
        """What each project avoids."""
        for p in self._built:
            yield results.ChainProject(
                id=p, avoided=self._damage_without([p]) - self._damage_without()
            )

    def stockpile_contributions(self) -> Iterator[results.ChainStockpile]:
        """What each stockpile avoids."""
        for h, form in self._bought.items():
            if form in self._analysis.materials:
                avoided = self._damage_without((), [h]) - self._damage_without()
                yield results.ChainStockpile(id=h, avoided=avoided)

    def stage_contributions(self) -> Iterator[results.ChainStages]:
        """Stages of the plan that follow one another, by the form that the later makes."""
        forms, plants, now = self._analysis, self._plants, self._damage_without()
        for form in forms.materials:
            later = [p for p in self._built if p in plants and plants[p].output == form]
            inputs = {taken for p in later for taken in plants[p].input_tonnes}
            earlier = [
                p for p in self._projects_delivering(inputs) if p in self._built and p not in later
            ]
            stocks = [h for h, kept in self._bought.items() if kept in inputs]
            if not later or not (earlier or stocks):
                continue
            both = self._damage_without([*later, *earlier], stocks)
            no_later, no_earlier = (
                self._damage_without(later),
                self._damage_without(earlier, stocks),
            )
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

    def _projects_delivering(self, materials: Collection[str]) -> list[str]:
        return [
            p.id
            for p in self._analysis.instance.projects.values()
            if p.id in self._commitment.start and not p.output.keys().isdisjoint(materials)
        ]

    def _damage_without(
        self, projects: Collection[str] = (), stockpiles: Collection[str] = ()
    ) -> float:
        """Expected damage of the chain by the plan without some projects and stockpiles."""
        key, forms = (frozenset(projects), frozenset(stockpiles)), self._analysis
        if key not in self._damages:
            plan = self._commitment
            left = replace(
                plan,
                offtake={of: x for of, x in plan.offtake.items() if of[0] not in key[0]},
                buy={h: lots for h, lots in plan.buy.items() if h not in key[1]},
            )
            point, found = (
                forms.recourse.columns.to_point(left),
                np.zeros(forms.classes.class_count),
            )
            for chain in forms.classes.chains:
                quick = forms.recourse.build_compiled_evaluation(chain, forms.classes, point)
                if quick is not None:
                    forms.recourse.run_tasks(quick.tasks())
                    found += quick.damage
                    continue
                one, planned = (
                    forms.build_evaluation(chain, at) for at in (point, self._with_plan.point)
                )
                forms.recourse.run_tasks(
                    [
                        partial(self._add_block_damage, one, planned, part, found)
                        for part in forms.class_blocks
                    ]
                )
            self._damages[key] = float(forms.class_probability @ found)
        return self._damages[key]

    def _add_block_damage(
        self,
        evaluation: ProgramEvaluation,
        planned_evaluation: ProgramEvaluation,
        class_block: slice,
        damage_sums: Floats,
    ) -> None:
        """Add the damage of a part of the plan in a part of the looks: only where the plan helps,
        and only where what is left out would deliver, can it be another than that of the plan."""
        head, place = evaluation.chain_id, evaluation.template.parameter_positions
        own, most = (
            self._with_plan.by_consumer_chain[head],
            self._without_plan.by_consumer_chain[head].damage[class_block],
        )
        damage = own.damage[class_block].copy()
        given, open_ = evaluation.parameter_values(class_block), evaluation.is_open[class_block]
        differs = given != planned_evaluation.parameter_values(class_block)
        for (kind, _), at in place.items():
            if kind != "buy":
                differs[:, at] &= open_
        solved = np.flatnonzero(differs.any(axis=1) & (most > damage * (1 + DAMAGE_TOLERANCE)))
        if len(solved):
            bases = [own.bases[class_block][u] for u in solved]
            damage[solved] = evaluation.template.solve(given[solved], open_[solved], bases).damage
        damage_sums[class_block] += damage
