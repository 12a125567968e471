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
