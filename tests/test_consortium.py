"""The shipped consortium says what germany-2026 says, and is a game worth playing."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from models.base import Base
from models.files import read_case
from models.scenario.references import Case
from optimizer.model.instance import change_perspective, read_instance
from optimizer.model.states import read_states
from optimizer.solve import planner
from optimizer.solve.checked_solution import CheckedSolution
from optimizer.solve.decomposition import CutPool
from optimizer.solve.planner import Problem

SCENARIOS = Path(__file__).parents[1] / "scenarios"
OXIDES = Path(__file__).parent / "scenarios" / "germany-2026-oxides.yaml"
"""germany-2026 before chains, where cell makers need lithium and graphite as they do here."""
AS_BEFORE = ("lithium", "graphite")
MAGNET_USERS = ("car_makers_a", "car_makers_b", "drive_makers", "wind")


@cache
def shipped(name: str, *settings: str) -> Case:
    file = OXIDES if name == "oxides" else SCENARIOS / f"{name}.yaml"
    return read_case(file, settings=settings).case


FIRST_EDITION = {
    "price_states", "secured_premium_eur_per_t", "premium_paid_by", "adaptation", "anyway",
    "capex_overrun", "cash_cost_eur_per_t", "restart_periods", "earliest_start", "latest_start",
    "home_share", "description",
}  # fmt: skip
"""What the second edition of germany-2026 says of the world, and this file leaves plain."""
OWN_WORDS = {"base_rates", "a_loss_licences", "a_broad_stop", "a_home_share"}
"""Sources whose text follows from that."""


def germany_of(material: str) -> Case:
    return shipped("oxides" if material in AS_BEFORE else "germany-2026")


def companies() -> tuple[str, ...]:
    funders = shipped("consortium").funders
    return tuple(f for f, funder in funders.items() if funder.kind == "company")


def plain(item: Base) -> dict[str, object]:
    return item.model_dump(exclude=FIRST_EDITION)


@pytest.mark.slow
def test_common_figures_equal_those_of_the_file_of_germany() -> None:
    """Where both files speak of the same thing; a figure corrected in one belongs in the other."""
    here, there = shipped("consortium"), shipped("germany-2026")
    for material, one in here.materials.items():
        of = germany_of(material)
        assert plain(one) == plain(of.materials[material])
        for rows, others in ((here.supply, of.supply), (here.damage, of.damage)):
            assert [plain(r) for r in rows if r.material == material] == [
                plain(r) for r in others if r.material == material
            ]
    assert here.conversions == {
        name: made
        for name, made in there.conversions.items()
        if made.output in set(here.materials) - set(AS_BEFORE)
    }
    for name, project in here.projects.items():
        cinovec = name == "cinovec"  # studied again since
        other = there if cinovec else germany_of(next(iter(project.output_t_per_year)))
        outputs = other.projects[name].output_t_per_year.items()
        kept = other.projects[name].model_copy(
            update={"output_t_per_year": {m: t for m, t in outputs if m in here.materials}}
        )
        assert plain(project) == plain(kept)
    common = here.sources.keys() & there.sources.keys()
    assert len(common) > 40
    assert {s for s in common if here.sources[s].text != there.sources[s].text} == OWN_WORDS


@pytest.mark.slow
def test_its_members_need_together_what_germany_needs() -> None:
    here = read_instance(shipped("consortium")).demand
    for material in shipped("consortium").materials:
        there = read_instance(germany_of(material)).demand
        needed = [
            np.sum([own for (_, m), own in demand.items() if m == material], axis=0)
            for demand in (here, there)
        ]
        assert needed[0] == pytest.approx(needed[1], rel=0.002)


def test_eight_companies_stand_for_one_consumer_each() -> None:
    stands = Counter(consumer.company for consumer in shipped("consortium").consumers.values())
    assert stands == {**dict.fromkeys(companies(), 1), None: 1}
    assert len(companies()) == 8


@pytest.fixture(scope="module")
def plans() -> dict[tuple[str, ...], CheckedSolution]:
    """What each company does alone, the magnet users and all do together, without public money."""
    case = shipped("consortium", "uncertainty.sample.states=20", "horizon.last_year=2036")
    instance, pool, found = read_instance(case), CutPool(), {}
    states = tuple(read_states(instance))
    for members in [(f,) for f in companies()] + [MAGNET_USERS, companies()]:
        seen = change_perspective(
            instance,
            damage_weights={u: float(c.company in members) for u, c in case.consumers.items()},
            inactive_funders=[f for f in case.funders if f not in members],
        )
        problem = Problem(seen, states, 0.0)
        solved = planner.solve_problem(problem, gap=5e-3, threads=1, pool=pool)
        found[members] = planner.certify(problem, solved, gap=5e-3, started_at=0.0, threads=1)
    return found


@pytest.mark.exhaustive
def test_two_magnet_users_without_a_stock_do_nothing_alone(
    plans: dict[tuple[str, ...], CheckedSolution],
) -> None:
    """Oxide is worth nothing to them without metal, and a tenth builds no plant that makes it."""
    idle = {
        members
        for members, found in plans.items()
        if not found.commitment.start and not any(b.any() for b in found.commitment.buy.values())
    }
    assert idle == {("car_makers_b",), ("wind",)}
    case = shipped("consortium")
    for (member,) in idle:
        assert not [s for s in case.stockpiles if set(s.paid_by) == {member}]
        assert [float(i.max_share) for i in case.funders[member].instruments.values()] == [0.1]
    plants = [
        p for p in case.projects.values() if {"magnet_metal", "magnets"} & set(p.output_t_per_year)
    ]
    assert len(plants) == 4
    assert all(float(p.market_finance_max) <= 0.8 for p in plants)


@pytest.mark.slow
def test_all_gain_by_acting_together(plans: dict[tuple[str, ...], CheckedSolution]) -> None:
    """Medical technology has least of it; magnet users alone leave some of it."""
    alone = {f: plans[f,].objective for f in companies()}
    worth = {
        members: sum(alone[f] for f in members) - plans[members].objective
        for members in (MAGNET_USERS, companies())
    }
    assert min(alone, key=alone.__getitem__) == "medical"
    assert 0.2 * sum(alone.values()) < worth[companies()]
    assert 0 < worth[MAGNET_USERS] < worth[companies()]


@pytest.mark.slow
def test_several_pay_for_a_project_and_some_are_left(
    plans: dict[tuple[str, ...], CheckedSolution],
) -> None:
    commitment = plans[companies()].commitment
    payers = Counter(p for p, _ in {(p, f) for p, f, _ in commitment.share})
    assert sum(count > 1 for count in payers.values()) >= 4
    assert set(commitment.start) < set(shipped("consortium").projects)
    assert commitment.buy["joint_magnets"].any()
    assert not any(commitment.buy[h].any() for h in ("federal_magnet_metal", "federal_gallium"))
