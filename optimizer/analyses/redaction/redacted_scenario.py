"""The redacted scenario: figures are replaced, and what could reveal them is removed."""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, NamedTuple

import yaml

from models.faults import PathStep
from models.files import LoadedScenario, read_case_text
from models.language import LANGUAGES
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
FREE_TEXTS = ("source", "note", "description")
"""Optional texts that may state how a figure was made."""

_NUMBER_TOKEN = re.compile(r"\d{1,3}(?:[\u00a0\u202f ]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*")
YEAR_NUMBERS = range(1900, 2101)
_REDACTED_SOURCE = re.compile(r"redacted: (band of|secret factor between) [\d. %a-z]+")
SUPPLY_TOLERANCE = 0.02
"""Supply within this share of need is likely to have been set to equal it."""


class RedactedScenario(NamedTuple):
    """A redacted scenario with the true one, the replacements, and what was removed or may still
    reveal figures."""

    true_case: Case
    redacted_case: Case
    """The redacted scenario, as its text reads."""
    yaml_text: str
    """The redacted scenario in YAML."""
    stand_in: str
    """The replaced figures alone in YAML, to be included in place of a private file."""
    replaced_figures: tuple[ReplacedFigure, ...]
    left_out: tuple[RemovedItem, ...]
    hints: tuple[RemainingHint, ...]
    revealing: tuple[Relation, ...]
    """Figures that agree with hidden ones, and were neither hidden nor allowed."""
    unknown_paths: tuple[str, ...]
    """Paths among ``also`` at which there is no figure."""


def redact_scenario(
    loaded_scenario: LoadedScenario,
    consumers: Ids,
    companies: Ids,
    method: RedactionMethod,
    *,
    also: Sequence[str] = (),
    allow: Sequence[str] = (),
    keep_texts: bool = False,
) -> RedactedScenario:
    """Return the redacted scenario; its text depends on the true figures only through ``method``.

    ``also`` has dotted paths of further figures to hide; ``allow`` has those of figures that stay
    although they agree with hidden ones. Raises ScenarioError if the text is not read back as
    intended.
    """
    case = loaded_scenario.case
    # The content of the file and its includes, without defaults.
    content: Content = case.model_dump(
        mode="json", by_alias=True, exclude_unset=True, exclude_none=True
    )
    figures = tuple(hiding.find_hidden_figures(case, consumers, companies))
    indexed_paths = {
        f"stockpiles.{stockpile.id}": f"stockpiles.{n}"
        for n, stockpile in enumerate(case.stockpiles)
    }
    also, allow = (
        [_with_stock_index(path, indexed_paths) for path in paths] for paths in (also, allow)
    )
    hidden_keys = {(figure.path, figure.year) for figure in figures}
    requested_figures = (
        _classify_requested(number, case)
        for number in relations.scenario_numbers(content)
        if _is_below(number, also)
    )
    figures += tuple(f for f in requested_figures if (f.path, f.year) not in hidden_keys)
    hidden_paths = {figure.path for figure in figures}
    replaceable, revealing = relations.find_relations(case, content, figures, companies)
    derived_figures = {r.figure: r for r in replaceable if not _is_below(r.figure, allow)}
    replaced = _replace_figures(figures, derived_figures, method)
    source_names = {s for f in figures for s in _sources_in(_value_at(content, f.path))}
    left_out: list[RemovedItem] = []
    for path, group in groupby(replaced, key=lambda item: item.figure.path):
        if _has_key(_value_at(content, path), "note"):
            left_out.append(RemovedItem(path=_dotted_path(path), reason="note"))
        if path not in hidden_paths:
            left_out.append(RemovedItem(path=_dotted_path(path), reason="follows"))
        _write_replacement(content, path, list(group), method.description)
    removed_figures = [*(item.figure for item in replaced), *(r.figure for r in revealing)]
    left_out += _remove_variants(content, case, removed_figures)
    if keep_texts:
        left_out += _remove_descriptions(content, case, consumers, companies)
        left_out += _remove_sources(content, source_names & set(content.get("sources", {})))
    else:
        left_out += _remove_all_texts(content)
    left_out += _remove_mentions(content, case, figures)
    text = _to_yaml(content)
    supply_hints = list(_supply_hints(case, figures))
    growth_hints = list(_growth_hints(case, figures))
    hints = [
        *(hint for hint, _ in (*supply_hints, *growth_hints)),
        *_unhidden_hints(case, consumers, companies, method),
        *_private_file_hints(loaded_scenario, figures),
    ]
    # Demand of others was probably not made from hidden demand.
    growing_paths = dict.fromkeys(
        _dotted_path(r.figure.path) for r in revealing if r.figure.path[0] == "demand"
    )
    hints += [RemainingHint(path=path, reason="grows_alike") for path in growing_paths]
    # Revealing variants and assumption sets have been removed.
    removed_sections = ("variants", "assumptions", "demand")
    revealing = [r for r in revealing if r.figure.path[0] not in removed_sections]
    allowed_relations = [r for r in (*replaceable, *revealing) if _is_below(r.figure, allow)]
    hints += [RemainingHint(path=r.figure.dotted_path, reason="follows") for r in allowed_relations]
    equations = [e for _, hint_equations in (*supply_hints, *growth_hints) for e in hint_equations]
    equations += [
        r.to_equation(r.figure in derived_figures)
        for r in (*replaceable, *revealing)
        if r in allowed_relations or r in replaceable
    ]
    tightened_ranges = tighten_ranges(
        {item.figure.dotted_path: (item.low, item.high) for item in replaced}, equations
    )
    return RedactedScenario(
        case,
        read_case_text(text, "redacted.yaml", check_variants=True).case,
        text,
        _to_yaml(_stand_in_content(content, [f for f in figures if f.kind != "other"])),
        tuple(
            item._replace(low=low, high=high)
            for item in replaced
            for low, high in [tightened_ranges[item.figure.dotted_path]]
        ),
        tuple(left_out),
        tuple(hints),
        tuple(r for r in revealing if r not in allowed_relations),
        tuple(path for path in also if not any(_is_below(figure, [path]) for figure in figures)),
    )


def _classify_requested(figure: ScenarioFigure, case: Case) -> ScenarioFigure:
    """Return a figure that the user asked to hide; if it is demand or a budget, its kind and owner
    are set."""
    if figure.path[0] == "demand":
        return figure._replace(kind="demand", owner=case.demand[int(figure.path[1])].consumer)
    if figure.path[2:] == ("budget_meur",):
        return figure._replace(kind="budget", owner=str(figure.path[1]))
    return figure


def _with_stock_index(path: str, indexed_paths: Mapping[str, str]) -> str:
    """Return a dotted path in which the index of a stockpile replaces its id; other paths are
    unchanged."""
    prefix = ".".join(path.split(".")[:2])
    return indexed_paths.get(prefix, prefix) + path[len(prefix) :]


def _is_below(figure: ScenarioFigure, paths: Iterable[str]) -> bool:
    return any(f"{figure.dotted_path}.".startswith(f"{path}.") for path in paths)


def _replace_figures(
    figures: Sequence[ScenarioFigure],
    derived_figures: Mapping[ScenarioFigure, Relation],
    method: RedactionMethod,
) -> list[ReplacedFigure]:
    """Return the replacements of all figures.

    A figure that follows from hidden ones is computed from their published values, so that it
    reveals nothing more; a separate band for it would narrow their ranges.
    """
    replaced = {
        replacement.figure: replacement
        for replacement in method.replace_figures([f for f in figures if f not in derived_figures])
    }
    published_values = {figure: replacement.published for figure, replacement in replaced.items()}
    low_ends = {figure: replacement.low for figure, replacement in replaced.items()}
    high_ends = {figure: replacement.high for figure, replacement in replaced.items()}
    for figure, relation in derived_figures.items():
        value = relation.predict(published_values)
        value = round(value, 9) if relation.complement else hiding.round_significant(value)
        low, high = relation.predict(low_ends, high_ends), relation.predict(high_ends, low_ends)
        slack = relations.rounding_slack(figure)
        replaced[figure] = ReplacedFigure(figure, value, low - slack, high + slack)
    order = [*figures, *(figure for figure in derived_figures if figure not in figures)]
    path_rank = {path: n for n, path in enumerate(dict.fromkeys(figure.path for figure in order))}
    return sorted(
        (replaced[f] for f in order if f in replaced),
        key=lambda replacement: path_rank[replacement.figure.path],
    )


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
    """Return whether nested data contain a key at any depth."""
    return any(key in path[-1:] for path, _ in walk_content(value))


def _sources_in(value: Any) -> list[str]:
    return [v for path, v in walk_content(value) if path[-1:] == ("source",) and isinstance(v, str)]


def _write_replacement(
    content: Content, path: StepPath, replacements: Sequence[ReplacedFigure], source: str
) -> None:
    """Write the replacement of a quantity into the content.

    ``source`` becomes its source, and its confidence becomes low.
    """
    annotation = {"source": source, "confidence": "low"}
    parent, step = _value_at(content, path[:-1]), path[-1]
    values = {
        str(replacement.figure.year): int(x) if (x := replacement.published).is_integer() else x
        for replacement in replacements
    }
    if replacements[0].figure.year is None:
        parent[step] = {"value": values["None"], **annotation}
    elif step in ("budget_by_year_meur", "by_year_meur"):
        annotated = {year: {"value": value, **annotation} for year, value in values.items()}
        parent[step] = {**parent[step], **annotated}
    else:
        # Years that are not hidden stay.
        old_entries = parent[step].get("value", parent[step])
        old_values = {
            year: x["value"] if isinstance(x, dict) else x for year, x in old_entries.items()
        }
        parent[step] = {"value": {**old_values, **values}, **annotation}


def _remove_descriptions(
    content: Content, case: Case, consumers: Ids, companies: Ids
) -> Iterator[RemovedItem]:
    """Remove the descriptions of hidden items, since free texts may state figures; yield what is
    removed."""
    paths: list[StepPath] = [("consumers", u) for u in consumers]
    paths += [("funders", f) for f in companies]
    paths += [
        ("stockpiles", position)
        for position, stockpile in enumerate(case.stockpiles)
        if hiding.stockpile_owner(stockpile, consumers, companies) is not None
    ]
    for path in paths:
        if _value_at(content, path).pop("description", None) is not None:
            yield RemovedItem(path=_dotted_path((*path, "description")), reason="description")


def _remove_all_texts(content: Content) -> Iterator[RemovedItem]:
    """Remove all texts except titles and names, since any may say how a figure was made; yield what
    is removed."""
    if content.pop("sources", None):
        yield RemovedItem(path="sources", reason="text")
    for section in list(content):
        text_before = _to_yaml({section: content[section]})
        part = {section: content.pop(section)}
        _strip_texts(part)
        content.update(part)
        if _to_yaml(part) != text_before:
            yield RemovedItem(path=section, reason="text")


def _strip_texts(value: Any) -> None:
    if isinstance(value, dict):
        for key, entry in list(value.items()):
            is_text = isinstance(entry, str) or (
                isinstance(entry, dict) and entry and {*entry} <= LANGUAGES.keys()
            )
            if (
                key.rsplit(".")[-1] in FREE_TEXTS
                and is_text
                and not _REDACTED_SOURCE.fullmatch(str(entry))
            ):
                del value[key]
            else:
                _strip_texts(entry)
    elif isinstance(value, list):
        for entry in value:
            _strip_texts(entry)


def _remove_variants(
    content: Content, case: Case, figures: Sequence[ScenarioFigure]
) -> Iterator[RemovedItem]:
    """Remove variants and assumption sets that set hidden figures or need other files; yield what
    is removed."""
    paths = [tuple(map(str, figure.path)) for figure in figures]
    ids = [stockpile.id for stockpile in case.stockpiles]

    def is_revealing(dotted: str, value: Any) -> bool:
        steps = dotted.split(".")
        if steps[0] == "stockpiles" and len(steps) > 1 and steps[1] in ids:
            steps[1] = str(ids.index(steps[1]))
        needs_files = steps[0] == "include" or _has_key(value, "table")
        sets_hidden = any(all(a == b for a, b in zip(steps, path, strict=False)) for path in paths)
        # Zeros and simple shares of payers reveal nothing.
        harmless = {0, 0.5, 1} if steps[-1].endswith("paid_by") else {0}
        scalars = {x for _, x in walk_content(value) if not isinstance(x, (dict, list))}
        sets_hidden = sets_hidden and (isinstance(value, list) or not scalars <= harmless)
        return needs_files or sets_hidden or steps[-1] == "description"

    revealing_names = {figure.path[1] for figure in figures if figure.path[0] == "variants"}
    for name, variant in case.variants.items():
        if name in revealing_names or any(
            is_revealing(dotted, value) for dotted, value in variant.set.items()
        ):
            del content["variants"][name]
            if content.get("counterfactual") == name:
                del content["counterfactual"]
            yield RemovedItem(path=f"variants.{name}", reason="variant")
    settings = [
        item for assumption_set in case.assumptions.values() for item in assumption_set.set.items()
    ]
    revealing_names = {figure.path[0] for figure in figures}
    if "assumptions" in revealing_names or any(
        is_revealing(dotted, value) for dotted, value in settings
    ):
        # Remove all of them: the weights of the others would not add up to 1.
        del content["assumptions"]
        content.get("objective", {}).pop("over_assumptions", None)
        yield RemovedItem(path="assumptions", reason="variant")


def _remove_sources(content: Content, named_sources: Collection[str]) -> Iterator[RemovedItem]:
    """Remove bibliography entries that only hidden figures cite; yield what is removed."""
    other_content = {key: value for key, value in content.items() if key != "sources"}
    for id in sorted(set(named_sources).difference(_sources_in(other_content))):
        del content["sources"][id]
        yield RemovedItem(path=f"sources.{id}", reason="source")


def _remove_mentions(
    content: Content, case: Case, figures: Sequence[ScenarioFigure]
) -> Iterator[RemovedItem]:
    """Remove texts that state a hidden figure or a sum with one in it, and yield what is removed.

    A text may state it in thousands or thousandths. Years and numbers of one digit are ignored.
    Texts that a scenario must have are replaced.
    """
    base_figures = [f for f in figures if f.kind in ("demand", "damage_value", "budget")]
    true_values = {figure: figure.value for figure in base_figures}
    true_sums = [
        total.evaluate(true_values) for *_, total in relations.hidden_sums(case, base_figures)
    ]
    hidden_values = {float(f.value) for f in figures if f.kind != "damage_share"}
    hidden_values |= {
        x for x in true_sums if relations.significant_digits(x) >= relations.MIN_DIGITS
    }
    hidden_values = {
        x for x in hidden_values if relations.significant_digits(x) > 1 and x not in YEAR_NUMBERS
    }
    distinctive_values = {
        x for x in hidden_values if relations.significant_digits(x) >= relations.MIN_DIGITS
    }
    hidden_values |= {x * k for x in distinctive_values for k in (1e-3, 1e3)}
    for path, text in list(walk_content(content)):
        text_steps = [step for step in path if step in ("title", "name", "text", *FREE_TEXTS)]
        if not isinstance(text, str) or not text_steps or _REDACTED_SOURCE.fullmatch(text):
            continue
        numbers = {
            number for token in _NUMBER_TOKEN.findall(text) for number in _possible_numbers(token)
        }
        if any(
            math.isclose(number, value, rel_tol=1e-9)
            for number in numbers
            for value in hidden_values
        ):
            text_path = path[: len(path) - path[::-1].index(text_steps[-1])]
            parent = _value_at(content, text_path[:-1])
            if text_path[-1] == "text" or text_path[0] == "uncertainty":
                parent[text_path[-1]] = "redacted"
            else:
                parent.pop(text_path[-1], None)
            yield RemovedItem(path=_dotted_path(text_path), reason="mentioned")


def _possible_numbers(token: str) -> Iterator[float]:
    """Yield the numbers that a token of digits and separators may stand for."""
    digits = re.sub(r"[\u00a0\u202f ]", "", token)
    for text in {digits, digits.replace(",", ""), digits.replace(".", "").replace(",", ".")}:
        with suppress(ValueError):
            yield float(text)


def _supply_hints(
    case: Case, figures: Sequence[ScenarioFigure]
) -> Iterator[tuple[RemainingHint, list[Equation]]]:
    """Yield a hint for each material whose total supply agrees with its need in some years, with an
    equation for each of these years: the need can then be computed from the supply, and subtracting
    visible demand reveals hidden figures.

    Total supply is the supply in tonnes / (1 - sum of the supplies given as shares), once without
    and once with the output of conversions.
    """
    needs = {year: material_needs(case, year) for year in case.horizon.years}
    for material in dict.fromkeys(f.material for f in figures if f.kind == "demand"):
        hidden_demand = [f for f in figures if f.kind == "demand" and f.material == material]
        rows = {n: row for n, row in enumerate(case.supply) if row.material == material}
        supplies = [row.t_per_year for row in rows.values() if row.t_per_year is not None]
        supply_shares = [row.share for row in rows.values() if row.share is not None]
        # Assume that one share was rounded as the rest, at best to 0.001, and others are exact.
        rounding_unit = min(
            [
                0.001,
                *(
                    relations.last_place_unit(x)
                    for quantity in supply_shares
                    for x in quantity.values
                ),
            ]
        )
        plants = {
            id: conversion
            for id, conversion in case.conversions.items()
            if conversion.output == material
        }
        paths = [f"supply.{n}.{'share' if row.share else 't_per_year'}" for n, row in rows.items()]
        paths += [f"conversions.{id}.capacity_t_per_year" for id in plants]
        capacities = [conversion.capacity_t_per_year for conversion in plants.values()]
        equations = []
        for year, need in (
            (year, needs_of_year.get(material or "", 0.0)) for year, needs_of_year in needs.items()
        ):
            market, output = (
                math.fsum(x.at(year) for x in quantities) for quantities in (supplies, capacities)
            )
            open_share = 1 - math.fsum(share.at(year) for share in supply_shares)
            for supply_total in (
                {market / open_share, (market + output) / open_share} if open_share > 0 else ()
            ):
                difference = abs(supply_total - need)
                if need > 0 and difference <= SUPPLY_TOLERANCE * need:
                    slack = supply_total * rounding_unit / 2 / open_share
                    # The slack is at least the difference, rounded up by a power of two.
                    slack *= 2 ** math.ceil(math.log2(max(1.0, difference / slack)))
                    hidden_sum = relations.demand_sum(
                        case, hidden_demand, {f.owner for f in hidden_demand}, year
                    )
                    other_need = (
                        need
                        - hidden_sum.evaluate({f: f.value for f in hidden_demand})
                        + hidden_sum.known_amount
                    )
                    weights_by_path = {f.dotted_path: w for f, w in hidden_sum.weights.items()}
                    equations.append(
                        Equation(
                            weights_by_path,
                            supply_total - other_need,
                            min(slack, SUPPLY_TOLERANCE * need),
                        )
                    )
        if equations:
            yield RemainingHint(path=paths[0], reason="supply_adds_up"), equations


def _growth_hints(
    case: Case, figures: Sequence[ScenarioFigure]
) -> Iterator[tuple[RemainingHint, list[Equation]]]:
    """Yield hints on other consumers' demand that grows as hidden demand does.

    One year of the hidden profile then reveals its other years. Each hint comes with its equations.
    """
    hidden_paths = {figure.path for figure in figures}
    other_rows = [(n, row.t_per_year) for n, row in enumerate(case.demand)]
    other_rows = [
        (n, demand) for n, demand in other_rows if ("demand", n, "t_per_year") not in hidden_paths
    ]
    for _, group in groupby((f for f in figures if f.kind == "demand"), key=lambda f: f.path):
        profile = [figure for figure in group if figure.value > 0]
        years = {figure.year or 0 for figure in profile}
        for n, demand in other_rows if len(profile) > 1 else ():
            first_figure, later_figures = profile[0], profile[1:]
            if not years <= {*demand.years} or not demand.at(first_figure.year or 0):
                continue
            growth = {
                f: demand.at(f.year or 0) / demand.at(first_figure.year or 0) for f in later_figures
            }
            if all(
                abs(g * first_figure.value / f.value - 1) <= relations.GROWTH_TOLERANCE
                for f, g in growth.items()
            ):
                yield (
                    RemainingHint(path=f"demand.{n}.t_per_year", reason="grows_alike"),
                    [
                        Equation(
                            {f.dotted_path: 1.0, first_figure.dotted_path: -g},
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
    """Yield hints on figures of the chosen consumers that were not hidden."""
    for u in consumers:
        company = case.consumers[u].company
        if company is not None and company not in companies:
            yield RemainingHint(path=f"funders.{company}", reason="purse_open")
    curve_keys = {(entry.consumer, entry.material) for entry in case.damage}
    demand_keys = [(row.consumer, row.material) for row in case.demand if row.consumer in consumers]
    shared_materials = {
        material for user, material in demand_keys if (user, material) not in curve_keys
    }
    for position, entry in enumerate(case.damage):
        owner = hiding.curve_owner(case, entry, consumers)
        if owner is None and entry.consumer is None and entry.material in shared_materials:
            yield RemainingHint(path=f"damage.{position}", reason="curve_shared")
        elif owner is not None and isinstance(method, hiding.ScaleMethod) and len(entry.steps) > 1:
            yield RemainingHint(path=f"damage.{position}", reason="shares_kept")


def _private_file_hints(
    loaded_scenario: LoadedScenario, figures: Sequence[ScenarioFigure]
) -> Iterator[RemainingHint]:
    """Yield hints on numbers of private files that are not hidden, one for each quantity."""
    hidden_paths = {tuple(map(str, figure.path)) for figure in figures}
    quantities: dict[str, None] = {}
    for path in loaded_scenario.private_number_paths():
        steps = tuple(step for step in map(str, path) if step != "value")
        quantity = steps[:-1] if steps[-1].isdecimal() and len(steps[-1]) == 4 else steps
        if not {steps, quantity} & hidden_paths:
            quantities[".".join(quantity)] = None
    yield from (RemainingHint(path=path, reason="private_open") for path in quantities)


def _stand_in_content(content: Content, figures: Sequence[ScenarioFigure]) -> Content:
    """Return the replaced figures as a part of a scenario that can be included.

    It has whole rows of demand and damage, and only the hidden figures of other sections.
    """
    part: Content = {}
    stockpiles: dict[PathStep, Content] = {}
    for section, row, *_ in dict.fromkeys(figure.path[:2] for figure in figures):
        if section in ("demand", "damage"):
            part.setdefault(str(section), []).append(content[section][row])
    for figure in figures:
        section, key, *_ = figure.path
        source: Any = content
        target: Any = part
        if section == "funders":
            for step in figure.path[:-1]:
                source, target = source[step], target.setdefault(str(step), {})
            target[figure.path[-1]] = source[figure.path[-1]]
        elif section == "stockpiles":
            stockpile, name = content["stockpiles"][key], figure.path[2]
            stockpiles.setdefault(key, {"id": stockpile["id"]})[str(name)] = stockpile[name]
    return part | ({"stockpiles": list(stockpiles.values())} if stockpiles else {})
