"""Options of each analysis; imports are light, so that help answers at once."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_validator

from models.language import tr
from models.results.split import PublicMoneyMode
from optimizer.analyses import options as opt
from optimizer.analyses.options import (
    CliFlag,
    Count,
    CountFromTwo,
    Gap,
    Number,
    PositiveCount,
    ScenarioOptions,
    Seconds,
    SolveOptions,
    Year,
    parse_named_values,
    parse_share,
)
from optimizer.analyses.variation import VariedNumberOptions
from optimizer.errors import Misuse

_SETTING_SEPARATOR = re.compile(r",\s*(?=[\w.]+=)")
"""Matches a comma between two settings, but not a comma within a value."""


class StatedAssumptions(NamedTuple):
    """Assumptions given on the command line: a name, and settings as ``path=value``."""

    name: str
    settings: tuple[str, ...]


def _parse_share(text: str) -> float:
    """Parse a share such as ``2%`` or ``0.02``; raises ValueError if it is not in [0, 1]."""
    if not 0 <= (share := parse_share(text)) <= 1:
        raise ValueError(f"'{text}' is not a share such as 2% or 0.02.")
    return share


def _parse_stated(texts: tuple[str, ...]) -> tuple[StatedAssumptions, ...]:
    """Parse texts such as ``NAME: PATH=VALUE, PATH=VALUE``; raises ValueError for other texts."""
    stated_assumptions = []
    for text in texts:
        name, colon, settings_text = text.partition(":")
        settings = tuple(part.strip() for part in _SETTING_SEPARATOR.split(settings_text.strip()))
        if not colon or not name.strip() or not all("=" in part for part in settings):
            raise ValueError(f"'{text}' is not of the form 'NAME: PATH=VALUE, PATH=VALUE'.")
        stated_assumptions.append(StatedAssumptions(name.strip(), settings))
    return tuple(stated_assumptions)


class AlternativesOptions(ScenarioOptions, SolveOptions):
    """Find other plans that are nearly as good and as unlike as can be, and how robust choices are.

    FILE_OR_PLAN is a scenario file, or a saved plan: a plan.json or the folder it is in.
    """

    exit_code_help = (
        "Exit codes: 0 done; 1 stopped by a limit or by the user before all was found or "
        "solved; 2 wrong usage or input; 3 no plan keeps all rules; 4 no plan before the "
        "limit; 5 failure; 130 interrupted with nothing to keep."
    )
    out_help = (
        "Write alternatives.json and plans/N/plan.json into this folder as well; plan 0 is the one "
        "compared with."
    )

    within: Annotated[
        float, Field(ge=0), CliFlag("SHARE", parse=_parse_share, default_text="2%")
    ] = 0.02
    """How far above the best plan an alternative may be, for example 2% or 0.02."""
    count: Annotated[int, Field(ge=1, le=100), CliFlag("N")] = 10
    """How many alternatives."""
    least_days: Annotated[Number, Field(gt=0), CliFlag("DAYS")] = 1.0
    """A stockpile counts as filled from so many days of the need that it serves."""
    stated: Annotated[
        tuple[StatedAssumptions, ...], CliFlag("'NAME: PATH=VALUE, ...'", "--assume", _parse_stated)
    ] = ()
    """Solve under these assumptions as well; may be given often."""
    variants: bool = True
    """Leave out the variants of the file."""
    assumptions: bool = True
    """Leave out the low and the high of each group of assumptions."""
    time_limit: Seconds | None = None
    """Stop each single solve after this time and use its best result."""


class AssumptionsOptions(ScenarioOptions, SolveOptions):
    """Find the best plan for each set of assumptions of the scenario FILE, look at it under all
    others, and put one plan for all of them beside it."""

    supported_options = ("gap", "time_limit", "threads")
    exit_code_help = (
        "Exit codes: 0 all plans solved to the gap; 1 some stopped by a limit or by the user; 2 "
        "wrong usage or input; 3 no plan keeps all rules; 4 no plan before the limit; 5 failure; "
        "130 interrupted with nothing to keep."
    )
    out_help = "Write disagreement.json and sets/SET/plan.json into this folder as well."

    over: Literal["mean", "worst", "regret"] | None = None
    """What the plan for all sets minimizes: the mean by weight, the worst of them, or the largest
    regret; as the file says, and else the mean, if not given."""


class ReviewOptions(ScenarioOptions, SolveOptions):
    """Compute the value of deferral for the review of the scenario FILE, and how it changes with
    one observation fewer or more."""

    supported_options = ("gap", "time_limit", "threads")
    exit_code_help = (
        "Exit codes: 0 all plans solved to the gap; 1 some stopped by a limit or by the user; 2 "
        "wrong usage or input; 3 no plan keeps all rules; 4 no plan before the limit; 5 failure; "
        "130 interrupted with nothing to keep."
    )
    out_help = (
        "Write waiting.json and review/plan.json, the plan that waits, into this folder as well."
    )

    more: Count = 3
    """Number of further observations to try; those that explain most of the damage with the plan
    come first."""


SOLVING_OPTIONS = ("replications", "replication_states", "wait_and_see", "tail_weight")
"""Options of parts that need the plan's own scenario."""
SAMPLING_OPTIONS = ("states", "seed", "replications", "replication_states")
"""Options of sampling."""

UnitShare = Annotated[opt.Number, Field(ge=0, le=1)]


class EvaluateOptions(opt.ScenarioOptions, opt.SolveOptions):
    """Judge a saved PLAN on states that it was not made for, and against what could be known.

    PLAN is a plan.json or the folder it is in.
    """

    exit_code_help = (
        "Exit codes: 0 judged, all solves to the gap; 1 some solve was stopped by a limit; "
        "2 wrong usage or input; 4 nothing known of a problem before the limit; 5 failure; "
        "130 interrupted."
    )
    out_help = "Write evaluation.json into this folder as well."

    states: opt.CountFromTwo = 100_000
    """Number of fresh states."""
    seed: opt.Count | None = None
    """Seed of the fresh states; the one after the plan's own if not given."""
    reserves: Annotated[tuple[UnitShare, ...], opt.CliFlag("SHARE", "--reserve")] = (0.0, 0.25, 0.5)
    """Share of planned stock that the release rule keeps for the dearer steps; may be given
    often."""
    replications: Annotated[opt.Count, opt.CliFlag("R")] = 10
    """Number of samples, for each of which the best plan is searched for; 0 leaves out the estimate
    of how far from the best the plan can be."""
    replication_states: opt.PositiveCount | None = None
    """States in each of these samples; as many as the plan's own if not given."""
    wait_and_see: opt.Count = 200
    """Number of states of the plan for each of which the best plan is searched for; 0 leaves out
    the value of information."""
    tail_weight: Annotated[UnitShare, opt.CliFlag("WEIGHT")] | None = None
    """Weight of the worst states in a cautious plan; the scenario's if not given, or 0.5 where that
    is 0; 0 leaves out what caution costs."""
    no_counterfactual: bool = False
    """Leave out what would be done without the plan: the scenario's counterfactual variant, or the
    best plan without public money."""
    states_of: Annotated[str, opt.CliFlag("FILE")] | None = None
    """Evaluate the plan in the states of this scenario instead of its own, for example another
    world or the path that came; nothing is solved then."""
    variant: opt.Id | None = None
    """Apply this variant of the file of --states-of."""
    settings: opt.Settings = ()
    quick: bool = False
    """Solve nothing: only fresh states and the release rule."""
    time_limit: opt.Seconds | None = None
    """Stop each single solve after this time and use its best result."""

    @model_validator(mode="after")
    def _check_combination(self) -> EvaluateOptions:
        if self.replications == 1:
            raise Misuse("--replications 1 leaves chance open: take two at least, or 0.")
        if self.states_of is None and (self.variant is not None or self.settings):
            raise Misuse("--variant and --set go with --states-of.")
        for option, value in self.given_options(SOLVING_OPTIONS):
            if self.states_of is not None and not self.quick:
                args = {"option": option}
                raise Misuse(
                    "{option} rests on the plan's own scenario, not on --states-of.".format(**args)
                )
            if self.quick and value:
                raise Misuse(f"{option} and --quick exclude each other.")
        return self

    def given_options(self, names: tuple[str, ...]) -> list[tuple[str, object]]:
        """Return the options in ``names`` that the user gave, as written on the command line, with
        their values."""
        return [
            ("--" + name.replace("_", "-"), getattr(self, name))
            for name in names
            if name in self.model_fields_set
        ]


Days = Annotated[Number, Field(gt=0), CliFlag("N")]


class ExplainOptions(SolveOptions):
    """Say of each project and each stock of a saved PLAN why it is in or out.

    PLAN is a plan.json or the folder it is in. Each decision is made the other way and everything
    else decided again; budgets and limits are loosened by steps.
    """

    exit_code_help = (
        "Exit codes: 0 done; 1 stopped by a limit or by the user, what was found is "
        "written; 2 wrong usage, or a file that holds no plan; 4 nothing proven before the "
        "limit; 5 failure; 130 interrupted with nothing to keep."
    )
    out_help = "Write explanation.json into this folder as well."

    only: Annotated[tuple[str, ...], CliFlag("ID")] = ()
    """Explain this project or stockpile alone; may be given often."""
    days: Days = 30.0
    """Days of need that a stockpile without purchases is made to hold, to find what that costs."""
    values: bool = True
    """Do not compute the value of larger budgets and limits."""
    gap: Gap = 1e-4
    """How close each answer is proven, as a share of the objective, or to a tenth of what the other
    decision costs or saves where that is more."""


def _parse_numbers(text: str) -> tuple[float, ...]:
    """Parse numbers separated by commas."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = (math.nan,)
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"'{text}' is not a list such as 0,250,500.")
    return numbers


class FrontierOptions(VariedNumberOptions, SolveOptions):
    """Draw damage against a budget, or any number of the scenario FILE; each point is a plan."""

    exit_code_help = (
        "Exit codes: 0 all points solved to the gap, or proven to have no plan; 1 some "
        "stopped by a limit or by the user; 2 wrong usage or input; 3 no plan keeps all "
        "rules at any point; 4 no plan before the limit at any point; 5 failure; 130 "
        "interrupted with nothing to keep."
    )
    out_help = "Write frontier.json and plans/VALUE/plan.json into this folder as well."

    supported_options = ("gap", "time_limit", "threads", "jobs")

    tail: bool = False
    """Vary the weight of the tail, objective.cvar.weight, from 0 to 1: mean against CVaR."""
    first: Annotated[Number, CliFlag("VALUE", "--from")] | None = None
    """Lowest value; 0 if not given."""
    last: Annotated[Number, CliFlag("VALUE", "--to")] | None = None
    """Highest value; for a budget, if not given, what the best plan would spend without this
    limit."""
    points: CountFromTwo = 11
    """Number of values, equally far apart."""
    values: (
        Annotated[tuple[Number, ...], Field(min_length=1), CliFlag("A,B,...", parse=_parse_numbers)]
        | None
    ) = None
    """Solve at these values instead of a range."""
    refine: Count = 0
    """Number of further points, where the curve jumps or bends most."""
    jobs: PositiveCount | None = None
    """Number of points that are solved in parallel, each by one process; one after the other if not
    given, or on all workers of --scheduler."""

    @model_validator(mode="after")
    def _check_combination(self) -> FrontierOptions:
        if self.values is not None and (self.first is not None or self.last is not None):
            raise Misuse("--values and --from or --to exclude each other.")
        if self.tail and (self.vary is not None or self.funder is not None):
            raise Misuse("--tail varies a number of its own.")
        return self

    @property
    def lowest_value(self) -> float:
        """The lowest value of the number."""
        return self.first or 0.0


Allocation = Literal["entitled", "pooled"]


class ParticipateOptions(ScenarioOptions, SolveOptions):
    """Find the share of a project of the scenario FILE that a company should take."""

    exit_code_help = (
        "Exit codes: 0 done; 1 stopped by a limit or by the user, what was found is "
        "written; 2 wrong usage or input; 3 no plan keeps all rules; 4 no plan before the "
        "limit; 5 failure; 130 interrupted with nothing to keep."
    )
    out_help = "Write participation.json into this folder as well."

    company: opt.Id
    """The company, by the id of its funder."""
    project: opt.Id | None = None
    """The project of which the company takes a share; all projects that are built if not given."""
    allocation: Allocation = "entitled"
    """Who receives secured tonnes: those who paid for them, or those who miss them most."""
    steps: opt.PositiveCount = 6
    """Number of steps between no share and the largest share that the rules allow."""
    refine: opt.Count = 2
    """Number of rounds in which shares near the best and the indifferent share are tried."""
    public: opt.Count = 3
    """Number of levels of public co-financing, from none to the most that the rules allow; 0 leaves
    it free."""
    tolerance: Annotated[opt.Number, Field(gt=0), opt.CliFlag("SHARE")] = 1e-3
    """Plans count as equally good up to this share of the objective."""
    ranges: Annotated[bool, opt.CliFlag(name="--no-range")] = True
    """Do not look for the best and the worst of these plans."""
    time_limit: opt.Seconds | None = None
    """Stop each share after this time with the best plan so far."""

    @model_validator(mode="after")
    def _check_tolerance(self) -> ParticipateOptions:
        if self.tolerance < self.gap:
            raise Misuse(
                "--tolerance lies below --gap: plans within the gap cannot be distinguished."
            )
        return self


Ranges = dict[str, tuple[float, float]]


def _parse_ranges(texts: tuple[str, ...]) -> Ranges:
    """Parse texts such as 'hazards=0.5..2' into low and high values, by id or path."""

    def parse_bounds(text: str) -> tuple[float, float]:
        low, dots, high = text.partition("..")
        bounds = (float(low), float(high))
        if not dots or not all(map(math.isfinite, bounds)):
            raise ValueError
        return bounds

    return parse_named_values(texts, parse_bounds,
        lambda text: tr("'{value}' is not such as hazards=0.5..2.",
                                                value=text))  # fmt: skip


class SensitivityOptions(ScenarioOptions, SolveOptions):
    """Vary what is uncertain, and find what moves the answer and what would turn it.

    Of a scenario its best plan is judged; of a saved plan, in a file or the folder it is in, that
    plan.
    """

    exit_code_help = (
        "Exit codes: 0 all values looked at; 1 some stopped by a limit or by the user; 2 "
        "wrong usage or input; 3 no plan keeps all rules; 4 no plan before the limit; 5 "
        "failure; 130 interrupted with nothing to keep."
    )
    out_help = "Write sensitivity.json into this folder as well."

    only: Annotated[tuple[str, ...], CliFlag("ID")] = ()
    """Vary this input alone, for example hazards or damage.gallium; may be given often."""
    each: bool = False
    """Vary projects and materials one by one as well as all together."""
    ranges: Annotated[Ranges, CliFlag("ID=LOW..HIGH", "--range", _parse_ranges)] = Field(
        default_factory=dict
    )
    """Vary an input between these factors; may be given often."""
    inputs: Annotated[Ranges, CliFlag("PATH=LOW..HIGH", "--input", _parse_ranges)] = Field(
        default_factory=dict
    )
    """Vary any number of the scenario between these values, by its path as in --set; may be given
    often."""
    tolerance: Annotated[Number, Field(ge=0), CliFlag("SHARE")] = 0.01
    """The decision turns where another plan is better by more than this share of the objective."""
    steps: Count = 6
    """Largest number of values that are tried for each break-even, whose search ends at 2 % of the
    range; 0 leaves out break-evens."""


MAX_EXACT_PLAYERS = 12
"""Largest number of players for which all coalitions may be solved."""


class SplitOptions(ScenarioOptions, SolveOptions):
    """Share what the companies of the scenario FILE gain together, and test who would leave."""

    exit_code_help = (
        "Exit codes: 0 done; 1 a coalition was stopped by the time limit, its range is "
        "wider; 2 wrong usage or input; 4 nothing was found before the limit; 5 failure; "
        "130 interrupted."
    )
    out_help = "Write split.json into this folder as well."

    mode: Annotated[PublicMoneyMode, CliFlag(name="--state")] = "every"
    """Public funders: in every coalition, their net cost counted with it; in none; as a player of
    their own; as a gift to every coalition; or as a gift to the coalition of all alone."""
    externality: bool = False
    """Solve the game once more with outsiders who each do what is best for them alone."""
    exact_up_to: Annotated[int, Field(ge=2, le=MAX_EXACT_PLAYERS), CliFlag("N")] = MAX_EXACT_PLAYERS
    """Solve all coalitions of up to this number of players; of more players, only the coalitions of
    sampled orders of joining."""
    orders: CountFromTwo = 20
    """Number of pairs of orders of joining that are sampled."""
    seed: Count = 1
    """Seed of the sampled orders."""
    time_limit: Seconds | None = None
    """Stop each coalition after this time with the best plan so far."""


_EVENT_PATTERN = re.compile(
    r"(?P<hazard>\S+)\s+(?P<year>\d{1,5})(?:\.(?P<period>[1-9]\d{0,2}))?"
    r"(?:\s+for\s+(?P<count>[1-9]\d{0,3})\s+(?P<unit>period|quarter|month|year)s?)?"
    r"(?:\s+at\s+(?P<loss>\d{1,3}(?:\.\d{1,9})?)\s*%)?"
)


class HazardEvent(NamedTuple):
    """A hazard, when it starts, and how long it lasts."""

    hazard: str
    year: int
    period: Annotated[int, Field(ge=1)] = 1
    """Period of the year, from 1."""
    length: Annotated[int, Field(ge=1)] | None = None
    """Length in ``unit``; None for the length of the hazard's profile."""
    unit: Literal["period", "quarter", "month", "year"] = "period"
    """Unit of ``length``."""
    loss: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of affected supply that is lost in each period; None for the losses of the profile."""


def parse_events(texts: tuple[str, ...]) -> tuple[HazardEvent, ...]:
    """Return the events that texts such as 'HAZARD 2027 for 2 years' state; raise ValueError if one
    does not parse."""
    events = []
    for text in texts:
        match = _EVENT_PATTERN.fullmatch(text.strip())
        share = None if match is None or match["loss"] is None else float(match["loss"]) / 100
        if match is None or (share is not None and share > 1):
            message = tr(
                "'{value}' is not such as 'HAZARD 2027', 'HAZARD 2027.2 for 8 quarters' or 'HAZARD "
                "2027 for 2 years at 100 %'.",
                value=text,
            )
            raise ValueError(message)
        unit: Any
        hazard, year, period, count, unit, _ = match.groups()
        length = None if count is None else int(count)
        events.append(
            HazardEvent(hazard, int(year), int(period or 1), length, unit or "period", share)
        )
    return tuple(events)


class StressOptions(ScenarioOptions, SolveOptions):
    """Show period by period what a disruption does, without the plan and with it.

    FILE_OR_PLAN is a scenario file, whose best plan is solved first, or a saved plan: a plan.json
    or the folder it is in.
    """

    exit_code_help = (
        "Exit codes: 0 done; 1 the plan was stopped by a limit; 2 wrong usage or input; 3 no plan "
        "keeps all rules; 4 no plan before the limit; 5 failure; 130 interrupted."
    )
    out_help = (
        "Write stress.json into this folder as well, and the plan as plan/plan.json if solved."
    )
    supported_options = ("gap", "time_limit", "threads")

    events: Annotated[
        tuple[HazardEvent, ...],
        CliFlag("'HAZARD YEAR[.PERIOD] [for N UNITS] [at SHARE%]'", "--event", parse_events),
    ] = ()
    """A hazard of the scenario strikes in this year, or in this period of it; for so many periods,
    quarters, months or years, or as long as its effects say; with this loss throughout, or with
    those of its effects; may be given often. One with profiles is named as HAZARD.PROFILE."""
    state: Annotated[str, CliFlag("NAME")] | None = None
    """Test this explicit state of the scenario, by its name or its number."""
    plan: Annotated[str, CliFlag("PLAN")] | None = None
    """Take this saved plan instead of solving the scenario file."""

    @model_validator(mode="after")
    def _check_combination(self) -> StressOptions:
        if bool(self.events) == (self.state is not None):
            raise Misuse("Say what comes: either --event or --state.")
        return self


DaysOfNeed = Annotated[float, Field(ge=0, lt=1e6)]
DamageFigure = Literal["expected", "cvar", "worst"]


def _parse_positive_share(text: str) -> float:
    """Parse a share above 0 and at most 1; raise ValueError for any other text."""
    if not 0 < (share := parse_share(text)) <= 1:
        raise ValueError(f"'{text}' is not a share such as 60% or 0.6, above 0 and at most 1.")
    return share


def _parse_days(texts: tuple[str, ...]) -> dict[str, float]:
    """Parse texts such as 'gallium=90' into days of need, by the id of a stockpile or material."""

    def parse_days(text: str) -> float:
        if not 0 <= (days := float(text)) < 1e6:
            raise ValueError
        return days

    return parse_named_values(
        texts, parse_days, lambda text: tr("'{value}' is not such as gallium=90.", value=text)
    )


class TargetOptions(VariedNumberOptions, SolveOptions):
    """Find the least budget of the scenario FILE that reaches a goal, proven from both sides."""

    exit_code_help = (
        "Exit codes: 0 proven to the tolerance; 1 stopped by a limit or by the user, what "
        "was found is written; 2 wrong usage or input; 3 no value reaches the goal; 4 "
        "nothing was found before the limit; 5 failure; 130 interrupted with nothing to "
        "keep."
    )
    out_help = "Write target.json and plan.json into this folder as well."

    supported_options = ("gap", "time_limit", "threads")

    below: Annotated[Number, Field(ge=0), CliFlag("LEVEL")] | None = None
    """Bring damage to this level or below, in the unit of the measure."""
    reduction: (
        Annotated[float, Field(gt=0, le=1), CliFlag("SHARE", "--reduce", _parse_positive_share)]
        | None
    ) = None
    """Reduce damage by this share of the damage without any plan, for example 60%."""
    figure: DamageFigure = "expected"
    """Figure of damage: the mean, the mean of the worst states, or the worst state."""
    days: Annotated[dict[str, DaysOfNeed], CliFlag("ID=DAYS", parse=_parse_days)] = Field(
        default_factory=dict
    )
    """Hold this number of days of need in stock, of a material, a stockpile, or all; may be given
    often."""
    from_year: Year | None = None
    """First year in which stocks must cover these days."""
    first: Annotated[Number, CliFlag("VALUE", "--from")] | None = None
    """Lowest value; 0 if not given."""
    last: Annotated[Number, CliFlag("VALUE", "--to")] | None = None
    """Highest value; no limit for a budget if not given."""
    tolerance: Annotated[Number, Field(gt=0), CliFlag("WIDTH")] | None = None
    """Largest difference between a value that reaches the goal and one that is ruled out; a
    thousandth of the range if not given, and at most 1 for a budget."""

    @model_validator(mode="after")
    def _check_combination(self) -> TargetOptions:
        if self.below is not None and self.reduction is not None:
            raise Misuse("--below and --reduce exclude each other.")
        if self.below is None and self.reduction is None and not self.days:
            raise Misuse("A goal is missing: --below, --reduce or --days.")
        if self.from_year is not None and not self.days:
            raise Misuse("--from-year goes with --days.")
        return self

    @property
    def lowest_value(self) -> float:
        """The lowest value of the number."""
        return self.first or 0.0
