"""A split as text: what it says, and that it says what the split says."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from splits import (
    DAMAGE,
    GAINS,
    PLAYERS,
    interval,
    joint_plan,
    raw,
    sampled,
    split,
    undecided,
    with_a_lender,
    with_names,
    with_public_money,
    with_state,
)

from models.language import using
from models.results import Split
from optimizer.report.splitting.game import Game, joined, outwards, state_meaning
from optimizer.report.terminal import Screen, render, write

SECTIONS = (
    "What all do together",
    "What each bears, alone and with all",
    "Ways to share the gain",
    "Who would rather leave",
    "Staying out while the others go on",
    "If outsiders act as well",
    "How good the proof is",
)
MODES = ("none", "every", "player", "gift", "joint")
EVERY = {
    "whole": split,
    "sampled": sampled,
    "undecided": undecided,
    "player": with_state,
    "names": with_names,
    "lender": with_a_lender,
    "every": lambda: with_public_money("every"),
    "gift": lambda: with_public_money("gift"),
    "joint": lambda: with_public_money("joint"),
}


def sentences(found: Split) -> str:
    return " ".join(render(found).split())


def line(text: str, *words: str) -> str:
    (found,) = [one for one in text.splitlines() if all(word in one for word in words)]
    return re.sub(r" {2,}", " | ", found)


@pytest.mark.parametrize("name", EVERY)
def test_the_split_of_the_tests_adds_up(name: str) -> None:
    found = EVERY[name]()
    base = 0.0 if found.baseline is None else found.baseline.value
    alone = {p.id: p.alone.value for p in found.players}
    for one in found.coalitions:
        own = sum(alone[p] for p in one.members)
        assert own - (one.found - base) == one.worth.value
    assert found.coalitions[-1].found == found.plan.objective
    assert found.coalitions[-1].worth == found.worth
    game = Game(found)
    spent = sum(game.outlay(p) for p in game.players)
    if game.others is not None:
        spent += game.others.outlay + game.others.damage
    assert sum(found.plan.damage.values()) + spent == found.plan.objective
    for rule in found.rules:
        gains = sum(share.gain.value for share in rule.members.values())
        assert gains == pytest.approx(found.worth.value)
        paid = sum(share.pays_meur for share in rule.members.values())
        assert paid == pytest.approx(found.plan.objective - base - sum(found.plan.damage.values()))
        for group in rule.leaving:
            assert (group.gain > 0) == (rule.core == "outside")
            assert group.most > 0
    assert Split.model_validate_json(found.model_dump_json()) == found


def test_the_answer_comes_first() -> None:
    lines = render(split()).splitlines()
    assert lines[:2] == ["Three companies", ""]
    assert " ".join(lines[2:4]) == (
        "Together the 3 companies gain 120 million EUR (between 118 and 121 by the proofs): damage "
        "and net cost of 450, with each standing alone, fall to 330."
    )


def test_the_sections_come_in_the_order_of_the_questions() -> None:
    text = render(split())
    places = [text.index(f"\n{title}\n") for title in SECTIONS]
    assert places == sorted(places)


def test_the_figures_are_those_of_the_split() -> None:
    text = render(split())
    assert line(text, "Recycling", "2027") == (
        "Recycling | 2027 | 40 | Defence 100 % | Defence 80 %"
    )
    assert line(text, "Mine", "2028").startswith("Mine | 2028 | 100 | Car makers 30 %, Wind")
    assert "Stocks, held at most: reserve 52.5 t." in text
    assert line(text, "Car makers", "260") == "Car makers | 260 | 200 | 120 | 35 | 45"
    assert line(text, "All", "560") == "All | 560 | 450 | 270 | 60 | 120"
    shared = text[text.index("Ways to share the gain") : text.index("Who would rather leave")]
    gains, paid = (row for row in shared.splitlines() if row.startswith("Defence"))
    assert gains.split()[1:] == ["25", "30", "84", "24", "40"]
    assert paid.split()[1:] == ["15", "10", "-44", "16", "0"]
    assert line(text, "By demand", "some group") == (
        "By demand | some group | Car makers and Wind turbines | 24 | 24.5 | 24"
    )
    assert line(text, "Nucleolus", "nobody") == "Nucleolus | nobody | - | - | - | 0"
    assert line(text, "Defence", "80", "70") == "Defence | 60 | 80 | 70 | 30 | 25"
    assert line(text, "Wind turbines", "148", "42") == "Wind turbines | 150 | 148 | 42"
    assert line(text, "Groups solved") == "Groups solved | 7"
    assert "cd" * 32 in text


def test_who_would_leave_and_who_stays_out_is_told() -> None:
    text = sentences(split())
    assert "The gain can be shared so that no group would rather leave." in text
    assert (
        "Shared in proportion to demand, Car makers and Wind turbines would rather leave: on their "
        "own they have 24 million EUR more."
    ) in text
    assert (
        "No group would rather leave with: Shapley value, Nucleolus, By damage avoided, Equal "
        "parts."
    ) in text
    assert (
        "brings more than the share by the rule “Shapley value” to: Defence (30 against 25)."
        in text
    )
    assert (
        "At best every group would have 30 million EUR (between 29 and 31 by the proofs) less by "
        "leaving. The gains are then: Car makers 45,"
    ) in text
    assert "Closest to leaving are then: Defence; Car makers and Wind turbines." in text
    assert "Set aside, since no single group owes them: stockpiles.reserve.days." in text


def test_an_empty_core_is_told_with_what_it_takes() -> None:
    core = raw()["core"] | {
        "empty": "empty",
        "least_core": interval(4.0, 0.1, 0.1),
        "contribution": interval(9.0, 1.0, 2.0),
    }
    text = sentences(split(core=core, externality=None))
    assert (
        "However the gain is shared, some group would have at least 4 million EUR more by leaving; "
        "9 million EUR (between 8 and 11 by the proofs) of public money would make all stay."
    ) in text
    assert "less by leaving" not in text
    core = raw()["core"] | {"empty": "undecided", "least_core": interval(-0.2, 0.0, 0.5)}
    text = sentences(split(core=core, externality=None))
    assert "The proofs leave it open whether the gain can be shared" in text
    assert "At best some group might have up to 0.300 million EUR more by leaving." in text


def test_a_group_that_might_leave_is_told_as_one() -> None:
    text = sentences(undecided())
    assert (
        "The proofs leave it open for: By demand (Car makers and Wind turbines might rather leave, "
        "with 0.200 million EUR more at most)."
    ) in text
    assert "would rather leave: on their own" not in text
    assert line(render(undecided()), "By demand", "some group might").endswith(
        "Car makers and Wind turbines | -0.300 | 0.200 | 0"
    )


def test_every_rule_has_its_sentence() -> None:
    leaving = [{"members": ["cars"], "gain": 7.0, "most": 7.5}]
    rules = [rule | {"core": "outside", "leaving": leaving} for rule in raw()["rules"]]
    text = sentences(split(rules=rules))
    assert text.count("Car makers would rather leave: on their own they have 7 million EUR") == 5
    assert "No group would rather leave with" not in text
    bare = sentences(split(rules=[rule | {"leaving": []} for rule in rules]))
    assert bare.count("some group would rather leave.") == 5


def test_a_sampled_split_says_what_it_does_not_know() -> None:
    text = sentences(sampled())
    assert "Not all groups were solved: whether the gain can be shared" in text
    assert (
        "None of the groups that were solved would rather leave with: Shapley value, By damage "
        "avoided, Equal parts."
    ) in text
    assert "The proofs leave it open" not in text
    assert "Public money to keep all" not in text
    assert "2 orders of joining, every second one the reverse of the one before, 6 groups" in text
    assert "ranges are confidence intervals of 95 %" in text
    assert "Sampling leaves the Shapley value open by 4 million EUR at most." in text
    assert "If outsiders act as well" not in text
    assert "less by leaving" not in text


@pytest.mark.parametrize("mode", MODES)
def test_the_state_is_told_by_its_mode(mode: Any) -> None:
    found = with_state() if mode == "player" else with_public_money(mode)
    text = sentences(found)
    assert state_meaning(mode) in text
    assert [other for other in MODES if state_meaning(other) in text] == [mode]
    assert ("public funders bear" in text) == (mode != "none")


def test_public_money_that_counts_stands_among_what_each_bears() -> None:
    text = render(with_public_money("every"))
    assert line(text, "State and other funders", "-4") == (
        "State and other funders | - | 30 | 26 | 8 | -4"
    )
    assert line(text, "All", "292") == "All | 560 | 480 | 292 | 68 | 120"
    told = sentences(with_public_money("every"))
    assert "Together the 3 companies, with the state behind them, gain 120" in text
    assert "net cost of 480, with each standing alone, fall to 360." in told
    assert "Transfers add up to 4 million EUR, which go to those who are no players" in told
    for mode in ("gift", "joint"):
        assert "State and other funders" not in render(with_public_money(mode))
        assert "Transfers add up" not in sentences(with_public_money(mode))


def test_what_private_funders_earn_stands_among_what_each_bears() -> None:
    text = render(with_a_lender())
    assert line(text, "Private funders", "-1") == "Private funders | - | 0 | 0 | -1 | 1"
    assert line(text, "All", "271") == "All | 560 | 450 | 271 | 59 | 120"
    assert "Transfers add up to -1 million EUR, which come from those" in sentences(with_a_lender())
    idle = split(baseline=interval(-1e-15, 0.0, 0.0))
    assert render(idle) == render(split())


def test_the_state_pays_its_public_money_as_a_player() -> None:
    text = render(with_state())
    assert "Together the 2 companies and the state gain 120" in text
    assert line(text, "State", "110") == "State | 110 | 100 | 60 | 10 | 30"


def test_what_the_proofs_leave_open_is_told_only_where_it_matters() -> None:
    tight = [
        rule | {"members": {p: share | {"gain": interval(share["gain"]["value"], 0.1, 0.1)}
                            for p, share in rule["members"].items()}}
        for rule in raw()["rules"]
    ]  # fmt: skip
    assert "leave these gains open by 0.800 million EUR" in sentences(split())
    core = raw()["core"] | {"least_core": interval(-30.0, 0.1, 0.1)}
    text = sentences(
        split(rules=tight, core=core, worth=interval(120.0, 0.3, 0.3), externality=None)
    )
    assert "leave these gains open" not in text
    assert "by the proofs" not in text


def test_ends_of_ranges_are_rounded_outwards() -> None:
    assert outwards(split().worth) == ("118", "121")
    small = split(worth=interval(1.0, 0.1234, 0.1234)).worth
    assert outwards(small) == ("0.87", "1.13")


def test_a_joint_plan_of_nothing_gains_nothing() -> None:
    plan = joint_plan() | {"projects": [], "stocks_t": {}}
    text = sentences(split(worth=interval(0.0, 0.0, 0.0), plan=plan))
    assert "Together the 3 companies gain nothing against each standing alone." in text
    assert "Nothing is built." in text
    assert "Stocks, held" not in text


def test_what_was_not_asked_for_is_left_out() -> None:
    text = render(
        split(rules=[], core=None, free_riding={}, externality=None, set_aside=[], states=12)
    )
    assert [title for title in SECTIONS if f"\n{title}\n" in text] == [
        *SECTIONS[:2],
        SECTIONS[-1],
    ]
    assert "For illustration only: all plans rest on 12 states of the world." in text
    assert "Set aside" not in text


def eight(**fields: Any) -> Game:
    """A game of eight by name alone."""
    player = raw()["players"][0]
    names = [player | {"id": f"p{n}", "name": f"Works {n}"} for n in range(8)]
    return Game(split(players=names, **fields))


def test_a_large_group_is_told_by_those_it_lacks() -> None:
    game = eight()
    assert game.group(["p0", "p1", "p2"]) == "Works 0, Works 1 and Works 2"
    assert game.group([f"p{n}" for n in range(1, 8)]) == "all but Works 0"
    assert game.group([f"p{n}" for n in range(2, 8)]) == "all but Works 0 and Works 1"
    assert game.group([f"p{n}" for n in range(3, 8)]).startswith("Works 3, Works 4,")


def test_names_with_commas_are_kept_apart() -> None:
    assert joined(["a", "b"]) == "a, b"
    assert joined(["Cars, group A", "b", "c"]) == "Cars, group A; b; c"
    assert joined(["1,5", "2,5"]) == "1,5, 2,5"


def test_the_group_most_eager_is_that_with_the_largest_excess() -> None:
    game = Game(split())
    found = {rule.rule: game.most_eager(rule) for rule in game.split.rules}
    excess = {name: (one.members, one.gain, one.most) for name, one in found.items() if one}
    assert excess["demand"] == (("cars", "wind"), 24.0, 24.5)
    assert excess["shapley"] == (("defence",), -25.0, -24.5)
    assert excess["nucleolus"][1:] == (-30.0, -29.5)


def test_names_come_from_the_scenario_in_either_language() -> None:
    with using("de"):
        text = render(with_names())
    assert text.startswith("Drei Unternehmen\n")
    for name in ("Autohersteller", "Windkraft", "Verteidigung", "Grube", "Rückgewinnung"):
        assert name in text
    assert "Reserve für alle 52,5 t" in text
    assert "Car makers" in render(with_names())


@pytest.mark.parametrize("name", EVERY)
def test_german_leaves_nothing_untranslated(name: str, untranslated: set[str]) -> None:
    with using("de"):
        text = " ".join(render(EVERY[name]()).split())
    assert untranslated == set()
    assert "einen Vorteil von 120 Mio. EUR (nachgewiesen: zwischen 118 und 121)" in text
    told = "Nach Bedarf aufgeteilt, träte eine Gruppe lieber aus und hätte für sich 24 Mio."
    assert (told in text) == (name != "undecided")


def test_it_is_written_as_the_stream_can_show_it() -> None:
    stream = io.StringIO()
    write(split(), stream)
    assert stream.getvalue() == render(split())
    assert "─" not in render(split(), Screen(encoding="ascii"))


def test_a_variant_is_named() -> None:
    assert render(split(variant="poor")).splitlines()[1] == "Variant: poor"


def test_the_players_of_the_tests_are_those_of_the_game() -> None:
    assert set(DAMAGE) == set(PLAYERS)
    assert all(sum(gains) == 120 for gains in GAINS.values())
