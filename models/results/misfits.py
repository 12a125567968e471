"""Where a result does not fit the scenario that it carries: ids and years that it lacks.

What a field may hold is marked in the models (``In``, ``Every``); what fields owe to each other, so
that they can be read together, is said here. A result that was just made fits; one that is read
from a file may have been edited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from models.language import tr
from models.results.base import Result
from models.results.explanation import LimitValue
from models.results.frontier import Frontier
from models.results.ids import Every, In
from models.results.plan import LEVELS, Distribution, Outcome
from models.results.split import Split
from models.scenario.case import Case

LARGEST = 1e24
"""No figure of a result is larger; larger ones would leave the range of numbers when added up."""

Misfit = tuple[str, str]
"""Where it stands in the document, and what is wrong there."""


def misfits(document: Result) -> Iterator[Misfit]:
    """All places in which a result does not fit its own scenario, and figures without bound."""
    case = getattr(document, "case", None)
    known = {} if case is None else _known(case)
    if isinstance(document, Frontier) and document.varied.startswith("horizon."):
        known.pop("years", None)  # plans of its points have years of their own
    yield from _in_model(document, (), known)


def _known(case: Case) -> dict[str, Collection[str]]:
    return {
        "projects": case.projects,
        "stockpiles": [stockpile.id for stockpile in case.stockpiles],
        "funders": case.funders,
        "instruments": {i for funder in case.funders.values() for i in funder.instruments},
        "materials": case.materials,
        "consumers": case.consumers,
        "variants": case.variants,
        "hazards": case.hazards,
        "years": list(map(str, case.horizon.years)),
    }


_At = tuple[str | int, ...]
_Known = Mapping[str, Collection[str]]


def _in_model(model: Result, at: _At, known: _Known) -> Iterator[Misfit]:
    hints = _hints(type(model))
    for name in type(model).model_fields:
        yield from _in(getattr(model, name), hints[name], (*at, name), known)
    if (owed := _OWED.get(type(model))) is not None:
        for where, message in owed(model):
            yield _dotted((*at, where)), message


@cache
def _hints(model: type[Result]) -> dict[str, Any]:
    return get_type_hints(model, include_extras=True)


def _in(
    value: Any, hint: Any, at: _At, known: _Known, marks: Sequence[Any] = ()
) -> Iterator[Misfit]:
    if get_origin(hint) is Annotated:
        yield from _in(value, hint.__origin__, at, known, hint.__metadata__)
    elif isinstance(value, Result):
        yield from _in_model(value, at, known)
    elif isinstance(value, dict):
        key, item = get_args(_of(hint, dict)) or (Any, Any)
        for name, inner in value.items():
            yield from _in(name, key, (*at, name), known)
            yield from _in(inner, item, (*at, name), known)
        yield from _incomplete(list(value), key, at, known, marks)
    elif isinstance(value, (tuple, list)):
        items = get_args(_of(hint, tuple)) or (Any, ...)
        for number, inner in enumerate(value):
            item = items[0] if items[-1] is ... else items[number]
            yield from _in(inner, item, (*at, number), known)
        if any(isinstance(mark, Every) for mark in marks):
            ids = [item.id for item in value]
            yield from _incomplete(ids, _hints(items[0])["id"], at, known, marks)
    elif isinstance(value, (int, float)) and abs(value) > LARGEST:
        yield _dotted(at), tr("{value} is larger than any figure can be", value=f"{value:.3g}")
    else:
        yield from _unknown(value, hint, at, known, marks)


def _of(hint: Any, kind: type) -> Any:
    """What is said of mappings or lists where there may be nothing instead."""
    found = [one for one in (hint, *get_args(hint)) if get_origin(one) is kind]
    return found[0] if found else None


def _unknown(
    value: Any, hint: Any, at: _At, known: _Known, marks: Sequence[Any]
) -> Iterator[Misfit]:
    """An id or a year that the scenario does not have; also within ``ids.Funder | None``."""
    inner = [mark for one in get_args(hint) for mark in getattr(one, "__metadata__", ())]
    for mark in (*marks, *inner):
        if isinstance(mark, In) and value is not None and mark.section in known:
            there = known[mark.section]
            if str(value) not in there:
                message = tr(
                    "'{value}' is not in its scenario, whose {section} are {known}",
                    value=str(value)[:60],
                    section=mark.section,
                    known=_some(there),
                )
                yield _dotted(at), message


def _incomplete(
    keys: Sequence[str], hint: Any, at: _At, known: _Known, marks: Sequence[Any]
) -> Iterator[Misfit]:
    """What lacks, or stands twice, where all of the scenario have to stand."""
    own = [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, In)]
    if not own or not known or not any(isinstance(mark, Every) for mark in marks):
        return
    for key in known[own[0].section]:
        if key not in keys:
            yield _dotted(at), tr("'{key}' is missing", key=key)
    for key, count in Counter(keys).items():
        if count > 1:
            yield _dotted(at), tr("'{key}' stands twice", key=key)


def _one_figure_a_level(found: Distribution) -> Iterator[Misfit]:
    for name, figures in found:
        count = len(figures)
        if count < 2 or count != len(found.levels):
            message = tr("it has {count} figures, and needs as many as levels, two at least",
                         count=count)  # fmt: skip
            yield name, message


def _at_levels_of_plans(found: Outcome) -> Iterator[Misfit]:
    """Reports look quantiles up by their levels."""
    spread = found.distribution
    if spread is not None and [round(level, 6) for level in spread.levels] != list(LEVELS):
        yield "distribution.levels", tr("they have to be 0, 0.01 and so on to 1")


def _visible_is_a_step(found: LimitValue) -> Iterator[Misfit]:
    steps = [one.step for one in found.steps]
    if found.visible is not None and found.visible not in steps:
        shown = ", ".join(map(str, steps))
        yield "visible", tr("it is {value}, and has to be one of the steps {steps}",
                            value=found.visible, steps=shown)  # fmt: skip


def _of_its_players(found: Split) -> Iterator[Misfit]:
    players = [player.id for player in found.players]
    plan, outside = found.plan, found.externality
    whole: list[tuple[str, Collection[str]]] = [
        ("plan.damage", plan.damage),
        ("plan.without_plan", plan.without_plan),
    ]
    some: list[tuple[str, Collection[str]]] = [("free_riding", found.free_riding)]
    some += [(f"coalitions.{n}.members", one.members) for n, one in enumerate(found.coalitions)]
    for n, rule in enumerate(found.rules):
        whole.append((f"rules.{n}.members", rule.members))
        some += [(f"rules.{n}.leaving", group.members) for group in rule.leaving]
    cores = [("core", found.core)]
    if outside is not None:
        cores.append(("externality.core", outside.core))
        whole += [("externality.alone", outside.alone), ("externality.shapley", outside.shapley)]
    for name, core in cores:
        if core is not None:
            whole.append((f"{name}.members", core.members))
            some += [(f"{name}.binding", group) for group in core.binding]
    for where, ids in (*whole, *some):
        for id_ in ids:
            if id_ not in players:
                yield where, tr("'{id}' is not a player; these are {known}", id=id_[:60],
                                known=_some(players))  # fmt: skip
    for where, ids in whole:
        for id_ in players:
            if id_ not in ids:
                yield where, tr("'{key}' is missing", key=id_)


_OWED: dict[type[Result], Callable[[Any], Iterator[Misfit]]] = {
    Distribution: _one_figure_a_level,
    LimitValue: _visible_is_a_step,
    Outcome: _at_levels_of_plans,
    Split: _of_its_players,
}


def _some(ids: Collection[str]) -> str:
    shown = list(ids)[:8]
    return ", ".join(shown) + (", ..." if len(ids) > len(shown) else "") if shown else tr("none")


def _dotted(at: Sequence[str | int]) -> str:
    return ".".join(map(str, at))
