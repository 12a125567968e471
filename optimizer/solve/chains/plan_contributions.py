"""Contributions of projects and stockpiles to a chain: the damage if they are left out of the plan,
without optimizing the rest again."""

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

DAMAGE_TOLERANCE = 1e-9  # smaller relative differences of damage are rounding


class PlanContributions:
    """Contributions of the plan's projects and stockpiles that deliver forms of one chain."""

    def __init__(
        self,
        analysis: ChainAnalysis,
        commitment: Commitment,
        with_plan: ChainValues,
        without_plan: ChainValues,
    ) -> None:
        self._analysis = analysis
        self._commitment = commitment
        self._with_plan = with_plan
        self._without_plan = without_plan
        projects_with_offtake = {p for (p, _), share in commitment.offtake.items() if share > 0}
        self._plants = {plant.id: plant for plant in analysis.plants.values() if plant.is_project}
        self._built_projects = [
            p for p in self._projects_delivering(analysis.materials) if p in projects_with_offtake
        ]
        bought_stockpiles = {h for h, lots in commitment.buy.items() if (lots > 0).any()}
        stockpiles = analysis.instance.stockpiles.values()
        self._bought_materials = {
            stockpile.id: stockpile.material
            for stockpile in stockpiles
            if stockpile.id in bought_stockpiles
        }
        self._damages: dict[tuple[frozenset[str], frozenset[str]], float] = {}

    def project_contributions(self) -> Iterator[results.ChainProject]:
        """Yield the expected damage that each project avoids."""
        for p in self._built_projects:
            yield results.ChainProject(
                id=p, avoided=self._damage_without([p]) - self._damage_without()
            )

    def stockpile_contributions(self) -> Iterator[results.ChainStockpile]:
        """Yield the expected damage that each stockpile avoids."""
        for h, form in self._bought_materials.items():
            if form in self._analysis.materials:
                avoided = self._damage_without((), [h]) - self._damage_without()
                yield results.ChainStockpile(id=h, avoided=avoided)

    def stage_contributions(self) -> Iterator[results.ChainStages]:
        """Yield the expected damage that successive stages of the plan avoid, jointly and
        separately. Stages are identified by the output of the later stage."""
        analysis, plants, damage = self._analysis, self._plants, self._damage_without()
        for form in analysis.materials:
            later_projects = [
                p for p in self._built_projects if p in plants and plants[p].output == form
            ]
            inputs = {input_form for p in later_projects for input_form in plants[p].input_tonnes}
            earlier_projects = [
                p
                for p in self._projects_delivering(inputs)
                if p in self._built_projects and p not in later_projects
            ]
            earlier_stocks = [
                h for h, material in self._bought_materials.items() if material in inputs
            ]
            if not later_projects or not (earlier_projects or earlier_stocks):
                continue
            without_both = self._damage_without(
                [*later_projects, *earlier_projects], earlier_stocks
            )
            without_later = self._damage_without(later_projects)
            without_earlier = self._damage_without(earlier_projects, earlier_stocks)
            yield results.ChainStages(
                output=form,
                projects=tuple(later_projects),
                earlier_projects=tuple(earlier_projects),
                earlier_stockpiles=tuple(earlier_stocks),
                later=without_later - damage,
                later_alone=without_both - without_earlier,
                earlier=without_earlier - damage,
                earlier_alone=without_both - without_later,
                both=without_both - damage,
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
        """Return the expected damage of the chain if the given projects and stockpiles are left out
        of the plan."""
        key, analysis = (frozenset(projects), frozenset(stockpiles)), self._analysis
        if key not in self._damages:
            plan = self._commitment
            reduced_plan = replace(
                plan,
                offtake={
                    offtake_key: x
                    for offtake_key, x in plan.offtake.items()
                    if offtake_key[0] not in key[0]
                },
                floored={
                    floor_key: x
                    for floor_key, x in plan.floored.items()
                    if floor_key[0] not in key[0]
                },
                buy={h: lots for h, lots in plan.buy.items() if h not in key[1]},
            )
            point = analysis.recourse.columns.to_point(reduced_plan)
            damage = np.zeros(analysis.classes.class_count)
            for chain in analysis.classes.chains:
                compiled_evaluation = analysis.recourse.build_compiled_evaluation(
                    chain, analysis.classes, point
                )
                if compiled_evaluation is not None:
                    analysis.recourse.run_tasks(compiled_evaluation.tasks())
                    damage += compiled_evaluation.damage
                    continue
                reduced_evaluation, planned_evaluation = (
                    analysis.build_evaluation(chain, evaluated_point)
                    for evaluated_point in (point, self._with_plan.point)
                )
                analysis.recourse.run_tasks(
                    [
                        partial(
                            self._add_block_damage,
                            reduced_evaluation,
                            planned_evaluation,
                            class_block,
                            damage,
                        )
                        for class_block in analysis.class_blocks
                    ]
                )
            self._damages[key] = float(analysis.class_probability @ damage)
        return self._damages[key]

    def _add_block_damage(
        self,
        evaluation: ProgramEvaluation,
        planned_evaluation: ProgramEvaluation,
        class_block: slice,
        damage_sums: Floats,
    ) -> None:
        """Add the damage of a reduced plan in a block of state classes to ``damage_sums``.

        The damage of the reduced plan can differ from that of the full plan only in state classes
        where the full plan reduces damage and the omitted parts deliver.
        """
        chain_id, positions = evaluation.chain_id, evaluation.template.parameter_positions
        with_plan = self._with_plan.by_consumer_chain[chain_id]
        damage_without_plan = self._without_plan.by_consumer_chain[chain_id].damage[class_block]
        damage = with_plan.damage[class_block].copy()
        parameters = evaluation.parameter_values(class_block)
        is_open = evaluation.is_open[class_block]
        differs = parameters != planned_evaluation.parameter_values(class_block)
        for (kind, _), columns in positions.items():
            if kind != "buy":
                differs[:, columns] &= is_open
        solved_classes = np.flatnonzero(
            differs.any(axis=1) & (damage_without_plan > damage * (1 + DAMAGE_TOLERANCE))
        )
        if len(solved_classes):
            bases = [with_plan.bases[class_block][u] for u in solved_classes]
            damage[solved_classes] = evaluation.template.solve(
                parameters[solved_classes], is_open[solved_classes], bases
            ).damage
        damage_sums[class_block] += damage
