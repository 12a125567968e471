"""Options of an evaluation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from models.language import tr
from optimizer.analyses import options as opt
from optimizer.errors import Misuse

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
            raise Misuse(tr("--replications 1 leaves chance open: take two at least, or 0."))
        if self.states_of is None and (self.variant is not None or self.settings):
            raise Misuse(tr("--variant and --set go with --states-of."))
        for option, value in self.given_options(SOLVING_OPTIONS):
            if self.states_of is not None and not self.quick:
                args = {"option": option}
                raise Misuse(
                    tr("{option} rests on the plan's own scenario, not on --states-of.", **args)
                )
            if self.quick and value:
                raise Misuse(tr("{option} and --quick exclude each other.", option=option))
        return self

    def given_options(self, names: tuple[str, ...]) -> list[tuple[str, object]]:
        """Return the options in ``names`` that the user gave, as written on the command line, with
        their values."""
        return [
            ("--" + name.replace("_", "-"), getattr(self, name))
            for name in names
            if name in self.model_fields_set
        ]
