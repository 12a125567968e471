"""YAML and JSON, read event by event into nodes.

Scalars follow YAML 1.2 rather than 1.1: ``true`` and ``false`` are the only truth values, dates
and numbers such as ``010`` or ``1_000`` are texts. So is ``1e3``, unlike ``1.0e+3``, which is a
number in both. What YAML 1.1 would read as a truth value
(``NO``, ``on``) is refused rather than guessed. Events are read in a loop, not by recursion,
with bounds on size, on nesting and on what aliases expand to.
"""

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from models.faults import Fault, Place, ScenarioError
from models.files import decoding
from models.files.decoding import MAX_VALUES, check_characters, decode, line_and_column, refuse
from models.files.nodes import Node, Path, Report
from models.language import tr

MAX_DEPTH = 50
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?")
_EXPONENT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?[eE][-+]?[0-9]+")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TRUTH = re.compile(r"(?i:yes|no|on|off)")
_HEX = "[0-9a-fA-F]"
_PAIR = re.compile(rf"(?<!\\)((?:\\\\)*)\\u([dD][89abAB]{_HEX}{_HEX})\\u([dD][c-fC-F]{_HEX}{_HEX})")
_TAG = "tag:yaml.org,2002:"


def parse(raw: bytes, file: str, report: Report) -> Node:
    """The tree of a scenario file; raises where no tree can be made at all."""
    json = file.lower().endswith(".json")
    return _Parser(Place(file), report, json=json).parse(decode(raw, file))


def parse_setting(text: str, place: Place, report: Report) -> Node:
    """The value of a setting on the command line; every part of it has the same place."""
    check_characters(text, place)
    return _Parser(place, report, fixed=True).parse(text)


def no_mapping(root: Node, hint: str) -> Fault:
    """The fault of a file that holds something else than a mapping, or nothing."""
    message = tr("the file does not hold a mapping")
    if root.value is None:
        message = tr("the file is empty")
    return Fault((), message, hint, place=root.place)


def _joined(pair: re.Match[str]) -> str:
    """The character that JSON, unlike YAML, writes as two escapes, as the one of YAML."""
    high, low = int(pair[2], 16), int(pair[3], 16)
    code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
    return f"{pair[1]}\\U{code:08X}"


def scalar(text: str, exponents: bool = False) -> Any:
    """What a bare scalar means."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text[0] in "tT"
    if _INT.fullmatch(text):
        return int(text) if len(text) < 300 else math.inf
    if _FLOAT.fullmatch(text) or (exponents and _EXPONENT.fullmatch(text)):
        return float(text)
    if _ENDLESS.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def is_thousands(written: str) -> bool:
    """Whether a number such as ``1.500`` may have been meant as 1500."""
    return re.fullmatch(r"[-+]?[1-9]\d{0,2}\.\d{3}", written) is not None


@dataclass
class _Open:
    """A mapping or list that is being read; ``last`` is the value that came last in it, ``ends``
    where the last scalar of a mapping in braces ended."""

    node: Node
    anchor: str | None
    path: Path
    key: Node | None = None
    skip: bool = False
    flow: bool = False
    ends: int = -1
    last: Node | None = None


@dataclass
class _Parser:
    """Turns events into nodes; ``fixed`` gives all nodes the place ``start``."""

    start: Place
    report: Report
    json: bool = False
    fixed: bool = False
    _count: int = 0
    _anchors: dict[str, Node | None] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)
    _open: list[_Open] = field(default_factory=list)
    _root: Node | None = None
    _text: str = ""

    def parse(self, text: str) -> Node:
        """The tree of a text."""
        documents = 0
        self._text = text = _PAIR.sub(_joined, text) if self.json else text
        try:
            for event in yaml.parse(text, Loader=_Loader):
                documents += isinstance(event, yaml.DocumentStartEvent)
                if documents > 1:
                    hint = tr("remove the '---'")
                    raise refuse(self._place(event), tr("a second document begins"), hint)
                if isinstance(event, yaml.ScalarEvent):
                    self._add(self._scalar(event), event.anchor, event)
                elif isinstance(event, yaml.AliasEvent):
                    self._add(self._alias(event), None, event)
                elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                    self._begin(event)
                elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                    self._end()
        except yaml.YAMLError as error:
            raise self._unreadable(error, text) from None
        decoding.count("values", self._count, self.start)
        return self._root or Node(None, self.start)

    def _place(self, event: Any) -> Place:
        return self.start if self.fixed else self._at(event.start_mark)

    def _at(self, mark: Any) -> Place:
        if getattr(mark, "index", 0) >= len(self._text):
            # The parser's last place lies beyond a text that ends without a line break.
            return Place(self.start.file, *line_and_column(self._text, len(self._text)))
        return Place(self.start.file, mark.line + 1, mark.column + 1)

    def _path(self) -> Path:
        if not self._open:
            return ()
        top = self._open[-1]
        if isinstance(top.node.value, list):
            return (*top.path, len(top.node.value))
        return (*top.path, str(top.key.value)) if top.key else top.path

    def _fault(self, event: Any, message: str, hint: str = "") -> None:
        self.report(Fault(self._path(), message, hint, place=self._place(event)))

    def _grow(self, event: Any, size: int = 1) -> None:
        self._count += size
        if self._count > MAX_VALUES:
            message = tr("more than {count} values", count=MAX_VALUES)
            raise refuse(self._place(event), message, tr("put long lists into tables"))

    def _scalar(self, event: Any) -> Node:
        self._grow(event)
        place, text, tag = self._place(event), event.value, event.tag
        if event.style == '"':
            check_characters(text, place)  # which escapes can write
        if tag is not None and tag not in ("!", _TAG + "str"):
            message = tr("the tag {tag} is not allowed", tag=tag.replace(_TAG, "!!"))
            self._fault(event, message, tr("write the bare value"))
            return Node(text, place, faulty=True)
        if event.style or tag is not None:
            return Node(text, place)
        if _TRUTH.fullmatch(text) and not self.json:
            truth = "true" if text.lower() in ("yes", "on") else "false"
            quoted = "NO" if text.lower() == "no" else text
            message = tr("YAML may read a bare {text} as {truth}", text=text, truth=truth)
            hint = tr('write "{quoted}" in quotes, or {truth}', quoted=quoted, truth=truth)
            self._fault(event, message, hint)
            return Node(text, place, faulty=True)
        return Node(scalar(text, exponents=self.json), place, written=text)

    def _alias(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            message = tr("the anchor '{anchor}' is not defined", anchor=event.anchor)
            if event.anchor in self._anchors:
                message = tr("the anchor '{anchor}' stands inside itself", anchor=event.anchor)
            raise refuse(self._place(event), message)
        self._grow(event, self._sizes[event.anchor])
        return replace(node)

    def _begin(self, event: Any) -> None:
        self._grow(event)
        if len(self._open) >= MAX_DEPTH:
            message = tr("nested deeper than {count} levels", count=MAX_DEPTH)
            raise refuse(self._place(event), message)
        if event.tag is not None and event.tag != "!":
            shown = event.tag.replace(_TAG, "!!")
            self._fault(event, tr("the tag {tag} is not allowed", tag=shown), tr("leave it out"))
        node = Node({} if isinstance(event, yaml.MappingStartEvent) else [], self._place(event))
        top = self._open[-1] if self._open else None
        is_key = top is not None and isinstance(top.node.value, dict) and top.key is None
        if is_key:
            self._fault(event, tr("a key must be a plain text, not a mapping or a list"))
        if event.anchor:
            self._anchors[event.anchor] = None
            self._sizes[event.anchor] = self._count - 1
        flow = bool(event.flow_style)
        self._open.append(_Open(node, event.anchor, self._path(), skip=is_key, flow=flow))

    def _end(self) -> None:
        done = self._open.pop()
        if done.anchor:
            self._sizes[done.anchor] = self._count - self._sizes[done.anchor]
        if done.skip:
            self._open[-1].key = replace(done.node, value=None, faulty=True)
        else:
            self._add(done.node, done.anchor, None)

    def _add(self, node: Node, anchor: str | None, event: Any) -> None:
        if anchor:
            self._anchors[anchor] = node
            self._sizes.setdefault(anchor, 1)
        if not self._open:
            self._root = node
            return
        top = self._open[-1]
        if isinstance(top.node.value, list):
            top.node.value.append(node)
        elif top.key is None:
            top.key = self._key(node, event)
        else:
            key, top.key = top.key, None
            if self._is_decimal(top, key, node, event):
                return
            if not key.faulty or isinstance(key.value, str):
                self._set(top, key, node)
            top.last = node
        mark = event.end_mark if isinstance(event, yaml.ScalarEvent) else None
        top.ends = mark.index if mark else -1

    def _is_decimal(self, top: _Open, key: Node, node: Node, event: Any) -> bool:
        """Whether a key without a value is what follows a decimal comma: ``{a: 1,5}``.

        The number before it then becomes the text that was written, for the models to refuse.
        """
        last = top.last
        if not top.flow or last is None or not last.written or not key.written:
            return False
        empty = isinstance(event, yaml.ScalarEvent) and node.value is None and not node.written
        start = getattr(event.start_mark, "index", top.ends) if empty else 0
        if not empty or ":" in self._text[top.ends : start] or isinstance(last.value, bool):
            return False
        number = isinstance(last.value, (int, float)) or "," in last.written
        whole = f"{last.written},{key.written}"
        if key.written.isdecimal() and number and self._text.endswith(whole, 0, top.ends):
            last.value = last.written = whole
            return True
        if isinstance(last.value, str):
            node.torn = f"{last.value}, {key.written}"
        return False

    def _key(self, node: Node, event: Any) -> Node:
        text = node.written or node.value
        if isinstance(node.value, (dict, list)):
            self._fault(event, tr("a key must be a plain text, not a mapping or a list"))
            return replace(node, faulty=True)
        if text is None or text == "":
            hint = tr("write the name of the field before the colon")
            self._fault(event, tr("a key is empty"), hint)
            return replace(node, value=None, faulty=True)
        if node.written == "<<":
            hint = tr("write the fields out")
            self._fault(event, tr("merge keys '<<' are not supported"), hint)
            return replace(node, value=None, faulty=True)
        return replace(node, value=str(text))

    def _set(self, top: _Open, key: Node, node: Node) -> None:
        first = top.node.value.get(key.value)
        if first is None:
            node.key_place = key.place
            top.node.value[key.value] = node
            return
        where = first.key_place or first.place
        hint = tr("keep one of them")
        if where.line:
            at = f"{where.line}:{where.column}"
            hint = tr("the first is at {place}; keep one of them", place=at)
        path, message = (*top.path, key.value), tr("'{name}' is written twice", name=key.value)
        self.report(Fault(path, message, hint, at_key=True, place=key.place))

    def _unreadable(self, error: yaml.YAMLError, text: str) -> ScenarioError:
        context = getattr(error, "context_mark", None)
        mark = getattr(error, "problem_mark", None) or context
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        lines = decoding.split_lines(text)
        line = lines[mark.line] if mark and mark.line < len(lines) else ""
        place = self._at(mark) if mark and not self.fixed else self.start
        opened = f"{context.line + 1}:{context.column + 1}" if context and not self.fixed else ""
        message = tr("this is not valid YAML: {problem}", problem=tr(problem))
        return refuse(place, message, _syntax_hint(problem, line, opened))


def _syntax_hint(problem: str, line: str, opened: str) -> str:
    """What is likely to be wrong in a line; ``opened`` is where a bracket may have begun."""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent or ("\t" in line and "cannot start any token" in problem):
        return tr("indent with spaces; this line holds a tab")
    if "unknown escape" in problem:
        return tr("use single quotes around a text with backslashes")
    if "mapping values are not allowed" in problem:
        return tr("put a text with a colon into quotes, and check the indentation")
    if "expected ',' or" in problem:
        if opened:
            return tr("check for a missing comma or closing bracket after {place}", place=opened)
        return tr("check for a missing comma or closing bracket")
    if "expected key" in problem or "expected <block end>" in problem:
        return tr("check the indentation: keys of one mapping stand in one column")
    if "could not find expected ':'" in problem:
        return tr("write 'key: value' with a space after the colon")
    if "undefined alias" in problem or "anchor" in problem:
        return tr("put a text that begins with * or & into quotes")
    return ""
