"""Redaction: figures that their owner names are widened to ranges or removed, with all that names
them.

The file is made from the content of the scenario: it has no comments, no sources, notes and
descriptions, and no titles and names with digits. What stays is compared with what was hidden, and
a figure or a name that is found again is refused rather than written.

The edges of the bands are powers of one plus the width, whatever the figure, so that the file is
the same for all figures within a band. For years after the first, the ratio to the first one is
replaced by its band: if each year had a band of its own, whoever knows the growth could intersect
the bands of all years.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple, get_args

import yaml

from models.files import LoadedScenario, read_case_text
from models.language import LANGUAGES, Language, tr, using
from models.scenario.case import Case
from models.scenario.materials import Damage
from models.scenario.sections import Stockpile
from optimizer.errors import Misuse

Path = tuple[str, ...]
FREE_TEXTS = ("source", "note", "description", "written")
"""Optional texts that may state a figure or how it was made."""
DISPLAYED_TEXTS = ("title", "name", "names")
STOCK_FIELDS = (
    "initial_t",
    "max_t",
    "max_purchase_t_per_year",
    "max_release_t_per_period",
    "refill_t_per_year",
)
"""Fields that state the size of a stockpile; prices and rates do not."""
SIGNIFICANT_DIGITS = 3
"""Significant digits of published figures. Equal figures with fewer digits are equal by chance."""
_YEAR_FIELD = re.compile(r"(?:.*_)?(?:start|(?<!per_)year)")
_YEAR_NUMBERS = range(1900, 2100)
_DIGITS = r"(?<!\d)(?!(?:19|20)\d\d(?!\d))\d+"
"""Digits that are no year."""


class Redaction(NamedTuple):
    """A scenario without the figures that its owner named, and what was done for that."""

    yaml_text: str
    stand_in: str
    """The replaced figures of the owner alone, to be included in place of a private file."""
    figures: dict[str, tuple[float, float, float]]
    """Lower and upper end of the range of each replaced figure, and the figure that is published,
    by path."""
    removed: tuple[str, ...]
    """Paths that were removed, with the variants and assumption sets that name hidden figures."""
    private: tuple[str, ...]
    """Quantities from private files that are not hidden."""


def redact_scenario(
    loaded_scenario: LoadedScenario,
    consumers: Collection[str] = (),
    companies: Collection[str] = (),
    *,
    also: Sequence[str] = (),
    ranges: Mapping[str, tuple[float, float]] | None = None,
    remove: Sequence[str] = (),
    allow: Sequence[str] = (),
    band: float = 0.25,
) -> Redaction:
    """Replace the figures of consumers and companies, and those below the dotted paths ``also``, by
    bands of a relative width, and those below the paths of ``ranges`` by these ranges; remove the
    parts at the paths ``remove``.

    Raises Misuse for a name that the scenario does not have, and for a hidden figure or name that
    would stay elsewhere, unless it is below a path in ``allow``; raises ScenarioError if what is
    left is not a valid scenario.
    """
    case = loaded_scenario.case
    funders = [f for f, funder in case.funders.items() if funder.kind == "company"]
    known_ids = [*((x, case.consumers) for x in consumers), *((x, funders) for x in companies)]
    for id, known in ((id, known) for id, known in known_ids if id not in known):
        names = ", ".join(known) or "-"
        raise Misuse(f"There is no '{id}'; there are {names}.")
    content = case.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    index = {f"stockpiles.{x.id}": f"stockpiles.{n}" for n, x in enumerate(case.stockpiles)}
    removed_paths = [_steps(path, index) for path in remove]
    # Items have an id and names, and fields of items have none.
    items = {path: _value_at(content, path) for path in removed_paths if len(path) == 2}
    removed_names = {
        text
        for path, item in items.items()
        if isinstance(item, dict)
        for text in (item.get("id", path[1]), *dict(_walk(item.get("name"))).values())
        if isinstance(text, str) and text
    }
    names_pattern = "|".join(rf"(?<!\w){re.escape(x)}(?!\w)" for x in removed_names) or r"(?!)"
    content = _without_texts(content, re.compile(f"{_DIGITS}|{names_pattern}", re.IGNORECASE))
    content.pop("sources", None)
    owned = list(_owned_paths(case, consumers, companies))
    chosen_ranges = {_steps(path, index): ends for path, ends in (ranges or {}).items()}
    allowed_paths = [_steps(path, index) for path in allow]
    named_paths = [*(_steps(path, index) for path in also), *chosen_ranges]
    numbers = {
        path: float(value)
        for path, value in _walk(content)
        if isinstance(value, (int, float)) and value and not isinstance(value, bool)
        if not _YEAR_FIELD.fullmatch(_quantity(path)[-1])
    }
    for path in (*named_paths, *removed_paths, *allowed_paths):
        if _value_at(content, path) is None or not (
            path in (*removed_paths, *allowed_paths) or any(_is_below(x, [path]) for x in numbers)
        ):
            raise Misuse("There is nothing to hide at '{path}'.".format(path=".".join(path)))
    figures = {
        path: value
        for path, value in numbers.items()
        if _is_below(path, [*owned, *named_paths]) and not _is_below(path, removed_paths)
    }
    if not figures and not removed_paths:
        raise Misuse("There is no figure to hide of those that were named.")
    widened = dict(_widen(figures, chosen_ranges, band))
    _add_up_shares(widened)
    hidden_paths = [*figures, *removed_paths]
    telling = _Telling(
        {x for path, x in numbers.items() if _is_below(path, hidden_paths) and _is_distinctive(x)},
        re.compile(names_pattern, re.IGNORECASE),
    )
    removed = [
        *map(".".join, removed_paths),
        *_remove_variants(content, hidden_paths, index, telling),
    ]
    for path, (low, high, published) in widened.items():
        parent, key = _parent_and_key(content, path)
        text = f"redacted: {plain_text(low)} to {plain_text(high)}"
        parent[key] = {"value": published, "source": text, "confidence": "low"}
    for path in sorted(removed_paths, key=lambda x: [s.zfill(9) for s in x], reverse=True):
        parent, key = _parent_and_key(content, path)
        del parent[key]
    remaining = [
        ".".join(path)
        for path in telling.mentions(content)
        if not _is_below(path, [*widened, *allowed_paths])
    ]
    if remaining:
        raise Misuse(
            (
                "{paths}: what you hide stands there too. Hide it there as well (--also PATH), "
                "or remove that (--remove PATH), or leave it if that is by chance or known "
                "anyway (--allow PATH)."
            ).format(paths=", ".join(remaining))
        )
    content = {"description": {x: warning_text(x) for x in get_args(Language)}, **content}
    yaml_text = _to_yaml(content)
    read_case_text(yaml_text, "redacted.yaml", check_variants=True)
    # Whole rows of demand and damage, and single fields of other sections.
    own_parts = {
        path[:2] if path[0] in ("demand", "damage") else _quantity(path)
        for path in figures
        if _is_below(path, owned)
    }
    return Redaction(
        yaml_text,
        _to_yaml(_part(content, (), {("description",), *own_parts})),
        {".".join(path): values for path, values in widened.items()},
        tuple(removed),
        tuple(_open_private_numbers(loaded_scenario, hidden_paths)),
    )


def plain_text(value: float) -> str:
    """Return a figure to four significant digits, without an exponent."""
    return f"{float(f'{value:.4g}'):.15g}"


def warning_text(language: Language) -> str:
    """Return the warning that the file does not hide everything, and what not to hand on."""
    with using(language):
        return tr(
            "Figures in this file were widened to ranges or removed by their owner. Whoever knows "
            "a result of the true scenario may compute them from it. Of the true scenario hand on "
            "no plan.json and no other JSON result, no report, page, workbook or brief, no "
            "manifest or hash, and no total, difference or share of demand, damage, budgets or "
            "stocks. Results of this file tell no more than it does."
        )


# What is hidden


def _owned_paths(
    case: Case, consumers: Collection[str], companies: Collection[str]
) -> Iterator[Path]:
    """Yield the paths of all quantities of the chosen consumers and companies, in file order."""
    for n, row in enumerate(case.demand):
        if row.consumer in consumers:
            yield ("demand", str(n), "t_per_year")
    for n, entry in enumerate(case.damage):
        fields = ("eur_per_t", "share")[: len(entry.steps)]  # the share of a single step is 1
        for step in range(len(entry.steps) if _is_own_curve(case, entry, consumers) else 0):
            yield from (("damage", str(n), "steps", str(step), field) for field in fields)
    for f in companies:
        yield from (("funders", f, field) for field in ("budget_meur", "budget_by_year_meur"))
        for line in case.funders[f].budget_lines:
            for field in ("total_meur", "by_year_meur", "limit_meur"):
                yield ("funders", f, "budget_lines", line, field)
    for n, stockpile in enumerate(case.stockpiles):
        if _is_own_stockpile(stockpile, consumers, companies):
            yield from (("stockpiles", str(n), field) for field in STOCK_FIELDS)


def _is_own_curve(case: Case, entry: Damage, consumers: Collection[str]) -> bool:
    """Return whether a damage curve names a chosen consumer, or applies to chosen ones only."""
    with_curve = {x.consumer for x in case.damage if x.material == entry.material and x.consumer}
    users = {row.consumer for row in case.demand if row.material == entry.material} - with_curve
    users = users if entry.consumer is None else {entry.consumer}
    return bool(users) and users <= set(consumers)


def _is_own_stockpile(
    stockpile: Stockpile, consumers: Collection[str], companies: Collection[str]
) -> bool:
    """Return whether a stockpile serves chosen consumers only, or chosen companies alone pay."""
    payments = (stockpile.paid_by, stockpile.storage_paid_by, stockpile.financing_paid_by)
    payers = {f for shares in payments for f, share in (shares or {}).items() if share > 0}
    return bool(
        (stockpile.serves and {*stockpile.serves} <= {*consumers})
        or (payers and payers <= {*companies})
    )


def _open_private_numbers(loaded_scenario: LoadedScenario, hidden: Sequence[Path]) -> list[str]:
    """Return the quantities from private files that are not hidden."""
    paths = [
        tuple(str(step) for step in path if step != "value")
        for path in loaded_scenario.private_number_paths()
    ]
    return list(dict.fromkeys(".".join(_quantity(x)) for x in paths if not _is_below(x, hidden)))


# Ranges


def _widen(
    figures: Mapping[Path, float], ranges: Mapping[Path, tuple[float, float]], width: float
) -> Iterator[tuple[Path, tuple[float, float, float]]]:
    """Yield the ends of the range and the published value of each figure."""
    for _, group in groupby(figures, key=_quantity):
        first = None
        for path in group:
            value = figures[path]
            chosen = [ends for prefix, ends in ranges.items() if _is_below(path, [prefix])]
            if chosen and not chosen[-1][0] <= value <= chosen[-1][1]:
                raise Misuse(
                    "The figure at '{path}' lies outside its range.".format(path=".".join(path))
                )
            low, high = chosen[-1] if chosen else _band(value / (first or 1.0), width)
            if first is not None and not chosen:
                low, high = (x * y for x, y in zip(_band(first, width), (low, high), strict=True))
            first = value if first is None else first
            middle = float(f"{(low + high) / 2:.{SIGNIFICANT_DIGITS}g}")
            yield path, (low, high, int(middle) if middle.is_integer() else middle)


def _band(value: float, width: float) -> tuple[float, float]:
    """Return the edges of the band of a figure."""
    step = math.log1p(width)
    k = math.floor(math.log(abs(value)) / step + 1e-9)  # for figures on an edge
    low, high = sorted(math.copysign(math.exp(edge * step), value) for edge in (k, k + 1))
    return low, high


def _add_up_shares(widened: dict[Path, tuple[float, float, float]]) -> None:
    """Scale the published shares of each damage curve such that they add up to 1."""
    shares = [path for path in widened if path[0] == "damage" and path[-1] == "share"]
    for _, group in groupby(shares, key=lambda path: path[:2]):
        *others, last = sorted(group, key=lambda path: widened[path][2])
        total = math.fsum(widened[path][2] for path in (*others, last))
        for path in others:
            low, high, share = widened[path]
            widened[path] = (low, high, round(share / total, SIGNIFICANT_DIGITS))
        rest = 1 - math.fsum(widened[path][2] for path in others)
        widened[last] = (*widened[last][:2], round(rest, SIGNIFICANT_DIGITS))


# What names it


class _Telling(NamedTuple):
    """What may not be left in the file: hidden figures that no other one equals by chance, and the
    names of removed items."""

    values: set[float]
    names: re.Pattern[str]

    def mentions(self, content: Any) -> Iterator[Path]:
        """Yield the paths at which one of them stands."""
        for path, value in _walk(content):
            texts = [*path[-1:], value] if isinstance(value, str) else path[-1:]
            values = [value] if isinstance(value, (int, float)) else []
            values += [float(x) for text in texts for x in re.findall(r"\d+(?:\.\d+)?", text)]
            if not self.values.isdisjoint(values) or any(map(self.names.search, texts)):
                yield path


def _without_texts(value: Any, telling: re.Pattern[str]) -> Any:
    """Return content without free texts, and without titles and names that match a pattern; a
    number of which only its confidence is left is plain."""
    if isinstance(value, list):
        return [_without_texts(entry, telling) for entry in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, entry in value.items():
        field = key.rpartition(".")[2]
        is_text = isinstance(entry, str) or (
            isinstance(entry, dict) and (field == "names" or entry.keys() <= LANGUAGES.keys())
        )
        displayed = field in DISPLAYED_TEXTS and telling.search(str(entry))
        if not (is_text and (field in FREE_TEXTS or displayed)):
            kept[key] = _without_texts(entry, telling)
    return kept["value"] if "value" in kept and kept.keys() <= {"value", "confidence"} else kept


def _remove_variants(
    content: dict[str, Any], hidden: Sequence[Path], index: Mapping[str, str], telling: _Telling
) -> Iterator[str]:
    """Remove variants and assumption sets that set something hidden, state it or need other files,
    and variants that set texts alone; yield their paths. Setting a hidden figure to 0 reveals
    nothing."""

    def is_revealing(dotted: str, value: Any) -> bool:
        path = _steps(dotted, index)
        scalars = {x for _, x in _walk(value) if not isinstance(x, (dict, list))}
        return (
            path[0] == "include"
            or any("table" in inner for inner, _ in _walk(value))
            or (scalars != {0} and any(path[: len(x)] == x[: len(path)] for x in hidden))
            or any(telling.mentions({dotted: value}))
        )

    for section in ("variants", "assumptions"):
        patches = content.get(section, {})
        revealing = [
            name
            for name, patch in patches.items()
            if (section == "variants" and not patch.get("set"))
            or any(is_revealing(*setting) for setting in patch.get("set", {}).items())
        ]
        # The weights of the other assumption sets would not add up to 1.
        for name in list(patches) if revealing and section == "assumptions" else revealing:
            del patches[name]
            yield f"{section}.{name}"
    if content.get("counterfactual") not in {None, *content.get("variants", {})}:
        del content["counterfactual"]
    if not content.get("assumptions", True):
        del content["assumptions"]
        content.get("objective", {}).pop("over_assumptions", None)


def _is_distinctive(value: float) -> bool:
    """Return whether a figure has so many significant digits that another equals it hardly by
    chance; years do."""
    return float(f"{value:.{SIGNIFICANT_DIGITS - 1}g}") != value and value not in _YEAR_NUMBERS


# Content


def _part(value: Any, path: Path, wanted: Collection[Path]) -> Any:
    """Return the part of content at the paths ``wanted``, with the ids of rows; None if there is
    none."""
    if path in wanted:
        return value
    parts = {step: _part(entry, (*path, step), wanted) for step, entry in _entries(value)}
    kept = {step: part for step, part in parts.items() if part is not None}
    if kept and "id" in parts:
        kept = {"id": value["id"], **kept}
    return (list(kept.values()) if isinstance(value, list) else kept) or None


def _to_yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the entries of a mapping or a list, with their key or position."""
    if isinstance(value, (dict, list)):
        for step, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield str(step), entry


def _walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield all values in content with their paths, outer values before inner ones."""
    yield path, value
    for step, entry in _entries(value):
        yield from _walk(entry, (*path, step))


def _steps(dotted: str, index: Mapping[str, str]) -> Path:
    """Return the steps of a dotted path, with the position of a stockpile in place of its id."""
    prefix = ".".join(dotted.split(".")[:2])
    return tuple((index.get(prefix, prefix) + dotted[len(prefix) :]).split("."))


def _is_below(path: Path, prefixes: Iterable[Path]) -> bool:
    return any(path[: len(prefix)] == prefix for prefix in prefixes)


def _quantity(path: Path) -> Path:
    """Return the path of a quantity, without the year of one of its values."""
    return path[:-1] if len(path) > 1 and re.fullmatch(r"\d{4}", path[-1]) else path


def _value_at(content: Any, path: Path) -> Any:
    """Return the value at a path; None if there is none."""
    for step in path:
        content = dict(_entries(content)).get(step)
    return content


def _parent_and_key(content: Any, path: Path) -> tuple[Any, Any]:
    """Return the mapping or list that has the value at a path, and its key there."""
    parent = _value_at(content, path[:-1])
    return parent, int(path[-1]) if isinstance(parent, list) else path[-1]
