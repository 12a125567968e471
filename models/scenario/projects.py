"""Candidate projects: mines, refineries and recycling plants that may be built."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, StrictStr, ValidationInfo, field_validator, model_validator

from models import base
from models.base import Base, Country, LocalizedText, MaterialId, ProjectId, Stage, validation_error
from models.field_marks import InSection
from models.scenario.quantities import (
    NonNegative,
    Number,
    NumberBounds,
    Ratio,
    Share,
    WholeNumber,
    Year,
    YearlyNonNegative,
    are_readable,
)


def _read_delay(value: Any) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) < 5:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        message = f"'{value}' is not a delay"
        raise validation_error(message, "write a whole number of years, 0 or more")
    return value


Delay = Annotated[int, BeforeValidator(_read_delay)]


class UnaidedDecision(Base):
    """The decision to build a project without the funders' money, and its probability."""

    year: Year  #: Year of the decision to build.
    probability: Share = Number(1)  #: Probability of the decision; drawn once per state.


class Overrun(Base):
    """One possible overrun of a project's capex, with its probability."""

    by: NonNegative  #: Cost above the stated capex, as a share of the capex; 0.3 is 30 % more.
    probability: Share  #: Probability of this overrun; those of a project add up to 1.


class Project(Base):
    """A mine or plant that may be built: output, inputs, timing, cost and risks."""

    name: LocalizedText | None = None  #: Name shown in reports; by default the id.
    description: LocalizedText | None = None  #: Free text.
    country: Country  #: ISO 3166 code of the country of the project.
    output_t_per_year: dict[MaterialId, NonNegative]
    """Nameplate output in tonnes per year, by material."""
    inputs_t_per_t: dict[MaterialId, Ratio] = {}
    """Tonnes of each input material per tonne of output; all are needed. By default no inputs."""
    earliest_start: Annotated[Year, InSection("years")] | None = None
    """First year in which the project may start; by default the first of the horizon."""
    latest_start: Annotated[Year, InSection("later years")] | None = None
    """Last year in which the project may start; by default the last of the horizon."""
    construction_years: WholeNumber = Number(0)  #: Years from the start to the first output.
    ramp_up: tuple[Share, ...] = (Number(1),)
    """Share of nameplate in the 1st, 2nd, ... year of output; the last one applies from then on."""
    lifetime_years: Annotated[Number, NumberBounds(gt=0, whole=True)] | None = None
    """Years of output; by default unlimited."""
    capex_meur: NonNegative  #: Capital cost in million EUR.
    capex_profile: tuple[Share, ...] = (Number(1),)
    """Share of capex due in the start year, the year after it, ...; adds up to 1."""
    capex_overrun: tuple[Overrun, ...] = ()  #: Possible overruns above the capex; by default none.
    residual_value: Share | None = None
    """Share of capex that counts as value at the end; by default that of the horizon."""
    market_finance_max: Share = Number(0)  #: Largest share of capex from lenders and investors.
    home_share: Share = Number(0)  #: Share of output that domestic consumers get without a funder.
    offtake_max: Share = Number(1)  #: Largest share of output reserved for domestic consumers.
    success_probability: Share = Number(1)  #: Probability of ever producing; drawn once per state.
    delay_years: dict[Delay, Share] = {0: Number(1)}
    """Probability of each delay of the first output, by years of delay; adds up to 1."""
    anyway: UnaidedDecision | None = None
    """Possible decision to build the project without support, if no plan starts it."""
    cash_cost_eur_per_t: dict[MaterialId, YearlyNonNegative] = {}
    """Price in EUR per tonne, of one output, below which the plant is idle."""
    restart_periods: WholeNumber = Number(0)  #: Periods of shortage until an idle plant restarts.
    requires: tuple[ProjectId, ...] = ()
    """Ids of projects that must start in the same year or earlier."""
    excludes: tuple[ProjectId, ...] = ()  #: Ids of projects that cannot be built if this one is.
    stages: tuple[Stage, ...] = ()  #: Stages of production: extraction, processing, recycling.
    tags: tuple[StrictStr, ...] = ()  #: Labels by which instruments select projects.

    _ramp_up_is_not_empty = base.must_not_be_empty(
        "ramp_up", "ramp_up is empty", "leave it out, or write [1.0]"
    )
    _shares_sum_to_one = base.sums_to_one("capex_profile", "delay_years")
    _overruns_sum_to_one = base.sums_to_one(
        "capex_overrun",
        description="the probability of capex_overrun",
        share_field="probability",
        allow_empty=True,
    )

    @field_validator("output_t_per_year")
    @classmethod
    def _output_is_not_empty(cls, output: dict[str, Number]) -> dict[str, Number]:
        if not output:
            raise validation_error("a project without output", "write {material: tonnes per year}")
        return output

    @model_validator(mode="after")
    def _check_cash_cost(self, info: ValidationInfo) -> Project:
        if base.skips_check("order", info):
            return self
        outputs, priced = list(self.output_t_per_year), list(self.cash_cost_eur_per_t)
        path: tuple[str, ...] = ("cash_cost_eur_per_t", *priced[1:2])
        if len(priced) > 1:
            message = f"cash_cost_eur_per_t names {len(priced)} materials"
            raise validation_error(message, "name the one whose price decides", path)
        is_unknown = priced and priced[0] not in outputs and base.UNREADABLE_TEXT not in outputs
        if is_unknown and priced[0] != base.UNREADABLE_TEXT:
            message = f"the project does not make '{priced[0]}'"
            hint = "its outputs are {materials}".format(materials=", ".join(outputs))
            raise validation_error(message, hint, ("cash_cost_eur_per_t", priced[0], "[key]"))
        if float(self.restart_periods) and not priced:
            message = "restart_periods needs cash_cost_eur_per_t"
            raise validation_error(
                message, "give the price below which the plant is idle", ("restart_periods",)
            )
        return self

    def start_years(self, years: range) -> range:
        """Return the years of a horizon in which the project may be started."""
        first_year = years[0] if self.earliest_start is None else self.earliest_start
        last_year = years[-1] if self.latest_start is None else min(self.latest_start, years[-1])
        return range(first_year, last_year + 1)

    @model_validator(mode="after")
    def _check_start_years(self, info: ValidationInfo) -> Project:
        first_year, last_year = self.earliest_start, self.latest_start
        if first_year is None or last_year is None or base.skips_check("order", info):
            return self
        if are_readable(first_year, last_year) and last_year < first_year:
            values = {"last": last_year, "first": first_year}
            message = "latest_start {last} lies before earliest_start {first}".format(**values)
            raise validation_error(message, path=("latest_start",))
        return self
