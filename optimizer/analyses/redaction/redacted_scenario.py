"""The redacted scenario: figures replaced, and taken out what else could tell them."""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, NamedTuple

import yaml

from models.faults import PathStep
from models.files import LoadedScenario, read_case_text
from models.results import RemainingHint, RemovedItem
from models.scenario.case import Case
from models.scenario.chains import material_needs
from optimizer.analyses.redaction import hidden_figures as hiding
from optimizer.analyses.redaction import relations
from optimizer.analyses.redaction.hidden_figures import (
    RedactionMethod,
    ReplacedFigure,
    ScenarioFigure,
)
from optimizer.analyses.redaction.ranges import Equation, tighten_ranges
from optimizer.analyses.redaction.relations import Relation, walk_content

Content = dict[str, Any]
StepPath = tuple[PathStep, ...]
Ids = Collection[str]
LANGUAGES = {"en", "de"}
FREE_TEXTS = ("source", "note", "description")
"""Texts that nothing needs, and that may say how a figure was made."""

_NUMBER_TOKEN = re.compile(r"\d{1,3}(?:[\u00a0\u202f ]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*")
YEAR_NUMBERS = range(1900, 2101)
_REDACTED_SOURCE = re.compile(r"redacted: (band of|secret factor between) [\d. %a-z]+")
SUPPLY_TOLERANCE = 0.02
"""Supply within this share of demand is likely to have been made to add up to it."""


class RedactedScenario(NamedTuple):
    """A scenario whose figures are hidden, and what is known of the hiding."""

    true_case: Case
    redacted_case: Case
    """The redacted scenario, as its text reads."""
    yaml_text: str
    """The redacted scenario in YAML."""
    stand_in: str
    """The replaced figures alone, to be included in place of a private file."""
    replaced: tuple[ReplacedFigure, ...]
    left_out: tuple[RemovedItem, ...]
    hints: tuple[RemainingHint, ...]
    revealing: tuple[Relation, ...]
    """Figures that agree with hidden ones, and were neither hidden nor allowed."""
    unknown_paths: tuple[str, ...]
    """Paths among ``also`` where there is no figure."""


def redact_scenario(
    reading: LoadedScenario,
    consumers: Ids,
    companies: Ids,
    method: RedactionMethod,
    *,
    also: Sequence[str] = (),
    allow: Sequence[str] = (),
    keep_texts: bool = False,
) -> RedactedScenario:
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
    figures = tuple(hiding.find_hidden_figures(case, consumers, companies))
    ids = {f"stockpiles.{pile.id}": f"stockpiles.{n}" for n, pile in enumerate(case.stockpiles)}
    also, allow = ([_with_stock_index(path, ids) for path in paths] for paths in (also, allow))
    known = {(one.path, one.year) for one in figures}
    more = (
        _classify_requested(one, case)
        for one in relations.scenario_numbers(content)
        if _is_below(one, also)
    )
    figures += tuple(one for one in more if (one.path, one.year) not in known)
    hidden = {one.path for one in figures}
    along, telling = relations.find_relations(case, content, figures, companies)
    following = {one.figure: one for one in along if not _is_below(one.figure, allow)}
    replaced = _replace_figures(figures, following, method)
    named = {s for f in figures for s in _sources_in(_value_at(content, f.path))}
    left_out: list[RemovedItem] = []
    for path, some in groupby(replaced, key=lambda one: one.figure.path):
        if _has_key(_value_at(content, path), "note"):
            left_out.append(RemovedItem(path=_dotted_path(path), reason="note"))
        if path not in hidden:
            left_out.append(RemovedItem(path=_dotted_path(path), reason="follows"))
        _write_replacement(content, path, list(some), method.description)
    gone = [*(one.figure for one in replaced), *(one.figure for one in telling)]
    left_out += _remove_variants(content, case, gone)
    if keep_texts:
        left_out += _remove_descriptions(content, case, consumers, companies)
        left_out += _remove_sources(content, named & set(content.get("sources", {})))
    else:
        left_out += _remove_all_texts(content)
    left_out += _remove_mentions(content, case, figures)
    text = _to_yaml(content)
    supplied = list(_supply_hints(case, figures))
    growing = list(_growth_hints(case, figures))
    hints = [
        *(hint for hint, _ in (*supplied, *growing)),
        *_unhidden_hints(case, consumers, companies, method),
        *_private_file_hints(reading, figures),
    ]
    # Demand of others was hardly made from hidden demand.
    alike = dict.fromkeys(
        _dotted_path(f.figure.path) for f in telling if f.figure.path[0] == "demand"
    )
    hints += [RemainingHint(path=path, reason="grows_alike") for path in alike]
    # Variants and sets of assumptions that tell are gone.
    gone_too = ("variants", "assumptions", "demand")
    telling = [one for one in telling if one.figure.path[0] not in gone_too]
    left = [one for one in (*along, *telling) if _is_below(one.figure, allow)]
    hints += [RemainingHint(path=one.figure.dotted_path, reason="follows") for one in left]
    equations = [one for _, some in (*supplied, *growing) for one in some]
    equations += [
        one.to_equation(one.figure in following)
        for one in (*along, *telling)
        if one in left or one in along
    ]
    ranges = tighten_ranges(
        {one.figure.dotted_path: (one.low, one.high) for one in replaced}, equations
    )
    return RedactedScenario(
        case,
        read_case_text(text, "redacted.yaml", check_variants=True).case,
        text,
        _to_yaml(_stand_in_content(content, [one for one in figures if one.kind != "other"])),
        tuple(
            one._replace(low=low, high=high)
            for one in replaced
            for low, high in [ranges[one.figure.dotted_path]]
        ),
        tuple(left_out),
        tuple(hints),
        tuple(one for one in telling if one not in left),
        tuple(path for path in also if not any(_is_below(one, [path]) for one in figures)),
    )


def _classify_requested(figure: ScenarioFigure, case: Case) -> ScenarioFigure:
    """A figure that is hidden on request, as what it is."""
    if figure.path[0] == "demand":
        return figure._replace(kind="demand", owner=case.demand[int(figure.path[1])].consumer)
    if figure.path[2:] == ("budget_meur",):
        return figure._replace(kind="budget", owner=str(figure.path[1]))
    return figure


def _with_stock_index(path: str, ids: Mapping[str, str]) -> str:
    """A path whose stockpile has its number in place of its id."""
    pile = ".".join(path.split(".")[:2])
    return ids.get(pile, pile) + path[len(pile) :]


def _is_below(figure: ScenarioFigure, paths: Iterable[str]) -> bool:
    return any(f"{figure.dotted_path}.".startswith(f"{path}.") for path in paths)


def _replace_figures(
    figures: Sequence[ScenarioFigure],
    following: Mapping[ScenarioFigure, Relation],
    method: RedactionMethod,
) -> list[ReplacedFigure]:
    """All that is replaced. What follows from hidden figures is made from what is written for them,
    in the same way, so that it tells nothing in addition; a band of its own would meet theirs."""
    own = {
        one.figure: one
        for one in method.replace_figures([f for f in figures if f not in following])
    }
    written = {figure: one.published for figure, one in own.items()}
    lows = {figure: one.low for figure, one in own.items()}
    highs = {figure: one.high for figure, one in own.items()}
    for figure, relation in following.items():
        made = relation.predict(written)
        made = round(made, 9) if relation.complement else hiding.round_significant(made)
        low, high = relation.predict(lows, highs), relation.predict(highs, lows)
        slack = relations.rounding_slack(figure)
        own[figure] = ReplacedFigure(figure, made, low - slack, high + slack)
    order = [*figures, *(figure for figure in following if figure not in figures)]
    places = {path: n for n, path in enumerate(dict.fromkeys(figure.path for figure in order))}
    return sorted((own[f] for f in order if f in own), key=lambda one: places[one.figure.path])


def _to_yaml(content: Content) -> str:
    return yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )


def _dotted_path(path: StepPath) -> str:
    return ".".join(map(str, path))


def _value_at(content: Any, path: StepPath) -> Any:
    for step in path:
        content = content[step]
    return content


def _has_key(value: Any, key: str) -> bool:
    """Whether something within has such a key."""
    return any(key in path[-1:] for path, _ in walk_content(value))


def _sources_in(value: Any) -> list[str]:
    return [v for path, v in walk_content(value) if path[-1:] == ("source",) and isinstance(v, str)]


def _write_replacement(
    content: Content, path: StepPath, replacements: Sequence[ReplacedFigure], source: str
) -> None:
    """Write what replaces a quantity, with a source that says so."""
    about = {"source": source, "confidence": "low"}
    parent, step = _value_at(content, path[:-1]), path[-1]
    values = {
        str(one.figure.year): int(x) if (x := one.published).is_integer() else x
        for one in replacements
    }
    if replacements[0].figure.year is None:
        parent[step] = {"value": values["None"], **about}
    elif step in ("budget_by_year_meur", "by_year_meur"):
        made = {year: {"value": value, **about} for year, value in values.items()}
        parent[step] = {**parent[step], **made}
    else:
        # Years that were not replaced stay.
        old = parent[step].get("value", parent[step])
        kept = {year: x["value"] if isinstance(x, dict) else x for year, x in old.items()}
        parent[step] = {"value": {**kept, **values}, **about}


def _remove_descriptions(
    content: Content, case: Case, consumers: Ids, companies: Ids
) -> Iterator[RemovedItem]:
    """Take out descriptions of what is hidden: free texts tend to give figures."""
    places: list[StepPath] = [("consumers", u) for u in consumers]
    places += [("funders", f) for f in companies]
    places += [
        ("stockpiles", position)
        for position, pile in enumerate(case.stockpiles)
        if hiding.stockpile_owner(pile, consumers, companies) is not None
    ]
    for place in places:
        if _value_at(content, place).pop("description", None) is not None:
            yield RemovedItem(path=_dotted_path((*place, "description")), reason="description")


def _remove_all_texts(content: Content) -> Iterator[RemovedItem]:
    """Take out all texts but titles and names: any may say how a figure was made."""
    if content.pop("sources", None):
        yield RemovedItem(path="sources", reason="text")
    for section in list(content):
        before = _to_yaml({section: content[section]})
        part = {section: content.pop(section)}
        _strip_texts(part)
        content.update(part)
        if _to_yaml(part) != before:
            yield RemovedItem(path=section, reason="text")


def _strip_texts(value: Any) -> None:
    if isinstance(value, dict):
        for key, one in list(value.items()):
            text = isinstance(one, str) or (isinstance(one, dict) and one and {*one} <= LANGUAGES)
            if (
                key.rsplit(".")[-1] in FREE_TEXTS
                and text
                and not _REDACTED_SOURCE.fullmatch(str(one))
            ):
                del value[key]
            else:
                _strip_texts(one)
    elif isinstance(value, list):
        for one in value:
            _strip_texts(one)


def _remove_variants(
    content: Content, case: Case, figures: Sequence[ScenarioFigure]
) -> Iterator[RemovedItem]:
    """Take out variants and sets of assumptions that set what is hidden, or that need files beside
    the scenario."""
    paths = [tuple(map(str, figure.path)) for figure in figures]
    ids = [pile.id for pile in case.stockpiles]

    def tells(dotted: str, value: Any) -> bool:
        steps = dotted.split(".")
        if steps[0] == "stockpiles" and len(steps) > 1 and steps[1] in ids:
            steps[1] = str(ids.index(steps[1]))
        needs_files = steps[0] == "include" or _has_key(value, "table")
        within = any(all(a == b for a, b in zip(steps, path, strict=False)) for path in paths)
        # Nothing at all, or a payer alone, is no figure that somebody hides.
        plain = {0, 0.5, 1} if steps[-1].endswith("paid_by") else {0}
        figures_of = {x for _, x in walk_content(value) if not isinstance(x, (dict, list))}
        within = within and (isinstance(value, list) or not figures_of <= plain)
        return needs_files or within or steps[-1] == "description"

    told = {figure.path[1] for figure in figures if figure.path[0] == "variants"}
    for name, variant in case.variants.items():
        if name in told or any(tells(dotted, value) for dotted, value in variant.set.items()):
            del content["variants"][name]
            if content.get("counterfactual") == name:
                del content["counterfactual"]
            yield RemovedItem(path=f"variants.{name}", reason="variant")
    changed = [item for one in case.assumptions.values() for item in one.set.items()]
    told = {figure.path[0] for figure in figures}
    if "assumptions" in told or any(tells(dotted, value) for dotted, value in changed):
        # All of them: the weights of the others would not add up.
        del content["assumptions"]
        content.get("objective", {}).pop("over_assumptions", None)
        yield RemovedItem(path="assumptions", reason="variant")


def _remove_sources(content: Content, named: Collection[str]) -> Iterator[RemovedItem]:
    """Take out entries of the bibliography that nothing but hidden figures named."""
    rest = {key: value for key, value in content.items() if key != "sources"}
    for id in sorted(set(named).difference(_sources_in(rest))):
        del content["sources"][id]
        yield RemovedItem(path=f"sources.{id}", reason="source")


def _remove_mentions(
    content: Content, case: Case, figures: Sequence[ScenarioFigure]
) -> Iterator[RemovedItem]:
    """Take out texts that name a number which a hidden figure is, or a sum with one in it, also in
    thousands; not numbers that any text may name."""
    sources = [f for f in figures if f.kind in ("demand", "damage_value", "budget")]
    truth = {figure: figure.value for figure in sources}
    sums = [total.evaluate(truth) for *_, total in relations.hidden_sums(case, sources)]
    wanted = {float(f.value) for f in figures if f.kind != "damage_share"}
    wanted |= {x for x in sums if relations.significant_digits(x) >= relations.MIN_DIGITS}
    wanted = {x for x in wanted if relations.significant_digits(x) > 1 and x not in YEAR_NUMBERS}
    large = {x for x in wanted if relations.significant_digits(x) >= relations.MIN_DIGITS}
    wanted |= {x * k for x in large for k in (1e-3, 1e3)}
    for path, text in list(walk_content(content)):
        texts = [step for step in path if step in ("title", "name", "text", *FREE_TEXTS)]
        if not isinstance(text, str) or not texts or _REDACTED_SOURCE.fullmatch(text):
            continue
        read = {
            number for token in _NUMBER_TOKEN.findall(text) for number in _possible_numbers(token)
        }
        if any(math.isclose(number, value, rel_tol=1e-9) for number in read for value in wanted):
            at = path[: len(path) - path[::-1].index(texts[-1])]
            parent = _value_at(content, at[:-1])
            if at[-1] == "text" or at[0] == "uncertainty":
                parent[at[-1]] = "redacted"
            else:
                parent.pop(at[-1], None)
            yield RemovedItem(path=_dotted_path(at), reason="mentioned")


def _possible_numbers(token: str) -> Iterator[float]:
    """The numbers that digits with signs between them may mean."""
    bare = re.sub(r"[\u00a0\u202f ]", "", token)
    for text in {bare, bare.replace(",", ""), bare.replace(".", "").replace(",", ".")}:
        with suppress(ValueError):
            yield float(text)


def _supply_hints(
    case: Case, figures: Sequence[ScenarioFigure]
) -> Iterator[tuple[RemainingHint, list[Equation]]]:
    """Supply, with or without what conversions make, that adds up to a need with hidden parts: the
    rest of it is the figure, about. Tonnes over what shares leave open are the need itself."""
    needs = {year: material_needs(case, year) for year in case.horizon.years}
    for material in dict.fromkeys(f.material for f in figures if f.kind == "demand"):
        some = [f for f in figures if f.kind == "demand" and f.material == material]
        rows = {n: row for n, row in enumerate(case.supply) if row.material == material}
        supplies = [row.t_per_year for row in rows.values() if row.t_per_year is not None]
        shares = [row.share for row in rows.values() if row.share is not None]
        # The share that was made as the rest is rounded, and the others exact; at best to 0.001.
        unit = min([0.001, *(relations.last_place_unit(x) for own in shares for x in own.values)])
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
                if needed > 0 and off <= SUPPLY_TOLERANCE * needed:
                    slack = total * unit / 2 / left
                    # A guess is no better than what it is off by.
                    slack *= 2 ** math.ceil(math.log2(max(1.0, off / slack)))
                    weights = relations.demand_sum(case, some, {f.owner for f in some}, year)
                    rest = (
                        needed - weights.evaluate({f: f.value for f in some}) + weights.known_amount
                    )
                    named = {f.dotted_path: w for f, w in weights.weights.items()}
                    equations.append(
                        Equation(named, total - rest, min(slack, SUPPLY_TOLERANCE * needed))
                    )
        if equations:
            yield RemainingHint(path=paths[0], reason="supply_adds_up"), equations


def _growth_hints(
    case: Case, figures: Sequence[ScenarioFigure]
) -> Iterator[tuple[RemainingHint, list[Equation]]]:
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
                abs(g * first.value / f.value - 1) <= relations.GROWTH_TOLERANCE
                for f, g in growth.items()
            ):
                yield (
                    RemainingHint(path=f"demand.{n}.t_per_year", reason="grows_alike"),
                    [
                        Equation(
                            {f.dotted_path: 1.0, first.dotted_path: -g},
                            0.0,
                            relations.GROWTH_TOLERANCE * f.value,
                        )
                        for f, g in growth.items()
                    ],
                )
                break


def _unhidden_hints(
    case: Case, consumers: Ids, companies: Ids, method: RedactionMethod
) -> Iterator[RemainingHint]:
    """What of the chosen consumers was not hidden."""
    for u in consumers:
        purse = case.consumers[u].company
        if purse is not None and purse not in companies:
            yield RemainingHint(path=f"funders.{purse}", reason="purse_open")
    own = {(entry.consumer, entry.material) for entry in case.damage}
    needs = [(row.consumer, row.material) for row in case.demand if row.consumer in consumers]
    needed = {material for user, material in needs if (user, material) not in own}
    for position, entry in enumerate(case.damage):
        owner = hiding.curve_owner(case, entry, consumers)
        if owner is None and entry.consumer is None and entry.material in needed:
            yield RemainingHint(path=f"damage.{position}", reason="curve_shared")
        elif owner is not None and isinstance(method, hiding.ScaleMethod) and len(entry.steps) > 1:
            yield RemainingHint(path=f"damage.{position}", reason="shares_kept")


def _private_file_hints(
    reading: LoadedScenario, figures: Sequence[ScenarioFigure]
) -> Iterator[RemainingHint]:
    """Numbers of private files that are not hidden, one for each quantity."""
    hidden_paths = {tuple(map(str, figure.path)) for figure in figures}
    found: dict[str, None] = {}
    for path in reading.private_number_paths():
        steps = tuple(step for step in map(str, path) if step != "value")
        quantity = steps[:-1] if steps[-1].isdecimal() and len(steps[-1]) == 4 else steps
        if not {steps, quantity} & hidden_paths:
            found[".".join(quantity)] = None
    yield from (RemainingHint(path=path, reason="private_open") for path in found)


def _stand_in_content(content: Content, figures: Sequence[ScenarioFigure]) -> Content:
    """The replaced figures, as a part of a scenario to be included: whole rows of demand and
    damage, and of all else what is hidden alone."""
    part: Content = {}
    piles: dict[PathStep, Content] = {}
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
