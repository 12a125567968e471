"""The scenarios that the page knows, and questions on them: variants, and changes."""

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, get_args
from urllib.parse import parse_qsl, urlencode

import yaml

from models.base import display_name
from models.faults import Fault, ScenarioError, SourceLocation
from models.files import LoadedScenario, read_case, read_case_text, shipped_files
from models.files.decoding import decode_text
from models.files.reading import WORKBOOK_SUFFIXES
from models.input_log import log_inputs
from models.language import Language, current_language, tr, using
from models.scenario.case import Case
from models.scenario.sections import Variant
from optimizer.errors import VorratError
from optimizer.page.controls import ASSUMPTION_SETS, controls_by_id, find_control, project_settings
from optimizer.page.figure_controls import FACTOR_UNIT, Control
from optimizer.parallel.services import ContentReporter, ProcessLost, ServiceMessage, ServiceProcess
from optimizer.report.number_format import NO_BREAK_SPACE, format_exact

MAX_MOVED = 200
"""Maximal number of changes in one question."""
MAX_TITLE_MOVES = 3
"""Number of changes that a title names."""
WITHOUT_REVIEW = "review=null"
"""Setting of every question about a scenario with a review: the page decides everything now."""
WITHOUT_AMBIGUITY = "objective.ambiguity=null"
"""Setting of every question about a scenario with ambiguity: the page uses the stated
probabilities."""
MAX_QUERY_LENGTH = 30_000
"""Maximal number of characters of the query of a question."""


class InvalidRequest(VorratError):
    """Raised for a request that is refused, such as one for a control that the scenario lacks."""

    exit_code = 2
    status = 404


class UnreadableRequest(InvalidRequest):
    """Raised for a request that cannot be parsed."""

    status = 400


@dataclass(frozen=True)
class Question:
    """A scenario, a variant, and changes to the figures in its file."""

    scenario: str
    variant: str | None = None
    moved: tuple[tuple[str, str], ...] = ()
    """Id and value of each control that was changed, in the order of the changes."""

    @classmethod
    def from_query(cls, query: str) -> Question:
        """Return the question that the query of an address states. If a control occurs several
        times, its last value is used. Raises InvalidRequest if there are too many changes."""
        scenario, variant, moved_values = "", None, dict[str, str]()
        if query.count("&") > 4 * MAX_MOVED or len(query) > MAX_QUERY_LENGTH:
            raise InvalidRequest(tr("more than {count} figures are moved", count=MAX_MOVED))
        for name, value in parse_qsl(query):
            if name == "scenario":
                scenario = value
            elif name == "variant":
                variant = value or None
            elif name == "set":
                id, equals_sign, text = value.partition("=")
                if equals_sign:
                    moved_values[id] = text
        if len(moved_values) > MAX_MOVED:
            raise InvalidRequest(tr("more than {count} figures are moved", count=MAX_MOVED))
        return cls(scenario, variant, tuple(moved_values.items()))

    @property
    def query(self) -> str:
        """The question in the form of the query of an address."""
        query_fields = [("scenario", self.scenario)]
        query_fields += [("variant", self.variant)] if self.variant else []
        return urlencode([*query_fields, *(("set", f"{id}={value}") for id, value in self.moved)])

    def apply_to(self, base_scenario: LoadedScenario) -> tuple[LoadedScenario, dict[str, str]]:
        """Return the scenario of the question, and the values that the question sets, by dotted
        path. ``base_scenario`` is the scenario of its variant.

        The review and the ambiguity are removed first, and an assumption set is applied. Factors
        follow, the smallest first, so that a share exceeds 1 in between only if the product of all
        factors does. Joint amounts of several figures come next, and single figures last. Raises
        InvalidRequest for a control that the scenario does not have, and ScenarioError with every
        fault of a value.
        """
        loaded_scenario, values_by_path = base_scenario, dict[str, str]()
        moves = self._effective_moves(base_scenario.case)

        def apply_settings(texts: Iterable[str]) -> None:
            nonlocal loaded_scenario
            if new_values := dict(text.split("=", 1) for text in texts):
                values_by_path.update(new_values)
                loaded_scenario = loaded_scenario.with_settings(
                    [f"{path}={x}" for path, x in new_values.items()]
                )

        def order(pair: tuple[Control, float | str]) -> tuple[bool, float]:
            return (False, float(pair[1])) if pair[0].unit == FACTOR_UNIT else (True, 0.0)

        if base_scenario.case.planned_review is not None:
            apply_settings([WITHOUT_REVIEW])
        if base_scenario.case.objective.ambiguity is not None:
            apply_settings([WITHOUT_AMBIGUITY])
        for control, value in moves:
            if control.id == ASSUMPTION_SETS:  # first: other values are relative to its figures
                apply_settings(control.settings(value))
        for control, value in sorted(moves, key=order):
            if control.is_factor:
                current_control = find_control(loaded_scenario.case, control.id)
                if current_control is None:
                    raise InvalidRequest(
                        tr(
                            "“{label}” has no effect, given the other values that are moved",
                            label=control.full_label,
                        )
                    )
                apply_settings(current_control.settings(value))
        settings = [
            text
            for control, value in sorted(moves, key=lambda pair: "." in pair[0].id)
            if not control.is_factor and control.id != ASSUMPTION_SETS
            for text in control.settings(value)
        ]
        choice_by_project = {
            control.id.partition(".")[2]: str(value)
            for control, value in moves
            if control.choices and control.id != ASSUMPTION_SETS
        }
        if choice_by_project:
            settings += project_settings(base_scenario.case, choice_by_project)
        apply_settings(settings)
        return loaded_scenario, values_by_path

    def normalized(self, case: Case) -> Question:
        """Return the same question in its normal form: changes without effect are left out, values
        are formatted alike, and controls are in the order of the page. Raises InvalidRequest for
        a control that the scenario does not have, or an invalid value."""
        if not self.moved:
            return self
        positions = {id: position for position, id in enumerate(controls_by_id(case))}
        moves = sorted(
            (
                positions.get(control.id, len(positions)),
                control.id,
                value if isinstance(value, str) else f"{value:.12g}",
            )
            for control, value in self._effective_moves(case)
        )
        return Question(self.scenario, self.variant, tuple((id, text) for _, id, text in moves))

    def _effective_moves(self, case: Case) -> list[tuple[Control, float | str]]:
        """Return the controls that are changed, each with its value. A figure that is set to its
        value in the file is included only if a factor or an assumption set would change it
        otherwise."""
        controls = controls_by_id(case)
        moves = [self._parse_move(case, id, value, controls) for id, value in self.moved]
        has_joint_change = any(
            (control.unit == FACTOR_UNIT or control.id == ASSUMPTION_SETS) and value != control.base
            for control, value in moves
        )
        return [
            (control, value)
            for control, value in moves
            if value != control.base
            or (has_joint_change and control.unit != FACTOR_UNIT and control.id != ASSUMPTION_SETS)
        ]

    def _parse_move(
        self, case: Case, id: str, value: str, controls: Mapping[str, Control]
    ) -> tuple[Control, float | str]:
        control = find_control(case, id, controls)
        if control is None:
            raise InvalidRequest(tr("the scenario has no '{id}' that could be moved", id=id))
        try:
            return control, control.parse_value(value)
        except ValueError:
            raise InvalidRequest(
                tr("'{value}' is no value for “{label}”", value=value, label=control.full_label)
            ) from None


# Questions in words and as variants


def question_title(question: Question, base_case: Case) -> str:
    """Return a title for a question, from its variant and its changes, in the current language."""
    variant = base_case.variants.get(question.variant or "")
    title_parts = (
        []
        if variant is None
        else [display_name(variant.title, question.variant or "", current_language())]
    )
    changes, known_controls = [], controls_by_id(base_case)
    for id, value in question.moved:
        if (control := find_control(base_case, id, known_controls)) is not None:
            changes.append(f"{control.full_label}{NO_BREAK_SPACE}{value_in_words(control, value)}")
    further_count = len(changes) - MAX_TITLE_MOVES
    if further_count > 0:
        changes[MAX_TITLE_MOVES:] = [tr("{count} more", count=further_count)]
    return "; ".join([*title_parts, *changes]) or tr("base case")


def question_titles(question: Question, base_case: Case) -> dict[Language, str]:
    """Return a title for a question, from its variant and its changes, by language."""
    titles: dict[Language, str] = {}
    for language in get_args(Language):
        with using(language):
            titles[language] = question_title(question, base_case)
    return titles


def value_in_words(control: Control, value: str) -> str:
    """Return a value of a control in the form in which the page shows it."""
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


def question_as_variant(
    question: Question, base_case: Case, settings: Mapping[str, str]
) -> Variant:
    """Return a question as a variant of its scenario, with titles in both languages. ``settings``
    are the values that the question sets, by dotted path."""
    title = {
        k: text.replace(NO_BREAK_SPACE, " ")
        for k, text in question_titles(question, base_case).items()
    }
    base_variant = base_case.variants.get(question.variant or "")
    # Later settings override earlier ones, so the changes come after those of the variant.
    kept_settings = {
        k: v for k, v in (base_variant.set if base_variant else {}).items() if k not in settings
    }
    merged_settings = {**kept_settings, **{k: yaml.safe_load(v) for k, v in settings.items()}}
    return Variant.model_validate({"title": title, "set": merged_settings})


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
