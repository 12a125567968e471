"""The redacted scenario: figures replaced, and taken out what else could tell them."""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, NamedTuple

import yaml

from models.faults import Step
from models.files import Reading, read_case_text
from models.results import Hint, LeftOut
from models.scenario.case import Case
from models.scenario.chains import need
from optimizer.analyses.redaction import hidden as hiding
from optimizer.analyses.redaction import relations
from optimizer.analyses.redaction.hidden import Figure, Method, Replaced
from optimizer.analyses.redaction.ranges import Equation, tightest
from optimizer.analyses.redaction.relations import Relation, walk

Content = dict[str, Any]
Path = tuple[Step, ...]
Ids = Collection[str]
LANGUAGES = {"en", "de"}
FREE = ("source", "note", "description")
"""Texts that nothing needs, and that may say how a figure was made."""

_TOKEN = re.compile(r"\d{1,3}(?:[\u00a0\u202f ]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*")
YEARS = range(1900, 2101)
_TOLD = re.compile(r"redacted: (band of|secret factor between) [\d. %a-z]+")
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
    telling: tuple[Relation, ...]
    """Figures that agree with hidden ones, and were neither hidden nor allowed."""
    unknown: tuple[str, ...]
    """Paths among ``also`` where there is no figure."""


def redact(
    reading: Reading,
    consumers: Ids,
    companies: Ids,
    method: Method,
    *,
    also: Sequence[str] = (),
    allow: Sequence[str] = (),
    keep_texts: bool = False,
) -> Redacted:
    """The redacted scenario; its text depends on the true figures through ``method`` alone.

    ``also`` and ``allow`` are dotted paths: of further figures to hide, and of figures that stay
    although they agree with hidden ones. Raises ScenarioError if it cannot be written so that it
    reads as it should.
    """
    case = reading.case
    # What the file says, in JSON, with what it includes; without what it leaves out.
    content: Content = case.model_dump(
        mode="json", by_alias=True, exclude_unset=True, exclude_none=True
    )
    figures = tuple(hiding.hidden(case, consumers, companies))
    ids = {f"stockpiles.{pile.id}": f"stockpiles.{n}" for n, pile in enumerate(case.stockpiles)}
    also, allow = ([_numbered(path, ids) for path in paths] for paths in (also, allow))
    known = {(one.path, one.year) for one in figures}
    more = (_asked(one, case) for one in relations.numbers(content) if _below(one, also))
    figures += tuple(one for one in more if (one.path, one.year) not in known)
    hidden = {one.path for one in figures}
    along, telling = relations.found(case, content, figures, companies)
    following = {one.figure: one for one in along if not _below(one.figure, allow)}
    replaced = _replaced(figures, following, method)
    named = {s for f in figures for s in _sources_in(_at(content, f.path))}
    left_out: list[LeftOut] = []
    for path, some in groupby(replaced, key=lambda one: one.figure.path):
        if _has(_at(content, path), "note"):
            left_out.append(LeftOut(path=_dotted(path), reason="note"))
        if path not in hidden:
            left_out.append(LeftOut(path=_dotted(path), reason="follows"))
        _put(content, path, list(some), method.told)
    gone = [*(one.figure for one in replaced), *(one.figure for one in telling)]
    left_out += _without_variants(content, case, gone)
    if keep_texts:
        left_out += _without_texts(content, case, consumers, companies)
        left_out += _without_sources(content, named & set(content.get("sources", {})))
    else:
        left_out += _without_any_text(content)
    left_out += _without_mentions(content, case, figures)
    text = _written(content)
    supplied = list(_supply_sums(case, figures))
    growing = list(_growing_alike(case, figures))
    hints = [
        *(hint for hint, _ in (*supplied, *growing)),
        *_open(case, consumers, companies, method),
        *_of_private_files(reading, figures),
    ]
    # Demand of others was hardly made from hidden demand.
    alike = dict.fromkeys(_dotted(f.figure.path) for f in telling if f.figure.path[0] == "demand")
    hints += [Hint(path=path, reason="grows_alike") for path in alike]
    # Variants and sets of assumptions that tell are gone.
    gone_too = ("variants", "assumptions", "demand")
    telling = [one for one in telling if one.figure.path[0] not in gone_too]
    left = [one for one in (*along, *telling) if _below(one.figure, allow)]
    hints += [Hint(path=one.figure.dotted, reason="follows") for one in left]
    equations = [one for _, some in (*supplied, *growing) for one in some]
    equations += [
        one.equation(one.figure in following)
        for one in (*along, *telling)
        if one in left or one in along
    ]
    ranges = tightest({one.figure.dotted: (one.low, one.high) for one in replaced}, equations)
    return Redacted(
        case,
        read_case_text(text, "redacted.yaml", check_variants=True).case,
        text,
        _written(_stand_in(content, [one for one in figures if one.kind != "other"])),
        tuple(
            one._replace(low=low, high=high)
            for one in replaced
            for low, high in [ranges[one.figure.dotted]]
        ),
        tuple(left_out),
        tuple(hints),
        tuple(one for one in telling if one not in left),
        tuple(path for path in also if not any(_below(one, [path]) for one in figures)),
    )


def _asked(figure: Figure, case: Case) -> Figure:
    """A figure that is hidden on request, as what it is."""
    if figure.path[0] == "demand":
        return figure._replace(kind="demand", owner=case.demand[int(figure.path[1])].consumer)
    if figure.path[2:] == ("budget_meur",):
        return figure._replace(kind="budget", owner=str(figure.path[1]))
    return figure


def _numbered(path: str, ids: Mapping[str, str]) -> str:
    """A path whose stockpile has its number in place of its id."""
    pile = ".".join(path.split(".")[:2])
    return ids.get(pile, pile) + path[len(pile) :]


def _below(figure: Figure, paths: Iterable[str]) -> bool:
    return any(f"{figure.dotted}.".startswith(f"{path}.") for path in paths)


def _replaced(
    figures: Sequence[Figure], following: Mapping[Figure, Relation], method: Method
) -> list[Replaced]:
    """All that is replaced. What follows from hidden figures is made from what is written for them,
    in the same way, so that it tells nothing in addition; a band of its own would meet theirs."""
    own = {one.figure: one for one in method.replace([f for f in figures if f not in following])}
    written = {figure: one.published for figure, one in own.items()}
    lows = {figure: one.low for figure, one in own.items()}
    highs = {figure: one.high for figure, one in own.items()}
    for figure, relation in following.items():
        made = relation.at(written)
        made = round(made, 9) if relation.others else hiding.rounded(made)
        low, high = relation.at(lows, highs), relation.at(highs, lows)
        slack = relations.slack_of(figure)
        own[figure] = Replaced(figure, made, low - slack, high + slack)
    order = [*figures, *(figure for figure in following if figure not in figures)]
    places = {path: n for n, path in enumerate(dict.fromkeys(figure.path for figure in order))}
    return sorted((own[f] for f in order if f in own), key=lambda one: places[one.figure.path])


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


def _has(value: Any, key: str) -> bool:
    """Whether something within has such a key."""
    return any(key in path[-1:] for path, _ in walk(value))


def _sources_in(value: Any) -> list[str]:
    return [v for path, v in walk(value) if path[-1:] == ("source",) and isinstance(v, str)]


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
        made = {year: {"value": value, **about} for year, value in values.items()}
        parent[step] = {**parent[step], **made}
    else:
        # Years that were not replaced stay.
        old = parent[step].get("value", parent[step])
        kept = {year: x["value"] if isinstance(x, dict) else x for year, x in old.items()}
        parent[step] = {"value": {**kept, **values}, **about}


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


def _without_any_text(content: Content) -> Iterator[LeftOut]:
    """Take out all texts but titles and names: any may say how a figure was made."""
    if content.pop("sources", None):
        yield LeftOut(path="sources", reason="text")
    for section in list(content):
        before = _written({section: content[section]})
        part = {section: content.pop(section)}
        _strip(part)
        content.update(part)
        if _written(part) != before:
            yield LeftOut(path=section, reason="text")


def _strip(value: Any) -> None:
    if isinstance(value, dict):
        for key, one in list(value.items()):
            text = isinstance(one, str) or (isinstance(one, dict) and one and {*one} <= LANGUAGES)
            if key.rsplit(".")[-1] in FREE and text and not _TOLD.fullmatch(str(one)):
                del value[key]
            else:
                _strip(one)
    elif isinstance(value, list):
        for one in value:
            _strip(one)


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
        # Nothing at all, or a payer alone, is no figure that somebody hides.
        plain = {0, 0.5, 1} if steps[-1].endswith("paid_by") else {0}
        figures_of = {x for _, x in walk(value) if not isinstance(x, (dict, list))}
        within = within and (isinstance(value, list) or not figures_of <= plain)
        return needs_files or within or steps[-1] == "description"

    told = {figure.path[1] for figure in figures if figure.path[0] == "variants"}
    for name, variant in case.variants.items():
        if name in told or any(tells(dotted, value) for dotted, value in variant.set.items()):
            del content["variants"][name]
            if content.get("counterfactual") == name:
                del content["counterfactual"]
            yield LeftOut(path=f"variants.{name}", reason="variant")
    changed = [item for one in case.assumptions.values() for item in one.set.items()]
    told = {figure.path[0] for figure in figures}
    if "assumptions" in told or any(tells(dotted, value) for dotted, value in changed):
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


def _without_mentions(content: Content, case: Case, figures: Sequence[Figure]) -> Iterator[LeftOut]:
    """Take out texts that name a number which a hidden figure is, or a sum with one in it, also in
    thousands; not numbers that any text may name."""
    sources = [f for f in figures if f.kind in ("demand", "damage_value", "budget")]
    truth = {figure: figure.value for figure in sources}
    sums = [total.of(truth) for *_, total in relations.totals(case, sources)]
    wanted = {float(f.value) for f in figures if f.kind != "damage_share"}
    wanted |= {x for x in sums if relations.digits(x) >= relations.LEAST_DIGITS}
    wanted = {x for x in wanted if relations.digits(x) > 1 and x not in YEARS}
    large = {x for x in wanted if relations.digits(x) >= relations.LEAST_DIGITS}
    wanted |= {x * k for x in large for k in (1e-3, 1e3)}
    for path, text in list(walk(content)):
        texts = [step for step in path if step in ("title", "name", "text", *FREE)]
        if not isinstance(text, str) or not texts or _TOLD.fullmatch(text):
            continue
        read = {number for token in _TOKEN.findall(text) for number in _readings(token)}
        if any(math.isclose(number, value, rel_tol=1e-9) for number in read for value in wanted):
            at = path[: len(path) - path[::-1].index(texts[-1])]
            parent = _at(content, at[:-1])
            if at[-1] == "text" or at[0] == "uncertainty":
                parent[at[-1]] = "redacted"
            else:
                parent.pop(at[-1], None)
            yield LeftOut(path=_dotted(at), reason="mentioned")


def _readings(token: str) -> Iterator[float]:
    """The numbers that digits with signs between them may mean."""
    bare = re.sub(r"[\u00a0\u202f ]", "", token)
    for text in {bare, bare.replace(",", ""), bare.replace(".", "").replace(",", ".")}:
        with suppress(ValueError):
            yield float(text)


def _supply_sums(case: Case, figures: Sequence[Figure]) -> Iterator[tuple[Hint, list[Equation]]]:
    """Supply, with or without what conversions make, that adds up to a need with hidden parts: the
    rest of it is the figure, about. Tonnes over what shares leave open are the need itself."""
    needs = {year: need(case, year) for year in case.horizon.years}
    for material in dict.fromkeys(f.material for f in figures if f.kind == "demand"):
        some = [f for f in figures if f.kind == "demand" and f.material == material]
        rows = {n: row for n, row in enumerate(case.supply) if row.material == material}
        supplies = [row.t_per_year for row in rows.values() if row.t_per_year is not None]
        shares = [row.share for row in rows.values() if row.share is not None]
        # The share that was made as the rest is rounded, and the others exact; at best to 0.001.
        unit = min([0.001, *(relations.last_place(x) for own in shares for x in own.values)])
        makers = {id: one for id, one in case.conversions.items() if one.output == material}
        paths = [f"supply.{n}.{'share' if row.share else 't_per_year'}" for n, row in rows.items()]
        paths += [f"conversions.{id}.capacity_t_per_year" for id in makers]
        capacities = [one.capacity_t_per_year for one in makers.values()]
        equations = []
        for year, needed in ((year, of.get(material or "", 0.0)) for year, of in needs.items()):
            market, made = (math.fsum(x.at(year) for x in some) for some in (supplies, capacities))
            left = 1 - math.fsum(share.at(year) for share in shares)
            for total in {market / left, (market + made) / left} if left > 0 else ():
                off = abs(total - needed)
                if needed > 0 and off <= ADDS_UP * needed:
                    slack = total * unit / 2 / left
                    # A guess is no better than what it is off by.
                    slack *= 2 ** math.ceil(math.log2(max(1.0, off / slack)))
                    weights = relations.needed(case, some, {f.owner for f in some}, year)
                    rest = needed - weights.of({f: f.value for f in some}) + weights.known
                    named = {f.dotted: w for f, w in weights.weights.items()}
                    equations.append(Equation(named, total - rest, min(slack, ADDS_UP * needed)))
        if equations:
            yield Hint(path=paths[0], reason="supply_adds_up"), equations


def _growing_alike(case: Case, figures: Sequence[Figure]) -> Iterator[tuple[Hint, list[Equation]]]:
    """Demand of others that grows as hidden demand does: one year of it tells all others."""
    hidden = {figure.path for figure in figures}
    others = [(n, row.t_per_year) for n, row in enumerate(case.demand)]
    others = [(n, own) for n, own in others if ("demand", n, "t_per_year") not in hidden]
    for _, of in groupby((f for f in figures if f.kind == "demand"), key=lambda f: f.path):
        some = [figure for figure in of if figure.value > 0]
        years = {figure.year or 0 for figure in some}
        for n, own in others if len(some) > 1 else ():
            first, later = some[0], some[1:]
            if not years <= {*own.years} or not own.at(first.year or 0):
                continue
            growth = {f: own.at(f.year or 0) / own.at(first.year or 0) for f in later}
            if all(
                abs(g * first.value / f.value - 1) <= relations.ALIKE for f, g in growth.items()
            ):
                yield (
                    Hint(path=f"demand.{n}.t_per_year", reason="grows_alike"),
                    [
                        Equation({f.dotted: 1.0, first.dotted: -g}, 0.0, relations.ALIKE * f.value)
                        for f, g in growth.items()
                    ],
                )
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
