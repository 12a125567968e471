"""Manifest of a run, from which it can be repeated, and the result of a rerun."""

from typing import Annotated, Literal

from pydantic import Field

from models.input_log import FileRole
from models.language import Language
from models.results.base import JsonDocument, Result, UnboundedShare

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
    source: Literal["given", "environment", "default"]
    """Origin of the value: the command line, the environment or the default."""
    at: tuple[str | None, ...] = ()
    """Paths of the copies of files that the value names; null for other values."""


class ManifestInput(Result):
    """A file that the run read, with its role and hash."""

    path: BoundedPath  #: Path as it was given; the user's home folder is written as ~.
    role: FileRole  #: Purpose for which the file was read.
    sha256: Sha256  #: SHA-256 of the file.
    size: Size  #: Size of the file in bytes.
    place: BoundedPath | None
    """Path relative to other inputs; null for files that Vorrat contains."""
    copied_to: BoundedPath | None
    """Path of the copy, relative to the folder of the manifest; null without a copy."""


class ManifestOutput(Result):
    """A file that the run wrote, with its hash."""

    path: BoundedPath  #: Path relative to the folder of the manifest.
    sha256: Sha256  #: SHA-256 of the file.
    size: Size  #: Size of the file in bytes.
    content_sha256: Sha256 | None
    """SHA-256 of a JSON document without its volatile fields, in canonical JSON (sorted keys, no
    spaces); null for other files."""
    volatile: tuple[Annotated[str, Field(max_length=200)], ...] = Field(max_length=200)
    """Paths of fields that may differ between equal runs, such as ``points.*.seconds``. ``*``
    stands for each item of a list or mapping; ``*`` alone stands for the whole file."""


class ManifestPlatform(Result):
    """The machine and the interpreter, without host names."""

    system: str  #: Operating system.
    release: str  #: Release of the operating system.
    machine: str  #: Processor architecture.
    byte_order: Literal["little", "big"]  #: Order of bytes.
    cores: int  #: Number of processors available to the run.
    python: str  #: Version of Python.
    implementation: str  #: Implementation of Python.
    build: str  #: Build of Python.


class ManifestSolver(Result):
    """The solver used by the run, and its version."""

    name: str  #: Name of the solver: HiGHS.
    version: str  #: Version of the solver.
    git_hash: str  #: Git revision from which the solver was built.


NotRepeatableReason = Literal[
    "time limit", "interrupted", "killed", "stopped", "cuts", "input changed"
]
"""Why equal outputs are not promised. ``stopped``: by a limit that the documents do not state."""


class Manifest(JsonDocument):
    """The inputs and outputs of a run, identified by hashes.

    It is in the folder of the result ([reproducibility.md](reproducibility.md)), and is written
    after all other files of the run. If it is missing, the run may have been killed while it [wrote
    the other files](commands.md#results-on-disk).
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
    repeatable: bool
    """Whether the same inputs, versions, seed and threads are promised to give the same outputs."""
    why_not: NotRepeatableReason | None
    """[Reason](reproducibility.md#what-is-promised) why the run is not repeatable; null if it
    is."""
    seed: int | None
    """Seed of sampled quantities; null if nothing was sampled or the command has no such option."""
    threads: int  #: Threads available to the solver and to recourse evaluation.
    jobs: int | None
    """Number of problems solved in parallel; null if the command does not solve in parallel."""
    engine: str | None  #: Engine that solved them; null if the command does not solve in parallel.
    platform: ManifestPlatform  #: The machine and the interpreter.
    versions: dict[str, str]  #: Versions of Vorrat and its libraries, by name.
    solver: ManifestSolver  #: Solver and its version.
    environment: dict[str, str]  #: Environment variables that may influence a run.
    started: str  #: Start of the run, in UTC.
    ended: str  #: Time at which the outputs were written, in UTC.
    seconds: float  #: Wall time from start to end.


class EnvironmentChange(Result):
    """A property of the environment that differs from that of the original run."""

    name: str  #: Name of the property: versions.numpy, platform.python, threads.
    then: str | None  #: Value in the manifest; null if absent there.
    now: str | None  #: Value in the repetition; null if absent there.


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
    promised: bool
    """Whether equal outputs were promised: the run is repeatable, and its environment is
    unchanged."""
    why_not: NotRepeatableReason | None
    """[Reason](reproducibility.md#what-is-promised) why the run is not repeatable; null if it
    is."""
    surroundings: tuple[EnvironmentChange, ...]
    """Properties of the environment that differ from the original run."""
    exit_code_then: int  #: Exit code of the original run.
    exit_code: int  #: Exit code of the repetition.
    compared: int  #: Number of outputs that were compared.
    not_compared: tuple[str, ...]
    """Outputs that are made from the compared ones and contain wall time. They were not
    compared."""
    changed_since: tuple[str, ...]
    """Outputs of the original run that are missing or have changed since."""
    differing: int  #: Number of values that differ, in all outputs.
    first_difference: FirstDifference | None  #: First value that differs; null if none does.
    equally_good: bool | None
    """Whether the objectives of both plans are within the requested gap of the better of their two
    bounds. Null unless both runs have a plan."""
