"""The redacted scenario: figures replaced, and taken out what else could tell them."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from models.files import Reading, read_case_text
from models.results import Hint, LeftOut
from models.scenario.case import Case
from models.scenario.quantities import REMARKS
from optimizer.analyses.redaction.hidden import Figure, hidden, owner_of, sole_curve
from optimizer.analyses.redaction.methods import Method, Replaced, Scale

Content = dict[str, Any]

_TOKEN = re.compile(r"\d{1,3}(?:[\u00a0\u202f ]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*")
YEARS = range(1900, 2101)
ADDS_UP = 0.02
"""Supply within this share of demand is likely to have been made to add up to it."""


@dataclass(frozen=True, eq=False)
class Redacted:
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


def redact(
    reading: Reading, consumers: Collection[str], companies: Collection[str], method: Method
) -> Redacted:
    """The redacted scenario.

    The text depends on the true figures through ``method`` alone.

    Raises
    ------
    ScenarioError
        If the redacted scenario cannot be written so that it reads as it should.
    """
    case = reading.case
    figures = hidden(case, consumers, companies)
    replaced = tuple(method.replace(figures))
    content = _content(case)
    named_before = _sources_of(content, figures)
    left_out: list[LeftOut] = []
    for path, some in _by_quantity(replaced).items():
        if _notes(_at(content, path)):
            left_out.append(LeftOut(path=".".join(map(str, path)), reason="note"))
        _put(content, path, some, method.told)
    left_out += _without_texts(content, case, consumers, companies)
    left_out += _without_variants(content, case, figures)
    left_out += _without_sources(content, named_before)
    text = _written(content)
    again = read_case_text(text, "redacted.yaml", check_variants=True).case
    hints = [
        *_mentions(content, figures),
        *_supply_hints(case, figures),
        *_open(case, consumers, companies, method),
        *_of_private_files(reading, figures),
    ]
    stand_in = _written(_stand_in(content, case, figures))
    return Redacted(case, again, text, stand_in, replaced, tuple(left_out), tuple(hints))


def _content(case: Case) -> Content:
    """What the file says, in JSON, with what it includes; without what it leaves out."""
    content: Content = case.model_dump(
        mode="json", by_alias=True, exclude_unset=True, exclude_none=True
    )
    return content


def _written(content: Content) -> str:
    return yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )


def _at(content: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        content = content[step]
    return content


def _by_quantity(replaced: Sequence[Replaced]) -> dict[tuple[str | int, ...], list[Replaced]]:
    found: dict[tuple[str | int, ...], list[Replaced]] = {}
    for one in replaced:
        found.setdefault(one.figure.path, []).append(one)
    return found


def _put(
    content: Content, path: tuple[str | int, ...], some: Sequence[Replaced], told: str
) -> None:
    """Write what replaces a quantity, with a source that says so."""
    about = {"source": told, "confidence": "low"}
    by_year = {str(one.figure.year): _plain(one.published) for one in some}
    parent, step = _at(content, path[:-1]), path[-1]
    if some[0].figure.year is None:
        parent[step] = {"value": _plain(some[0].published), **about}
    elif step in ("budget_by_year_meur", "by_year_meur"):
        parent[step] = {year: {"value": value, **about} for year, value in by_year.items()}
    else:
        parent[step] = {"value": by_year, **about}


def _plain(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def _notes(quantity: Any) -> bool:
    """Whether a note stands with a quantity, or with one of its years."""
    if not isinstance(quantity, dict):
        return False
    return "note" in quantity or any(map(_notes, quantity.values()))


def _without_texts(
    content: Content, case: Case, consumers: Collection[str], companies: Collection[str]
) -> Iterator[LeftOut]:
    """Take out descriptions of what is hidden: free texts tend to give figures."""
    places: list[tuple[str | int, ...]] = [("consumers", u) for u in consumers]
    places += [("funders", f) for f in companies]
    places += [
        ("stockpiles", position)
        for position, pile in enumerate(case.stockpiles)
        if owner_of(pile, consumers, companies) is not None
    ]
    for place in places:
        item = _at(content, place)
        if item.pop("description", None) is not None:
            yield LeftOut(path=".".join(map(str, (*place, "description"))), reason="description")


def _without_variants(content: Content, case: Case, figures: Sequence[Figure]) -> Iterator[LeftOut]:
    """Take out variants that set what is hidden, or that need files beside the scenario."""
    paths = [tuple(map(str, figure.path)) for figure in figures]
    ids = [pile.id for pile in case.stockpiles]
    for name, variant in case.variants.items():
        for dotted, value in variant.set.items():
            steps = dotted.split(".")
            if steps[0] == "stockpiles" and len(steps) > 1 and steps[1] in ids:
                steps[1] = str(ids.index(steps[1]))
            touches = (
                any(all(a == b for a, b in zip(steps, path, strict=False)) for path in paths)
                or steps[-1] == "description"
            )
            if touches or steps[0] == "include" or _names_table(value):
                del content["variants"][name]
                yield LeftOut(path=f"variants.{name}", reason="variant")
                break


def _names_table(value: Any) -> bool:
    if isinstance(value, dict):
        return "table" in value or any(map(_names_table, value.values()))
    return isinstance(value, list) and any(map(_names_table, value))


def _sources_of(content: Content, figures: Sequence[Figure]) -> set[str]:
    """Entries of the bibliography that hidden figures name."""
    named = {text for figure in figures for text in _sources_in(_at(content, figure.path))}
    return named & set(content.get("sources", {}))


def _without_sources(content: Content, named: Collection[str]) -> Iterator[LeftOut]:
    """Take out those entries that nothing but hidden figures named."""
    sources = content.get("sources", {})
    rest = {key: value for key, value in content.items() if key != "sources"}
    still = set(_sources_in(rest))
    for id in sorted(set(named) - still):
        del sources[id]
        yield LeftOut(path=f"sources.{id}", reason="source")


def _sources_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key == "source" and isinstance(one, str):
                yield one
            else:
                yield from _sources_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from _sources_in(one)


def _mentions(content: Content, figures: Sequence[Figure]) -> Iterator[Hint]:
    """Texts that name a number which a hidden figure is; not those that any text may name."""
    wanted = {f.value for f in figures if f.value >= 10 and f.value not in YEARS}
    for path, text in _texts(content):
        if path[-1] == "url" or (path[-1] in REMARKS and text.startswith("redacted: ")):
            continue
        read = {number for token in _TOKEN.findall(text) for number in _readings(token)}
        if any(math.isclose(number, value, rel_tol=1e-9) for number in read for value in wanted):
            yield Hint(path=".".join(map(str, path)), reason="mentioned")


def _texts(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(one, (*path, key))
    elif isinstance(value, list):
        for position, one in enumerate(value):
            yield from _texts(one, (*path, position))


def _readings(token: str) -> Iterator[float]:
    """The numbers that digits with signs between them may mean."""
    bare = re.sub(r"[\u00a0\u202f ]", "", token)
    for text in {bare, bare.replace(",", ""), bare.replace(".", "").replace(",", ".")}:
        try:
            yield float(text)
        except ValueError:
            continue


def _supply_hints(case: Case, figures: Sequence[Figure]) -> Iterator[Hint]:
    """Supply in tonnes that adds up to a demand with hidden parts: the rest of it is the figure."""
    for material in dict.fromkeys(f.material for f in figures if f.kind == "demand"):
        rows = [row for row in case.supply if row.material == material]
        if not rows or any(row.t_per_year is None for row in rows):
            continue
        needs = [row.t_per_year for row in case.demand if row.material == material]
        for year in case.horizon.years:
            supplied = math.fsum(
                row.t_per_year.at(year) for row in rows if row.t_per_year is not None
            )
            needed = math.fsum(need.at(year) for need in needs)
            if needed > 0 and abs(supplied / needed - 1) <= ADDS_UP:
                at = case.supply.index(rows[0])
                yield Hint(path=f"supply.{at}.t_per_year", reason="supply_adds_up")
                break


def _open(
    case: Case, consumers: Collection[str], companies: Collection[str], method: Method
) -> Iterator[Hint]:
    """What of the chosen consumers was not hidden."""
    for u in consumers:
        purse = case.consumers[u].company
        if purse is not None and purse not in companies:
            yield Hint(path=f"funders.{purse}", reason="purse_open")
    own = {(entry.consumer, entry.material) for entry in case.damage}
    needed = {
        row.material
        for row in case.demand
        if row.consumer in consumers and (row.consumer, row.material) not in own
    }
    for position, entry in enumerate(case.damage):
        owner = sole_curve(case, entry, consumers)
        if owner is None and entry.consumer is None and entry.material in needed:
            yield Hint(path=f"damage.{position}", reason="curve_shared")
        elif owner is not None and isinstance(method, Scale) and len(entry.steps) > 1:
            yield Hint(path=f"damage.{position}", reason="shares_kept")


def _of_private_files(reading: Reading, figures: Sequence[Figure]) -> Iterator[Hint]:
    """Numbers of private files that are not hidden, one for each quantity."""
    hidden_paths = {tuple(map(str, figure.path)) for figure in figures}
    found: dict[str, None] = {}
    for path in reading.private_numbers():
        steps = tuple(step for step in map(str, path) if step != "value")
        quantity = steps[:-1] if steps[-1].isdecimal() and len(steps[-1]) == 4 else steps
        if steps not in hidden_paths and quantity not in hidden_paths:
            found[".".join(quantity)] = None
    yield from (Hint(path=path, reason="private_open") for path in found)


def _stand_in(content: Content, case: Case, figures: Sequence[Figure]) -> Content:
    """The replaced figures, as a part of a scenario to be included."""
    part: Content = {}
    for section in ("demand", "damage"):
        rows = dict.fromkeys(figure.path[1] for figure in figures if figure.path[0] == section)
        if rows:
            part[section] = [content[section][row] for row in rows]
    for figure in figures:
        if figure.path[0] == "funders":
            _copy(content, part, figure.path)
    piles: dict[str, Content] = {}
    for figure in figures:
        if figure.path[0] == "stockpiles":
            pile = content["stockpiles"][figure.path[1]]
            name = figure.path[2]
            piles.setdefault(pile["id"], {"id": pile["id"]})[str(name)] = pile[name]
    if piles:
        part["stockpiles"] = list(piles.values())
    return part


def _copy(content: Content, part: Content, path: tuple[str | int, ...]) -> None:
    """Put a value that stands in mappings alone at the same place of another content."""
    *above, last = map(str, path)
    for step in above:
        content, part = content[step], part.setdefault(step, {})
    part[last] = content[last]
