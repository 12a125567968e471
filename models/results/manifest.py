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

    name: str = Field(max_length=100)  #: The option as written, such as --set; or the argument.
    value: ManifestValue  #: As it was written, several in a list; the default where nothing was.
    source: Literal["given", "environment", "default"]  #: Where it comes from.
    at: tuple[str | None, ...] = ()  #: Where files named by these lie among the copies; or null.


class ManifestInput(Result):
    """A file that the run read, with its role and hash."""

    path: BoundedPath  #: As it was named; the user's own folder is written ~.
    role: FileRole  #: What it was read as.
    sha256: Sha256  #: Of its bytes.
    size: Size  #: Bytes.
    place: BoundedPath | None
    """Where it lies beside other inputs; null for what ships with Vorrat."""
    copied_to: BoundedPath | None
    """Its copy, from the folder of the manifest; null where there is none."""


class ManifestOutput(Result):
    """A file that the run wrote, with its hash."""

    path: BoundedPath  #: From the folder of the manifest.
    sha256: Sha256  #: Of its bytes.
    size: Size  #: Bytes.
    content_sha256: Sha256 | None  #: Of a JSON document less what is volatile; null for others.
    volatile: tuple[Annotated[str, Field(max_length=200)], ...] = Field(max_length=200)
    """Paths in it that may differ between runs that are the same: by dots, ``*`` standing for each
    item of a list or a mapping, as in ``points.*.seconds``; ``*`` alone for the whole file."""


class ManifestPlatform(Result):
    """The machine and the interpreter, without host names."""

    system: str  #: Operating system.
    release: str  #: Its release.
    machine: str  #: Kind of processor.
    byte_order: Literal["little", "big"]  #: Order of bytes.
    cores: int  #: Processors that the run could use.
    python: str  #: Version of Python.
    implementation: str  #: Which Python.
    build: str  #: How it was built.


class ManifestSolver(Result):
    """The solver used by the run, and its version."""

    name: str  #: HiGHS.
    version: str  #: Its version.
    git_hash: str  #: The revision it was built from.


NotRepeatableReason = Literal[
    "time limit", "interrupted", "killed", "stopped", "cuts", "input changed"
]
"""Why the same outputs are not promised. ``stopped``: by a limit that the documents do not name."""


class Manifest(JsonDocument):
    """The inputs and outputs of a run, identified by hashes.

    It is written in the folder of the result ([reproducibility.md](reproducibility.md)), after all
    other files of the run. If it is missing, the run may have been killed while it [wrote the other
    files](commands.md#results-on-disk). Canonical JSON has sorted keys and no spaces.
    """

    kind: Literal["manifest"] = "manifest"
    result: str = Field(max_length=200)  #: The result it goes with.
    command: str = Field(max_length=50)  #: The command that was run.
    parameters: tuple[ManifestParameter, ...] = Field(max_length=MAX_LISTED_FILES)
    """Arguments and options."""
    language: Language  #: Language of the outputs.
    inputs: tuple[ManifestInput, ...] = Field(max_length=MAX_LISTED_FILES)
    """All files that were read."""
    outputs: tuple[ManifestOutput, ...] = Field(max_length=MAX_LISTED_FILES)
    """All files that were written."""
    exit_code: int  #: What the command answered.
    repeatable: bool  #: Whether same inputs, versions, seed and threads promise the same outputs.
    why_not: NotRepeatableReason | None  #: [Why they are not](reproducibility.md#what-is-promised).
    seed: int | None  #: Seed of what was sampled; null where nothing was, or without the option.
    threads: int  #: Threads that solver and sweep could use.
    jobs: int | None  #: Problems solved side by side; null where the command does not do that.
    engine: str | None  #: Where they were solved; null where the command does not do that.
    platform: ManifestPlatform  #: The machine and the interpreter.
    versions: dict[str, str]  #: Versions of Vorrat and of all that it rests on.
    solver: ManifestSolver  #: The solver.
    environment: dict[str, str]  #: Variables of the environment that may bear on a run.
    started: str  #: When it began, in UTC.
    ended: str  #: When the outputs were written, in UTC.
    seconds: float  #: Wall time between the two.


class EnvironmentChange(Result):
    """A property of the environment that differs from that of the original run."""

    name: str  #: What it is: versions.numpy, platform.python, threads.
    then: str | None  #: As the manifest says; null where it was not there.
    now: str | None  #: As it is now.


class FirstDifference(Result):
    """The first value in the outputs that differs between the original run and its repetition."""

    output: str  #: The document.
    path: str  #: Where in it; empty for a file as a whole.
    then: ManifestValue  #: The value in the manifest's result; the hash of a file.
    now: ManifestValue  #: The value that came out now.
    relative: UnboundedShare | None
    """Of two numbers: their difference as a share of the larger one."""


class Rerun(JsonDocument):
    """The result of repeating a run: whether its outputs were reproduced."""

    kind: Literal["rerun"] = "rerun"
    manifest: str  #: File name of the manifest.
    command: str  #: The command that was run.
    reproduced: bool  #: Whether all outputs came out the same and none was changed since.
    promised: bool  #: Whether that was promised: it is repeatable, and nothing around it differs.
    why_not: NotRepeatableReason | None
    """[Why the run is not repeatable](reproducibility.md#what-is-promised)."""
    surroundings: tuple[EnvironmentChange, ...]  #: What around it differs from then.
    exit_code_then: int  #: What the command answered then.
    exit_code: int  #: What it answers now.
    compared: int  #: Outputs that were compared.
    not_compared: tuple[str, ...]  #: Outputs that state its wall time, made from the others.
    changed_since: tuple[str, ...]  #: Outputs that are missing or no longer what the run wrote.
    differing: int  #: Values that came out differently, in all outputs.
    first_difference: FirstDifference | None  #: The first of them.
    equally_good: bool | None
    """Whether the plans of both runs are within the gap asked for of the best that either proves;
    null where there are not two plans to compare."""
