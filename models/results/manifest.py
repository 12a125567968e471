"""Manifests of runs, their reruns and batches, and proofs of bounds."""

from typing import Annotated, Literal

from pydantic import Field

from models.input_log import FileRole
from models.language import Language
from models.results.base import (
    VOLATILE,
    InMeasureUnit,
    JsonDocument,
    Result,
    Seconds,
    Status,
    UnboundedShare,
    Versions,
)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
BoundedText = Annotated[str, Field(max_length=200_000)]
"""The limit is that of operating systems for an argument of a command."""
BoundedPath = Annotated[str, Field(max_length=5_000)]  #: A path.
Size = Annotated[int, Field(ge=0)]  #: In bytes.
MAX_LISTED_FILES = 20_000  #: Files that a manifest may name at most.
Scalar = BoundedText | bool | int | float
ManifestValue = Scalar | None | Annotated[tuple[Scalar, ...], Field(max_length=MAX_LISTED_FILES)]
"""Value of a parameter, or of a field in which two documents differ."""
MANIFEST_SUFFIX = ".manifest.json"  #: Suffix of the file of a manifest.


class ManifestParameter(Result):
    """An argument or option of the command, with the value that was used."""

    name: str = Field(max_length=100)
    """Name of the argument, or of the option as written, such as --set."""
    value: ManifestValue
    """Value as written; a list if there are several. The default if none was given."""
    is_given: bool  #: Whether the user gave it; false for a default.


class ManifestInput(Result):
    """A file that the run read, with its role and hash."""

    path: BoundedPath  #: Path as it was given; the user's home folder is written as ~.
    role: FileRole  #: Purpose for which the file was read.
    sha256: Sha256  #: SHA-256 of the file.
    size: Size  #: Size of the file in bytes.


class ManifestOutput(Result):
    """A file that the run wrote, with its hash."""

    path: BoundedPath  #: Path relative to the folder of the manifest.
    sha256: Sha256  #: SHA-256 of the file.
    size: Size  #: Size of the file in bytes.
    content_sha256: Sha256 | None
    """SHA-256 of a JSON document without its volatile fields (durations and versions), in canonical
    JSON (sorted keys, no spaces); null for other files."""


class Manifest(JsonDocument):
    """The inputs and outputs of a run, identified by hashes.

    It is in the folder of the result ([reproducibility.md](reproducibility.md)), and is written
    after all other files of the run. If it is missing, the run may have been killed while it wrote
    the other files.
    """

    kind: Literal["manifest"] = "manifest"
    result: str = Field(max_length=200)  #: File name of the result to which the manifest belongs.
    command: str = Field(max_length=50)  #: The command that was run.
    parameters: tuple[ManifestParameter, ...] = Field(max_length=MAX_LISTED_FILES)
    """Arguments and options."""
    language: Language  #: Language of the outputs.
    inputs: tuple[ManifestInput, ...] = Field(max_length=MAX_LISTED_FILES)
    """All files that were read."""
    outputs: tuple[ManifestOutput, ...] = Field(max_length=MAX_LISTED_FILES)
    """All files that were written."""
    exit_code: int  #: Exit code of the command.
    threads: int  #: Threads available to the solver and to recourse evaluation.
    jobs: int | None
    """Number of problems solved in parallel; null if the command does not solve in parallel."""
    platform: str  #: Operating system, processor architecture and version of Python.
    versions: dict[str, str]
    """Versions of Vorrat and its libraries, and of HiGHS with the revision of its sources, by
    name."""
    started: str  #: Start of the run, in UTC.
    seconds: float  #: Wall time from start to end.


class FirstDifference(Result):
    """The first value in the outputs that differs between the original run and its repetition."""

    output: str  #: Output that contains the difference.
    path: str  #: Path of the value in the output; empty for a file as a whole.
    then: ManifestValue  #: Value in the original run; for a file as a whole, its hash.
    now: ManifestValue  #: Value in the repetition.
    relative: UnboundedShare | None
    """Relative difference of two numbers, as a share of the larger one; null for other values."""


class Rerun(JsonDocument):
    """The result of repeating a run: whether its outputs were reproduced."""

    kind: Literal["rerun"] = "rerun"
    manifest: str  #: File name of the manifest.
    command: str  #: The command that was run.
    reproduced: bool
    """Whether all outputs were reproduced, and no output of the original run has changed since."""
    other_versions: dict[str, tuple[str | None, str | None]]
    """Versions, and the platform, that differ from the original run: then and now, by name."""
    exit_code_then: int  #: Exit code of the original run.
    exit_code: int  #: Exit code of the repetition.
    compared: int  #: Number of outputs that were compared.
    not_compared: tuple[str, ...]
    """Outputs that are made from the compared ones and contain wall time."""
    changed_since: tuple[str, ...]
    """Outputs of the original run that are missing or have changed since."""
    differing: int  #: Number of values that differ, in all outputs.
    first_difference: FirstDifference | None  #: First value that differs; null if none does.


PROGRAM_FILE, PROGRAM_NAMES_FILE = "program.mps", "program.names.csv"
CUTS_FILE, SOLUTION_FILE, PROOF_PLAN_FILE = "cuts.json", "plan.sol", "plan.json"
SCENARIO_FILE, PROOF_FILE = "scenario.json", "proof.json"
PROOF_FILES = (PROGRAM_FILE, CUTS_FILE, SOLUTION_FILE, PROOF_PLAN_FILE, SCENARIO_FILE, PROOF_FILE)
"""Files that every proof has. ``program.names.csv`` is there if names had to be changed."""


class BoundProof(JsonDocument):
    """What `vorrat solve --keep-proof` proves, and the files that prove it.

    ``program.mps`` is a program whose optimal value is a lower bound on the objective of every plan
    and at least ``bound``. `vorrat verify` checks this and all other statements by another solver.
    """

    kind: Literal["proof"] = "proof"
    method: Literal["extensive", "decomposition"]
    """Method of the solve. After ``extensive`` the program is the extensive form and has no cuts;
    after ``decomposition`` it is the first stage with all cuts."""
    objective: InMeasureUnit  #: Objective of the plan.
    bound: InMeasureUnit  #: Lower bound on the objective of every plan.
    gap: UnboundedShare | None  #: Difference between objective and bound, as in the certificate.
    gap_target: UnboundedShare  #: Gap at which the search was to end.
    status: Status  #: Status of the plan: ``optimal`` or ``limit``.
    cuts: int  #: Number of cuts in the program.
    states: int  #: Number of states of the world, over all assumption sets.
    input_sha256: Sha256  #: Hash of the scenario, as in the certificate of the plan.
    files: dict[str, Sha256]  #: SHA-256 of each file, by name.
    versions: Versions  #: Versions of Vorrat and of the libraries that it used.


RunStatus = Literal["optimal", "limit", "infeasible", "none", "failed", "faulty", "open"]


class BatchRun(Result):
    """One run of a batch: a scenario with a variant and settings, and its result.

    Fields that describe a plan are null if the run has no plan. Each run is also a line of
    ``runs.jsonl``, and with ``--json`` a line of the standard output.
    """

    run: str  #: Name of the run and of its folder.
    key: str | None
    """[SHA-256](commands.md#vorrat-batch) of all inputs that determine the result; null if the
    scenario has faults."""
    file: str  #: Path of the scenario file.
    variant: str | None  #: Id of the applied variant; null without one.
    settings: tuple[str, ...]  #: Settings as ``path=value``; settings of all runs come first.
    varied: dict[str, str]  #: Settings from ``--grid``, which differ between runs: value by path.
    status: RunStatus
    """``optimal``: the gap is within its target; ``limit``: a limit stopped the solve after a plan
    was found; ``infeasible``: no plan satisfies all rules; ``none``: the solve stopped before it
    found a plan; ``failed``: the solver or its process failed; ``faulty``: the scenario has faults;
    ``open``: not solved."""
    exit_code: int | None
    """Exit code that ``vorrat solve`` would have; null if the run was not solved."""
    unit: str | None  #: Unit of objective, bound and damage.
    currency: str | None  #: Currency of the cost.
    objective: InMeasureUnit | None  #: Objective of the plan.
    bound: InMeasureUnit | None
    """Proven lower bound on the objective of any plan; null without a bound."""
    gap: UnboundedShare | None  #: Relative gap, as in the certificate of the plan.
    expected: InMeasureUnit | None  #: Mean damage over the states.
    tail: InMeasureUnit | None = None
    """CVaR of the plan: mean damage of the worst states, at the scenario's level."""
    worst: InMeasureUnit | None = None  #: Damage of the worst state.
    expected_without_plan: InMeasureUnit | None  #: Mean damage without any plan.
    net_cost_meur: float | None  #: Net cost over all payers, discounted.
    public_meur: float | None = None
    """Amount charged to budgets of public funders over all years, undiscounted."""
    projects: dict[str, int] | None = None  #: Year in which each project is decided, by its id.
    stocks: dict[str, float] | None = None
    """Tonnes bought for each stockpile over all years, by its id; without stockpiles that buy
    nothing."""
    seconds: Annotated[float | None, VOLATILE]
    """Wall time from the handover of the run to a worker; may include the start of the worker."""
    error: str | None  #: Reason why there is no plan.
    plan: str | None  #: Path of the plan, relative to the folder of the batch.
    plan_sha256: Annotated[str | None, VOLATILE]
    """SHA-256 of the file of the plan, including its wall time."""
    input_sha256: str | None  #: SHA-256 of the scenario as solved.


class Batch(JsonDocument):
    """The runs of a batch, in the order in which they were requested."""

    kind: Literal["batch"] = "batch"
    gap_target: UnboundedShare  #: Relative gap that was requested.
    time_limit: float | None  #: Time limit of one solve, in seconds; null without a limit.
    node_limit: int | None  #: Limit on the nodes of each search tree; null without a limit.
    method: Literal["auto", "extensive", "decomposition"]  #: Method of solution that was requested.
    memory_limit: int | None  #: Memory limit of one process, in bytes; null without a limit.
    ended: Literal["complete", "stopped", "interrupted", "failed"]
    """``complete``: all runs ended. ``stopped``: a run failed. ``interrupted``: the user stopped
    the batch. ``failed``: a resource of all runs failed, such as the disk or a cluster."""
    kept: Annotated[int, VOLATILE]  #: Number of runs whose results were taken from an earlier call.
    seconds: Seconds  #: Wall time.
    versions: Versions  #: Versions of Vorrat and its libraries, by name.
    runs: tuple[BatchRun, ...]  #: Results of all runs, in the order in which they were requested.
