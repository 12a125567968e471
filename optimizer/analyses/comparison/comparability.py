"""In what the scenarios of two plans differ, and which figures that keeps from being compared."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.results import Plan
from models.results.comparison import Barred, Change, Unlike
from models.scenario.quantities import REMARKS

ALIKE = 1e-9
"""Damage that differs by a smaller part is arithmetic."""
SHOWN = 120
"""Characters of a value that are shown."""
ALL: tuple[Barred, ...] = ("damage", "money", "dependence")

SUBJECTS: Mapping[str, tuple[Barred, ...]] = {
    "currency": ("damage", "money"),
    "price_year": ("damage", "money"),
    "horizon": ("damage", "money"),
    "horizon.periods_per_year": ("damage",),
    "horizon.residual_value": ("money", "objective"),
    "objective.measure": ("damage",),
    "objective.cvar.level": ("tail", "objective"),
    "objective.cvar.weight": ("objective",),
    "objective.cost_weight": ("objective",),
    "objective.ambiguity": ("objective",),
    "objective.allocation": (),
    "objective.over_assumptions": ("objective",),
    "assumptions": (),
    "review": (),
    "demand": ("damage", "dependence"),
    "supply": ("damage", "dependence"),
    "conversions": ("damage", "dependence"),
    "damage": ("damage",),
    "hazards": ("damage",),
    "uncertainty": ("damage",),
    "home": ("dependence",),
    "materials": (),
    "consumers": (),
    "projects": (),
}
"""What plans rest on that is no option of funding, and the figures that a difference bars."""
TEXTS = frozenset({"name", "title", "description"})
NO_CONTENT = frozenset({"variants", "sources", "title", "description", "schema_version"})


def changes(base: Plan, option: Plan) -> tuple[Change, ...]:
    """All values of the scenario that differ, in the order of its sections; names apart."""
    if base.case is None or option.case is None:
        return ()
    if base.certificate.input_sha256 == option.certificate.input_sha256:
        return ()
    return tuple(_differences(_content(base), _content(option), ()))


def unlike(base: Plan, option: Plan, label: str, found: Sequence[Change]) -> list[Unlike]:
    """In what an option is not like the base, ``found`` being what differs between them."""
    same = base.certificate.input_sha256 == option.certificate.input_sha256
    if (base.case is None or option.case is None) and not same:
        written = tuple(
            None if p.case is None else p.certificate.input_sha256 for p in (base, option)
        )
        change = Change(path="scenario", base=written[0], value=written[1])
        return [Unlike(option=label, subject="scenario", changes=(change,), bars=ALL)]
    by_subject: dict[str, list[Change]] = {}
    for change in found:
        subject = _subject(change.path)
        if subject is not None:
            by_subject.setdefault(subject, []).append(change)
    told = [
        Unlike(option=label, subject=subject, changes=tuple(some), bars=SUBJECTS.get(subject, ()))
        for subject, some in by_subject.items()
    ]
    if _world(base) != _world(option):
        # A plan over sets is told of the file as it stands, or of the first of its sets.
        ids = [None if p.seen_under is None else p.seen_under.id for p in (base, option)]
        change = Change(path="assumptions", base=ids[0], value=ids[1])
        told.append(
            Unlike(option=label, subject="assumptions", changes=(change,), bars=("damage",))
        )
    if "damage" not in barred(told) and (start := _other_start(base, option)) is not None:
        told.append(Unlike(option=label, subject="outcome.without_plan", changes=(start,), bars=()))
    return told


def _world(plan: Plan) -> Mapping[str, Any]:
    """What the figures of a plan over sets of assumptions change of its file."""
    seen = plan.seen_under
    return {} if seen is None or plan.case is None else plan.case.assumptions[seen.id].set


def _other_start(base: Plan, option: Plan) -> Change | None:
    """What comes without any plan, where that differs: by initial stocks, say, or allocation."""
    before, after = (plan.outcome.without_plan.expected for plan in (base, option))
    if abs(before - after) <= ALIKE * max(1.0, abs(before), abs(after)):
        return None
    path = "outcome.without_plan.expected"
    return Change(path=path, base=_shown(before), value=_shown(after))


def barred(found: Sequence[Unlike]) -> frozenset[Barred]:
    """All figures that are not compared, with those that follow from others."""
    bars = {bar for one in found for bar in one.bars}
    return frozenset(bars | {"tail", "objective"} if "damage" in bars else bars)


def _subject(path: str) -> str | None:
    """The longest known subject that a path lies in."""
    steps = path.split(".")
    for length in range(len(steps), 0, -1):
        if (known := ".".join(steps[:length])) in SUBJECTS:
            return known
    return None


def _content(plan: Plan) -> dict[str, Any]:
    # The case as it is read today: fields that came later stand there with their defaults.
    assert plan.case is not None
    written = plan.case.model_dump(
        mode="json", by_alias=True, exclude=set(NO_CONTENT), exclude_none=True
    )
    content: dict[str, Any] = _bare(written)
    return content


def _bare(value: Any) -> Any:
    """A value without sources and names, its empty parts left out, lists with ids as mappings."""
    if isinstance(value, Mapping):
        if "value" in value and set(value) <= {"value", *REMARKS}:
            return _bare(value["value"])
        kept = {
            str(key): _bare(of)
            for key, of in value.items()
            if not (key in TEXTS and _is_text(of)) and key not in REMARKS
        }
        return {key: of for key, of in kept.items() if of not in ({}, [])}
    if isinstance(value, list):
        if value and all(isinstance(of, Mapping) and "id" in of for of in value):
            return {of["id"]: _bare({k: x for k, x in of.items() if k != "id"}) for of in value}
        return [_bare(of) for of in value]
    return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, Mapping) and set(value) <= {"en", "de"})


def _differences(base: Any, value: Any, path: tuple[str, ...]) -> Iterator[Change]:
    if base == value:
        return
    if len(path) < 2 and (base is None or value is None):
        # Of a whole section that only one has, its items are told.
        base, value = (
            {} if of is None and isinstance(other, Mapping) else of
            for of, other in ((base, value), (value, base))
        )
    if isinstance(base, Mapping) and isinstance(value, Mapping):
        for key in dict.fromkeys((*base, *value)):
            yield from _differences(base.get(key), value.get(key), (*path, key))
    elif _rows(base) and _rows(value):
        for at in range(max(len(base), len(value))):
            of = [rows[at] if at < len(rows) else None for rows in (base, value)]
            yield from _differences(of[0], of[1], (*path, str(at)))
    else:
        yield Change(path=".".join(path), base=_shown(base), value=_shown(value))


def _rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(of, Mapping) for of in value)


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
