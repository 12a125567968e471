"""Prices that all else in a scenario contradicts: damage, and prices along chains.

These are found for materials whose price in 2025 is not known. Which of two figures is wrong is
decided by the file itself: it is the one that is farther from the median of its kind.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from statistics import median

from models.language import tr
from models.scenario import chains
from models.scenario.sections import Sections
from models.scenario.tonnage_checks import SMALL_FACTOR, UNIT_FACTOR, format_figure

_MIN_COMPARED = 3  #: Materials from which on a median says what is usual in a file.
_DEAR_INPUTS = 20.0  #: Value of all inputs of a tonne, as a multiple of its price.
_CHEAP_INPUTS = 1 / 200.0
"""The same for inputs of at most ``_MAX_INPUT`` tonnes: those of ores and brines may be cheaper."""
_MAX_INPUT = 5.0
_MAX_DEAR_INPUT = 100.0  #: Tonnes from which on the tonnes are more suspicious than the prices.


def contradicted_prices(
    case: Sections,
    prices: Mapping[str, float],
    min_damage: Mapping[str, float],
    confirmed: Collection[str],
) -> dict[str, str]:
    """Return a message for each material whose price is probably wrong, by its id.

    ``prices`` and ``min_damage`` are positive and per tonne. Materials in ``confirmed`` have a
    price that is known to be right.
    """
    positive = {name: price for name, price in prices.items() if price > 0}
    messages = [
        *_chain_contradictions(case, positive, confirmed),
        *_damage_contradictions(positive, min_damage),
    ]
    return {name: message for name, message in messages if name not in confirmed}


def _distance(value: float, values: Collection[float]) -> float:
    """Return the decades between a value and the median of all values."""
    return abs(math.log10(value) - median(map(math.log10, values)))


def _damage_contradictions(
    prices: Mapping[str, float], min_damage: Mapping[str, float]
) -> Iterator[tuple[str, str]]:
    """Yield materials whose damage is unlike their price, of which the price is the unusual one."""
    compared = {name for name in prices if min_damage.get(name, 0.0) > 0}
    if len(compared) < _MIN_COMPARED:
        return
    usual_prices = [prices[name] for name in compared]
    usual_damage = [min_damage[name] for name in compared]
    for name in compared:
        price, damage = prices[name], min_damage[name]
        is_unlike = damage > SMALL_FACTOR * price or damage * UNIT_FACTOR < price
        if is_unlike and _distance(price, usual_prices) > _distance(damage, usual_damage):
            texts = {"material": name, "price": format_figure(price)}
            yield (
                name,
                tr(
                    "{price} for a tonne of '{material}' is unlike its damage of {damage}, and "
                    "unlike the other prices",
                    damage=format_figure(damage),
                    **texts,
                ),
            )


def _chain_contradictions(
    case: Sections, prices: Mapping[str, float], confirmed: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield materials whose price is unlike that of what they are made from, or made into."""
    inputs: dict[tuple[str, ...], list[chains.ChainLink]] = defaultdict(list)
    for link in chains.chain_links(case):
        inputs[*link.path[:2], link.output].append(link)
    for links in inputs.values():
        output = links[0].output
        if output not in prices or not all(link.input in prices for link in links):
            continue
        values = {link.input: link.ratio * prices[link.input] for link in links}
        tonnes, value = sum(link.ratio for link in links), sum(values.values())
        main_input = max(values, key=values.__getitem__)
        is_cheap = tonnes <= _MAX_INPUT and 0 < value < _CHEAP_INPUTS * prices[output]
        is_dear = tonnes < _MAX_DEAR_INPUT and value > _DEAR_INPUTS * prices[output]
        if not is_cheap and not is_dear:
            continue
        known = prices.values()
        suspects = [name for name in (main_input, output) if name not in confirmed]
        yield (
            max(suspects or [output], key=lambda name: _distance(prices[name], known)),
            tr(
                "what a tonne of '{output}' is made from costs {value}, the tonne itself {price}",
                output=output,
                value=format_figure(value),
                price=format_figure(prices[output]),
            ),
        )
