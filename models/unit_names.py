"""Field names that are those of another unit: ``kt_per_year`` where ``t_per_year`` is known."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from models.language import tr

_MASS = {"t": 1.0, "tonnes": 1, "tons": 1, "kt": 1e3, "mt": 1e6, "kg": 1e-3, "g": 1e-6}
_MASS |= {"lb": 4.53592e-4, "oz": 3.11035e-5}
_TIME = {"year": 1.0, "years": 1, "yr": 1, "y": 1, "a": 1, "month": 1 / 12, "months": 1 / 12}
_TIME |= {"quarter": 0.25, "week": 7 / 365, "weeks": 7 / 365, "day": 1 / 365, "days": 1 / 365}
_SHARE = {"percent": 0.01, "pct": 0.01}
_TIMES = {"k": 1e3, "t": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "bn": 1e9, "mrd": 1e9, "": 1.0}
_MONEY = re.compile(r"(k|t|mn|mio|m|bn|mrd)?(eur|euro|usd|gbp|chf|jpy|cny|krw|aud|cad|sek|nok)")


class _Unit(NamedTuple):
    """The unit in a name: what it counts, the currency, and its size; and the rest of the name."""

    kind: str
    currency: str
    size: float
    rest: tuple[str, ...]


@lru_cache(maxsize=1024)
def _unit(name: str) -> _Unit:
    size, below, kind, currency, rest = 1.0, False, "", "", []
    for word in name.lower().split("_"):
        money = _MONEY.fullmatch(word)
        known = _MASS.get(word) or _TIME.get(word) or _SHARE.get(word)
        if money is not None:
            currency = "eur" if money[2] == "euro" else money[2]
            known = _TIMES[money[1] or ""]
        elif word == "per":
            below = True
            continue
        elif known is None:
            rest.append(word)
            continue
        size = size / known if below else size * known
        if not below:
            kind = "money" if money else "mass" if word in _MASS else kind
    return _Unit(kind, currency, size, tuple(rest))


def other_unit(word: str, names: Iterable[str]) -> str:
    """The hint for a name that says what a known one says in another unit; empty for any other."""
    meant = _unit(word)
    if "opex" in meant.rest:
        return tr(
            "operating costs are no part of a scenario; cash_cost_eur_per_t is the price below "
            "which a plant stands still"
        )
    for name in names:
        known = _unit(name)
        if (known.kind, known.rest) != (meant.kind, meant.rest):
            continue
        if "mt" in word.lower().split("_"):
            return tr("mt means metric tonnes or million tonnes: write '{name}', in t", name=name)
        factor = meant.size / known.size
        about = {"factor": _shown(max(factor, 1 / factor)), "name": name}
        hints = []
        if factor > 1.001:
            hints = [tr("another unit: multiply by {factor}, and write '{name}'", **about)]
        elif factor < 0.999:
            hints = [tr("another unit: divide by {factor}, and write '{name}'", **about)]
        if known.currency != meant.currency:
            in_file = tr("write '{name}': amounts are in the currency of the file", name=name)
            hints.append(in_file)
        if hints:
            return "; ".join(hints)
    return ""


def another_quantity(word: str, name: str) -> bool:
    """Whether two names have little in common but their unit."""
    one, other = _unit(word), _unit(name)
    if not one.kind or one.kind != other.kind or not one.rest or not other.rest:
        return False
    return SequenceMatcher(None, "_".join(one.rest), "_".join(other.rest)).ratio() < 0.6


def _shown(factor: float) -> str:
    return f"{factor:.0f}" if factor >= 1e5 else f"{factor:.6g}"
