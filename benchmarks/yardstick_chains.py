"""The yardstick with chains: a random scenario in which materials are made from others.

    python benchmarks/yardstick_chains.py --states 1000 --out chains.yaml
    python benchmarks/yardstick_chains.py --chains 2 --mixed 1 --projects 8 --out small.json

By default it has eight ``chains`` of two to four forms, each made from the previous one, and four
``mixed`` chains of four forms, with plants that take in two or three others. Two existing plants
make each form with inputs. A third of the projects are mines; the others are refineries and plants
with inputs. Stockpiles are at the ends of a chain, and sometimes between. All else is drawn as in
``yardstick.py``, and the default size is pinned in the same way.
"""

from __future__ import annotations

import math

from yardstick import main
from yardstick_parts import (
    FIRST,
    LAST,
    MIDDLE,
    PROJECT_COUNTRIES,
    Document,
    Draws,
    a_project,
    add_demand,
    add_supply,
    complete,
    figure,
    frame,
    material_id,
    project_id,
    two_stockpiles,
)

PINNED = "c66a9ae64bc75fb5c8df97ddb7ab41d6282a5be215ab851cfbc84c0df1a28280"
"""SHA-256 of the canonical JSON of the default size."""

ROWS = (4, 3, 2)
"""Numbers of forms of chains in which each form is made from the previous one, used in turn."""
MIXED: tuple[dict[int, tuple[int, ...]], ...] = ({2: (0, 1), 3: (2, 1)}, {3: (0, 1, 2)})
"""Inputs of each form with inputs in a mixed chain of four forms, used in turn."""


SPARE = 0.02
"""Additional share of need that is supplied, so that rounding causes no shortage."""


class Form:
    """Material of a chain. Tonnes are those of 2026; those of all forms in a chain grow alike."""

    def __init__(self, number: int, draws: Draws, price: float) -> None:
        self.number, self.id, self.draws, self.price = number, material_id(number), draws, price
        self.inputs: dict[Form, float] = {}  # tonnes per tonne
        self.demand = 0.0
        self.plants: list[float] = []  # capacity of each existing plant
        self.taken = 0.0  # input of existing plants that make other forms

    @property
    def need(self) -> float:
        return self.demand + self.taken

    def recipe(self) -> dict[str, float]:
        return {form.id: ratio for form, ratio in self.inputs.items()}


def a_chain(seed: int, first: int, made: dict[int, tuple[int, ...]], count: int) -> list[Form]:
    """Return ``count`` forms with their inputs, prices, demand and existing plants. ``made`` has
    the inputs of forms by position; the last form always has demand."""
    forms: list[Form] = []
    for f in range(count):
        draws = Draws(seed, "form", first + f)
        form = Form(first + f, draws, figure(draws.between(1, 10) * 10 ** draws.whole(3, 4)))
        ratios = [draws.between(0.9, 1.6), draws.between(0.05, 0.5), draws.between(0.02, 0.2)]
        for source, ratio in zip(made.get(f, ()), ratios, strict=False):
            form.inputs[forms[source]] = figure(ratio)
        if form.inputs:
            cost = math.fsum(ratio * source.price for source, ratio in form.inputs.items())
            form.price = figure(cost * draws.between(1.3, 2.5))
        forms.append(form)
    for form in reversed(forms):
        draws, last = form.draws, form is forms[-1]
        own, some = draws.between(100, 400) * 1e6 / form.price, draws.between(0.2, 0.6)
        made_part, at_home = draws.between(0.3, 0.8), draws.between(0.3, 0.7)
        used = draws.chance(0.35)
        form.demand = figure(own if last else some * form.taken if used else 0.0)
        for share in (at_home, 1 - at_home) if form.inputs else ():
            form.plants.append(figure(made_part * form.need * share))
            for source, ratio in form.inputs.items():
                source.taken += ratio * form.plants[-1]
    return forms


def add_chain(document: Document, forms: list[Form], seed: int) -> None:
    """Add the materials, demand, existing plants and supply of a chain to a document."""
    draws = forms[-1].draws
    growth = (1.0, draws.between(1.05, 1.4), draws.between(1.1, 1.9))
    for form in forms:
        draws = form.draws
        later = figure(form.price * draws.between(0.9, 1.4))
        document["materials"][form.id] = {"price_eur_per_t": {FIRST: form.price, LAST: later}}
        if form.demand:
            tonnes = tuple(form.demand * times for times in growth)
            add_demand(document, seed, form.number, form.price, tonnes)
        places = ("DE", draws.pick(PROJECT_COUNTRIES))
        for n, (country, most) in enumerate(zip(places, form.plants, strict=False)):
            by_year = [figure(most * times, 4) for times in growth]
            document["conversions"][f"{form.id}_plant_{n}"] = {
                "country": country,
                "output": form.id,
                "inputs_t_per_t": form.recipe(),
                "capacity_t_per_year": dict(zip((FIRST, MIDDLE, LAST), by_year, strict=True)),
            }
        imported = 1 + SPARE - math.fsum(form.plants) / form.need
        add_supply(document, draws, form.id, imported, form is forms[-1])


def project_of(seed: int, p: int, chains: list[list[Form]], last_year: int) -> Document:
    """Return project number ``p``: a mine, a refinery or a plant of some chain."""
    forms, stage = chains[p % len(chains)], (p + p // len(chains)) % 3
    draws = Draws(seed, "stage", p)
    raw, made = ([x for x in forms if bool(x.inputs) is kind] for kind in (False, True))
    form = draws.pick(raw) if stage == 0 else made[0] if stage == 1 else made[-1]
    tag = "refining" if stage else "recycling" if draws.chance(0.3) else "mining"
    project = a_project(seed, p, [(form.price, form.need)], last_year)
    (tonnes,) = project["output_t_per_year"].values()
    project |= {"output_t_per_year": {form.id: tonnes}, "tags": [tag]}
    return project | ({"inputs_t_per_t": form.recipe()} if form.inputs else {})


def stocks_of(seed: int, forms: list[Form], periods_per_year: int, alike: bool) -> list[Document]:
    """Return a federal stockpile at each end of a chain and at some forms between, and a company's
    stockpile of each of these forms with demand. With ``alike`` they have equal loss rates."""
    found: list[Document] = []
    for form in forms:
        piles = two_stockpiles(seed, form.number, form.price, form.need, periods_per_year)
        ends = form in (forms[0], forms[-1])
        if ends or Draws(seed, "stored", form.number).chance(0.4):
            found += piles if form.demand else piles[:1]
    for pile in found if alike else ():
        pile["annual_loss"] = found[0]["annual_loss"]
    return found


def make_chains(
    *,
    chains: int = 8,
    mixed: int = 4,
    projects: int = 40,
    years: int = 15,
    periods_per_year: int = 4,
    states: int = 1000,
    seed: int = 2026,
    allocation: str = "pooled",
    cvar_weight: float = 0.0,
) -> Document:
    """Return the scenario document of the yardstick with this size, which is valid as
    ``models.scenario.references.Case``. Raise ValueError if it is too small."""
    if chains + mixed < 1 or projects < 5 or years < 8:
        raise ValueError("the yardstick needs a chain, 5 projects and 8 years at least")
    kinds = f"{chains} chains, {mixed} with several inputs"
    document = frame(f"Yardstick: {kinds}, {projects} projects", years, periods_per_year)
    document["conversions"] = {}
    found: list[list[Form]] = []
    for c in range(chains + mixed):
        first = sum(map(len, found))
        if c < chains:
            count = ROWS[c % len(ROWS)]
            made = {f: (f - 1,) for f in range(1, count)}
        else:
            count, made = 4, MIXED[(c - chains) % len(MIXED)]
        found.append(a_chain(seed, first, made, count))
        add_chain(document, found[-1], seed)
    for p in range(projects):
        document["projects"][project_id(p)] = project_of(seed, p, found, FIRST + years - 1)
    for c, forms in enumerate(found):
        document["stockpiles"] += stocks_of(seed, forms, periods_per_year, c < chains)
    market = [(form.price, form.need) for forms in found for form in forms]
    return complete(document, market, states, seed, allocation, cvar_weight)


if __name__ == "__main__":
    main(make_chains, PINNED, __doc__)
