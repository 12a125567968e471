"""Random small cases in which one material is made into another, for any source of choices.

Of the kinds, ``network`` has one input to each plant, ratios whose products agree on all paths and
stocks with equal loss rates; ``program`` breaks at least one of these; ``any`` is either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oracle_chains import chains, conversions, plants
from random_cases import Pick, Raw, funders, hazards, maybe, policy, rarely, some_of, states

KINDS = ("network", "program")
FORMS = ("ore", "oxide", "magnet", "motor")
CONTAINED = {"ore": 1.0, "oxide": 0.8, "magnet": 1.25, "motor": 0.5}
LENGTHS = ((1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (1, 4))
STEPS = (
    [{"share": 1.0, "eur_per_t": 61_000}],
    [{"share": 0.4, "eur_per_t": 31_000}, {"share": 0.6, "eur_per_t": 197_000}],
    [{"share": 0.2, "eur_per_t": 0}, {"share": 0.8, "eur_per_t": 125_000}],
)


def recipe(pick: Pick, forms: list[str], output: str, kind: str) -> Raw:
    """What a tonne of a form takes in of forms further down."""
    lower = forms[: forms.index(output)]
    if kind == "network":
        taken = pick(lower)
        return {taken: CONTAINED[output] / CONTAINED[taken]}
    inputs = some_of(pick, lower) if pick([True, True, False]) else [pick(lower)]
    return {m: pick([0.1, 0.5, 1.0, 1.05, 2.0]) for m in inputs}


def plants_of_today(pick: Pick, forms: list[str], kind: str) -> Raw:
    found: Raw = {}
    for number in range(pick([0, 1, 1, 2, 2, 3, 4])):
        output = pick(forms[1:])
        found[f"plant_{number}"] = {
            "name": "Plant",
            "country": pick(["CN", "CL", "DE", "DE"]),
            "output": output,
            "inputs_t_per_t": recipe(pick, forms, output, kind),
            "capacity_t_per_year": pick([0, 20, 55, 400, {2026: 15, 2028: 90}]),
        }
    return found


def candidates(pick: Pick, forms: list[str], years: list[int], kind: str) -> Raw:
    """Projects, of which at most two, with inputs and without."""
    found: Raw = {}
    for name in ["alpha", "beta"][: pick([1, 2, 2])]:
        first = pick(years[:2])
        it: Raw = {
            "name": name,
            "country": pick(["CN", "DE", "DE"]),
            "capex_meur": pick([0.7, 1.7, 3.1]),
            "earliest_start": first,
            "latest_start": min(first + pick([0, 0, 1]), years[-1]),
            "market_finance_max": pick([0.2, 0.5, 0.9]),
        }
        if pick([True, True, False]):
            output = pick(forms[1:])
            it["output_t_per_year"] = {output: pick([25, 60, 150])}
            it["inputs_t_per_t"] = recipe(pick, forms, output, kind)
        else:
            it["output_t_per_year"] = {m: pick([15, 40, 83]) for m in some_of(pick, forms)}
        it |= rarely(
            pick,
            construction_years=[1],
            offtake_max=[0.6],
            delay_years=[{0: 0.5, 1: 0.5}],
            success_probability=[0.5],
            lifetime_years=[1, 2],
        )
        it |= maybe(pick, ramp_up=[[0.5, 1.0]], home_share=[0.1, 0.3], tags=[["strategic"]])
        found[name] = it
    return found


def stores(
    pick: Pick, forms: list[str], consumers: list[str], payers: list[str], kind: str
) -> list[Raw]:
    """Stockpiles at any of the forms."""
    found, usual = [], pick([0.0, 0.0, 0.1, 0.3])
    for number in range(pick([0, 1, 2, 2, 3])):
        loss = usual if kind == "network" or pick([True, False]) else pick([0.0, 0.2, 0.4])
        it: Raw = {
            "id": f"store_{number}",
            "material": pick(forms),
            "annual_loss": loss,
            "paid_by": pick([{payers[0]: 1.0}, dict.fromkeys(payers, 1 / len(payers))]),
        }
        it |= maybe(
            pick,
            initial_t=[5, 12, 30],
            max_t=[40, 90],
            max_purchase_t_per_year=[8, 25, 60],
            max_release_t_per_period=[3, 10],
            storage_eur_per_t_year=[400],
            serves=[*[[name] for name in consumers], "all"],
        )
        it |= rarely(pick, min_days_of_demand=[{2026: 5}, {2026: 5, 2028: 25}, {2027: 10}])
        found.append(it)
    return found


def wanted(pick: Pick, forms: list[str], consumers: list[str], years: list[int]) -> list[Raw]:
    """Demand: of the last form by somebody, of others now and then, some of it not every year."""
    first = years[0]
    tonnes: list[Any] = [41, 97, {first: 50, 2028: 110}, {first: 0, first + 1: 60}]
    pairs = [(u, m) for m in forms[:-1] for u in consumers if pick([True, False, False])]
    pairs += [(u, forms[-1]) for u in some_of(pick, consumers)]
    found = [{"consumer": u, "material": m, "t_per_year": pick(tonnes)} for u, m in pairs]
    if all(isinstance(row["t_per_year"], dict) for row in found):
        found[-1]["t_per_year"] = 70  # or a case of one year may need nothing at all
    return found


def imports(pick: Pick, forms: list[str]) -> list[Raw]:
    """Supply of forms, as shares of need or in tonnes."""
    amounts: list[Raw] = [{"share": 0.3}, {"share": 0.6}, {"t_per_year": 20}, {"t_per_year": 75}]
    return [
        {"material": m, "country": c} | pick(amounts)
        for m in forms
        for c in ["CN", "CL"]
        if pick([True, True, False])
    ]


def is_network(raw: Raw) -> bool:
    """Whether each plant has one input, ratios agree and stocks of a chain have equal loss
    rates."""
    contained: dict[str, float] = {}
    made = [*conversions(raw), *plants(raw)]
    if any(len(maker.inputs) > 1 for maker in made):
        return False
    for chain in chains(raw):
        losses = {h.get("annual_loss", 0.0) for h in raw["stockpiles"] if h["material"] in chain}
        if len(chain) > 1 and len(losses) > 1:
            return False
        own = [c for c in made if c.output in chain]
        contained[chain[0]] = 1.0
        for _ in chain:
            for maker in own:
                ((taken, ratio),) = maker.inputs.items()
                if taken in contained:
                    contained.setdefault(maker.output, contained[taken] * ratio)
                elif maker.output in contained:
                    contained[taken] = contained[maker.output] / ratio
        for maker in own:
            ((taken, ratio),) = maker.inputs.items()
            if abs(contained[maker.output] - contained[taken] * ratio) > 1e-9:
                return False
    return True


def tied(raw: Raw) -> bool:
    """Whether a form is made into another at all."""
    return any(len(chain) > 1 for chain in chains(raw))


def chain_case(pick: Pick, kind: str = "any", lengths: Sequence[Any] = LENGTHS) -> Raw:
    """A case with a chain, of so many years of so many periods."""
    kind = pick(KINDS) if kind == "any" else kind
    while True:
        raw = _drawn(pick, kind, lengths)
        if tied(raw) and is_network(raw) == (kind == "network"):
            return raw


def _drawn(pick: Pick, kind: str, lengths: Sequence[Any]) -> Raw:
    length, per_year = pick(lengths)
    years = list(range(2026, 2026 + length))
    forms = list(FORMS[: pick([2, 3, 3, 4])])
    payers = funders(pick, years)
    for payer in payers.values():
        payer["instruments"]["equity"] |= {"max_share": 1.0, "ticket_min_meur": 0.0}
        payer["instruments"]["equity"].pop("eligible", None)
    consumers: Raw = {"industry": {"name": "Industry"}}
    if pick([True, True, False]):
        consumers["works"] = {"name": "Works"}
    if "maker" in payers:
        consumers[pick(list(consumers))]["company"] = "maker"
    demand = wanted(pick, forms, list(consumers), years)
    projects = candidates(pick, forms, years, kind)
    weight, level = pick([(0.0, 0.95), (0.0, 0.5), (0.3, 0.9), (0.3, 0.6), (1.0, 0.6)])
    named = list(dict.fromkeys(row["material"] for row in demand))
    prices = [8_000, {2026: 20_000, 2029: 35_000}]
    return {
        "schema_version": 1,
        "title": "A random chain",
        "currency": "EUR",
        "price_year": 2025,
        "horizon": {
            "first_year": years[0],
            "last_year": years[-1],
            "periods_per_year": per_year,
            "discount_rate": pick([0.0, 0.05]),
        },
        "materials": {m: {"name": m, "price_eur_per_t": pick(prices)} for m in forms},
        "consumers": consumers,
        "demand": demand,
        "damage": [{"material": m, "steps": pick(STEPS)} for m in named],
        "supply": imports(pick, forms),
        "conversions": plants_of_today(pick, forms, kind),
        "projects": projects,
        "funders": payers,
        "stockpiles": stores(pick, forms, list(consumers), list(payers), kind),
        "hazards": hazards(pick, forms),
        "uncertainty": {"states": states(pick, list(projects), years, per_year)},
        "policy": policy(pick, list(projects)) | {"must_build": []},
        "objective": {
            "measure": pick(["damage", "damage", "tonnes", "share_of_demand"]),
            "allocation": pick(["pooled", "entitled"]),
            "cost_weight": pick([0.001, 0.001, 0.1]),
            "cvar": {"level": level, "weight": weight},
        },
    }


def commitment(pick: Pick, raw: Raw) -> tuple[dict[str, int], Raw, dict[str, list[float]]]:
    """Start years, offtake by project and group, and tonnes bought by year, whatever they cost."""
    first, last = raw["horizon"]["first_year"], raw["horizon"]["last_year"]
    groups = ["common"] + [f for f, it in raw["funders"].items() if it["kind"] == "company"]
    start = {
        p: pick(range(it["earliest_start"], it["latest_start"] + 1))
        for p, it in raw["projects"].items()
        if pick([True, True, True, False])
    }
    offtake = {(p, g): pick([0.0, 0.2, 0.37, 0.5]) for p in start for g in groups}
    buy = {
        h["id"]: [pick([0.0, 0.0, 7.0, 18.5, 33.0]) for _ in range(first, last + 1)]
        for h in raw["stockpiles"]
    }
    return start, offtake, buy
