"""The scenarios that the page knows: those that come with Vorrat, files of this machine, and
uploads."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from models.faults import Fault, ScenarioError
from models.files import LoadedScenario, shipped_files
from models.files.reading import WORKBOOK_SUFFIXES
from models.language import Language, current_language, tr
from optimizer.page import isolated_reader
from optimizer.page.isolated_reader import IsolatedReader
from optimizer.page.question import InvalidRequest

MAX_READINGS = 12
"""Default number of parsed scenarios that are kept."""
MAX_DROPPED_FILES, MAX_DROPPED_BYTES = 20, 100_000_000
"""Maximal number of files that one user of a server may have uploaded at once, and their total
bytes."""
MAX_CORRECTIONS, MAX_CORRECTION_LENGTH = 200, 500
"""Maximal number of corrected values in a file, and of characters of one with its path."""
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
    """``shipped``; ``own``, into which variants can be saved; ``dropped``, an upload; or
    ``offered`` to all users of a server."""
    corrections: tuple[str, ...] = ()
    """Values that were corrected on the page, as ``path=value``."""

    @property
    def is_text(self) -> bool:
        """Whether the file is YAML, so that a variant can be written into it."""
        return self.path.suffix.lower() not in (*WORKBOOK_SUFFIXES, ".json")


class ScenarioVersion(NamedTuple):
    """A scenario at one moment. Afterwards it may be corrected or removed at any time."""

    source: ScenarioSource
    stamp: str
    """Identifies the state of its files and corrections."""
    is_shared: bool
    """Whether all users of a server have this source."""


@dataclass
class ScenarioStore:
    """Scenario sources by id, and a cache of scenarios that were read and of their faults. The
    store of a user of a server has the sources of the shared store, and the user's uploads."""

    shared_store: ScenarioStore | None = None
    max_readings: int = MAX_READINGS
    """Number of parsed scenarios that are kept."""
    reader: IsolatedReader | None = None
    """Reads all files in separate processes, except shipped ones without corrections; by default
    the reader of the shared store. Without a reader, files are read in this process."""
    sources: dict[str, ScenarioSource] = field(default_factory=dict)
    _readings: OrderedDict[tuple[str, str | None], LoadedScenario] = field(
        default_factory=OrderedDict
    )
    _faults: OrderedDict[tuple[str, str | None, Language], tuple[Fault, ...]] = field(
        default_factory=OrderedDict
    )
    """Faults of scenarios that cannot be read, by version, variant and language."""
    _file_states: dict[str, dict[Path, str]] = field(default_factory=dict)
    """Files that were read for a scenario, by its id, with the state of each at that time."""
    _change_counts: Counter[str] = field(default_factory=Counter)
    """How often files of a scenario have changed."""
    _read_lock: threading.Lock = field(default_factory=threading.Lock)
    _upload_lock: threading.Lock = field(default_factory=threading.Lock)
    _upload_folder: tempfile.TemporaryDirectory[str] | None = None
    _is_closed: bool = False

    def __post_init__(self) -> None:
        if self.shared_store is not None:
            self.sources |= self.shared_store.sources
            self.reader = self.reader or self.shared_store.reader
            return
        for name, path in shipped_files.scenario_files().items():
            self.sources[name] = ScenarioSource(name, path, "shipped")

    def add_file(self, path: Path, kind: str = "own") -> ScenarioSource:
        """Add a file of this machine and return its source. A file that is already known keeps its
        source."""
        resolved_path = shipped_files.resolve_scenario(path).resolve()
        for source in self.sources.values():
            if source.path.resolve() == resolved_path:
                return source
        digest = hashlib.sha256(str(resolved_path).encode()).hexdigest()[:6]
        return self._register(ScenarioSource(f"{path.stem}-{digest}", path, kind))

    def add_upload(self, name: str, content: bytes) -> ScenarioSource:
        """Add an uploaded file and return its source. Raises OSError if it cannot be written, and
        InvalidRequest if the user of a server has uploaded too much."""
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
                if source.path.parent == folder:  # uploaded again, without earlier corrections
                    return self._register(replace(source, corrections=()))
            self._check_upload_limits(len(content))
            folder.mkdir(exist_ok=True)
            path = folder / f"{stem}{suffix}"
            try:
                path.write_bytes(content)
            except OSError:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            return self._register(ScenarioSource(f"{stem}-{digest[:6]}", path, "dropped"))

    def _check_upload_limits(self, size: int) -> None:
        """Raise InvalidRequest if a user may not upload ``size`` more bytes."""
        if self._is_closed:
            raise InvalidRequest(tr("what you had here was removed; reload the page"))
        if self.shared_store is None:
            return
        sizes = [s.path.stat().st_size for s in self.sources.values() if s.kind == "dropped"]
        if len(sizes) >= MAX_DROPPED_FILES or sum(sizes) + size > MAX_DROPPED_BYTES:
            limits = {"count": MAX_DROPPED_FILES, "size": MAX_DROPPED_BYTES // 10**6}
            raise InvalidRequest(
                tr("you have dropped {count} files or {size} MB; remove them first", **limits)
            )

    def correct_values(self, id: str, settings: Mapping[str, str]) -> ScenarioSource:
        """Replace faulty values of a scenario as long as the server runs. ``settings`` has the new
        values by dotted path; the file is not changed. Raises InvalidRequest for a shared scenario,
        and if there are more or longer values than a user would type."""
        source = self.source(id)
        if self.shared_store is not None and source.kind != "dropped":
            raise InvalidRequest(tr("only what you have dropped yourself can be mended"))
        corrections = {**dict(text.split("=", 1) for text in source.corrections), **settings}
        if len(corrections) > MAX_CORRECTIONS or any(
            len(k) + len(v) > MAX_CORRECTION_LENGTH for k, v in corrections.items()
        ):
            raise InvalidRequest(tr("that is too much to mend; change the file itself"))
        return self._register(
            replace(source, corrections=tuple(f"{k}={v}" for k, v in corrections.items()))
        )

    def source(self, id: str) -> ScenarioSource:
        """Return the source with an id. Raises InvalidRequest if there is none."""
        known_source = self.sources.get(id)
        if known_source is None:
            raise InvalidRequest(tr("there is no scenario '{id}' here; open its file first", id=id))
        return known_source

    def version(self, id: str) -> ScenarioVersion:
        """Return the current version of the scenario with this id. Raises InvalidRequest if there
        is none."""
        source = self.source(id)
        if self.shared_store is not None and self.shared_store.sources.get(id) is source:
            return ScenarioVersion(source, self.shared_store._version_stamp(source), True)
        return ScenarioVersion(source, self._version_stamp(source), False)

    def _version_stamp(self, source: ScenarioSource) -> str:
        """Return a text that changes with each file that was read for the scenario, and with its
        corrections."""
        state_by_path = self._file_states.get(source.id, {})
        if any(_file_state(path) != state for path, state in state_by_path.items()):
            self._file_states.pop(source.id, None)
            self._change_counts[source.id] += 1
        change_count = self._change_counts[source.id]
        return f"{source.id}-{_file_state(source.path)}-{change_count}-{hash(source.corrections)}"

    def cached_reading(
        self, version: ScenarioVersion, variant: str | None = None
    ) -> LoadedScenario | None:
        """Return the scenario if the cache contains it, else None. Raises ScenarioError if the
        cache contains its faults."""
        store = self.shared_store if version.is_shared and self.shared_store is not None else self
        if faults := store._faults.get((version.stamp, variant, current_language())):
            raise ScenarioError(faults)
        return store._readings.get((version.stamp, variant))

    def read_scenario(
        self, id: str, variant: str | None = None, version: ScenarioVersion | None = None
    ) -> LoadedScenario:
        """Return a scenario with a variant. It is taken from the cache, or read from its file,
        which may take seconds. Raises ScenarioError with every fault, and InvalidRequest if there
        is no scenario with this id."""
        version = version or self.version(id)
        if version.is_shared and self.shared_store is not None:
            return self.shared_store.read_scenario(id, variant, version._replace(is_shared=False))
        key = version.stamp, variant
        with self._read_lock if self.cached_reading(version, variant) is None else nullcontext():
            loaded_by_key, faults = self._readings, self._faults
            if (loaded_scenario := self.cached_reading(version, variant)) is None:
                result, files, was_aborted = self._read_source(version.source, variant)
                states = {
                    Path(file): _state_if_unchanged(Path(file), sha256) for file, sha256 in files
                }
                # Replaced rather than updated, since another thread may be iterating over it.
                self._file_states[version.source.id] = (
                    self._file_states.get(version.source.id, {}) | states
                )
                if isinstance(result, ScenarioError):
                    # Faults are not kept of own files, since the user will correct them or their
                    # includes, nor of shared ones that hit a limit, which may not recur.
                    is_temporary = was_aborted and version.source.kind != "dropped"
                    if version.source.kind != "own" and not is_temporary:
                        faults[*key, current_language()] = result.faults
                        _drop_oldest(faults, self.max_readings)
                    raise result
                loaded_by_key[key] = loaded_scenario = result
                _drop_oldest(loaded_by_key, self.max_readings)
            with suppress(KeyError):
                loaded_by_key.move_to_end(key)
            return loaded_scenario

    def _read_source(
        self, source: ScenarioSource, variant: str | None
    ) -> isolated_reader.ReadOutcome:
        arguments = source.path, variant, source.corrections
        if self.reader is None or (source.kind == "shipped" and not source.corrections):
            return isolated_reader.read_scenario(*arguments)
        return self.reader.read(*arguments, owner=id(self))

    def stop_reading(self) -> None:
        """Abort the reading that is under way."""
        if self.reader is not None:
            self.reader.stop(id(self))

    def close(self) -> None:
        """Remove all uploads and clear the cache. Further uploads are refused."""
        self.stop_reading()
        with self._upload_lock:
            self._is_closed = True
            self.sources = {} if self.shared_store is None else dict(self.shared_store.sources)
            self._readings, self._faults, self._file_states = OrderedDict(), OrderedDict(), {}
            if self._upload_folder is not None:
                self._upload_folder.cleanup()
                self._upload_folder = None

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


def _drop_oldest(cache: OrderedDict[Any, Any], max_size: int) -> None:
    while len(cache) > max_size:
        cache.popitem(last=False)


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
