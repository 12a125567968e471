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

from models.base import named
from models.faults import Fault, ScenarioError
from models.files import Reading, presets, read_case_text
from models.files.decoding import decode
from models.files.reading import WORKBOOKS
from models.language import Language, language, tr, using
from models.scenario.case import Case, Variant
from optimizer.page import reading
from optimizer.page.controls import control, every_control
from optimizer.page.figures import Control
from optimizer.page.question import Question, Unasked
from optimizer.page.reading import Reader
from optimizer.report.figures import NO_BREAK, exact

READ = 12
"""Readings that are kept if nothing else is said."""
DROPPED, DROPPED_BYTES = 20, 100_000_000
"""Files that one user of a server may have there at once, and how large they are together."""
MENDED, LONGEST = 200, 500
"""Values that are mended in a file, and characters of one with its path."""
SHOWN_FAULTS = 100
"""Faults that a page shows."""
SUFFIXES = (".yaml", ".yml", ".json", *WORKBOOKS)
"""Of what is taken as it is; everything else is read as YAML."""
SHOWN = 3
"""Things that were moved which a title names."""


@dataclass(frozen=True)
class Source:
    """Where a scenario comes from."""

    id: str
    path: Path
    kind: str
    """``shipped``; ``own``, which variants can be saved into; ``dropped``, a copy; or ``offered``
    to all users of a server."""
    mended: tuple[str, ...] = ()
    """What was mended on the page, as ``path=value``."""

    @property
    def is_text(self) -> bool:
        """Whether it is in YAML, into which a variant can be written."""
        return self.path.suffix.lower() not in (*WORKBOOKS, ".json")


class At(NamedTuple):
    """A scenario as it is now; it may be mended or removed in the next moment."""

    source: Source
    stamp: str
    """What tells it from what its file was before."""
    is_shared: bool
    """Whether all users of a server have it as it is here."""


@dataclass
class Scenarios:
    """All of them, by id, and what was read of them. Those of one user of a server are those that
    are ``shared`` by all, and his own."""

    shared: Scenarios | None = None
    keep: int = READ
    """Readings that are kept."""
    reader: Reader | None = None
    """What reads files in processes of their own, but for shipped ones; that of all users if not
    given. Without one they are read here."""
    found: dict[str, Source] = field(default_factory=dict)
    _read: OrderedDict[tuple[str, str | None], Reading] = field(default_factory=OrderedDict)
    _faults: OrderedDict[tuple[str, str | None, Language], tuple[Fault, ...]] = field(
        default_factory=OrderedDict
    )
    """Of what cannot be read, as they are told in a language."""
    _files: dict[str, dict[Path, str]] = field(default_factory=dict)
    """What was read for a scenario, by its id, with the state of each file then."""
    _changes: Counter[str] = field(default_factory=Counter)
    """How often any of those had changed."""
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _dropping: threading.Lock = field(default_factory=threading.Lock)
    _folder: tempfile.TemporaryDirectory[str] | None = None
    _closed: bool = False

    def __post_init__(self) -> None:
        if self.shared is not None:
            self.found |= self.shared.found
            self.reader = self.reader or self.shared.reader
            return
        for name, path in presets.scenarios().items():
            self.found[name] = Source(name, path, "shipped")

    def add(self, path: Path, kind: str = "own") -> Source:
        """Take a file of this machine; a shipped one stays what it is."""
        whole = presets.meant(path).resolve()
        for known in self.found.values():
            if known.path.resolve() == whole:
                return known
        digest = hashlib.sha256(str(whole).encode()).hexdigest()[:6]
        return self._put(Source(f"{path.stem}-{digest}", path, kind))

    def drop(self, name: str, content: bytes) -> Source:
        """Take what was dropped on the page. Raises OSError where there is no room, and Unasked
        where a user of a server has dropped so much that no more is taken."""
        suffix = Path(name).suffix.lower()
        suffix = suffix if suffix in SUFFIXES else ".yaml"
        digest = hashlib.sha256(suffix.encode() + content).hexdigest()[:12]
        stem = re.sub(r"[^\w-]+", "-", Path(name).stem)[-70:].strip("-") or "scenario"
        with self._dropping:
            self._folder = self._folder or tempfile.TemporaryDirectory(
                prefix="vorrat-", ignore_cleanup_errors=True
            )
            own = Path(self._folder.name) / digest
            for known in self.found.values():
                if known.path.parent == own:  # as it was when it was first dropped
                    return self._put(replace(known, mended=()))
            self._make_room(len(content))
            own.mkdir(exist_ok=True)
            path = own / f"{stem}{suffix}"
            try:
                path.write_bytes(content)
            except OSError:
                shutil.rmtree(own, ignore_errors=True)
                raise
            return self._put(Source(f"{stem}-{digest[:6]}", path, "dropped"))

    def _make_room(self, size: int) -> None:
        """Raises Unasked where so many bytes more are too many of one user."""
        if self._closed:
            raise Unasked(tr("what you had here was removed; load the page anew"))
        if self.shared is None:
            return
        held = [one.path.stat().st_size for one in self.found.values() if one.kind == "dropped"]
        if len(held) >= DROPPED or sum(held) + size > DROPPED_BYTES:
            about = {"count": DROPPED, "size": DROPPED_BYTES // 10**6}
            raise Unasked(
                tr("you have dropped {count} files or {size} MB; remove them first", **about)
            )

    def mend(self, id: str, settings: Mapping[str, str]) -> Source:
        """Put values in place of faulty ones, by dotted path, for as long as the server runs.

        Raises Unasked for what all users of a server have, whose folder is nobody's here, and for
        more or longer values than somebody types.
        """
        source = self.source(id)
        if self.shared is not None and source.kind != "dropped":
            raise Unasked(tr("only what you have dropped yourself can be mended"))
        both = {**dict(text.split("=", 1) for text in source.mended), **settings}
        if len(both) > MENDED or any(len(k) + len(v) > LONGEST for k, v in both.items()):
            raise Unasked(tr("that is too much to mend; change the file itself"))
        return self._put(replace(source, mended=tuple(f"{k}={v}" for k, v in both.items())))

    def source(self, id: str) -> Source:
        """The source with an id. Raises Unasked where there is none."""
        found = self.found.get(id)
        if found is None:
            raise Unasked(tr("there is no scenario '{id}' here; open its file first", id=id))
        return found

    def at(self, id: str) -> At:
        """A scenario as it is now. Raises Unasked where there is none of that id."""
        source = self.source(id)
        if self.shared is not None and self.shared.found.get(id) is source:
            return At(source, self.shared._stamp(source), True)
        return At(source, self._stamp(source), False)

    def _stamp(self, source: Source) -> str:
        """Another one when any file that was read for the scenario has changed since."""
        files = self._files.get(source.id, {})
        if any(_state(path) != state for path, state in files.items()):
            self._files.pop(source.id, None)
            self._changes[source.id] += 1
        changes = self._changes[source.id]
        return f"{source.id}-{_state(source.path)}-{changes}-{hash(source.mended)}"

    def kept(self, at: At, variant: str | None = None) -> Reading | None:
        """What was read of a scenario, if that is kept. Raises ScenarioError if it had faults."""
        holds = self.shared if at.is_shared and self.shared is not None else self
        if faults := holds._faults.get((at.stamp, variant, language())):
            raise ScenarioError(faults)
        return holds._read.get((at.stamp, variant))

    def base(self, id: str, variant: str | None = None, at: At | None = None) -> Reading:
        """A scenario as its file says, with a variant. It may take seconds.

        Raises ScenarioError with every fault, and Unasked where there is none of that id.
        """
        at = at or self.at(id)
        if at.is_shared and self.shared is not None:
            return self.shared.base(id, variant, at._replace(is_shared=False))
        key = at.stamp, variant
        with self._turn if self.kept(at, variant) is None else nullcontext():
            read, faults = self._read, self._faults
            if (found := self.kept(at, variant)) is None:
                result, files, was_ended = self._reading(at.source, variant)
                states = {Path(file): _state_of(Path(file), sha256) for file, sha256 in files}
                # A new one, since it may be looked at just now.
                self._files[at.source.id] = self._files.get(at.source.id, {}) | states
                if isinstance(result, ScenarioError):
                    # An own one its reader mends, with all it includes; one for all users may be
                    # read in time when fewer are read.
                    for_now = was_ended and at.source.kind != "dropped"
                    if at.source.kind != "own" and not for_now:
                        faults[*key, language()] = result.faults
                        _limit(faults, self.keep)
                    raise result
                read[key] = found = result
                _limit(read, self.keep)
            with suppress(KeyError):
                read.move_to_end(key)
            return found

    def _reading(self, source: Source, variant: str | None) -> reading.Outcome:
        given = source.path, variant, source.mended
        if self.reader is None or (source.kind == "shipped" and not source.mended):
            return reading.read(*given)
        return self.reader.read(*given, owner=id(self))

    def stop(self) -> None:
        """End what is just read."""
        if self.reader is not None:
            self.reader.stop(id(self))

    def close(self) -> None:
        """Remove what was dropped, and forget what was read and mended; no more is taken."""
        self.stop()
        with self._dropping:
            self._closed = True
            self.found = {} if self.shared is None else dict(self.shared.found)
            self._read, self._faults, self._files = OrderedDict(), OrderedDict(), {}
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None

    def _put(self, source: Source) -> Source:
        self.found[source.id] = source
        return source


def _state(path: Path) -> str:
    """When a file was last changed, and its size; nothing where there is none."""
    try:
        state = path.stat()
    except OSError:
        return ""
    return f"{state.st_mtime_ns}-{state.st_size}"


def _state_of(path: Path, sha256: str) -> str:
    """The state of a file that was read; nothing where it has changed since, which then counts."""
    state = _state(path)
    try:
        now = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
    return state if now == sha256 else ""


def _limit(kept: OrderedDict[Any, Any], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)


# A question as a variant


def title(question: Question, base: Case) -> str:
    """What a question asks, in the current language: its variant, and what was moved."""
    variant = base.variants.get(question.variant or "")
    said = [] if variant is None else [named(variant.title, question.variant or "", language())]
    moved, known = [], every_control(base)
    for id, value in question.moved:
        if (one := control(base, id, known)) is not None:
            moved.append(f"{one.called}{NO_BREAK}{shown(one, value)}")
    more = len(moved) - SHOWN
    moved = moved[:SHOWN] + ([tr("{count} more", count=more)] if more > 0 else [])
    return "; ".join([*said, *moved]) or tr("base case")


def titles(question: Question, base: Case) -> dict[Language, str]:
    """What a question asks, in each language."""
    found: dict[Language, str] = {}
    for spoken in get_args(Language):
        with using(spoken):
            found[spoken] = title(question, base)
    return found


def shown(one: Control, value: str) -> str:
    """A value of a control as people read it."""
    if one.says:
        return dict(zip(one.names, one.says, strict=True))[value]
    if one.names:
        words = {"in": tr("is built in any case"), "out": tr("is not built")}
        return words.get(value, tr("left to the search"))
    if re.fullmatch(r"funders\.[^.]+\.budget_meur|total\.[^.]+", one.id) and float(value) == 0:
        return tr("pays nothing")
    figure = exact(float(value) * one.scale)
    return f"{one.unit}{NO_BREAK}{figure}" if one.unit == "×" else f"{figure}{NO_BREAK}{one.unit}"


def as_variant(question: Question, base: Case, settings: Mapping[str, str]) -> Variant:
    """A question as a variant of its scenario, titled in both languages."""
    said = {k: text.replace(NO_BREAK, " ") for k, text in titles(question, base).items()}
    before = base.variants.get(question.variant or "")
    # What is set later has the last word, so what is moved stands behind all that was there.
    kept = {k: v for k, v in (before.set if before else {}).items() if k not in settings}
    both = {**kept, **{k: yaml.safe_load(v) for k, v in settings.items()}}
    return Variant.model_validate({"title": said, "set": both})


def with_variant(text: str, id: str, variant: Variant) -> str:
    """The text of a scenario file with one more variant, all else as it was written.

    It is written above the variants that there are, or with its own heading at the end. Raises
    Unasked where a file writes its variants so that nothing can be put among them.
    """
    about = variant.model_dump(mode="json", exclude_unset=True)
    own = yaml.safe_dump({id: about}, allow_unicode=True, sort_keys=False, width=100)
    heading = re.search(r"^variants:[ \t]*(#.*)?\r?$", text, re.MULTILINE)
    if heading is None and re.search(r"^variants[ \t]*:", text, re.MULTILINE):
        raise Unasked(
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


def saved(source: Source, id: str, variant: Variant, reader: Reader | None = None) -> bytes:
    """The file of a scenario with one more variant, read once more before it is kept; by a
    ``reader`` where there is one, as of files that are not trusted.

    Raises ScenarioError if that does not read as it should, and Unasked for a workbook, or if the
    file has a variant of that id.
    """
    if not source.is_text:
        raise Unasked(tr("a variant can be written into a file in YAML alone"))
    raw, name = source.path.read_bytes(), str(source.path)
    before = decode(raw, name)
    if id in _read_again(before, source, None, reader).case.variants:
        raise Unasked(tr("the file has a variant “{id}” already", id=id))
    text = with_variant(before, id, variant)
    _read_again(text, source, id, reader)
    return (codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b"") + text.encode()


def _read_again(text: str, source: Source, id: str | None, reader: Reader | None) -> Reading:
    """What a text says in place of the file of a scenario. Raises ScenarioError for its faults."""
    if reader is None:
        return read_case_text(text, str(source.path), id, source.mended)
    beside = source.path.with_name(f".{secrets.token_hex(8)}{source.path.suffix}")
    try:
        beside.write_text(text, encoding="utf-8")
        result = reader.read(beside, id, source.mended, owner=beside).result
    finally:
        beside.unlink(missing_ok=True)
    if isinstance(result, ScenarioError):
        raise result
    return result


def save(source: Source, id: str, variant: Variant) -> None:
    """Write one more variant into the file of a scenario, whole or not at all. Raises as
    :func:`saved`, and OSError where the file cannot be written."""
    content = saved(source, id, variant)
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
class Mendable:
    """A fault, the line that it stands in, and where a value can be put in place of a wrong one."""

    fault: Fault
    line: str
    path: str  # dotted; empty where a single value would not mend it


def mendable(faults: Sequence[Fault], source: Source) -> list[Mendable]:
    """The first faults as the page shows them."""
    files: dict[str, list[str]] = {}

    def line_of(fault: Fault) -> str:
        place = fault.place
        if place is None or not place.line or not source.is_text:
            return ""
        if place.file not in files:
            files[place.file] = []
            with suppress(OSError):
                text = Path(place.file).read_text(encoding="utf-8", errors="replace")
                files[place.file] = text.splitlines()
        return "".join(files[place.file][place.line - 1 : place.line])[:200]

    found = []
    for fault in faults[:SHOWN_FAULTS]:
        # What is mended is so for the base case and all variants.
        single = bool(fault.path) and not (fault.at_key or fault.variant)
        single = single and fault.severity == "error"
        path = ".".join(map(str, fault.path)).removesuffix(".value")  # of a figure with a source
        found.append(Mendable(fault, line_of(fault), path if single else ""))
    return found
