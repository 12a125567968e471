"""The scenarios that the page knows: those that come with Vorrat, files of this machine, and
uploads. Variants are written into their files."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import yaml

from models.faults import Fault, ScenarioError, SourceLocation
from models.files import LoadedScenario, read_case, read_case_text, shipped_files
from models.files.decoding import decode_text
from models.files.reading import WORKBOOK_SUFFIXES
from models.input_log import log_inputs
from models.language import Language, current_language, tr
from models.scenario.sections import Variant
from optimizer.page.question import InvalidRequest
from optimizer.parallel.services import ContentReporter, ProcessLost, ServiceMessage, ServiceProcess

READ_TIMEOUT = 30
"""Seconds for which one scenario may be read."""
READ_MEMORY = 2_000_000_000
"""Bytes that the reading process may hold."""
MAX_READINGS = 12
"""Number of parsed scenarios that are kept."""
MAX_SHOWN_FAULTS = 100
"""Number of faults that a page shows."""
KNOWN_SUFFIXES = (".yaml", ".yml", ".json", *WORKBOOK_SUFFIXES)
"""Suffixes that uploads keep; any other file is read as YAML."""


@dataclass(frozen=True)
class ScenarioSource:
    """The file of a scenario, with corrections to it."""

    id: str
    path: Path
    kind: str
    """``shipped``; ``own``, into which variants can be saved; or ``dropped``, an upload."""
    corrections: tuple[str, ...] = ()
    """Values that were corrected on the page, as ``path=value``."""

    @property
    def is_text(self) -> bool:
        """Whether the file is YAML, so that a variant can be written into it."""
        return self.path.suffix.lower() not in (*WORKBOOK_SUFFIXES, ".json")


class ReadOutcome(NamedTuple):
    """A scenario or its faults, and the files that were read for it with their hashes."""

    result: LoadedScenario | ScenarioError
    files: tuple[tuple[str, str], ...] = ()


def read_here(path: Path, variant: str | None, settings: Sequence[str]) -> ReadOutcome:
    """Read a scenario in this process; without ``variant`` all its variants are checked."""
    result: LoadedScenario | ScenarioError
    with log_inputs() as input_log:
        try:
            result = read_case(path, variant, settings, check_variants=variant is None)
        except ScenarioError as error:
            result = error
    return ReadOutcome(result, tuple((file.path, file.sha256) for file in input_log.files))


class _ReadService:
    """Service in a process that reads a scenario (see
    :class:`optimizer.parallel.services.Service`)."""

    def answer(self, message: ServiceMessage, _report: ContentReporter) -> ReadOutcome:
        """Read the scenario for which a message asks."""
        return read_here(*message.question)

    def stop(self, number: int) -> None:
        """Do nothing: the process is ended from outside."""


@dataclass
class ScenarioStore:
    """Scenario sources by id, and a cache of scenarios that were read and of their faults."""

    sources: dict[str, ScenarioSource] = field(default_factory=dict)
    _readings: OrderedDict[tuple[str, str | None, Language], LoadedScenario | ScenarioError] = (
        field(default_factory=OrderedDict)
    )
    """Scenarios and faults by stamp, variant and language."""
    _file_states: dict[str, dict[Path, str]] = field(default_factory=dict)
    """Files that were read for a scenario, by its id, with the state of each at that time."""
    _change_counts: Counter[str] = field(default_factory=Counter)
    """How often files of a scenario have changed."""
    _read_lock: threading.RLock = field(default_factory=threading.RLock)
    _upload_lock: threading.Lock = field(default_factory=threading.Lock)
    _upload_folder: tempfile.TemporaryDirectory[str] | None = None
    _reader: ServiceProcess | None = None
    _is_closed: bool = False

    def __post_init__(self) -> None:
        for name, path in shipped_files.scenario_files().items():
            self.sources[name] = ScenarioSource(name, path, "shipped")

    def add_file(self, path: Path) -> ScenarioSource:
        """Add a file of this machine and return its source. A file that is already known keeps its
        source."""
        resolved_path = shipped_files.resolve_scenario(path).resolve()
        for source in self.sources.values():
            if source.path.resolve() == resolved_path:
                return source
        digest = hashlib.sha256(str(resolved_path).encode()).hexdigest()[:6]
        return self._register(ScenarioSource(f"{path.stem}-{digest}", path, "own"))

    def add_upload(self, name: str, content: bytes) -> ScenarioSource:
        """Add an uploaded file and return its source. A file that is uploaded again loses its
        corrections. Raises OSError if it cannot be written."""
        suffix = Path(name).suffix.lower()
        suffix = suffix if suffix in KNOWN_SUFFIXES else ".yaml"
        digest = hashlib.sha256(suffix.encode() + content).hexdigest()[:12]
        stem = re.sub(r"[^\w-]+", "-", Path(name).stem)[-70:].strip("-") or "scenario"
        with self._upload_lock:
            self._upload_folder = self._upload_folder or tempfile.TemporaryDirectory(
                prefix="vorrat-", ignore_cleanup_errors=True
            )
        folder = Path(self._upload_folder.name) / digest
        for source in self.sources.values():
            if source.path.parent == folder:
                return self._register(replace(source, corrections=()))
        folder.mkdir(exist_ok=True)
        path = folder / f"{stem}{suffix}"
        try:
            path.write_bytes(content)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return self._register(ScenarioSource(f"{stem}-{digest[:6]}", path, "dropped"))

    def correct_values(self, id: str, settings: Mapping[str, str]) -> ScenarioSource:
        """Replace faulty values of a scenario as long as the server runs. ``settings`` has the new
        values by dotted path; the file is not changed."""
        source = self.source(id)
        corrections = {**dict(text.split("=", 1) for text in source.corrections), **settings}
        return self._register(
            replace(source, corrections=tuple(f"{k}={v}" for k, v in corrections.items()))
        )

    def source(self, id: str) -> ScenarioSource:
        """Return the source with an id. Raises InvalidRequest if there is none."""
        known_source = self.sources.get(id)
        if known_source is None:
            raise InvalidRequest(tr("there is no scenario '{id}' here; open its file first", id=id))
        return known_source

    def stamp(self, id: str) -> str:
        """Return a text that changes with each file that was read for the scenario, and with its
        corrections. Raises InvalidRequest if there is no scenario with this id."""
        source, state_by_path = self.source(id), self._file_states.get(id, {})
        if any(_file_state(path) != state for path, state in state_by_path.items()):
            self._file_states.pop(id, None)
            self._change_counts[id] += 1
        change_count = self._change_counts[id]
        return f"{id}-{_file_state(source.path)}-{change_count}-{hash(source.corrections)}"

    def read_scenario(self, id: str, variant: str | None = None) -> LoadedScenario:
        """Return a scenario with a variant. It is taken from the cache, or read from its file,
        which may take seconds. Raises ScenarioError with every fault, and InvalidRequest if there
        is no scenario with this id."""
        source, key = self.source(id), (self.stamp(id), variant, current_language())
        if (result := self._readings.get(key)) is None:
            with self._read_lock:
                if (result := self._readings.get(key)) is None:
                    result = self._read(source, variant)
                    # Faults of own files are not kept, since the user will correct them or their
                    # includes.
                    if isinstance(result, LoadedScenario) or source.kind != "own":
                        self._readings[key] = result
                    while len(self._readings) > MAX_READINGS:
                        self._readings.popitem(last=False)
        if isinstance(result, ScenarioError):
            raise result
        return result

    def _read(self, source: ScenarioSource, variant: str | None) -> LoadedScenario | ScenarioError:
        is_trusted = source.kind == "shipped" and not source.corrections
        read = read_here if is_trusted else self.read_apart
        result, files = read(source.path, variant, source.corrections)
        states = {Path(file): _state_if_unchanged(Path(file), sha256) for file, sha256 in files}
        # Replaced rather than updated, since another thread may be iterating over it.
        self._file_states[source.id] = self._file_states.get(source.id, {}) | states
        return result

    def read_apart(self, path: Path, variant: str | None, settings: Sequence[str]) -> ReadOutcome:
        """Read a scenario as :func:`read_here` does, but in a new process, which is ended at limits
        of time and memory. One is read at a time."""
        with self._read_lock:
            self._reader = reader = ServiceProcess(_ReadService, READ_MEMORY)
            try:
                if self._is_closed:
                    raise ProcessLost(None)
                question = path, variant, tuple(settings)
                outcome: ReadOutcome = reader.ask(0, question, lambda _: None, READ_TIMEOUT)
                return outcome
            except ProcessLost as error:
                problem = tr("the process that read it has died")
                if error.limit == "seconds":
                    problem = tr("reading it took more than {seconds} s", seconds=READ_TIMEOUT)
                elif error.limit == "memory":
                    size = round(READ_MEMORY / 1e6)
                    problem = tr("reading it took more than {size} MB of memory", size=size)
                fault = Fault((), problem, location=SourceLocation(str(path)))
                return ReadOutcome(ScenarioError([fault]))
            finally:
                reader.close()

    def close(self) -> None:
        """Remove all uploads, and end the process that reads."""
        self._is_closed = True
        if self._reader is not None:
            self._reader.close()
        if self._upload_folder is not None:
            self._upload_folder.cleanup()

    def _register(self, source: ScenarioSource) -> ScenarioSource:
        self.sources[source.id] = source
        return source


def _file_state(path: Path) -> str:
    """Return a text with the time of the last change and the size of a file; empty if the file does
    not exist."""
    try:
        state = path.stat()
    except OSError:
        return ""
    return f"{state.st_mtime_ns}-{state.st_size}"


def _state_if_unchanged(path: Path, sha256: str) -> str:
    """Return the state of a file whose content had the hash ``sha256`` when it was read. Return an
    empty text if its content is different now, so that the file counts as changed."""
    state = _file_state(path)
    try:
        current_hash = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
    return state if current_hash == sha256 else ""


# Faults


@dataclass(frozen=True)
class CorrectableFault:
    """A fault with the line in which it is. If one value corrects it, it also has the path of this
    value."""

    fault: Fault
    line: str
    path: str  # dotted; empty if a single value cannot correct it


def correctable_faults(faults: Sequence[Fault], source: ScenarioSource) -> list[CorrectableFault]:
    """Return the first ``MAX_SHOWN_FAULTS`` faults, in the form in which the page shows them."""
    files: dict[str, list[str]] = {}

    def line_of(fault: Fault) -> str:
        location = fault.location
        if location is None or not location.line or not source.is_text:
            return ""
        if location.file not in files:
            files[location.file] = []
            with suppress(OSError):
                text = Path(location.file).read_text(encoding="utf-8", errors="replace")
                files[location.file] = text.splitlines()
        return "".join(files[location.file][location.line - 1 : location.line])[:200]

    shown_faults = []
    for fault in faults[:MAX_SHOWN_FAULTS]:
        # Corrections apply to the base case and all variants, so they cannot correct one variant.
        is_correctable = bool(fault.path) and not (fault.at_key or fault.variant)
        is_correctable = is_correctable and fault.severity == "error"
        path = ".".join(map(str, fault.path)).removesuffix(".value")  # of a figure with a source
        shown_faults.append(CorrectableFault(fault, line_of(fault), path if is_correctable else ""))
    return shown_faults


# Variants in files


def insert_variant(text: str, id: str, variant: Variant) -> str:
    """Return the text of a scenario file with a variant added and everything else unchanged.

    The variant is inserted above the existing ones, or appended with a heading for variants. Raises
    InvalidRequest if existing variants are written in a way that allows no insertion.
    """
    variant_fields = variant.model_dump(mode="json", exclude_unset=True)
    variant_text = yaml.safe_dump(
        {id: variant_fields}, allow_unicode=True, sort_keys=False, width=100
    )
    heading = re.search(r"^variants:[ \t]*(#.*)?\r?$", text, re.MULTILINE)
    if heading is None and re.search(r"^variants[ \t]*:", text, re.MULTILINE):
        raise InvalidRequest(
            tr("variants are written on one line there; write them on lines of their own")
        )
    indent = "  "
    if heading is not None:
        first_entry = re.match(r"(?:[ \t]*(?:#.*)?\r?\n)*( +)\S", text[heading.end() :])
        indent = first_entry[1] if first_entry else indent
    newline = "\r\n" if "\r\n" in text else "\n"
    block = "".join(f"{newline}{indent}{line}" for line in variant_text.splitlines())
    if heading is None:
        separator = "" if text.endswith(("\n", "\r")) else newline
        return f"{text}{separator}{newline}variants:{block}{newline}"
    position = heading.end() - heading[0].endswith("\r")
    return f"{text[:position]}{block}{text[position:]}"


Reader = Callable[[Path, str | None, Sequence[str]], ReadOutcome]


def file_with_variant(
    source: ScenarioSource, id: str, variant: Variant, read_apart: Reader | None = None
) -> bytes:
    """Return the content of a scenario's file with a variant added. It is read again as a check,
    with ``read_apart`` if the file is untrusted. Raises ScenarioError if the check fails, and
    InvalidRequest for a workbook, or if there is a variant with this id."""
    if not source.is_text:
        raise InvalidRequest(tr("a variant can be written into a file in YAML alone"))
    raw, name = source.path.read_bytes(), str(source.path)
    current_text = decode_text(raw, name)
    if id in _read_text(current_text, source, None, read_apart).case.variants:
        raise InvalidRequest(tr("the file has a variant “{id}” already", id=id))
    text = insert_variant(current_text, id, variant)
    _read_text(text, source, id, read_apart)
    return (codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b"") + text.encode()


def _read_text(
    text: str, source: ScenarioSource, id: str | None, read_apart: Reader | None
) -> LoadedScenario:
    """Read a scenario from ``text`` as if it were the content of its file. Raises ScenarioError."""
    if read_apart is None:
        return read_case_text(text, str(source.path), id, source.corrections)
    temporary_file = source.path.with_name(f".{secrets.token_hex(8)}{source.path.suffix}")
    try:
        temporary_file.write_text(text, encoding="utf-8")
        result = read_apart(temporary_file, id, source.corrections).result
    finally:
        temporary_file.unlink(missing_ok=True)
    if isinstance(result, ScenarioError):
        raise result
    return result


def save_variant(source: ScenarioSource, id: str, variant: Variant) -> None:
    """Add a variant to the file of a scenario, which is replaced in one step. Raises the errors of
    :func:`file_with_variant`, and OSError if the file cannot be written."""
    content = file_with_variant(source, id, variant)
    path = source.path.resolve()  # replace the target of a link, not the link
    temporary_file = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary_file.write_bytes(content)
        shutil.copymode(path, temporary_file)
        temporary_file.replace(path)
    finally:
        temporary_file.unlink(missing_ok=True)
