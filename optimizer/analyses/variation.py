"""One number of a scenario, and the scenario at other values of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import model_validator

from models.files import LoadedScenario
from models.language import tr
from optimizer.analyses.options import CliFlag, Id, ScenarioOptions
from optimizer.errors import Misuse
from optimizer.model.rules import RULES, policy_limits

BUDGET_PATH, TAIL_WEIGHT_PATH, CVAR_LEVEL_PATH = (
    "policy.budget_meur",
    "objective.cvar.weight",
    "objective.cvar.level",
)

LOOSENING_PATHS = tuple(path for rule in RULES.values() for path in rule.loosening_paths)
"""Numbers that stand on the greater side of one rule and nowhere else: raising one keeps every plan
feasible and changes neither its damage nor its cost."""

OBJECTIVE_PATHS = (TAIL_WEIGHT_PATH, CVAR_LEVEL_PATH, "objective.cost_weight")
"""Numbers of the objective alone: every plan is feasible whatever they are."""

UNITS_BY_SUFFIX = {"_meur": "million {currency}", "_t": "t", "_t_per_year": "t", "_years": "years"}


@dataclass(frozen=True)
class Variation:
    """A scenario and the dotted path of the number that is varied."""

    reading: LoadedScenario
    path: str

    def with_value(self, value: float) -> LoadedScenario:
        """The scenario with another value, read and checked like any other.

        Raises ScenarioError where the path leads nowhere or the value does not fit there.
        """
        return self.reading.with_settings([f"{self.path}={format_setting(value)}"])

    def without_limit(self) -> LoadedScenario:
        """The scenario without the budget that is varied."""
        return self.reading.with_settings([f"{self.path}=null"])

    @property
    def only_loosens_rules(self) -> bool:
        """Whether a higher value only loosens rules: plans can only get better then, but for
        regret, which is taken from the best there."""
        return not self._minimizes_regret and any(
            re.fullmatch(re.escape(pattern).replace(r"\*", r"[^.]*"), self.path)
            for pattern in LOOSENING_PATHS
        )

    @property
    def is_objective_number(self) -> bool:
        """Whether the number is one of the objective alone."""
        return not self._minimizes_regret and self.path in OBJECTIVE_PATHS

    @property
    def _minimizes_regret(self) -> bool:
        return self.reading.case.objective.over_assumptions == "regret"

    @property
    def is_integer(self) -> bool:
        """Whether values are whole numbers, as far as that is known beforehand."""
        counts = [limit.path for limit in policy_limits() if limit.unit == "count"]
        return self.path in [f"policy.{path}" for path in counts] or self.path.startswith(
            "policy.max_starts_by_year."
        )

    @property
    def limited_funders(self) -> tuple[str, ...] | None:
        """Whose spending the number limits, where it is a budget over all years."""
        funders = self.reading.case.funders
        if self.path == BUDGET_PATH:
            return tuple(f for f, funder in funders.items() if funder.kind == "public")
        own = re.fullmatch(r"funders\.([^.]*)\.budget_meur", self.path)
        return (own[1],) if own and own[1] in funders else None

    @property
    def unit(self) -> str | None:
        """Unit of the number, where its name tells."""
        currency = self.reading.case.currency
        for ending, unit in UNITS_BY_SUFFIX.items():
            if self.path.endswith(ending):
                return unit.format(currency=currency)
        return f"million {currency}" if "_meur." in self.path else None


class VariedNumberOptions(ScenarioOptions):
    """Which number of a scenario is varied."""

    vary: Annotated[str, CliFlag("PATH")] | None = None
    """The number to vary, by its dotted path as in --set; policy.budget_meur if not given."""
    funder: Id | None = None
    """Vary the budget of this funder: the same as --vary funders.ID.budget_meur."""

    @model_validator(mode="after")
    def _check_one_number(self) -> VariedNumberOptions:
        if self.vary is not None and self.funder is not None:
            raise Misuse(tr("--vary and --funder exclude each other."))
        if "=" in (self.vary or self.funder or ""):
            raise Misuse(
                tr("--vary takes a path without a value; --from and --to give its values.")
            )
        return self

    def variation(self, reading: LoadedScenario) -> Variation:
        """The number that is varied. Raises Misuse for a funder that the scenario lacks."""
        if self.funder is None:
            return Variation(reading, self.vary or BUDGET_PATH)
        if self.funder not in reading.case.funders:
            about = {"funder": self.funder, "known": ", ".join(reading.case.funders) or "-"}
            raise Misuse(tr("There is no funder '{funder}'; there are {known}.", **about))
        return Variation(reading, f"funders.{self.funder}.budget_meur")


def format_setting(value: float) -> str:
    """A number as a setting writes it, without an exponent."""
    text = f"{Decimal(str(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def round_up(value: float) -> float:
    """The next number of three digits that is not below; what rounding leaves is left."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 2)
    return round(math.ceil(value / step * (1 - 1e-9)) * step, 12)


def evenly_spaced(first: float, last: float, count: int) -> list[float]:
    """Values from the first to the last, equally far apart."""
    if count == 1:
        return [last]
    return [round(first + (last - first) * n / (count - 1), 12) for n in range(count)]
