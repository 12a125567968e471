"""First-stage decisions as the second stage sees them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance

UNAIDED_GROUP = ".unaided"  # offtake group of unaided projects


@dataclass(frozen=True, eq=False)
class FirstStagePoint:
    """Values of the first-stage columns that recourse depends on. They may be fractional."""

    offtake: Floats  # (C) share of output, or 1 if unaided; by FirstStageColumns.offtake_columns
    buy: Floats  # (H, Y) lots bought; by FirstStageColumns.stockpiles and year


class FirstStageColumns:
    """First-stage columns that recourse depends on. A column is listed even if a model has no
    variable for it."""

    def __init__(self, instance: Instance) -> None:
        self.offtake_columns: tuple[tuple[str, int, str], ...] = (
            *(
                (p, start, group)
                for p, start in instance.start_options
                for group in instance.offtake_groups
            ),
            *(self.unaided_column(instance, p) for p in instance.unaided_projects),
            *map(self.floored_column, instance.floored_offtakes),
        )
        self._unaided_columns = {
            p: self.unaided_column(instance, p) for p in instance.unaided_projects
        }
        self.stockpiles = tuple(instance.stockpiles)
        self.year_count = len(instance.years)

    @staticmethod
    def unaided_column(instance: Instance, p: str) -> tuple[str, int, str]:
        """Return the key of the column that is 1 if the plan does not start an unaided project."""
        return p, instance.projects[p].unaided_start_year or 0, UNAIDED_GROUP

    @staticmethod
    def floored_column(key: tuple[str, int, str, str, str]) -> tuple[str, int, str]:
        """Return the key of the column for a group's offtake under a price floor."""
        p, start, group, f, i = key
        return p, start, f"{f}.{i}.{group}"

    @cached_property
    def column_index(self) -> dict[tuple[str, int, str], int]:
        """Position of each column in ``offtake_columns``, by key."""
        return {key: c for c, key in enumerate(self.offtake_columns)}

    def to_point(self, commitment: Commitment) -> FirstStagePoint:
        """Convert a commitment without review branches to a first-stage point."""
        assert not commitment.branches
        offtake = np.zeros(len(self.offtake_columns))
        buy = np.zeros((len(self.stockpiles), self.year_count))
        for (p, group), share in commitment.offtake.items():
            if p in commitment.start:
                offtake[self.column_index[p, commitment.start[p], group]] = share
        for (p, group, f, i), share in commitment.floored.items():
            if p in commitment.start:
                key = self.floored_column((p, commitment.start[p], group, f, i))
                if key in self.column_index:  # else this assumption set has no such floor
                    offtake[self.column_index[key]] = share
        for p, key in self._unaided_columns.items():
            offtake[self.column_index[key]] = p not in commitment.start
        for h, stockpile in enumerate(self.stockpiles):
            buy[h] = commitment.buy.get(stockpile, 0.0)
        return FirstStagePoint(offtake, buy)
