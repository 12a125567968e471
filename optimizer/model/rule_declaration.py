"""Declaration of a rule of the first stage: its place and texts, and rules of the user in Python
(U2).
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from pydantic import BaseModel

from models.base import display_name
from models.faults import PathStep
from models.language import current_language, format_number, tr
from models.scenario.case import Case
from models.scenario.quantities import YearlyQuantity
from models.scenario.user_rules import RuleLevel
from optimizer.errors import Rule


class RuleContext(Protocol):
    """The part of an instance that is needed to find a rule in the scenario file."""

    @property
    def case(self) -> Case:
        """The scenario as read from its file."""

    @property
    def instruments(self) -> Sequence[Any]:
        """The instruments of the scenario, as InstrumentData."""

    @property
    def extra_rules(self) -> Any:
        """The rules in Python, as ExtraRules; None without any."""


class PolicyLimit(NamedTuple):
    """A number in the policy section of a scenario that is the limit of a rule, or a mapping of
    such numbers by year, country or the like."""

    path: str
    """Below ``policy``, dotted; the role of a mapping's keys in braces, as in
    ``max_starts_by_year.{year}``."""
    label: str
    """Label in reports, scenario workbooks and on the page, to be translated. That of a mapping
    precedes the key, unless it has a place for the ``{key}``."""
    unit: Literal["money", "share", "count", "tonnes", "factor"]
    on_page: bool = False  # whether the page has a control for it

    @property
    def pattern(self) -> str:
        """Pattern of the paths of its numbers in a scenario."""
        return _path_pattern(f"policy.{self.path}")

    @property
    def field(self) -> str:
        """The path of its field, below ``policy``, without the keys of a mapping."""
        return self.path.partition(".{")[0]

    def label_of(self, key: str) -> str:
        """Return the label of the limit with a key, in the current language; ``key`` is empty for a
        limit that is a number."""
        label = tr(self.label, key=key)
        return label if "{key}" in self.label or not key else f"{label} {key}"

    def values(self, case: Case) -> dict[Any, float]:
        """Return the limits that a scenario states, by key; None is the key of a limit that is a
        number."""
        value: Any = case.policy
        for step in self.field.split("."):
            if isinstance(value, Mapping):
                value = value.get(step)
            else:
                value = None if value is None else getattr(value, step)
        value = value.constant if isinstance(value, RuleLevel) else value
        numbers = value if isinstance(value, Mapping) else {None: value}
        return {key: float(number) for key, number in numbers.items() if number is not None}


def _path_pattern(path: str) -> str:
    return re.sub(r"\{\w+\}", "*", path.removesuffix(".{year?}"))


Parts = Mapping[str, Any]
"""Parts of the index of a constraint, by role."""


@dataclass(frozen=True)
class RuleDeclaration:
    """Declaration of a rule: its constraint, its place in the scenario file, its sentences, and how
    results treat it."""

    name: str  # of its constraint
    tag: str  # as in docs/formulation.md
    index_roles: tuple[str, ...]
    """Roles of the parts of the constraint's index: project, other (project), funder, instrument,
    line, stockpile, material, country, year, period, rule, of (group of a rule); "" for one that
    does not tell rules apart."""
    path: str
    """Path of its number or entry in the scenario, dotted, with roles in braces; ``{year?}`` where
    the number may be the same in all years."""
    text: str
    """Sentence of a conflict, to be translated, with the roles of the index and the ``value``."""
    other_text: str = ""
    """Sentence in place of ``text`` if ``uses_other_text`` returns True or, without this function,
    if the number depends on the year."""
    uses_other_text: Callable[[RuleContext, Parts], bool] | None = None
    other_path: str = ""  # the path where the other sentence is used
    clause: str = ""  # the rule as part of a sentence of an explanation, to be translated
    is_financing: bool = False  # whether it limits who carries how much of a project
    only_loosens: bool = False
    """Whether a higher number at its path only loosens it: every plan stays feasible, and neither
    damage nor cost changes. Policy limits do so always."""
    policy_limits: tuple[PolicyLimit, ...] = ()
    is_yearly: bool = False  # whether each year is a rule by itself
    has_number: bool = True  # False where its path leads to several numbers, or none
    is_reported: bool = True  # False for rules that bind for nearly every project
    is_shared: bool = False  # whether projects compete for what it limits
    is_project_share: bool = False  # whether its limit is a share of a project; 1 is no limit
    reported_as: str = ""  # name of the rule that reports show in place of this one

    @property
    def loosening_paths(self) -> tuple[str, ...]:
        """Path patterns of all numbers that make the rule looser when they are raised, and change
        nothing else."""
        policy = tuple(limit.pattern for limit in self.policy_limits)
        return (*policy, _path_pattern(self.path)) if self.only_loosens else policy

    def _pattern(self, case: Case, parts: Parts) -> str:
        """Return the path of the rule, with the place of the limit of a rule of the user."""
        if "rule" not in parts:
            return self.path
        level = ".".join(case.policy.rules[parts["rule"]].level_path)
        return self.path.replace("{level}", level)

    def describe(self, instance: RuleContext, index: Any) -> Rule:
        """Return the rule of the constraint row with this index, in the form in which conflicts and
        results state it."""
        index = index if isinstance(index, tuple) else (index,)
        if self.name == "extra_rule" and instance.extra_rules is not None:
            extra = instance.extra_rules
            values = {"constraint": index[0], "place": f"{extra.name} ({extra.place})"}
            says = tr(self.text, **values)
            return Rule(self.tag, self.name, says, ("extra", str(index[0])), says)
        parts = {role: x for role, x in zip(self.index_roles, index, strict=False) if role}
        if "other" in parts:  # a pair that the scenario states in either order
            p, other = parts["project"], parts["other"]
            if other not in getattr(instance.case.projects[p], self.name):
                parts |= {"project": other, "other": p}
        pattern = self._pattern(instance.case, parts)
        path, number, by_year = _resolve_path(instance.case, pattern, parts)
        use_other = self.uses_other_text(instance, parts) if self.uses_other_text else by_year
        if use_other and self.other_path:
            path, *_ = _resolve_path(instance.case, self.other_path, parts)
        text = (use_other and self.other_text) or self.text
        is_number = number is None or isinstance(number, float)
        values = {**parts, "value": format_number(number or 0.0) if is_number else ""}
        if "rule" in parts:  # a title says more than the id, which is part of the path
            values["rule"] = _display_name(instance, "rule", parts)
        names = values | {role: _display_name(instance, role, parts) for role in parts}
        name = self.reported_as or self.name
        return Rule(self.tag, name, tr(text, **values), path, tr(text, **names))


def _resolve_path(case: Case, pattern: str, parts: Parts) -> tuple[tuple[PathStep, ...], Any, bool]:
    """Return the path of a rule in a scenario, the value at this path, and whether it depends on
    the year.

    If the value is the same in all years, so is the path, and the rule counts once although it may
    bind in several years.
    """
    path: tuple[PathStep, ...] = ()
    value: Any = case
    by_year = False
    for step in pattern.split("."):
        key: Any = parts[step.strip("{?}")] if step.startswith("{") else step
        key = (
            key.removesuffix(".") if isinstance(key, str) else key
        )  # group of a company ``common``
        if isinstance(value, tuple):
            key = [getattr(item, "id", item) for item in value].index(key)
            path, value = (*path, key), value[key]
        elif isinstance(value, YearlyQuantity):
            path = (*path, str(key)) if key in value.years else path
            by_year, value = bool(value.years), value.at(key)
        elif isinstance(value, Mapping):
            path = (*path, str(key)) if key in value else path
            by_year, value = step == "{year}", value.get(key, 0.0)
        elif isinstance(value, BaseModel):
            path, value = (*path, key), getattr(value, key)
    return path, value.constant if isinstance(value, RuleLevel) else value, by_year


def _display_name(instance: RuleContext, role: str, parts: Parts) -> Any:
    """Return the name of an object that a sentence mentions, in the current language, or its id if
    it has no name."""
    case, id = instance.case, parts[role]
    funder = case.funders.get(str(parts.get("funder", "")).removesuffix("."))
    if role == "rule":
        return display_name(case.policy.rules[id].title, id, current_language())
    if role == "of":
        role = case.policy.rules[parts["rule"]].grouping or ""
    sections: dict[str, Mapping[Any, Any]] = {
        "project": case.projects,
        "other": case.projects,
        "material": case.materials,
        "stockpile": {pile.id: pile for pile in case.stockpiles},
        "funder": case.funders if funder is None else {parts.get("funder"): funder},
        "instrument": {} if funder is None else funder.instruments,
        "line": {} if funder is None else funder.budget_lines,
    }
    item = sections.get(role, {}).get(id) if isinstance(id, str) else None
    return id if item is None else display_name(getattr(item, "name", None), id, current_language())


@dataclass(frozen=True)
class ExtraRules:
    """A function that adds constraints over first-stage variables to a model."""

    add: Callable[[Any, Case], object]
    """Adds Pyomo constraints to the model, which is the first argument."""
    name: str
    place: str  # file and line of the function, for messages
    sha256: str  # of the function's source (its code where there is none) and parameters

    @classmethod
    def of(cls, function: Callable[..., object], add: Callable[[Any, Case], object]) -> ExtraRules:
        """Return the rules that ``add`` adds, described by the name and the source of
        ``function``."""
        named = function
        while isinstance(named, functools.partial):
            named = named.func
        code = getattr(named, "__code__", None)
        place = "" if code is None else f"{Path(code.co_filename).name}:{code.co_firstlineno}"
        name = getattr(named, "__qualname__", type(named).__name__)
        return cls(add, name, place, _content(function).hex())


def _content(value: Any, callers: tuple[Any, ...] = ()) -> bytes:
    """Return a hash of what identifies a function with its parameters, or another value: source,
    default values, values from enclosing functions, and arguments that are already given."""
    parts: list[Any] = []
    for method in ("to_dict", "tolist"):  # of frames and arrays, whose text is shortened
        if hasattr(value, method) and not isinstance(value, type):
            value = getattr(value, method)()
    if isinstance(value, functools.partial):
        content = _content(value.func, callers)
        parts = [*value.args, *sorted(value.keywords.items())]
    elif (code := getattr(value, "__code__", None)) is not None:
        if value in callers:
            return b""
        callers = (*callers, value)
        try:
            content = inspect.getsource(value).encode()
        except (OSError, TypeError):
            content = code.co_code + repr(code.co_consts).encode()
        parts = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
        for cell in value.__closure__ or ():
            with suppress(ValueError):  # nothing has been assigned yet
                parts.append(cell.cell_contents)
    elif isinstance(value, list | tuple | dict | set | frozenset):
        content = type(value).__qualname__.encode()
        parts = [*(value.items() if isinstance(value, dict) else value)]
        if not isinstance(value, list | tuple):
            parts.sort(key=repr)  # the order of a set of texts differs between processes
    else:
        text = repr(value)
        content = f"{type(value).__qualname__} {'' if ' at 0x' in text else text}".encode()
    hashes = [_content(part, callers) for part in parts]
    return hashlib.sha256(b"".join([content, b"\0", *hashes])).digest()


_current: ContextVar[ExtraRules | None] = ContextVar("extra_rules", default=None)


def current_extra_rules() -> ExtraRules | None:
    """Return the rules in Python that new instances have; None outside of :func:`applying`."""
    return _current.get()


@contextmanager
def applying(rules: ExtraRules | None) -> Iterator[None]:
    """Give rules in Python to all instances that are read within the context."""
    token = _current.set(rules)
    try:
        yield
    finally:
        _current.reset(token)
