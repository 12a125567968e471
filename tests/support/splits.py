"""Splits written by hand, for tests of what is shown of them: a game of three that adds up.

Alone they bear 200, 150 and 100; cars and wind together gain 60, cars and defence 20, wind and
defence 10, all three 120. With these the Shapley value is 50, 45 and 25, and the nucleolus 45, 45
and 30 (Leng and Parlar 2010). In proportion to demand (1 : 2 : 7) cars and wind get 36 and would
rather leave. Proofs leave 0.5 below each cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

from small import case, funder, project, stockpile

from models.results import Split

Raw = dict[str, Any]

COST = {
    ("cars",): 200.0, ("wind",): 150.0, ("defence",): 100.0, ("cars", "wind"): 290.0,
    ("cars", "defence"): 280.0, ("wind", "defence"): 240.0, ("cars", "wind", "defence"): 330.0,
}  # fmt: skip
PLAYERS = ("cars", "wind", "defence")
NAMES = {"cars": "Car makers", "wind": "Wind turbines", "defence": "Defence", "state": "State"}
WITHOUT = {"cars": 260.0, "wind": 190.0, "defence": 110.0}
DAMAGE = {"cars": 120.0, "wind": 90.0, "defence": 60.0}
OUTLAY = {"cars": 35.0, "wind": 15.0, "defence": 10.0}
DEMAND = {"cars": 100.0, "wind": 200.0, "defence": 700.0}
WORTH = 120.0
OPEN = 0.5
"""What the proofs leave open of each cost."""

GAINS = {
    "shapley": (50.0, 45.0, 25.0),
    "nucleolus": (45.0, 45.0, 30.0),
    "demand": (12.0, 24.0, 84.0),
    "avoided_damage": (56.0, 40.0, 24.0),
    "equal": (40.0, 40.0, 40.0),
}


def split(**fields: Any) -> Split:
    """The game of three players with all options; the given fields replace defaults."""
    return Split.model_validate(raw() | fields)


def sampled(**fields: Any) -> Split:
    """The same game, of which not all coalitions were solved."""
    whole = raw()
    rules = [
        rule | {"core": "outside" if rule["leaving"] else "undecided", "contribution": None}
        for rule in whole["rules"]
        if rule["rule"] != "nucleolus"
    ]
    shapley = dict(rules[0])
    shapley["members"] = {
        p: share | {"gain": interval(share["gain"]["value"], 4.0, 4.0)}
        for p, share in rules[0]["members"].items()
    }
    return split(
        **{
            "coalitions": [c for c in whole["coalitions"] if c["members"] != ["wind", "defence"]],
            "rules": [shapley, *rules[1:]],
            "core": None,
            "free_riding": {p: whole["free_riding"][p] for p in ("wind", "defence")},
            "externality": None,
            "sampling": {"orders": 2, "coalitions": 6, "seed": 7, "level": 0.95},
        }
        | fields
    )


def undecided(**fields: Any) -> Split:
    """The game with demand such that cars and wind get 60.3, of which only proofs may fall short:
    by them they could have 60.5."""
    whole = raw()
    for player, demand in zip(whole["players"], (201.0, 201.0, 398.0), strict=True):
        player["demand_meur"] = demand
    whole["rules"][2] = rule("demand", (30.15, 30.15, 59.7))
    return Split.model_validate(whole | fields)


def with_state(**fields: Any) -> Split:
    """The game with the state in the place of the third, as a player."""
    changed = renamed(raw())
    changed["players"][2] |= {"name": "State", "kind": "state"}
    del changed["free_riding"]["state"]
    plan = changed["plan"]
    plan["public_meur"] = plan["outlay_meur"].pop("state")
    plan["outlay_meur"]["fund"] = plan["public_meur"]
    plan["outlay_by_year_meur"]["fund"] = plan["outlay_by_year_meur"].pop("state")
    plan["projects"][0]["shares"] = {"fund": 1.0}
    plan["projects"][0]["offtake"] = {"common": 0.8}
    return Split.model_validate(changed | {"state": "player"} | fields)


def renamed(value: Any) -> Any:
    """The same with the state for the third player."""
    if isinstance(value, dict):
        return {renamed(key): renamed(inside) for key, inside in value.items()}
    if isinstance(value, (list, tuple)):
        return [renamed(inside) for inside in value]
    return "state" if value == "defence" else value


def with_public_money(state: str, **fields: Any) -> Split:
    """The game with 8 million of public money, which counts where the state is in it: without any
    company the state suffers 30, with all of them 26."""
    whole = raw()
    whole["plan"] |= {"public_meur": 8.0}
    whole["plan"]["outlay_meur"] |= {"fund": 8.0}
    whole["plan"]["outlay_by_year_meur"] |= {"fund": {"2027": 5.0, "2028": 4.0}}
    whole["plan"]["projects"][1]["shares"] |= {"fund": 0.1, "market": 0.4}
    if state == "every":
        whole["baseline"] = interval(30.0, 0.0, 0.0)
        for one in (*whole["coalitions"], whole["plan"]):
            for key in ("found", "objective", "bound"):
                if key in one:
                    one[key] += 30.0
        for one in whole["coalitions"]:
            one["damage"] += 30.0
        whole["plan"]["gap"] = OPEN / whole["plan"]["objective"]
        whole["plan"]["damage"] |= {"cars": 116.0}
        for rule in whole["rules"]:
            share = rule["members"]["cars"]
            share["pays_meur"] += 4.0
            share["transfer_meur"] += 4.0
    return Split.model_validate(whole | {"state": state} | fields)


def with_a_lender(**fields: Any) -> Split:
    """The game with a private funder, who earns 1 million from the plan of all."""
    whole = raw()
    whole["baseline"] = interval(0.0, 0.0, 0.0)
    whole["plan"]["outlay_meur"] |= {"lender": -1.0}
    whole["plan"]["damage"] |= {"cars": 121.0}
    for one in whole["rules"]:
        share = one["members"]["cars"]
        share["pays_meur"] -= 1.0
        share["transfer_meur"] -= 1.0
    return Split.model_validate(whole | fields)


def with_names(**fields: Any) -> Split:
    """The game with a scenario that has names in both languages."""
    called = {
        "cars": {"en": "Car makers", "de": "Autohersteller"},
        "wind": {"en": "Wind turbines", "de": "Windkraft"},
        "defence": {"en": "Defence", "de": "Verteidigung"},
    }
    scenario = case(
        title={"en": "Three companies", "de": "Drei Unternehmen"},
        consumers={f"{p}_need": {"name": names} for p, names in called.items()},
        demand=[{"consumer": f"{p}_need", "material": "ore", "t_per_year": 100} for p in called],
        funders={p: funder("company") | {"name": names} for p, names in called.items()},
        projects={
            "mine": project() | {"name": {"en": "Mine", "de": "Grube"}},
            "recycling": project() | {"name": {"en": "Recycling", "de": "Rückgewinnung"}},
        },
        stockpiles=[
            stockpile(name={"en": "Reserve", "de": "Reserve für alle"}, paid_by={"cars": 1.0})
        ],
    )
    return split(scenario=scenario, **fields)


def raw() -> Raw:
    """The game of three as a document."""
    return {
        "title": "Three companies",
        "variant": None,
        "currency": "EUR",
        "state": "none",
        "states": 200,
        "gap_target": 1e-3,
        "set_aside": ["stockpiles.reserve.days"],
        "players": [
            {
                "id": p,
                "name": NAMES[p],
                "kind": "company",
                "consumers": [f"{p}_need"],
                "demand_meur": DEMAND[p],
                "without_plan": WITHOUT[p],
                "alone": interval(COST[(p,)], OPEN, 0.0),
            }
            for p in PLAYERS
        ],
        "coalitions": [
            coalition(some) for size in (1, 2, 3) for some in combinations(PLAYERS, size)
        ],
        "baseline": None,
        "worth": interval(WORTH, 3 * OPEN, OPEN),
        "plan": joint_plan(),
        "rules": [rule(name, gains) for name, gains in GAINS.items()],
        "core": {
            "empty": "not empty",
            "least_core": interval(-30.0, 1.0, 1.0),
            "members": dict(zip(PLAYERS, GAINS["nucleolus"], strict=True)),
            "binding": [["defence"], ["cars", "wind"]],
            "contribution": interval(0.0, 0.0, 0.0),
        },
        "free_riding": {
            "cars": free_rider("cars", 10.0, 195.0, 190.0),
            "wind": free_rider("wind", 20.0, 150.0, 148.0),
            "defence": free_rider("defence", 60.0, 80.0, 70.0),
        },
        "externality": {
            "alone": {
                "cars": interval(195.0, OPEN, 0.0),
                "wind": interval(148.0, OPEN, 0.0),
                "defence": interval(97.0, OPEN, 0.0),
            },
            "worth": interval(110.0, 1.5, 0.5),
            "shapley": {"cars": 46.0, "wind": 42.0, "defence": 22.0},
            "core": {
                "empty": "not empty",
                "least_core": interval(-25.0, 1.0, 1.0),
                "members": {"cars": 43.0, "wind": 42.0, "defence": 25.0},
                "binding": [["defence"]],
                "contribution": interval(0.0, 0.0, 0.0),
            },
        },
        "sampling": None,
        "input_sha256": "cd" * 32,
        "versions": {"vorrat": "0.1.0", "highspy": "1.11.0"},
        "seconds": 12.5,
        "scenario": None,
    }


def interval(value: float, below: float, above: float) -> Raw:
    return {"low": value - below, "value": value, "high": value + above}


def coalition(members: Iterable[str]) -> Raw:
    some = tuple(members)
    found, alone = COST[some], sum(COST[(p,)] for p in some)
    size, whole = len(some), len(some) == len(PLAYERS)
    worth = interval(alone - found, OPEN * size, OPEN) if size > 1 else interval(0.0, 0.0, 0.0)
    spent = 60.0 if whole else 5.0 * size
    return {
        "members": list(some),
        "found": found,
        "bound": found - OPEN,
        "damage": found - spent,
        "net_cost_meur": spent,
        "worth": worth,
        "spillover": 0.0 if whole else 3.0 * size,
        "projects": {"mine": 2028, "recycling": 2027} if whole else {"recycling": 2027},
        "worth_if_others_act": interval(alone - found - 5.0, 1.0, 1.0) if size == 2 else None,
        "seconds": 0.5,
    }


def joint_plan() -> Raw:
    return {
        "projects": [
            {
                "id": "recycling",
                "name": "Recycling",
                "start": 2027,
                "capex_meur": 40.0,
                "shares": {"defence": 1.0},
                "offtake": {"defence": 0.8},
            },
            {
                "id": "mine",
                "name": "Mine",
                "start": 2028,
                "capex_meur": 100.0,
                "shares": {"cars": 0.3, "wind": 0.2, "market": 0.5},
                "offtake": {"cars": 0.5, "wind": 0.2, "common": 0.1},
            },
        ],
        "stocks_t": {"reserve": 52.5},
        "damage": dict(DAMAGE),
        "without_plan": dict(WITHOUT),
        "outlay_meur": dict(OUTLAY),
        "outlay_by_year_meur": {
            "cars": {"2027": 10.0, "2028": 27.0},
            "wind": {"2027": 4.0, "2028": 12.0},
            "defence": {"2027": 10.5, "2028": 0.0},
        },
        "public_meur": 0.0,
        "objective": COST[PLAYERS],
        "bound": COST[PLAYERS] - OPEN,
        "gap": OPEN / COST[PLAYERS],
    }


def rule(name: str, gains: tuple[float, ...]) -> Raw:
    of = dict(zip(PLAYERS, gains, strict=True))
    groups = [some for size in (1, 2) for some in combinations(PLAYERS, size)]
    excess = {some: worth(some) - sum(of[p] for p in some) for some in groups}
    sure, open_ = ([some for some in groups if excess[some] + more > 0] for more in (0.0, OPEN))
    core = "outside" if sure else "undecided" if open_ else "inside"
    leaving = sorted(sure or open_, key=lambda some: -excess[some])
    short = max(0.0, *excess.values())
    return {
        "rule": name,
        "members": {p: share(p, gain) for p, gain in of.items()},
        "core": core,
        "leaving": [
            {"members": list(some), "gain": excess[some], "most": excess[some] + OPEN}
            for some in leaving
        ],
        "contribution": interval(short, 0.0, 0.5 if leaving else 0.0),
    }


def worth(some: tuple[str, ...]) -> float:
    """What a coalition gains."""
    return sum(COST[(p,)] for p in some) - COST[some]


def share(player: str, gain: float) -> Raw:
    pays = COST[(player,)] - DAMAGE[player] - gain
    return {
        "gain": interval(gain, 0.8, 0.4),
        "share": gain / WORTH,
        "pays_meur": pays,
        "outlay_meur": OUTLAY[player],
        "transfer_meur": pays - OUTLAY[player],
    }


def free_rider(player: str, others: float, idle: float, acting: float) -> Raw:
    return {
        "others": interval(others, 1.0, 0.5),
        "idle": idle,
        "acting": interval(acting, OPEN, 0.0),
        "gain": interval(COST[(player,)] - acting, OPEN, OPEN),
    }
