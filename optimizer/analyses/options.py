"""Options of analyses: declared once, with those that all analyses share.

An analysis declares its options as the fields of a class: the type says which values are allowed,
the docstring below a field is its help, and :class:`CliFlag` says what a command line needs
besides. The command line derives its options from that.
Imports are light, so that help answers at once.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from models.field_docs import field_docstrings

if TYPE_CHECKING:
    from optimizer.model.highs import Progress


@dataclass(frozen=True)
class CliFlag:
    """What the command line needs to know of an option besides its type and its help."""

    metavar: str | None = None  # what stands for its value in help
    name: str | None = None
    """How it is written, such as ``--set``; derived from the name of the field if None."""
    parse: Callable[[Any], Any] | None = None
    """Function that parses the text, or all texts of an option that may be given often; it raises
    ValueError with a message for users."""
    default_text: str | None = None  # the default as help shows it, where that is not its value
    alias: str | None = None  # another way to write it


MAX_PARALLEL = 1_000
"""Maximum number of threads or processes; more are a typing error and would block the system."""

Count = Annotated[int, Field(ge=0), CliFlag("N")]
PositiveCount = Annotated[int, Field(ge=1), CliFlag("N")]
CountFromTwo = Annotated[int, Field(ge=2), CliFlag("N")]
ParallelCount = Annotated[int, Field(ge=1, le=MAX_PARALLEL), CliFlag("N")]
Number = Annotated[float, Field(allow_inf_nan=False)]
Gap = Annotated[float, Field(ge=0, allow_inf_nan=False), CliFlag("SHARE")]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False), CliFlag("SECONDS")]
Id = Annotated[str, CliFlag("ID")]
Year = Annotated[int, CliFlag("YEAR")]
Settings = Annotated[tuple[str, ...], CliFlag("PATH=VALUE", "--set")]
Budget = Annotated[float, Field(ge=0, allow_inf_nan=False), CliFlag("MEUR")]
Method = Literal["auto", "extensive", "decomposition"]


class ProgressListener:
    """Receiver of the progress of an analysis; this base class ignores it."""

    on_progress: Callable[[Progress], None] | None = None
    """Function that receives the progress of a single solve."""

    def report_step(self, done: int, total: int | None, step_name: str) -> None:
        """Receive the number of steps done, the total if known, and the current step."""

    def set_label(self, label: str) -> None:
        """Receive the text that is shown before the progress of a solve."""

    def warn(self, sentence: str) -> None:
        """Receive a warning that an option has no effect."""

    def note(self, sentence: str) -> None:
        """Receive information."""

    def close(self) -> None:
        """Receive the end of messages for now."""


SILENT_LISTENER = ProgressListener()


class Options(BaseModel):
    """Base class of all options; they are immutable, and an unknown option is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @classmethod
    def user_fields(cls) -> tuple[str, ...]:
        """Return the fields that a user may set, in the order of help."""
        return tuple(cls.model_fields)


class ScenarioOptions(Options):
    """Options that choose a variant of a scenario file, and change its values."""

    variant: Id | None = None
    """Apply this variant of the file."""
    settings: Settings = ()
    """Change one value, for example horizon.last_year=2040; may be given often."""

    @property
    def all_settings(self) -> tuple[str, ...]:
        """All settings that change the file."""
        return self.settings


class SolveOptions(Options):
    """Options of solves: gap, limits, method, processes, and the receiver of progress."""

    supported_options: ClassVar[tuple[str, ...]] = ("gap", "time_limit", "jobs")
    """Names of the options below that the analysis uses."""
    out_help: ClassVar[str] = (
        ""  # help of the option for the folder that its results are written to
    )
    out_metavar: ClassVar[str] = "DIR"  # what stands for that folder in help
    force_help: ClassVar[str] = "Overwrite existing files of results."
    exit_code_help: ClassVar[str] = ""  # what its exit codes mean

    gap: Gap = 1e-4
    """Stop once the plan is proven to be this close to the best, as a share of its objective."""
    time_limit: Seconds | None = None
    """Stop each single solve after this time with the best plan so far."""
    node_limit: PositiveCount | None = None
    """Stop after so many nodes of the search with the best plan so far: unlike a time limit, at the
    same place each time."""
    method: Method = "auto"
    """Extensive form or decomposition; auto chooses by the size."""
    threads: ParallelCount | None = None
    "Threads of the solver and of recourse evaluation."
    jobs: ParallelCount | None = None
    """Problems that are solved side by side, each by one process; if not given as many as there are
    usable cores, and one for small problems."""
    listener: SkipJsonSchema[ProgressListener] = Field(
        default=SILENT_LISTENER, exclude=True, repr=False
    )

    @classmethod
    def user_fields(cls) -> tuple[str, ...]:
        """Return the fields that a user may set: first those of the analysis and its file, then the
        supported options of solves."""
        declared = [
            name
            for base_class in reversed(cls.__mro__)
            for name in inspect.get_annotations(base_class)
        ]
        # A field that is declared again takes its last position.
        last_position = {name: n for n, name in enumerate(declared) if name in cls.model_fields}
        own_fields = sorted(
            last_position.keys() - SolveOptions.model_fields.keys(), key=last_position.__getitem__
        )
        return (*own_fields, *cls.supported_options)

    @property
    def solver_options(self) -> dict[str, Any]:
        """The options of each solve."""
        return {
            "gap": self.gap,
            "time_limit": self.time_limit,
            "threads": self.threads,
            "on_progress": self.on_progress,
        }

    @property
    def on_progress(self) -> Callable[[Progress], None] | None:
        """The receiver of the progress of a single solve."""
        return self.listener.on_progress

    def report_progress(self, done: int, total: int | None, step_name: str) -> None:
        """Report how many steps are done, and which one comes next or was the last."""
        self.listener.report_step(done, total, step_name)


class PlanOptions(ScenarioOptions, SolveOptions):
    """Find the best plan for the scenario FILE and prove how good it is."""

    supported_options = ("gap", "time_limit", "node_limit", "method", "threads")
    exit_code_help = (
        "Exit codes: 0 solved to the gap; 1 stopped by a limit, the plan is written; 2 wrong "
        "usage or input; 3 no plan keeps all rules; 4 no plan before the limit; 5 failure; "
        "130 interrupted with nothing to keep."
    )
    out_help = "Write plan.json into this folder as well; it is made if it is not there."
    force_help = "Overwrite an existing plan.json."

    budget: Budget | None = None
    """The same as --set policy.budget_meur=MEUR: what all public funders may spend together."""
    time_limit: Seconds | None = None
    """Stop after this time with the best plan so far."""
    break_even: bool = False
    """Say from which damage, frequency and length of events on the plan is worth its money, and
    below which no plan is; a few more solves for each, of a minute or --time-limit at most."""

    keep_proof: Annotated[str, CliFlag("DIR")] | None = None
    """Write the proof of the bound into this folder: the last program with all its cuts, for other
    solvers, and where each cut comes from; vorrat verify checks it."""

    @property
    def all_settings(self) -> tuple[str, ...]:
        """The settings, with a budget of all public funders as the last of them."""
        return with_budget(self.settings, self.budget)


class BatchOptions(SolveOptions):
    """Options with which each of many scenarios is solved."""

    supported_options = ("gap", "time_limit", "node_limit", "method", "jobs")

    time_limit: Seconds | None = None
    """Stop each single solve after this time and use its best result."""
    memory_limit: SkipJsonSchema[int | None] = Field(default=None, exclude=True)
    """Largest number of bytes that a process may hold."""

    @classmethod
    def user_fields(cls) -> tuple[str, ...]:
        """Return the fields that a user may set; the memory limit is set on the engine."""
        return cls.supported_options


class CompareOptions(SolveOptions):
    """Put funding options side by side: what each buys, what it costs, what makes the difference.

    ITEM is a scenario file, FILE@VARIANT, or a saved plan (plan.json, or the folder it is in).
    """

    supported_options = ("gap", "time_limit", "threads")
    exit_code_help = (
        "Exit codes: 0 all options solved to the gap; 1 some stopped by a limit, or a saved "
        "plan is not whole; 2 wrong usage or input; 3 some option has no plan that keeps all "
        "rules, the others are compared; 4 the same where none was found before the limit; 5 the "
        "same after a failure; 130 interrupted with nothing to keep."
    )
    out_help = "Write comparison.json and plans/LABEL/plan.json into this folder as well."

    variants: bool = False
    """Add all variants of each scenario file."""
    settings: Settings = ()
    """Change one value, for example horizon.last_year=2040; may be given often."""
    budget: Budget | None = None
    """The same as --set policy.budget_meur=MEUR: what all public funders may spend together."""
    time_limit: Seconds | None = None
    """Stop each solve after this time with the best plan so far."""
    base: Annotated[str, CliFlag("LABEL")] | None = None
    """Compare with this option; the first if not given."""
    year: Year | None = None
    """Reference year of cover and dependence; 2030 or the nearest of the base if not given."""
    federal: Annotated[tuple[str, ...], CliFlag("FUNDER")] = ()
    """Public funder that counts as federal, may be given often; all of them if not given."""
    break_even: bool = False
    """Say from which damage, frequency and length of events on each plan is worth its money, and
    below which no plan is; a few more solves for each, of a minute or --time-limit at most."""

    @property
    def names_to_check(self) -> dict[str, Any]:
        """The arguments of :func:`~.comparison.plan_comparison.check_options`."""
        needs_scenarios = (
            self.variants or self.settings or self.budget is not None or self.break_even
        )
        names = {"base": self.base, "year": self.year, "federal": self.federal}
        return {**names, "of_scenarios": bool(needs_scenarios)}


@cache
def option_help(options: type[Options]) -> dict[str, str]:
    """Return the help text of each option, by the name of its field."""
    help_by_field: dict[str, str] = {}
    for base_class in reversed(options.__mro__):
        if issubclass(base_class, Options):
            help_by_field |= {
                name: " ".join(t.split()) for name, t in field_docstrings(base_class).items()
            }
    return help_by_field


def with_budget(settings: tuple[str, ...], budget: float | None) -> tuple[str, ...]:
    """Return the settings, with a budget of all public funders as the last of them."""
    if budget is None:
        return settings
    return (*settings, f"policy.budget_meur={Decimal(str(budget)):f}")


def parse_share(text: str) -> float:
    """Parse a share, such as ``2%`` or ``0.02``; return NaN if the text is no number."""
    text = text.strip()
    try:
        return float(text[:-1].strip()) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return math.nan


def parse_named_values(
    texts: Sequence[str], parse_value: Callable[[str], Any], refusal_text: Callable[[str], str]
) -> dict[str, Any]:
    """Parse values by name from texts such as ``NAME=VALUE``.

    ``parse_value`` parses the part after the equals sign, or raises ValueError. Raises ValueError
    with the message of ``refusal_text`` if ``parse_value`` raises it or the name is missing, and
    with another message if a name is repeated.
    """
    values_by_name: dict[str, Any] = {}
    for text in texts:
        name, _, value_text = text.partition("=")
        name = name.strip()
        try:
            value = parse_value(value_text)
        except ValueError:
            name = ""
        if not name:
            raise ValueError(refusal_text(text))
        if name in values_by_name:
            raise ValueError(f"'{name}' is named twice.")
        values_by_name[name] = value
    return values_by_name
