"""The scenarios that the page knows: shipped ones, files of this machine, and what was dropped."""

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
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, get_args

import yaml

from models.base import display_name
from models.faults import Fault, ScenarioError
from models.files import LoadedScenario, read_case_text, shipped_files
from models.files.decoding import decode_text
from models.files.reading import WORKBOOK_SUFFIXES
from models.language import Language, current_language, tr, using
from models.scenario.case import Case, Variant
from optimizer.page import isolated_reader
from optimizer.page.controls import controls_by_id, find_control
from optimizer.page.figure_controls import Control
from optimizer.page.isolated_reader import IsolatedReader
from optimizer.page.question import InvalidRequest, Question
from optimizer.report.number_format import NO_BREAK_SPACE, format_exact

MAX_READINGS = 12
"""Readings that are kept if nothing else is said."""
MAX_DROPPED_FILES, MAX_DROPPED_BYTES = 20, 100_000_000
"""Files that one user of a server may have there at once, and how large they are together."""
MAX_CORRECTIONS, MAX_CORRECTION_LENGTH = 200, 500
"""Values that are mended in a file, and characters of one with its path."""
MAX_SHOWN_FAULTS = 100
"""Faults that a page shows."""
KNOWN_SUFFIXES = (".yaml", ".yml", ".json", *WORKBOOK_SUFFIXES)
"""Of what is taken as it is; everything else is read as YAML."""
MAX_TITLE_MOVES = 3
"""Things that were moved which a title names."""


@dataclass(frozen=True)
class ScenarioSource:
    """Where a scenario comes from."""

    id: str
    path: Path
    kind: str
    """``shipped``; ``own``, which variants can be saved into; ``dropped``, a copy; or ``offered``
    to all users of a server."""
    corrections: tuple[str, ...] = ()
    """What was mended on the page, as ``path=value``."""

    @property
    def is_text(self) -> bool:
        """Whether it is in YAML, into which a variant can be written."""
        return self.path.suffix.lower() not in (*WORKBOOK_SUFFIXES, ".json")


class ScenarioVersion(NamedTuple):
    """A scenario as it is now; it may be mended or removed in the next moment."""

    source: ScenarioSource
    stamp: str
    """What tells it from what its file was before."""
    is_shared: bool
    """Whether all users of a server have it as it is here."""


@dataclass
class ScenarioStore:
    """All of them, by id, and what was read of them. Those of one user of a server are those that
    are ``shared`` by all, and his own."""

    shared_store: ScenarioStore | None = None
    max_readings: int = MAX_READINGS
    """Readings that are kept."""
    reader: IsolatedReader | None = None
    """What reads files in processes of their own, but for shipped ones; that of all users if not
    given. Without one they are read here."""
    sources: dict[str, ScenarioSource] = field(default_factory=dict)
    _readings: OrderedDict[tuple[str, str | None], LoadedScenario] = field(
        default_factory=OrderedDict
    )
    _faults: OrderedDict[tuple[str, str | None, Language], tuple[Fault, ...]] = field(
        default_factory=OrderedDict
    )
    """Of what cannot be read, as they are told in a language."""
    _file_states: dict[str, dict[Path, str]] = field(default_factory=dict)
    """What was read for a scenario, by its id, with the state of each file then."""
    _change_counts: Counter[str] = field(default_factory=Counter)
    """How often any of those had changed."""
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
        """Take a file of this machine; a shipped one stays what it is."""
        whole = shipped_files.resolve_scenario(path).resolve()
        for known in self.sources.values():
            if known.path.resolve() == whole:
                return known
        digest = hashlib.sha256(str(whole).encode()).hexdigest()[:6]
        return self._register(ScenarioSource(f"{path.stem}-{digest}", path, kind))

    def add_upload(self, name: str, content: bytes) -> ScenarioSource:
        """Take what was dropped on the page. Raises OSError where there is no room, and Unasked
        where a user of a server has dropped so much that no more is taken."""
        suffix = Path(name).suffix.lower()
        suffix = suffix if suffix in KNOWN_SUFFIXES else ".yaml"
        digest = hashlib.sha256(suffix.encode() + content).hexdigest()[:12]
        stem = re.sub(r"[^\w-]+", "-", Path(name).stem)[-70:].strip("-") or "scenario"
        with self._upload_lock:
            self._upload_folder = self._upload_folder or tempfile.TemporaryDirectory(
                prefix="vorrat-", ignore_cleanup_errors=True
            )
            own = Path(self._upload_folder.name) / digest
            for known in self.sources.values():
                if known.path.parent == own:  # as it was when it was first dropped
                    return self._register(replace(known, corrections=()))
            self._check_upload_limits(len(content))
            own.mkdir(exist_ok=True)
            path = own / f"{stem}{suffix}"
            try:
                path.write_bytes(content)
            except OSError:
                shutil.rmtree(own, ignore_errors=True)
                raise
            return self._register(ScenarioSource(f"{stem}-{digest[:6]}", path, "dropped"))

    def _check_upload_limits(self, size: int) -> None:
        """Raises Unasked where so many bytes more are too many of one user."""
        if self._is_closed:
            raise InvalidRequest(tr("what you had here was removed; load the page anew"))
        if self.shared_store is None:
            return
        held = [one.path.stat().st_size for one in self.sources.values() if one.kind == "dropped"]
        if len(held) >= MAX_DROPPED_FILES or sum(held) + size > MAX_DROPPED_BYTES:
            about = {"count": MAX_DROPPED_FILES, "size": MAX_DROPPED_BYTES // 10**6}
            raise InvalidRequest(
                tr("you have dropped {count} files or {size} MB; remove them first", **about)
            )

    def correct_values(self, id: str, settings: Mapping[str, str]) -> ScenarioSource:
        """Put values in place of faulty ones, by dotted path, for as long as the server runs.

        Raises Unasked for what all users of a server have, whose folder is nobody's here, and for
        more or longer values than somebody types.
        """
        source = self.source(id)
        if self.shared_store is not None and source.kind != "dropped":
            raise InvalidRequest(tr("only what you have dropped yourself can be mended"))
        both = {**dict(text.split("=", 1) for text in source.corrections), **settings}
        if len(both) > MAX_CORRECTIONS or any(
            len(k) + len(v) > MAX_CORRECTION_LENGTH for k, v in both.items()
        ):
            raise InvalidRequest(tr("that is too much to mend; change the file itself"))
        return self._register(
            replace(source, corrections=tuple(f"{k}={v}" for k, v in both.items()))
        )

    def source(self, id: str) -> ScenarioSource:
        """The source with an id. Raises Unasked where there is none."""
        found = self.sources.get(id)
        if found is None:
            raise InvalidRequest(tr("there is no scenario '{id}' here; open its file first", id=id))
        return found

    def version(self, id: str) -> ScenarioVersion:
        """A scenario as it is now. Raises Unasked where there is none of that id."""
        source = self.source(id)
        if self.shared_store is not None and self.shared_store.sources.get(id) is source:
            return ScenarioVersion(source, self.shared_store._version_stamp(source), True)
        return ScenarioVersion(source, self._version_stamp(source), False)

    def _version_stamp(self, source: ScenarioSource) -> str:
        """Another one when any file that was read for the scenario has changed since."""
        files = self._file_states.get(source.id, {})
        if any(_file_state(path) != state for path, state in files.items()):
            self._file_states.pop(source.id, None)
            self._change_counts[source.id] += 1
        changes = self._change_counts[source.id]
        return f"{source.id}-{_file_state(source.path)}-{changes}-{hash(source.corrections)}"

    def cached_reading(
        self, version: ScenarioVersion, variant: str | None = None
    ) -> LoadedScenario | None:
        """What was read of a scenario, if that is kept. Raises ScenarioError if it had faults."""
        holds = self.shared_store if version.is_shared and self.shared_store is not None else self
        if faults := holds._faults.get((version.stamp, variant, current_language())):
            raise ScenarioError(faults)
        return holds._readings.get((version.stamp, variant))

    def read_scenario(
        self, id: str, variant: str | None = None, version: ScenarioVersion | None = None
    ) -> LoadedScenario:
        """A scenario as its file says, with a variant. It may take seconds.

        Raises ScenarioError with every fault, and Unasked where there is none of that id.
        """
        version = version or self.version(id)
        if version.is_shared and self.shared_store is not None:
            return self.shared_store.read_scenario(id, variant, version._replace(is_shared=False))
        key = version.stamp, variant
        with self._read_lock if self.cached_reading(version, variant) is None else nullcontext():
            read, faults = self._readings, self._faults
            if (found := self.cached_reading(version, variant)) is None:
                result, files, was_ended = self._read_source(version.source, variant)
                states = {
                    Path(file): _state_if_unchanged(Path(file), sha256) for file, sha256 in files
                }
                # A new one, since it may be looked at just now.
                self._file_states[version.source.id] = (
                    self._file_states.get(version.source.id, {}) | states
                )
                if isinstance(result, ScenarioError):
                    # An own one its reader mends, with all it includes; one for all users may be
                    # read in time when fewer are read.
                    for_now = was_ended and version.source.kind != "dropped"
                    if version.source.kind != "own" and not for_now:
                        faults[*key, current_language()] = result.faults
                        _drop_oldest(faults, self.max_readings)
                    raise result
                read[key] = found = result
                _drop_oldest(read, self.max_readings)
            with suppress(KeyError):
                read.move_to_end(key)
            return found

    def _read_source(
        self, source: ScenarioSource, variant: str | None
    ) -> isolated_reader.ReadOutcome:
        given = source.path, variant, source.corrections
        if self.reader is None or (source.kind == "shipped" and not source.corrections):
            return isolated_reader.read_scenario(*given)
        return self.reader.read(*given, owner=id(self))

    def stop_reading(self) -> None:
        """End what is just read."""
        if self.reader is not None:
            self.reader.stop(id(self))

    def close(self) -> None:
        """Remove what was dropped, and forget what was read and mended; no more is taken."""
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
    """When a file was last changed, and its size; nothing where there is none."""
    try:
        state = path.stat()
    except OSError:
        return ""
    return f"{state.st_mtime_ns}-{state.st_size}"


def _state_if_unchanged(path: Path, sha256: str) -> str:
    """The state of a file that was read; nothing where it has changed since, which then counts."""
    state = _file_state(path)
    try:
        now = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
    return state if now == sha256 else ""


def _drop_oldest(cache: OrderedDict[Any, Any], max_size: int) -> None:
    while len(cache) > max_size:
        cache.popitem(last=False)


# A question as a variant


def question_title(question: Question, base: Case) -> str:
    """What a question asks, in the current language: its variant, and what was moved."""
    variant = base.variants.get(question.variant or "")
    said = (
        []
        if variant is None
        else [display_name(variant.title, question.variant or "", current_language())]
    )
    moved, known = [], controls_by_id(base)
    for id, value in question.moved:
        if (one := find_control(base, id, known)) is not None:
            moved.append(f"{one.full_label}{NO_BREAK_SPACE}{value_in_words(one, value)}")
    more = len(moved) - MAX_TITLE_MOVES
    moved = moved[:MAX_TITLE_MOVES] + ([tr("{count} more", count=more)] if more > 0 else [])
    return "; ".join([*said, *moved]) or tr("base case")


def question_titles(question: Question, base: Case) -> dict[Language, str]:
    """What a question asks, in each language."""
    found: dict[Language, str] = {}
    for spoken in get_args(Language):
        with using(spoken):
            found[spoken] = question_title(question, base)
    return found


def value_in_words(control: Control, value: str) -> str:
    """A value of a control as people read it."""
    if control.choice_labels:
        return dict(zip(control.choices, control.choice_labels, strict=True))[value]
    if control.choices:
        words = {"in": tr("is built in any case"), "out": tr("is not built")}
        return words.get(value, tr("left to the search"))
    if re.fullmatch(r"funders\.[^.]+\.budget_meur|total\.[^.]+", control.id) and float(value) == 0:
        return tr("pays nothing")
    figure = format_exact(float(value) * control.scale)
    return (
        f"{control.unit}{NO_BREAK_SPACE}{figure}"
        if control.unit == "×"
        else f"{figure}{NO_BREAK_SPACE}{control.unit}"
    )


def question_as_variant(question: Question, base: Case, settings: Mapping[str, str]) -> Variant:
    """A question as a variant of its scenario, titled in both languages."""
    said = {
        k: text.replace(NO_BREAK_SPACE, " ") for k, text in question_titles(question, base).items()
    }
    before = base.variants.get(question.variant or "")
    # What is set later has the last word, so what is moved stands behind all that was there.
    kept = {k: v for k, v in (before.set if before else {}).items() if k not in settings}
    both = {**kept, **{k: yaml.safe_load(v) for k, v in settings.items()}}
    return Variant.model_validate({"title": said, "set": both})


def insert_variant(text: str, id: str, variant: Variant) -> str:
    """The text of a scenario file with one more variant, all else as it was written.

    It is written above the variants that there are, or with its own heading at the end. Raises
    Unasked where a file writes its variants so that nothing can be put among them.
    """
    about = variant.model_dump(mode="json", exclude_unset=True)
    own = yaml.safe_dump({id: about}, allow_unicode=True, sort_keys=False, width=100)
    heading = re.search(r"^variants:[ \t]*(#.*)?\r?$", text, re.MULTILINE)
    if heading is None and re.search(r"^variants[ \t]*:", text, re.MULTILINE):
        raise InvalidRequest(
            tr("variants are written on one line there; write them on lines of their own")
        )
    indent = "  "
    if heading is not None:
        first = re.match(r"(?:[ \t]*(?:#.*)?\r?\n)*( +)\S", text[heading.end() :])
        indent = first[1] if first else indent
    end = "\r\n" if "\r\n" in text else "\n"
    block = "".join(f"{end}{indent}{line}" for line in own.splitlines())
    if heading is None:
        own_line = "" if text.endswith(("\n", "\r")) else end
        return f"{text}{own_line}{end}variants:{block}{end}"
    at = heading.end() - heading[0].endswith("\r")
    return f"{text[:at]}{block}{text[at:]}"


def file_with_variant(
    source: ScenarioSource, id: str, variant: Variant, reader: IsolatedReader | None = None
) -> bytes:
    """The file of a scenario with one more variant, read once more before it is kept; by a
    ``reader`` where there is one, as of files that are not trusted.

    Raises ScenarioError if that does not read as it should, and Unasked for a workbook, or if the
    file has a variant of that id.
    """
    if not source.is_text:
        raise InvalidRequest(tr("a variant can be written into a file in YAML alone"))
    raw, name = source.path.read_bytes(), str(source.path)
    before = decode_text(raw, name)
    if id in _read_text(before, source, None, reader).case.variants:
        raise InvalidRequest(tr("the file has a variant “{id}” already", id=id))
    text = insert_variant(before, id, variant)
    _read_text(text, source, id, reader)
    return (codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b"") + text.encode()


def _read_text(
    text: str, source: ScenarioSource, id: str | None, reader: IsolatedReader | None
) -> LoadedScenario:
    """What a text says in place of the file of a scenario. Raises ScenarioError for its faults."""
    if reader is None:
        return read_case_text(text, str(source.path), id, source.corrections)
    beside = source.path.with_name(f".{secrets.token_hex(8)}{source.path.suffix}")
    try:
        beside.write_text(text, encoding="utf-8")
        result = reader.read(beside, id, source.corrections, owner=beside).result
    finally:
        beside.unlink(missing_ok=True)
    if isinstance(result, ScenarioError):
        raise result
    return result


def save_variant(source: ScenarioSource, id: str, variant: Variant) -> None:
    """Write one more variant into the file of a scenario, whole or not at all. Raises as
    :func:`saved`, and OSError where the file cannot be written."""
    content = file_with_variant(source, id, variant)
    path = source.path.resolve()  # what a link leads to
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        shutil.copymode(path, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


# Faults


@dataclass(frozen=True)
class CorrectableFault:
    """A fault, the line that it stands in, and where a value can be put in place of a wrong one."""

    fault: Fault
    line: str
    path: str  # dotted; empty where a single value would not mend it


def correctable_faults(faults: Sequence[Fault], source: ScenarioSource) -> list[CorrectableFault]:
    """The first faults as the page shows them."""
    files: dict[str, list[str]] = {}

    def line_of(fault: Fault) -> str:
        place = fault.location
        if place is None or not place.line or not source.is_text:
            return ""
        if place.file not in files:
            files[place.file] = []
            with suppress(OSError):
                text = Path(place.file).read_text(encoding="utf-8", errors="replace")
                files[place.file] = text.splitlines()
        return "".join(files[place.file][place.line - 1 : place.line])[:200]

    found = []
    for fault in faults[:MAX_SHOWN_FAULTS]:
        # What is mended is so for the base case and all variants.
        single = bool(fault.path) and not (fault.at_key or fault.variant)
        single = single and fault.severity == "error"
        path = ".".join(map(str, fault.path)).removesuffix(".value")  # of a figure with a source
        found.append(CorrectableFault(fault, line_of(fault), path if single else ""))
    return found
