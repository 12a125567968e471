"""A disruption period by period: by hand, and against what a plan says of the same state."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from chained import oxide_in_store
from oracle import Reading
from oracle_recourse import nodes_of
from random_chains import KINDS, chain_case, commitment
from recourse_feasibility import damage_if_possible
from recourse_program import PILES, random_case
from small import CHINA, Raw, case, cut, funder, near, project, solve, state, stockpile

from models.files import read_case
from models.language import Language, using
from models.results import Plan, Stress
from models.scenario.references import Case
from optimizer.analyses.analysis_options import StressOptions, parse_events
from optimizer.analyses.registry import build_result_document
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.analyses.stress.simulation import Simulation, simulate_state, split_release
from optimizer.analyses.stress.stress_analysis import compute_stress, with_length, with_loss
from optimizer.cli import run_command_line
from optimizer.errors import Misuse
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance, ProfileData, read_instance
from optimizer.model.states import read_states
from optimizer.solve.outcomes import evaluate_commitments
from optimizer.solve.recourse.node_data import NodeStock

TUTORIAL = Path(__file__).parents[2] / "scenarios" / "tutorial.yaml"


def works_and_stock(**sections: Any) -> Raw:
    """25 t are needed each quarter, a works that is built brings 10, and 16 t lie in store."""
    fixed: Raw = {
        "horizon": {"first_year": 2026, "last_year": 2027, "periods_per_year": 4},
        "supply": CHINA,
        "hazards": cut([1.0, 0.5]),
        "projects": {"works": project(40, 1)},
        "stockpiles": [stockpile(initial_t=16, max_purchase_t_per_year=0)],
        "uncertainty": {"states": [state("calm", 0.5), state("a cut", 0.5, 2027)]},
    }
    return case(2027, **(fixed | sections))


def stressed(raw: Raw, *events: str, **asked: Any) -> Stress:
    return compute_stress(
        load_saved_plan(solve(raw)).solution, StressOptions(events=parse_events(events), **asked)
    )


@cache
def tutorial() -> Plan:
    return solve(read_case(TUTORIAL).case)


def test_what_is_missing_period_by_period_in_both_cases() -> None:
    """The last loss goes on: 25, 12.5 and 12.5 t are lost.

    In the market alone the store covers 16 of the first 25 t. With the works 15, 2.5 and 2.5 t are
    open, of which it covers 15 and 1: all tonnes cost the same, so that the earliest come first.
    """
    found = stressed(works_and_stock(), "cut 2026.2 for 3 quarters")
    assert [(p.year, p.period) for p in found.periods] == [(2026, 2), (2026, 3), (2026, 4)]
    (ore,) = found.materials
    assert ore.demand_t == near([25, 25, 25])
    assert ore.market_t == near([0, 12.5, 12.5])
    assert ore.delivered_t == {"market": near([0, 0, 0]), "plan": near([10, 10, 10])}
    assert ore.released_t == {"market": near([16, 0, 0]), "plan": near([15, 1, 0])}
    assert ore.missing_t == {"market": near([9, 12.5, 12.5]), "plan": near([0, 1.5, 2.5])}
    assert found.damage == {"market": near(3.4), "plan": near(0.4)}


def test_who_is_hit_and_when_the_stock_is_empty() -> None:
    found = stressed(works_and_stock(), "cut 2026.2 for 3 quarters")
    (industry,) = found.consumers
    assert industry.missing_t == {"market": near(34), "plan": near(4)}
    assert industry.damage == found.damage
    (store,) = found.stocks
    assert store.begins_t == {"market": 16, "plan": 16}
    assert store.released_t == {"market": near(16), "plan": near(16)}
    assert store.left_t == {"market": near([0, 0, 0]), "plan": near([1, 0, 0])}
    empty = {at: (one.year, one.period) for at, one in store.empty.items() if one is not None}
    assert empty == {"market": (2026, 2), "plan": (2026, 3)}


def test_purchases_go_on_and_what_is_left_is_reported() -> None:
    """5 t a year are bought, of which each stop takes what there is; none lie there before."""
    found = compute_stress(
        load_saved_plan(tutorial()).solution, StressOptions(state="a stop in 2027 and 2028")
    )
    (reserve,) = found.stocks
    assert reserve.begins_t == {"market": 0, "plan": near(5)}
    assert reserve.released_t == {"market": 0, "plan": near(10)}
    assert reserve.empty["market"] is None
    assert found.materials[0].released_t["plan"] == near([10, 0])


@pytest.mark.parametrize(
    ("event", "lost"),
    [
        ("cut 2026.2", [25, 12.5]),
        ("cut 2026.2 for 1 period", [25]),
        ("cut 2026.2 for 3 months", [25]),
        ("cut 2027 for 1 year", [25, 12.5, 12.5, 12.5]),
        ("cut 2027.4 for 2 years", [25]),
    ],
)
def test_an_event_lasts_as_long_as_is_said(event: str, lost: list[float]) -> None:
    (ore,) = stressed(works_and_stock(), event).materials
    assert [25 - t for t in ore.market_t] == near(lost)


def test_events_that_overlap_take_their_shares_of_what_is_left() -> None:
    """The second period of one and the first of the other: nothing is left, then half of half."""
    (ore,) = stressed(works_and_stock(), "cut 2026.2 for 3 periods", "cut 2026.3").materials
    assert ore.market_t == near([0, 0, 6.25])


def test_effects_that_were_over_before_do_not_go_on() -> None:
    effects = ((0, np.array([0.2])), (1, np.array([0.0, 0.5, 0.7])))
    hazard = ProfileData("h", "h", 1.0, 3, effects)
    longer = with_length(hazard, 5, "longer")
    assert [list(left) for _, left in longer.effects] == [[0.2], [0.0, 0.5, 0.7, 0.7, 0.7]]
    assert (longer.id, longer.duration) == ("longer", 5)
    shorter = with_length(hazard, 2, "shorter")
    assert [list(left) for _, left in shorter.effects] == [[0.2], [0.0, 0.5]]


def test_an_event_goes_by_the_profile_that_is_named() -> None:
    """25 t a quarter: the long one takes 25, 25 and 12.5; by itself the hazard is no event."""
    hazards = {
        "cut": {
            "annual_probability": 0.1,
            "profiles": {
                id: {"name": name, "probability": 0.5, "effects": [{"country": "CN", "loss": loss}]}
                for id, name, loss in (
                    ("short", None, [1.0]),
                    ("long", {"en": "slow", "de": "lang"}, [1.0, 1.0, 0.5]),
                )
            },
        }
    }
    events = [{"hazard": "cut", "start": 2027, "profile": "short"}]
    states = [{"name": "a cut", "probability": 1.0, "events": events}]
    raw = works_and_stock(hazards=hazards, uncertainty={"states": states})
    found = stressed(raw, "cut.long 2026.2")
    assert found.materials[0].market_t == near([0, 0, 12.5])
    assert [(e.hazard, e.profile, e.periods) for e in found.events] == [("cut", "long", 3)]
    reported = {}
    for language in get_args(Language):
        with using(language):
            reported[language] = " ".join(map(str, build_result_document(found).answer))
    assert "cut, profile slow: from" in reported["en"]
    assert "cut, Ereignisprofil „lang“: " in reported["de"]
    written = stressed(raw, state="a cut")
    assert [(e.hazard, e.profile, e.periods) for e in written.events] == [("cut", "short", 1)]
    with pytest.raises(Misuse, match=r"no hazard 'cut'; there are cut\.short, cut\.long"):
        stressed(raw, "cut 2026.2")


@pytest.mark.parametrize(
    ("event", "lost"),
    [
        ("cut 2026.2 for 3 quarters at 100%", [25, 25, 25]),
        ("cut 2026.2 for 3 quarters at 80 %", [20, 20, 20]),
        ("cut 2026.2 at 12.5 %", [3.125, 3.125]),
    ],
)
def test_a_loss_that_is_named_goes_on_throughout(event: str, lost: list[float]) -> None:
    """25 t come each quarter; by its own effects the cut takes all of them, then half."""
    found = stressed(works_and_stock(), event)
    assert [25 - t for t in found.materials[0].market_t] == near(lost)
    assert [e.loss for e in found.events] == near([lost[0] / 25])


def test_what_two_effects_strike_loses_the_share_once() -> None:
    effects = ((1, np.array([0.2])), (1, np.array([0.0, 0.5])), (3, np.array([1.0])))
    found = with_loss(ProfileData("h", "h", 1.0, 2, effects), 3, 0.75, "named")
    assert [(at, list(left)) for at, left in found.effects] == [(1, [0.25] * 3), (3, [0.25] * 3)]
    assert (found.id, found.duration) == ("named", 3)


@pytest.mark.parametrize(("probability", "comes"), [(0.5, 4.0), (0.49, 0.0)])
def test_what_comes_anyway_comes_in_both_cases(probability: float, comes: float) -> None:
    """Of 40 t a year the rival brings home two fifths from 2026 on, decided without the plan."""
    rival = project(40, 1000, home_share=0.4, anyway={"year": 2026, "probability": probability})
    raw = works_and_stock()
    raw["projects"]["rival"] = rival
    found = stressed(raw, "cut 2026.2 for 1 quarter")
    (ore,) = found.materials
    assert ore.delivered_t == {"market": near([comes]), "plan": near([10 + comes])}
    assert found.unaided == (("rival",) if comes else ())


def test_it_says_which_plan_it_is_of() -> None:
    own = load_saved_plan(tutorial())
    found = compute_stress(own.solution, StressOptions(state="1"))
    assert found.plan_objective == near(tutorial().certificate.objective)


def test_without_any_shortage_there_is_nothing() -> None:
    found = stressed(works_and_stock(hazards=cut([0.0])), "cut 2026")
    assert (found.periods, found.materials, found.consumers, found.stocks) == ((), (), (), ())
    assert found.damage == {"market": 0, "plan": 0}


def test_states_add_up_to_the_outcome_of_the_plan() -> None:
    """By name, and by number."""
    own = load_saved_plan(tutorial())
    states = own.problem.states
    found = [compute_stress(own.solution, StressOptions(state=s.name)) for s in states]
    mean = {c: sum(s.probability * f.damage[c] for s, f in zip(states, found, strict=True))
            for c in ("market", "plan")}  # fmt: skip
    outcome = own.plan.outcome
    assert mean == {"market": near(outcome.without_plan.expected), "plan": near(outcome.expected)}
    assert own.solution.with_plan.damage == pytest.approx([f.damage["plan"] for f in found])
    numbered = compute_stress(own.solution, StressOptions(state="2"))
    assert numbered.damage == found[1].damage
    assert numbered.state == "a stop in 2027"


@pytest.mark.quick(every=5)
@pytest.mark.parametrize("kind", PILES)
@pytest.mark.parametrize("seed", range(4))
def test_a_state_is_what_the_plan_says_of_it(kind: str, seed: int) -> None:
    """Whatever the stocks, the allocation, failure and delay: damage, shortage and consumers."""
    plan = solve(random_case(random.Random(f"{kind} {seed}"), kind))
    found = compute_stress(load_saved_plan(plan).solution, StressOptions(state="1"))
    outcome = plan.outcome
    assert found.damage["plan"] == pytest.approx(outcome.expected, rel=1e-6, abs=1e-6)
    assert found.damage["market"] == pytest.approx(outcome.without_plan.expected, abs=1e-6)
    for at in found.cases:
        for parts in (found.materials, found.consumers):
            total = sum(part.damage[at] for part in parts)
            assert total == pytest.approx(found.damage[at], rel=1e-5, abs=1e-6)
    by_id = {one.id: one for one in plan.materials}
    for one in found.materials:
        missing = sum(year.expected_shortage_t for year in by_id[one.id].by_year.values())
        assert sum(one.missing_t["plan"]) == pytest.approx(missing, abs=1e-4)
        _check_balance(found, one.id)


def _check_balance(found: Stress, material: str) -> None:
    """Stocks give what is released, never hold less than nothing, and demand is met or missing."""
    (one,) = (own for own in found.materials if own.id == material)
    for at in found.cases:
        stocks = [own for own in found.stocks if own.material == material]
        released = sum(one.released_t[at])
        assert sum(own.released_t[at] for own in stocks) == pytest.approx(released, abs=1e-5)
        assert all(left >= 0 for own in stocks for left in own.left_t[at])
        for k, demand in enumerate(one.demand_t):
            met = one.market_t[k] + one.delivered_t[at][k] + one.released_t[at][k]
            assert met + one.missing_t[at][k] >= demand - 1e-5


def test_a_chain_by_hand() -> None:
    """In the market alone the makers take 40 t of oxide from the store; with the plan all 60 go."""
    found = stressed(oxide_in_store(), "cut 2026")
    oxide, magnet = found.materials
    assert (oxide.demand_t, oxide.market_t, oxide.id) == ((0,), (0,), "oxide")
    assert oxide.taken_t == oxide.released_t == {"market": near([40]), "plan": near([60])}
    assert (magnet.market_t, magnet.id) == ((0,), "magnet")
    assert magnet.made_t == {"market": near([40]), "plan": near([40])}
    assert magnet.delivered_t == {"market": near([0]), "plan": near([20])}
    assert magnet.missing_t == {"market": near([60]), "plan": near([40])}
    assert found.damage == {"market": near(60), "plan": near(40)}
    assert (oxide.need_t, magnet.need_t) == ((40,), (100,))
    makers, plant = found.plants
    assert (makers.id, makers.project, makers.output) == ("makers", False, "magnet")
    assert makers.made_t == {"market": near([40]), "plan": near([40])}
    assert makers.could_t == {"market": (40,), "plan": (40,)}
    assert (plant.id, plant.project) == ("plant", True)
    assert plant.made_t == {"market": near([0]), "plan": near([20])}
    assert plant.could_t == {"market": (0,), "plan": near([20])}
    (store,) = found.stocks
    assert store.left_t == {"market": near([20]), "plan": near([0])}


@pytest.mark.quick(every=17, ci=7)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(40))
def test_every_form_of_a_chain_balances(kind: str, seed: int) -> None:
    """Damage is that of recourse, and what is taken in comes from somewhere, period by period."""
    pick = random.Random(f"stress {kind} {seed}").choice
    raw = chain_case(pick, kind)
    start, offtake, buy = commitment(pick, raw)
    instance = read_instance(Case.model_validate(raw))
    lot = {h: instance.lot_tonnes[pile.material] for h, pile in instance.stockpiles.items()}
    held = {key: share for key, share in offtake.items() if share > 0}
    bought = {h: np.array(tonnes) / lot[h] for h, tonnes in buy.items()}
    plan = Commitment(start=start, offtake=held, buy=bought)
    pooled = raw["objective"]["allocation"] == "pooled"
    for single in read_states(instance):
        one = replace(single, probability=1.0)
        lived = simulate_state(instance, one, plan)
        (computed,) = evaluate_commitments(instance, [one], [plan])
        assert sum(lived.damage.values()) == pytest.approx(computed.expected, rel=1e-6, abs=1e-6)
        for m, own in lived.materials.items():
            comes = own.market + own.delivered + own.made + own.released + own.missing
            spare = comes - own.demand - own.taken_in
            assert (spare >= -1e-6).all(), m
            if pooled:
                assert np.where(own.uncovered > 0, spare, 0) == pytest.approx(0, abs=1e-6), m
        assert all((left >= -1e-6).all() for left in lived.stock_left.values())
        if pooled:
            number = read_states(instance).index(single)
            total = by_contract(raw, instance, number, (start, offtake, buy), lived)
            assert total == pytest.approx(computed.expected, rel=1e-6, abs=1e-6)


def by_contract(raw: Raw, instance: Instance, state: int, decided: Any, lived: Simulation) -> float:
    """The least damage that what is released and made leaves, pooled."""
    case = Reading(raw)
    said: dict[Any, float] = {}
    for h, lots in lived.released.items():
        lot = instance.lot_tonnes[instance.stockpiles[h].material]
        said |= {("release", h, k): x * lot for k, x in enumerate(lots)}
    for it in lived.plants:
        assert (it.made <= it.could_make + 1e-7).all()
        lot = instance.lot_tonnes[it.output]
        said |= {("made", it.plant.id, k): x * lot for k, x in enumerate(it.made)}
    return sum(
        damage_if_possible(case, node, case.states[state], decided, said) for node in nodes_of(case)
    )


def test_a_chain_that_plants_keep_whole_releases_nothing() -> None:
    """60 t of magnets come and 40 are made of oxide that comes, while ore is lost."""
    raw = oxide_in_store()
    raw["materials"]["ore"] = {"price_eur_per_t": 1}
    raw["demand"].append({"consumer": "industry", "material": "ore", "t_per_year": 10})
    raw["damage"].append({"material": "ore", "steps": [{"share": 1, "eur_per_t": 1e6}]})
    raw["supply"] = [
        {"material": m, "country": c, "t_per_year": t}
        for m, c, t in (("magnet", "US", 60), ("oxide", "US", 40), ("ore", "CN", 10))
    ]
    instance = read_instance(Case.model_validate(raw))
    lived = simulate_state(instance, read_states(instance)[0], Commitment())
    magnet, (makers, _) = lived.materials["magnet"], lived.plants
    assert magnet.made * instance.lot_tonnes["magnet"] == near([40])
    assert (magnet.uncovered, magnet.released, lived.released["reserve"]) == (0, 0, 0)
    assert (makers.plant.id, makers.made) == ("makers", magnet.made)
    assert lived.materials["ore"].missing * instance.lot_tonnes["ore"] == near([10])


def test_the_nearest_form_is_released_first() -> None:
    """50 t of magnets and 60 t of oxide lie in store: all magnets go, and 30 t of oxide."""
    raw = oxide_in_store()
    raw["demand"][0]["t_per_year"] = 80
    raw["stockpiles"].append(raw["stockpiles"][0] | {"id": "magnets", "material": "magnet"})
    raw["stockpiles"][1]["initial_t"] = 50
    instance = read_instance(Case.model_validate(raw))
    lived = simulate_state(instance, read_states(instance)[0], Commitment())
    assert lived.released["magnets"] * instance.lot_tonnes["magnet"] == near([50])
    assert lived.released["reserve"] * instance.lot_tonnes["oxide"] == near([30])


def test_the_stock_that_loses_most_gives_first() -> None:
    """Half of what lies in the second is gone each period: 4 t of its 8 can be given, then none.

    The first has to give the rest, and no more than 5 t in a period.
    """
    nothing = np.zeros(2)
    stocks = [NodeStock(1.0, 20.0, nothing, 5.0), NodeStock(0.5, 8.0, nothing, np.inf)]
    given_t = split_release(stocks, np.array([6.0, 3.0]))
    assert given_t == pytest.approx(np.array([[2.0, 3.0], [4.0, 0.0]]))


def test_limits_of_one_stock_make_another_give_earlier() -> None:
    """The first may give 2 t a period and loses more: the second gives the rest, not too early."""
    nothing = np.zeros(3)
    stocks = [NodeStock(0.9, 6.0, nothing, 2.0), NodeStock(1.0, 4.0, nothing, np.inf)]
    given_t = split_release(stocks, np.array([3.0, 0.0, 4.0]))
    assert given_t.sum(axis=0) == pytest.approx(np.array([3.0, 0.0, 4.0]))
    assert given_t[0] == pytest.approx(np.array([2.0, 0.0, 2.0]))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--event", "cut 2026 for long"], "is not such as 'HAZARD 2027'"),
        (["--event", "cut"], "is not such as 'HAZARD 2027'"),
        (["--event", "cut 2026 at 101%"], "or 'HAZARD 2027 for 2 years at 100 %'"),
        (["--event", "cut 2026 at 0.9"], "is not such as 'HAZARD 2027'"),
        (["--event", "flood 2026"], "There is no hazard 'flood'; there are cut."),
        (["--event", "cut 2031"], "2031 is not in the horizon, which is 2026 to 2027."),
        (["--event", "cut 2026.5"], "2026.5 is no period: a year has 4."),
        (["--event", "cut 2026 for 2 months"], "'for 2 months' is no whole number of periods"),
        (["--state", "flood"], "There is no state 'flood'; there are 'calm', 'a cut'."),
        (["--state", "1", "--event", "cut 2026"], "either --event or --state"),
        ([], "either --event or --state"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    words: list[str], says: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "works.yaml"
    file.write_text(yaml.safe_dump(works_and_stock()), encoding="utf-8")
    assert run_command_line(["stress", str(file), *words, "--quiet"]) == 2
    assert says in " ".join(capfd.readouterr().err.split())


def test_sampled_states_cannot_be_asked_for_by_name() -> None:
    raw = works_and_stock(uncertainty={"sample": {"states": 3, "seed": 1}})
    with pytest.raises(Misuse, match="writes no states out"):
        stressed(raw, state="1")


@pytest.mark.slow
def test_a_scenario_is_solved_first_and_its_plan_is_kept(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A saved plan, alone or beside its scenario, has the same figures, and nothing is solved."""
    file, event = tmp_path / "works.yaml", "cut 2026.2 for 3 quarters"
    file.write_text(yaml.safe_dump(works_and_stock()), encoding="utf-8")
    out = tmp_path / "out"
    words = ["--event", event, "--quiet", "--json"]
    assert run_command_line(["stress", str(file), *words, "--gap", "0", "--out", str(out)]) == 0
    solved = Stress.model_validate_json(capfd.readouterr().out)
    assert (solved.solved, solved.gap) == (True, 0)
    assert Stress.model_validate_json((out / "stress.json").read_bytes()) == solved
    plan = str(out / "plan")
    for name, given_words in {"alone": [plan], "beside": [str(file), "--plan", plan]}.items():
        assert (
            run_command_line(["stress", *given_words, *words, "--out", str(tmp_path / name)]) == 0
        )
        again = Stress.model_validate_json(capfd.readouterr().out)
        assert (again.solved, again.gap) == (False, None)
        assert again.materials == solved.materials
        assert not (tmp_path / name / "plan").exists()
        assert run_command_line(["rerun", str(tmp_path / name)]) == 0
        assert "that are the same again: 1" in capfd.readouterr().out
    assert run_command_line(["stress", plan, *words, "--plan", plan]) == 2
    assert "goes with a scenario file" in capfd.readouterr().err


def test_a_plan_meets_the_world_of_another_scenario(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Only half is lost there; a plan for other projects is refused."""
    (tmp_path / "plan.json").write_text(solve(works_and_stock()).model_dump_json(), "utf-8")
    mild, other = tmp_path / "mild.yaml", tmp_path / "other.yaml"
    mild.write_text(yaml.safe_dump(works_and_stock(hazards=cut([0.5]))), encoding="utf-8")
    funders = {"fund": funder(), "more": funder()}
    other.write_text(yaml.safe_dump(works_and_stock(funders=funders)), encoding="utf-8")
    words = ["--event", "cut 2026", "--plan", str(tmp_path), "--quiet", "--json"]
    assert run_command_line(["stress", str(mild), *words]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["materials"][0]["missing_t"] == {"market": near([0.0]), "plan": near([0.0])}
    assert found["materials"][0]["released_t"] == {"market": near([12.5]), "plan": near([2.5])}
    assert run_command_line(["stress", str(other), *words]) == 5
