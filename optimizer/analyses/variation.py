"""One number of a scenario, and the scenario at other values of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import model_validator

from models.files import LoadedScenario
from optimizer.analyses.options import CliFlag, Id, ScenarioOptions
from optimizer.errors import Misuse
from optimizer.model.rules import RULES, policy_limits, user_rule_limits

BUDGET_PATH, TAIL_WEIGHT_PATH, CVAR_LEVEL_PATH = (
    "policy.budget_meur",
    "objective.cvar.weight",
    "objective.cvar.level",
)

LOOSENING_PATHS = tuple(path for rule in RULES.values() for path in rule.loosening_paths)
"""Paths of numbers that stand on the greater side of one rule and nowhere else: raising one keeps
every plan feasible and changes neither its damage nor its cost."""

OBJECTIVE_PATHS = (TAIL_WEIGHT_PATH, CVAR_LEVEL_PATH, "objective.cost_weight")
"""Paths of numbers that are part of the objective alone and do not affect feasibility."""

UNITS_BY_SUFFIX = {"_meur": "million {currency}", "_t": "t", "_t_per_year": "t", "_years": "years"}


@dataclass(frozen=True)
class Variation:
    """A scenario and the dotted path of the number that is varied."""

    reading: LoadedScenario
    path: str

    def with_value(self, value: float) -> LoadedScenario:
        """Return the scenario with the number at another value, read and checked like any scenario.

        Raises ScenarioError if the path leads nowhere or the value does not fit there.
        """
        return self.reading.with_settings([f"{self.path}={format_setting(value)}"])

    def without_limit(self) -> LoadedScenario:
        """Return the scenario without the budget that is varied."""
        return self.reading.with_settings([f"{self.path}=null"])

    @property
    def only_loosens_rules(self) -> bool:
        """Whether a higher value of the number only loosens rules, so that plans can only become
        better.

        It is False if the objective is regret, since that is relative to the best plan at each
        value.
        """
        return not self._minimizes_regret and (
            self._matches(LOOSENING_PATHS) or self._is_upper_limit_of_user_rule
        )

    @property
    def _is_upper_limit_of_user_rule(self) -> bool:
        limits = user_rule_limits(self.reading.case)
        return any(f"policy.{x.path}" == self.path and ".at_most" in x.path for x in limits)

    @property
    def is_objective_number(self) -> bool:
        """Whether the number is used in the objective only, so that the feasible plans do not
        depend on it."""
        return not self._minimizes_regret and self.path in OBJECTIVE_PATHS

    @property
    def _minimizes_regret(self) -> bool:
        return self.reading.case.objective.over_assumptions == "regret"

    @property
    def is_integer(self) -> bool:
        """Whether the number can have integer values only, as far as its path shows."""
        limits = policy_limits(self.reading.case)
        return self._matches(limit.pattern for limit in limits if limit.unit == "count")

    def _matches(self, patterns: Iterable[str]) -> bool:
        """Return whether the path matches a pattern, where ``*`` stands for text without dots."""
        return any(
            re.fullmatch(re.escape(pattern).replace(r"\*", r"[^.]*"), self.path)
            for pattern in patterns
        )

    @property
    def limited_funders(self) -> tuple[str, ...] | None:
        """The ids of the funders whose spending over all years the number limits; None if it is not
        such a budget."""
        funders = self.reading.case.funders
        if self.path == BUDGET_PATH:
            return tuple(f for f, funder in funders.items() if funder.kind == "public")
        funder_match = re.fullmatch(r"funders\.([^.]*)\.budget_meur", self.path)
        return (funder_match[1],) if funder_match and funder_match[1] in funders else None

    @property
    def unit(self) -> str | None:
        """The unit of the number; None if its path does not show a unit."""
        currency = self.reading.case.currency
        for ending, unit in UNITS_BY_SUFFIX.items():
            if self.path.endswith(ending):
                return unit.format(currency=currency)
        for limit in user_rule_limits(self.reading.case):
            if self.path == f"policy.{limit.path}":
                return {"money": f"million {currency}", "tonnes": "t"}.get(limit.unit)
        return f"million {currency}" if "_meur." in self.path else None


class VariedNumberOptions(ScenarioOptions):
    """Options that choose the number of a scenario to vary."""

    vary: Annotated[str, CliFlag("PATH", alias="--along")] | None = None
    """The number to vary, by its dotted path as in --set; policy.budget_meur if not given."""
    funder: Id | None = None
    """Vary the budget of this funder: the same as --vary funders.ID.budget_meur."""

    @model_validator(mode="after")
    def _check_one_number(self) -> VariedNumberOptions:
        if self.vary is not None and self.funder is not None:
            raise Misuse("--vary and --funder exclude each other.")
        if "=" in (self.vary or self.funder or ""):
            raise Misuse("--vary takes a path without a value; --from and --to give its values.")
        return self

    def variation(self, loaded_scenario: LoadedScenario) -> Variation:
        """Return the scenario with the number that these options vary.

        Raises Misuse for a funder that the scenario does not have.
        """
        if self.funder is None:
            return Variation(loaded_scenario, self.vary or BUDGET_PATH)
        if self.funder not in loaded_scenario.case.funders:
            placeholders = {
                "funder": self.funder,
                "known": ", ".join(loaded_scenario.case.funders) or "-",
            }
            raise Misuse("There is no funder '{funder}'; there are {known}.".format(**placeholders))
        return Variation(loaded_scenario, f"funders.{self.funder}.budget_meur")


def format_setting(value: float) -> str:
    """Format a number for use in a setting, without an exponent."""
    text = f"{Decimal(str(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def round_up(value: float) -> float:
    """Round a value up to three significant digits; 0 if it is not positive.

    A value that exceeds a three-digit number only by a rounding error becomes that number.
    """
    if value <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 2)
    return round(math.ceil(value / step * (1 - 1e-9)) * step, 12)


def evenly_spaced(first: float, last: float, count: int) -> list[float]:
    """Return ``count`` evenly spaced values from ``first`` to ``last``.

    If ``count`` is 1, the value is ``last``.
    """
    if count == 1:
        return [last]
    return [round(first + (last - first) * n / (count - 1), 12) for n in range(count)]
