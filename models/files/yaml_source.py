"""Parsing of YAML, JSON and Python objects into nodes.

Scalars follow YAML 1.2 rather than 1.1: only ``true`` and ``false`` are booleans; dates, ``010``
and ``1_000`` are texts, and so is ``1e3``, unlike ``1.0e+3``, which is a number in both versions.
What YAML 1.1 would read as a boolean (``NO``, ``on``) is refused. Events are processed without
recursion, with bounds on size, nesting and the expansion of aliases.

A value has no line, so that its location is its dotted path, such as
``projects.refinery.capex_meur``; a list item with an id is named by it, as in settings.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import yaml

from models.faults import Fault, ScenarioError, SourceLocation
from models.files import decoding
from models.files.decoding import (
    MAX_VALUES,
    check_characters,
    decode_text,
    fatal_error,
    line_and_column,
)
from models.files.nodes import FaultReporter, Node, NodePath

MAX_DEPTH = 50
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?")
_EXPONENT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?[eE][-+]?[0-9]+")
_NON_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_YAML11_BOOLEAN = re.compile(r"(?i:yes|no|on|off)")
_HEX_DIGIT = "[0-9a-fA-F]"
_SURROGATE_PAIR = re.compile(
    rf"(?<!\\)((?:\\\\)*)\\u([dD][89abAB]{_HEX_DIGIT}{_HEX_DIGIT})\\u([dD][c-fC-F]{_HEX_DIGIT}{_HEX_DIGIT})"
)
_TAG_PREFIX = "tag:yaml.org,2002:"


def parse_yaml(raw: bytes, file: str, report: FaultReporter) -> Node:
    """Return the tree of a scenario file. Raises ScenarioError if it cannot be parsed."""
    is_json = file.lower().endswith(".json")
    return _Parser(SourceLocation(file), report, is_json=is_json).parse(decode_text(raw, file))


def parse_setting(text: str, location: SourceLocation, report: FaultReporter) -> Node:
    """Return the node of the value of a setting; all its parts have the location ``location``.

    Raises ScenarioError if the text cannot be parsed.
    """
    check_characters(text, location)
    return _Parser(location, report, has_fixed_location=True).parse(text)


def not_a_mapping_fault(root: Node, hint: str) -> Fault:
    """Return the fault of a file that is empty or holds no mapping."""
    message = "the file does not hold a mapping"
    if root.value is None:
        message = "the file is empty"
    return Fault((), message, hint, location=root.location)


def _join_surrogates(pair: re.Match[str]) -> str:
    """Return the one YAML escape for a surrogate pair, which JSON writes as two escapes."""
    high_surrogate, low_surrogate = int(pair[2], 16), int(pair[3], 16)
    code_point = 0x10000 + ((high_surrogate - 0xD800) << 10) + (low_surrogate - 0xDC00)
    return f"{pair[1]}\\U{code_point:08X}"


def parse_scalar(text: str, exponents: bool = False) -> Any:
    """Return the value of an unquoted scalar: None, a boolean, a number or a text.

    With ``exponents``, texts such as ``1e3`` are numbers.
    """
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text[0] in "tT"
    if _INT.fullmatch(text):
        return int(text) if len(text) < 300 else math.inf
    if _FLOAT.fullmatch(text) or (exponents and _EXPONENT.fullmatch(text)):
        return float(text)
    if _NON_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def may_be_thousands(raw_text: str) -> bool:
    """Return whether a number such as ``1.500`` may have been meant as 1500."""
    return re.fullmatch(r"[-+]?[1-9]\d{0,2}\.\d{3}", raw_text) is not None


def thousands_warning(node: Node, path: NodePath) -> Fault | None:
    """Return a warning if a number such as ``1.500`` may have been meant as 1500, else None."""
    if not may_be_thousands(node.raw_text):
        return None
    message = f"{node.raw_text} is read as {node.value:g}"
    hint = "if {meant} is meant, write {meant}".format(meant=node.raw_text.replace(".", ""))
    return Fault(path, message, hint, "warning", location=node.location)


@dataclass
class _OpenCollection:
    """A mapping or list whose end has not been read yet.

    ``key`` is a key whose value has not been read yet. ``is_skipped`` marks a collection in place
    of a key, ``is_flow`` one in braces or brackets. ``last_value`` is the value that was added
    last; ``end_index`` is the index in the text at which it ended if it is a scalar, otherwise -1.
    """

    node: Node
    anchor: str | None
    path: NodePath
    key: Node | None = None
    is_skipped: bool = False
    is_flow: bool = False
    end_index: int = -1
    last_value: Node | None = None


@dataclass
class _Parser:
    """Parser of YAML events into nodes.

    With ``has_fixed_location`` all nodes have the location ``start_location``.
    """

    start_location: SourceLocation
    report: FaultReporter
    is_json: bool = False
    has_fixed_location: bool = False
    _value_count: int = 0
    _anchors: dict[str, Node | None] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)
    _open_collections: list[_OpenCollection] = field(default_factory=list)
    _root: Node | None = None
    _text: str = ""

    def parse(self, text: str) -> Node:
        """Return the tree of a text. Raises ScenarioError if it cannot be parsed."""
        document_count = 0
        self._text = text = _SURROGATE_PAIR.sub(_join_surrogates, text) if self.is_json else text
        try:
            for event in yaml.parse(text, Loader=_Loader):
                document_count += isinstance(event, yaml.DocumentStartEvent)
                if document_count > 1:
                    hint = "remove the '---'"
                    raise fatal_error(
                        self._location_of_event(event), "a second document begins", hint
                    )
                if isinstance(event, yaml.ScalarEvent):
                    self._add_node(self._read_scalar(event), event.anchor, event)
                elif isinstance(event, yaml.AliasEvent):
                    self._add_node(self._resolve_alias(event), None, event)
                elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                    self._begin_collection(event)
                elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                    self._end_collection()
        except yaml.YAMLError as error:
            raise self._syntax_error(error, text) from None
        decoding.count_toward_limits("values", self._value_count, self.start_location)
        return self._root or Node(None, self.start_location)

    def _location_of_event(self, event: Any) -> SourceLocation:
        return (
            self.start_location
            if self.has_fixed_location
            else self._location_of_mark(event.start_mark)
        )

    def _location_of_mark(self, mark: Any) -> SourceLocation:
        if getattr(mark, "index", 0) >= len(self._text):
            # The parser's last mark lies beyond a text that ends without a line break.
            return SourceLocation(
                self.start_location.file, *line_and_column(self._text, len(self._text))
            )
        return SourceLocation(self.start_location.file, mark.line + 1, mark.column + 1)

    def _current_path(self) -> NodePath:
        if not self._open_collections:
            return ()
        open_collection = self._open_collections[-1]
        if isinstance(open_collection.node.value, list):
            return (*open_collection.path, len(open_collection.node.value))
        return (
            (*open_collection.path, str(open_collection.key.value))
            if open_collection.key
            else open_collection.path
        )

    def _report_fault(self, event: Any, message: str, hint: str = "") -> None:
        self.report(
            Fault(self._current_path(), message, hint, location=self._location_of_event(event))
        )

    def _count_values(self, event: Any, size: int = 1) -> None:
        self._value_count += size
        if self._value_count > MAX_VALUES:
            message = f"more than {MAX_VALUES} values"
            raise fatal_error(self._location_of_event(event), message, "put long lists into tables")

    def _read_scalar(self, event: Any) -> Node:
        self._count_values(event)
        location, text, tag = self._location_of_event(event), event.value, event.tag
        if event.style == '"':
            check_characters(text, location)  # escapes can stand for control characters
        if tag is not None and tag not in ("!", _TAG_PREFIX + "str"):
            message = "the tag {tag} is not allowed".format(tag=tag.replace(_TAG_PREFIX, "!!"))
            self._report_fault(event, message, "write the bare value")
            return Node(text, location, faulty=True)
        if event.style or tag is not None:
            return Node(text, location)
        if _YAML11_BOOLEAN.fullmatch(text) and not self.is_json:
            truth_value = "true" if text.lower() in ("yes", "on") else "false"
            quoted_text = "NO" if text.lower() == "no" else text
            message = f"YAML may read a bare {text} as {truth_value}"
            hint = f'write "{quoted_text}" in quotes, or {truth_value}'
            self._report_fault(event, message, hint)
            return Node(text, location, faulty=True)
        return Node(parse_scalar(text, exponents=self.is_json), location, raw_text=text)

    def _resolve_alias(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            message = f"the anchor '{event.anchor}' is not defined"
            if event.anchor in self._anchors:
                message = f"the anchor '{event.anchor}' stands inside itself"
            raise fatal_error(self._location_of_event(event), message)
        self._count_values(event, self._sizes[event.anchor])
        return replace(node)

    def _begin_collection(self, event: Any) -> None:
        self._count_values(event)
        if len(self._open_collections) >= MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels"
            raise fatal_error(self._location_of_event(event), message)
        if event.tag is not None and event.tag != "!":
            tag = event.tag.replace(_TAG_PREFIX, "!!")
            self._report_fault(event, f"the tag {tag} is not allowed", "leave it out")
        node = Node(
            {} if isinstance(event, yaml.MappingStartEvent) else [], self._location_of_event(event)
        )
        open_collection = self._open_collections[-1] if self._open_collections else None
        is_key = (
            open_collection is not None
            and isinstance(open_collection.node.value, dict)
            and open_collection.key is None
        )
        if is_key:
            self._report_fault(event, "a key must be a plain text, not a mapping or a list")
        if event.anchor:
            self._anchors[event.anchor] = None
            self._sizes[event.anchor] = self._value_count - 1  # made a size at the end
        is_flow = bool(event.flow_style)
        self._open_collections.append(
            _OpenCollection(
                node, event.anchor, self._current_path(), is_skipped=is_key, is_flow=is_flow
            )
        )

    def _end_collection(self) -> None:
        collection = self._open_collections.pop()
        if collection.anchor:
            start = self._sizes[collection.anchor]
            self._sizes[collection.anchor] = self._value_count - start
        if collection.is_skipped:
            self._open_collections[-1].key = replace(collection.node, value=None, faulty=True)
        else:
            self._add_node(collection.node, collection.anchor, None)

    def _add_node(self, node: Node, anchor: str | None, event: Any) -> None:
        if anchor:
            self._anchors[anchor] = node
            self._sizes.setdefault(anchor, 1)
        if not self._open_collections:
            self._root = node
            return
        open_collection = self._open_collections[-1]
        if isinstance(open_collection.node.value, list):
            open_collection.node.value.append(node)
        elif open_collection.key is None:
            open_collection.key = self._check_key(node, event)
        else:
            key, open_collection.key = open_collection.key, None
            if self._joins_decimal_comma(open_collection, key, node, event):
                return
            if not key.faulty or isinstance(key.value, str):
                self._set_entry(open_collection, key, node)
            open_collection.last_value = node
        mark = event.end_mark if isinstance(event, yaml.ScalarEvent) else None
        open_collection.end_index = mark.index if mark else -1

    def _joins_decimal_comma(
        self, open_collection: _OpenCollection, key: Node, node: Node, event: Any
    ) -> bool:
        """Return whether a key without a value results from a decimal comma: ``{a: 1,5}``.

        If so, the number before the comma is replaced by the text that was written, such as
        ``1,5``, so that validation refuses it. If a comma has split a text instead, ``cut_text`` of
        ``node`` is set to the complete text.
        """
        last_value = open_collection.last_value
        if (
            not open_collection.is_flow
            or last_value is None
            or not last_value.raw_text
            or not key.raw_text
        ):
            return False
        is_empty = isinstance(event, yaml.ScalarEvent) and node.value is None and not node.raw_text
        start = getattr(event.start_mark, "index", open_collection.end_index) if is_empty else 0
        if (
            not is_empty
            or ":" in self._text[open_collection.end_index : start]
            or isinstance(last_value.value, bool)
        ):
            return False
        is_number = isinstance(last_value.value, (int, float)) or "," in last_value.raw_text
        joined_text = f"{last_value.raw_text},{key.raw_text}"
        if (
            key.raw_text.isdecimal()
            and is_number
            and self._text.endswith(joined_text, 0, open_collection.end_index)
        ):
            last_value.value = last_value.raw_text = joined_text
            return True
        if isinstance(last_value.value, str):
            node.cut_text = f"{last_value.value}, {key.raw_text}"
        return False

    def _check_key(self, node: Node, event: Any) -> Node:
        text = node.raw_text or node.value
        if isinstance(node.value, (dict, list)):
            self._report_fault(event, "a key must be a plain text, not a mapping or a list")
            return replace(node, faulty=True)
        if text is None or text == "":
            hint = "write the name of the field before the colon"
            self._report_fault(event, "a key is empty", hint)
            return replace(node, value=None, faulty=True)
        if node.raw_text == "<<":
            hint = "write the fields out"
            self._report_fault(event, "merge keys '<<' are not supported", hint)
            return replace(node, value=None, faulty=True)
        return replace(node, value=str(text))

    def _set_entry(self, open_collection: _OpenCollection, key: Node, node: Node) -> None:
        first_node = open_collection.node.value.get(key.value)
        if first_node is None:
            node.key_location = key.location
            open_collection.node.value[key.value] = node
            return
        first_location = first_node.key_location or first_node.location
        hint = "keep one of them"
        if first_location.line:
            position = f"{first_location.line}:{first_location.column}"
            hint = f"the first is at {position}; keep one of them"
        path, message = ((*open_collection.path, key.value), f"'{key.value}' is written twice")
        self.report(Fault(path, message, hint, at_key=True, location=key.location))

    def _syntax_error(self, error: yaml.YAMLError, text: str) -> ScenarioError:
        context = getattr(error, "context_mark", None)
        mark = getattr(error, "problem_mark", None) or context
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        lines = decoding.split_lines(text)
        line = lines[mark.line] if mark and mark.line < len(lines) else ""
        location = (
            self._location_of_mark(mark)
            if mark and not self.has_fixed_location
            else self.start_location
        )
        bracket_position = (
            f"{context.line + 1}:{context.column + 1}"
            if context and not self.has_fixed_location
            else ""
        )
        message = f"this is not valid YAML: {problem}"
        return fatal_error(location, message, _syntax_hint(problem, line, bracket_position))


def _syntax_hint(problem: str, line: str, bracket_position: str) -> str:
    """Return a hint about a YAML syntax error; empty if there is none.

    ``bracket_position`` is the line and column at which an unclosed bracket may have begun.
    """
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent or ("\t" in line and "cannot start any token" in problem):
        return "indent with spaces; this line holds a tab"
    if "%" in line and "cannot start any token" in problem:
        return "put % into quotes, or write percent"
    if "unknown escape" in problem:
        return "use single quotes around a text with backslashes"
    if "mapping values are not allowed" in problem:
        return "put a text with a colon into quotes, and check the indentation"
    if "expected ',' or" in problem:
        if bracket_position:
            return f"check for a missing comma or closing bracket after {bracket_position}"
        return "check for a missing comma or closing bracket"
    if "expected key" in problem or "expected <block end>" in problem:
        return "check the indentation: keys of one mapping stand in one column"
    if "could not find expected ':'" in problem:
        return "write 'key: value' with a space after the colon"
    if "undefined alias" in problem or "anchor" in problem:
        return "put a text that begins with * or & into quotes"
    return ""


def read_mapping(content: Mapping[Any, Any], name: str, report: FaultReporter) -> Node:
    """Return the tree of a scenario that is given as a mapping.

    Values may be mappings, lists, tuples, arrays, texts, numbers, booleans, dates and None. Other
    values are reported. ``name`` stands for the file name in messages.
    """
    return _read_value(content, name, report, ())


def _read_value(value: Any, name: str, report: FaultReporter, path: NodePath) -> Node:
    location = SourceLocation(name, cell=".".join(map(str, path)))
    node = Node(None, location, location)
    if len(path) >= MAX_DEPTH:
        return _reject(node, path, f"nested deeper than {MAX_DEPTH} levels", report)
    if isinstance(value, date):
        value = value.isoformat()
    value = to_plain_value(value)
    if isinstance(value, Mapping):
        node.value = {}
        for key, child in value.items():
            if not isinstance(key, str | int) or isinstance(key, bool):
                message = f"'{key}' is no key; keys are texts or years"
                _reject(node, path, message, report)
                continue
            node.value[str(key)] = _read_value(child, name, report, (*path, str(key)))
    elif isinstance(value, list | tuple):
        steps = [
            item["id"] if isinstance(item, Mapping) and isinstance(item.get("id"), str) else n
            for n, item in enumerate(value)
        ]
        pairs = zip(steps, value, strict=True)
        node.value = [_read_value(item, name, report, (*path, step)) for step, item in pairs]
    elif isinstance(value, float) and not math.isfinite(value):
        return _reject(node, path, f"{value} is not a finite number", report)
    elif value is None or isinstance(value, str | bool | int | float):
        node.value = value
    else:
        kind = type(value).__name__
        message = f"a value of the type {kind} cannot be read"
        return _reject(node, path, message, report)
    return node


def _reject(node: Node, path: NodePath, message: str, report: FaultReporter) -> Node:
    hint = "give numbers, texts, lists and mappings"
    report(Fault(path, message, hint, location=node.location))
    node.faulty = True
    return node


def to_plain_value(value: Any) -> Any:
    """Return arrays as lists, and numbers of NumPy and decimals as Python numbers."""
    if isinstance(value, Decimal):
        return float(value)
    return value.tolist() if hasattr(value, "tolist") and hasattr(value, "shape") else value


def setting_texts(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return changes by dotted path as settings, ``path=value``.

    Raise TypeError if a path is no text, or a value cannot be written.
    """
    if not all(isinstance(path, str) for path in changes):
        raise TypeError
    return tuple(f"{path}={_flow_text(value)}" for path, value in changes.items())


def _flow_text(value: Any) -> str:
    """Return a value in YAML's flow style, without exponents, which files do not have."""
    value = to_plain_value(value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str | int) for key in value):
            raise TypeError
        items = (f"{_flow_text(str(key))}: {_flow_text(item)}" for key, item in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow_text, value))}]"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError
        return f"{Decimal(repr(value)):f}"
    if value is None or isinstance(value, str | bool | int):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError
