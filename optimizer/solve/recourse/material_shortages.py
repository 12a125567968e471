"""Shortages of one material in the states of the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.model.instance import Floats
from optimizer.solve.recourse.evaluations import RecourseEvaluation
from optimizer.solve.recourse.material_classes import StateClasses


@dataclass(frozen=True, eq=False)
class MaterialShortages:
    """Shortages and damage of one material, by state class."""

    classes: StateClasses
    class_probability: Floats  # (U)
    missing_lots: Floats  # (U, K) in all nodes
    expected_by_step: dict[int, Floats]  # (J, K) expected missing lots by step, by node position
    damage: Floats  # (U) in all nodes
    damage_by_step: dict[int, Floats]  # (U, J) by node position

    @classmethod
    def from_evaluations(
        cls,
        classes: StateClasses,
        class_probability: Floats,
        by_node: Mapping[int, RecourseEvaluation],
    ) -> MaterialShortages:
        """Return the shortages of a material from the evaluation of each of its nodes."""
        items = by_node.items()
        return cls(
            classes,
            class_probability,
            np.sum([evaluation.missing_lots[v] for v, evaluation in items], axis=0),
            {v: evaluation.expected_shortage(v) for v, evaluation in items},
            np.sum([evaluation.damage_by_node[v] for v, evaluation in items], axis=0),
            {v: evaluation.damage_by_step[v] for v, evaluation in items},
        )

    def expand_to_states(self, class_values: NDArray[Any]) -> NDArray[Any]:
        """Return the values of state classes (U, ...) as values of states (S, ...). Calm states get
        zero."""
        state_values = np.zeros(
            (len(self.classes.class_of_state), *class_values.shape[1:]), dtype=class_values.dtype
        )
        has_class = self.classes.class_of_state >= 0
        state_values[has_class] = class_values[self.classes.class_of_state[has_class]]
        return state_values
