"""The redacted scenario: figures replaced, and taken out what else could tell them."""

import math
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, NamedTuple

import yaml

from models.faults import Step
from models.files import Reading, read_case_text
from models.results import Hint, LeftOut
from models.scenario.case import Case
from models.scenario.chains import need
from models.scenario.quantities import REMARKS
from optimizer.analyses.redaction import hidden as hiding
from optimizer.analyses.redaction.hidden import Figure, Method, Replaced

Content = dict[str, Any]
Path = tuple[Step, ...]
Ids = Collection[str]

_TOKEN = re.compile(r"\d{1,3}(?:[\u00a0\u202f ]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*")
YEARS = range(1900, 2101)
ADDS_UP = 0.02
"""Supply within this share of demand is likely to have been made to add up to it."""


class Redacted(NamedTuple):
    """A scenario whose figures are hidden, and what is known of the hiding."""

    true: Case
    case: Case
    """The redacted scenario, as its text reads."""
    text: str
    """The redacted scenario in YAML."""
    stand_in: str
    """The replaced figures alone, to be included in place of a private file."""
    replaced: tuple[Replaced, ...]
    left_out: tuple[LeftOut, ...]
    hints: tuple[Hint, ...]


def redact(reading: Reading, consumers: Ids, companies: Ids, method: Method) -> Redacted:
    """The redacted scenario; its text depends on the true figures through ``method`` alone.

    Raises ScenarioError if it cannot be written so that it reads as it should.
    """
    case = reading.case
    figures = tuple(hiding.hidden(case, consumers, companies))
    replaced = tuple(method.replace(figures))
    # What the file says, in JSON, with what it includes; without what it leaves out.
    content: Content = case.model_dump(
        mode="json", by_alias=True, exclude_unset=True, exclude_none=True
    )
    named = {s for f in figures for s in _sources_in(_at(content, f.path))}
    left_out: list[LeftOut] = []
    for path, some in groupby(replaced, key=lambda one: one.figure.path):
        if _has(_at(content, path), "note"):
            left_out.append(LeftOut(path=_dotted(path), reason="note"))
        _put(content, path, list(some), method.told)
    left_out += _without_texts(content, case, consumers, companies)
    left_out += _without_variants(content, case, figures)
    left_out += _without_sources(content, named & set(content.get("sources", {})))
    text = _written(content)
    hints = [
        *_mentions(content, figures),
        *_supply_hints(case, figures),
        *_open(case, consumers, companies, method),
        *_of_private_files(reading, figures),
    ]
    return Redacted(
        case,
        read_case_text(text, "redacted.yaml", check_variants=True).case,
        text,
        _written(_stand_in(content, figures)),
        replaced,
        tuple(left_out),
        tuple(hints),
    )


def _written(content: Content) -> str:
    return yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _at(content: Any, path: Path) -> Any:
    for step in path:
        content = content[step]
    return content


def _walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All that lies in a content, with where it does, from outside in."""
    yield path, value
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _walk(one, (*path, key))
    elif isinstance(value, list):
        for position, one in enumerate(value):
            yield from _walk(one, (*path, position))


def _has(value: Any, key: str) -> bool:
    """Whether something within has such a key."""
    return any(key in path[-1:] for path, _ in _walk(value))


def _sources_in(value: Any) -> list[str]:
    return [v for path, v in _walk(value) if path[-1:] == ("source",) and isinstance(v, str)]


def _put(content: Content, path: Path, some: Sequence[Replaced], told: str) -> None:
    """Write what replaces a quantity, with a source that says so."""
    about = {"source": told, "confidence": "low"}
    parent, step = _at(content, path[:-1]), path[-1]
    values = {
        str(one.figure.year): int(x) if (x := one.published).is_integer() else x for one in some
    }
    if some[0].figure.year is None:
        parent[step] = {"value": values["None"], **about}
    elif step in ("budget_by_year_meur", "by_year_meur"):
        parent[step] = {year: {"value": value, **about} for year, value in values.items()}
    else:
        parent[step] = {"value": values, **about}


def _without_texts(
    content: Content, case: Case, consumers: Ids, companies: Ids
) -> Iterator[LeftOut]:
    """Take out descriptions of what is hidden: free texts tend to give figures."""
    places: list[Path] = [("consumers", u) for u in consumers]
    places += [("funders", f) for f in companies]
    places += [
        ("stockpiles", position)
        for position, pile in enumerate(case.stockpiles)
        if hiding.owner_of(pile, consumers, companies) is not None
    ]
    for place in places:
        if _at(content, place).pop("description", None) is not None:
            yield LeftOut(path=_dotted((*place, "description")), reason="description")


def _without_variants(content: Content, case: Case, figures: Sequence[Figure]) -> Iterator[LeftOut]:
    """Take out variants and sets of assumptions that set what is hidden, or that need files beside
    the scenario."""
    paths = [tuple(map(str, figure.path)) for figure in figures]
    ids = [pile.id for pile in case.stockpiles]

    def tells(dotted: str, value: Any) -> bool:
        steps = dotted.split(".")
        if steps[0] == "stockpiles" and len(steps) > 1 and steps[1] in ids:
            steps[1] = str(ids.index(steps[1]))
        needs_files = steps[0] == "include" or _has(value, "table")
        within = any(all(a == b for a, b in zip(steps, path, strict=False)) for path in paths)
        return needs_files or within or steps[-1] == "description"

    for name, variant in case.variants.items():
        if any(tells(dotted, value) for dotted, value in variant.set.items()):
            del content["variants"][name]
            yield LeftOut(path=f"variants.{name}", reason="variant")
    changed = [item for one in case.assumptions.values() for item in one.set.items()]
    if any(tells(dotted, value) for dotted, value in changed):
        # All of them: the weights of the others would not add up.
        del content["assumptions"]
        content.get("objective", {}).pop("over_assumptions", None)
        yield LeftOut(path="assumptions", reason="variant")


def _without_sources(content: Content, named: Collection[str]) -> Iterator[LeftOut]:
    """Take out entries of the bibliography that nothing but hidden figures named."""
    rest = {key: value for key, value in content.items() if key != "sources"}
    for id in sorted(set(named).difference(_sources_in(rest))):
        del content["sources"][id]
        yield LeftOut(path=f"sources.{id}", reason="source")


def _mentions(content: Content, figures: Sequence[Figure]) -> Iterator[Hint]:
    """Texts that name a number which a hidden figure is; not those that any text may name."""
    wanted = {f.value for f in figures if f.value >= 10 and f.value not in YEARS}
    for path, text in _walk(content):
        if not isinstance(text, str) or path[-1] == "url":
            continue
        if path[-1] in REMARKS and text.startswith("redacted: "):
            continue
        read = {number for token in _TOKEN.findall(text) for number in _readings(token)}
        if any(math.isclose(number, value, rel_tol=1e-9) for number in read for value in wanted):
            yield Hint(path=_dotted(path), reason="mentioned")


def _readings(token: str) -> Iterator[float]:
    """The numbers that digits with signs between them may mean."""
    bare = re.sub(r"[\u00a0\u202f ]", "", token)
    for text in {bare, bare.replace(",", ""), bare.replace(".", "").replace(",", ".")}:
        with suppress(ValueError):
            yield float(text)


def _supply_hints(case: Case, figures: Sequence[Figure]) -> Iterator[Hint]:
    """Supply in tonnes, with or without what conversions make, that adds up to a need with hidden
    parts: the rest of it is the figure."""
    needs = {year: need(case, year) for year in case.horizon.years}
    for material in dict.fromkeys(f.material for f in figures if f.kind == "demand"):
        rows = {n: row for n, row in enumerate(case.supply) if row.material == material}
        supplies = [row.t_per_year for row in rows.values() if row.t_per_year is not None]
        makers = {id: one for id, one in case.conversions.items() if one.output == material}
        if len(supplies) < len(rows):
            continue
        paths = [f"supply.{n}.t_per_year" for n in rows]
        paths += [f"conversions.{id}.capacity_t_per_year" for id in makers]
        capacities = [one.capacity_t_per_year for one in makers.values()]
        for year, needed in ((year, of.get(material or "", 0.0)) for year, of in needs.items()):
            market, made = (math.fsum(x.at(year) for x in some) for some in (supplies, capacities))
            sums = (market, market + made)
            if needed > 0 and any(abs(total / needed - 1) <= ADDS_UP for total in sums):
                yield Hint(path=paths[0], reason="supply_adds_up")
                break


def _open(case: Case, consumers: Ids, companies: Ids, method: Method) -> Iterator[Hint]:
    """What of the chosen consumers was not hidden."""
    for u in consumers:
        purse = case.consumers[u].company
        if purse is not None and purse not in companies:
            yield Hint(path=f"funders.{purse}", reason="purse_open")
    own = {(entry.consumer, entry.material) for entry in case.damage}
    needs = [(row.consumer, row.material) for row in case.demand if row.consumer in consumers]
    needed = {material for user, material in needs if (user, material) not in own}
    for position, entry in enumerate(case.damage):
        owner = hiding.sole_curve(case, entry, consumers)
        if owner is None and entry.consumer is None and entry.material in needed:
            yield Hint(path=f"damage.{position}", reason="curve_shared")
        elif owner is not None and isinstance(method, hiding.Scale) and len(entry.steps) > 1:
            yield Hint(path=f"damage.{position}", reason="shares_kept")


def _of_private_files(reading: Reading, figures: Sequence[Figure]) -> Iterator[Hint]:
    """Numbers of private files that are not hidden, one for each quantity."""
    hidden_paths = {tuple(map(str, figure.path)) for figure in figures}
    found: dict[str, None] = {}
    for path in reading.private_numbers():
        steps = tuple(step for step in map(str, path) if step != "value")
        quantity = steps[:-1] if steps[-1].isdecimal() and len(steps[-1]) == 4 else steps
        if not {steps, quantity} & hidden_paths:
            found[".".join(quantity)] = None
    yield from (Hint(path=path, reason="private_open") for path in found)


def _stand_in(content: Content, figures: Sequence[Figure]) -> Content:
    """The replaced figures, as a part of a scenario to be included: whole rows of demand and
    damage, and of all else what is hidden alone."""
    part: Content = {}
    piles: dict[Step, Content] = {}
    for section, row, *_ in dict.fromkeys(figure.path[:2] for figure in figures):
        if section in ("demand", "damage"):
            part.setdefault(str(section), []).append(content[section][row])
    for figure in figures:
        section, place, *_ = figure.path
        source: Any = content
        target: Any = part
        if section == "funders":
            for step in figure.path[:-1]:
                source, target = source[step], target.setdefault(str(step), {})
            target[figure.path[-1]] = source[figure.path[-1]]
        elif section == "stockpiles":
            pile, name = content["stockpiles"][place], figure.path[2]
            piles.setdefault(place, {"id": pile["id"]})[str(name)] = pile[name]
    return part | ({"stockpiles": list(piles.values())} if piles else {})
