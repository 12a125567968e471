"""Numbers of a scenario that move together, and what they become at a value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from models.scenario.quantities import Yearly
from optimizer.analyses.variation import written


class Numbers(Protocol):
    """Numbers of the scenario that move together."""

    def settings(self, value: float) -> list[str]:
        """What they become, as ``path=value``."""


@dataclass(frozen=True)
class Scaled:
    """One number, or one for each of several years, times the value; at most ``most``."""

    path: str
    years: tuple[int, ...]
    base: tuple[float, ...]
    most: float = math.inf

    @classmethod
    def of(cls, path: str, number: float | Yearly, most: float = math.inf) -> Scaled:
        """A number of a scenario, yearly or not."""
        if isinstance(number, Yearly):
            return cls(path, number.years, tuple(map(float, number.values)), most)
        return cls(path, (), (float(number),), most)

    def at(self, value: float) -> tuple[float, ...]:
        """The number, or those of the years."""
        return tuple(min(self.most, value * number) for number in self.base)

    def settings(self, value: float) -> list[str]:
        """What it becomes."""
        numbers = list(map(written, self.at(value)))
        if not self.years:
            return [f"{self.path}={numbers[0]}"]
        pairs = zip(self.years, numbers, strict=True)
        return [f"{self.path}={{{', '.join(f'{year}: {number}' for year, number in pairs)}}}"]


@dataclass(frozen=True)
class Complement:
    """A probability of success, of which that of failure is multiplied."""

    path: str
    base: float

    def at(self, value: float) -> float:
        """The probability of success."""
        return 1 - min(1.0, value * (1 - self.base))

    def settings(self, value: float) -> list[str]:
        """What it becomes."""
        return [f"{self.path}={written(self.at(value))}"]


@dataclass(frozen=True)
class Shifted:
    """Probabilities that add up to 1, of which some are multiplied at the cost of the others.

    ``others`` shrink or grow in proportion; ``path`` has one place for the name of each.
    """

    path: str
    names: tuple[str, ...]
    base: tuple[float, ...]
    moved: frozenset[str]
    whole: bool
    """Whether all are set as one mapping rather than one by one."""

    def at(self, value: float) -> tuple[float, ...]:
        """The probabilities, in their order."""
        pairs = tuple(zip(self.names, self.base, strict=True))
        of_moved = math.fsum(p for name, p in pairs if name in self.moved)
        rest = math.fsum(self.base) - of_moved
        factor = min(value, (of_moved + rest) / of_moved)
        left = of_moved + rest - factor * of_moved
        even = left / (len(pairs) - len(self.moved))
        return tuple(
            factor * p if name in self.moved else (p * left / rest if rest > 0 else even)
            for name, p in pairs
        )

    def settings(self, value: float) -> list[str]:
        """What they become."""
        pairs = list(zip(self.names, map(written, self.at(value)), strict=True))
        if self.whole:
            return [f"{self.path}={{{', '.join(f'{name}: {p}' for name, p in pairs)}}}"]
        return [f"{self.path.format(name=name)}={p}" for name, p in pairs]


@dataclass(frozen=True)
class Free:
    """A number that was named by its path: the value is the number itself."""

    path: str

    def settings(self, value: float) -> list[str]:
        """What it becomes."""
        return [f"{self.path}={written(value)}"]
