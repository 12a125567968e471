"""Games of two companies and one project, solved by hand in ``partners.py``."""

from __future__ import annotations

import math

import pytest
from documents import one_line
from frontier_cases import reading
from partners import Raw, partners, with_fund
from small import case, funder, near, project, stockpile

from models.faults import ScenarioError
from models.results import PublicMoneyMode, Split
from optimizer.analyses.analysis_options import SplitOptions
from optimizer.analyses.split.coalition_values import NoCooperativeGame
from optimizer.analyses.split.split import split_joint_gain


def game(raw: Raw, mode: PublicMoneyMode = "every", **more: object) -> Split:
    options = SplitOptions(gap=1e-6, jobs=1).model_copy(update={"mode": mode, **more})
    return split_joint_gain(reading(raw), options, title="partners")


def costs(found: Split) -> dict[tuple[str, ...], float]:
    return {own.members: own.found for own in found.coalitions}


def gains(found: Split, rule: str) -> dict[str, float]:
    (own,) = [own for own in found.rules if own.rule == rule]
    return {member: share.gain.value for member, share in own.members.items()}


def test_what_coalitions_could_have() -> None:
    found = game(partners())
    assert costs(found) == {
        ("maker",): near(13.0),
        ("user",): near(5.0),
        ("maker", "user"): near(17.0),
    }
    assert found.worth.value == near(1.0)
    assert found.worth.low <= 1.0 + 1e-9
    assert found.worth.high >= 1.0 - 1e-9
    assert found.plan.projects[0].start == 2026
    assert sum(found.plan.projects[0].shares.values()) == near(1.0)


def test_shares_of_the_gain() -> None:
    found = game(partners())
    half = {"maker": near(0.5), "user": near(0.5)}
    assert gains(found, "shapley") == gains(found, "nucleolus") == gains(found, "equal") == half
    assert gains(found, "demand") == {"maker": near(0.75), "user": near(0.25)}
    spared = {u: found.plan.without_plan[u] - found.plan.damage[u] for u in found.plan.damage}
    both = sum(spared.values())
    assert both == near(12.0)
    assert gains(found, "avoided_damage") == {u: near(x / both) for u, x in spared.items()}


def test_payments_leave_each_with_its_gain_and_pay_for_everything() -> None:
    found = game(partners())
    for rule in found.rules:
        left = {
            player.id: rule.members[player.id].pays_meur + found.plan.damage[player.id]
            for player in found.players
        }
        expected = {
            player.id: near(player.alone.value - rule.members[player.id].gain.value)
            for player in found.players
        }
        assert left == expected
        assert sum(share.pays_meur for share in rule.members.values()) == near(9.0)
        assert sum(share.transfer_meur for share in rule.members.values()) == near(0.0)


def test_two_who_gain_together_have_a_core() -> None:
    found = game(partners())
    assert found.core is not None
    assert found.core.empty == "not empty"
    assert found.core.least_core.value == near(-0.5)
    assert found.core.contribution.value == 0.0
    for rule in found.rules:
        assert rule.core == "inside"
        assert rule.leaving == ()
        assert rule.contribution is not None
        assert rule.contribution.high == 0.0


def test_the_smaller_one_gains_more_by_waiting() -> None:
    found = game(partners())
    rider = found.free_riding["user"]
    assert rider.idle == near(4.0)
    assert rider.acting.value == near(4.0)
    assert rider.gain.value == near(1.0)
    assert rider.gain.value > gains(found, "shapley")["user"]
    assert found.free_riding["maker"].gain.value == near(0.0)


def test_coalition_value_depends_on_actions_of_outsiders() -> None:
    """While `maker` acts alone `user` has 4; what `maker` has does not change, since `user` alone
    does nothing. Against that, both lose nothing and gain nothing: 13 + 4 - 17 = 0."""
    found = game(partners(), externality=True)
    assert found.externality is not None
    alone = {u: own.value for u, own in found.externality.alone.items()}
    assert alone == {"maker": near(13.0), "user": near(4.0)}
    assert found.externality.worth.value == near(0.0)
    assert found.externality.shapley == {"maker": near(0.0), "user": near(0.0)}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("none", {("maker",): 13, ("user",): 5, ("maker", "user"): 17}),
        ("every", {("maker",): 11, ("user",): 5, ("maker", "user"): 13}),
        ("gift", {("maker",): 3, ("user",): 1, ("maker", "user"): 4}),
        ("joint", {("maker",): 13, ("user",): 5, ("maker", "user"): 4}),
    ],
)
def test_where_public_money_stands(
    mode: PublicMoneyMode, expected: dict[tuple[str, ...], float]
) -> None:
    """As a gift the fund carries everything: 120 t for `maker`, 40 t for `user`, free of cost."""
    found = game(with_fund(), mode)
    assert costs(found) == {members: near(value) for members, value in expected.items()}
    baseline = None if found.baseline is None else found.baseline.value
    assert baseline == (near(0.0) if mode == "every" else None)


def test_the_state_as_a_player() -> None:
    """v(M F) = 13 + 0 - 11 = 2, v(M U) = 1, v(U F) = 0, v(all) = 5."""
    found = game(with_fund(), "player")
    assert costs(found)["maker", "state"] == near(11.0)
    assert costs(found)["user", "state"] == near(5.0)
    assert costs(found)["state",] == near(0.0)
    assert costs(found)["maker", "user", "state"] == near(13.0)
    assert gains(found, "shapley") == {
        "maker": near(13 / 6),
        "user": near(7 / 6),
        "state": near(10 / 6),
    }
    assert set(found.free_riding) == {"maker", "user"}


@pytest.mark.slow
def test_consumers_without_a_company_are_the_states() -> None:
    """A third consumer, whom nobody stands for, needs 40 t, a sixth of 240 t. With works at 2
    million the state alone builds them: all is for all, the third gets 160/6 = 26.67 t and 13.33 t
    stay missing, 2 + 4/3 in place of 4. As no player it minds none and builds nothing."""
    raw = with_fund()
    raw["consumers"]["others"] = {"name": "Others"}
    raw["demand"].append({"consumer": "others", "material": "ore", "t_per_year": 40})
    raw["projects"]["works"]["capex_meur"] = 2
    player, every = game(raw, "player"), game(raw, "every")
    assert costs(player)["state",] == near(2 + 4 / 3)
    assert player.players[-1].consumers == ("others",)
    assert every.baseline is not None
    assert every.baseline.value == near(0.0)
    (whole,) = [own for own in every.coalitions if len(own.members) == 2]
    assert whole.found == near(whole.damage + whole.net_cost_meur)
    assert whole.net_cost_meur == near(2.0)


def test_a_stock_is_bought_only_by_all_who_pay_for_it() -> None:
    """A stock paid by both is closed to each alone, so that only both together can buy it."""
    shared = stockpile(paid_by={"maker": 0.5, "user": 0.5}, max_purchase_t_per_year=200)
    raw = partners(stockpiles=[shared])
    raw["projects"] = {}
    found = game(raw)
    assert costs(found) == {
        ("maker",): near(15.0),
        ("user",): near(5.0),
        ("maker", "user"): near(2.0),
    }


def test_duties_of_all_are_set_aside() -> None:
    rules = {"one": {"sum": {"quantity": "starts"}, "at_least": 1}}
    money = {"quantity": "money", "where": {"funder": "user"}}
    rules["half"] = {"sum": money, "at_most": 1e6}  # not a duty: it stays
    limit = {"limit": 0.1, "from_year": 2026}
    raw = partners(
        policy={"must_build": ["works"], "max_country_share": limit, "rules": rules},
        stockpiles=[stockpile(paid_by={"user": 1.0}, min_days_of_demand=10)],
    )
    found = game(raw)
    assert found.set_aside == (
        "policy.must_build",
        "policy.max_country_share",
        "stockpiles.reserve.min_days_of_demand",
        "policy.rules.one",
    )
    assert costs(found)["user",] < 5.0  # it may still buy what pays
    assert "These rules name funders: half." in one_line(found)


def test_a_sampled_game_agrees_where_it_can() -> None:
    """With two players every pair of orders holds both orders, so that the sample is exact."""
    found = game(partners(), exact_up_to=1, orders=3, seed=7)
    assert found.sampling is not None
    assert found.sampling.orders == 6
    assert found.core is None
    assert gains(found, "shapley") == {"maker": near(0.5), "user": near(0.5)}
    (rule,) = [own for own in found.rules if own.rule == "shapley"]
    for share in rule.members.values():
        assert share.gain.low <= 0.5 + 1e-6
        assert share.gain.high >= 0.5 - 1e-6
        assert math.isclose(share.gain.low, share.gain.high, abs_tol=1e-4)


def test_one_company_is_no_game() -> None:
    raw = partners()
    raw["funders"]["user"] = funder()
    raw["consumers"]["users"].pop("company")
    with pytest.raises(NoCooperativeGame, match="has 1"):
        game(raw)


def test_damage_has_to_be_money() -> None:
    raw = partners(objective={"measure": "tonnes"})
    raw["damage"] = [{"material": "ore", "steps": [{"share": 1.0}]}]
    with pytest.raises(ScenarioError):
        game(raw)


def thirteen() -> Raw:
    """Each of thirteen companies needs 10 t, worth 1 million; works for all cost 5: a group is
    worth what it has members beyond five, and all are alike."""
    names = [f"co{n}" for n in range(13)]
    return case(
        consumers={f"u{n}": {"name": n, "company": n} for n in names},
        demand=[{"consumer": f"u{n}", "material": "ore", "t_per_year": 10} for n in names],
        funders={n: funder("company") for n in names},
        projects={"works": project(130, 5)},
    )


@pytest.mark.slow
def test_of_more_than_twelve_companies_orders_are_sampled() -> None:
    """By symmetry each gets 8/13. The interval is that of each by itself, at 95 %."""
    found = game(thirteen(), orders=8, seed=3)
    assert found.worth.value == near(8.0)
    assert found.sampling is not None
    assert found.sampling.orders == 16
    assert found.sampling.coalitions == len(found.coalitions) < 250
    assert found.core is None
    assert found.externality is None
    (rule,) = [own for own in found.rules if own.rule == "shapley"]
    assert sum(share.gain.value for share in rule.members.values()) == near(8.0)
    missed = [
        share.gain
        for share in rule.members.values()
        if not share.gain.low <= 8 / 13 <= share.gain.high
    ]
    assert len(missed) <= 2
    assert all(share.gain.high - share.gain.low < 1.0 for share in rule.members.values())
    assert {own.rule for own in found.rules} == {"shapley", "demand", "avoided_damage", "equal"}
    assert all(own.core == "undecided" for own in found.rules if own.rule == "equal")
