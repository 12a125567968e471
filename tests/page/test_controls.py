"""What a control makes of a scenario: what its label says, and nothing else."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import given, strategies as st
from open_page import ROOT

from models.faults import ScenarioError
from models.files import LoadedScenario, read_case
from models.language import LANGUAGES, using
from models.scenario.case import Case
from models.scenario.chains import material_needs
from optimizer.page import controls, figure_controls
from optimizer.page.figure_controls import Control
from optimizer.page.scenario_store import InvalidRequest, Question
from optimizer.solve.checked_solution import input_hash

TUTORIAL, GERMANY = "tutorial", "germany-2026"
EVERYWHERE = pytest.mark.parametrize("name", [TUTORIAL, GERMANY])
REMARKS = ("source", "confidence", "note")
SAMPLE = 60
MOVES: Mapping[str, str] = {
    "public": r"funders\.\w+\.(budget_meur|budget_by_year_meur\..*)",
    "deals": r"policy\.max_starts_by_year\..*",
    "stocks": r"stockpiles\.\d+\.max_t",
    "hazards": r"hazards\.\w+\.annual_probability.*",
    "damage": r"damage\.\d+\.steps\.\d+\.eur_per_t",
    "demand": r"demand\.\d+\.t_per_year.*",
    "capex": r"projects\.\w+\.capex_meur",
    "success": r"projects\.\w+\.success_probability",
    "delay": r"projects\.\w+\.delay_years\.\d+",
    "price": r"materials\.\w+\.(price_eur_per_t.*|price_states\.\d+\.eur_per_t.*)",
    "adaptation": r"damage\.\d+\.adaptation\.per_year",
}
"""The figures that a control of several figures moves, by its id."""


@cache
def reading(name: str) -> LoadedScenario:
    return read_case(ROOT / "scenarios" / f"{name}.yaml")


@cache
def known(name: str) -> dict[str, Control]:
    return controls.controls_by_id(reading(name).case)


def asked(name: str, *moved: tuple[str, object]) -> Case:
    """The scenario of a question."""
    reported = tuple((id, str(value)) for id, value in moved)
    return Question(name, None, reported).apply_to(reading(name))[0].case


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What a scenario says, by path, without what is remarked of numbers."""
    if isinstance(value, Mapping):
        if "value" in value and set(value) <= {"value", *REMARKS}:
            yield from leaves(value["value"], path)
            return
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from leaves(item, f"{path}.{place}")
    else:
        yield path, float(value) if isinstance(value, int) else value


def differing(name: str, case: Case) -> set[str]:
    """The paths at which a scenario says something else than its file."""
    own = reading(name).case
    some = {one for one in Case.model_fields if getattr(own, one) != getattr(case, one)}
    before, now = (dict(leaves(x.model_dump(mode="json", include=some))) for x in (own, case))
    return {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}


def own_paths(case: Case, id: str) -> str:
    """A pattern of the paths that a control may move."""
    kind, _, of = id.partition(".")
    if id in MOVES:
        return MOVES[id]
    if id == controls.ASSUMPTION_SETS:  # the last of them
        paths = [*case.assumptions.values()][-1].set
        return "|".join(map(re.escape, paths))
    if kind == "total":
        return rf"funders\.{of}\.budget_by_year_meur\..*"
    if kind == "days":
        return _placed(case, f"stockpiles.{of}.max_t")
    if kind == "length":
        return rf"hazards\.{of}\.(profiles\.\w+\.)?effects\.\d+\.loss\.\d+"
    if kind == "hazard" and case.uncertainty is not None and case.uncertainty.states:
        return r"uncertainty\.states\.\d+\.probability"
    if kind == "hazard":
        return rf"hazards\.{of}\.annual_probability.*"
    if kind == "damage" and "." not in of:
        places = [str(n) for n, one in enumerate(case.damage) if one.material == of]
        return rf"damage\.({'|'.join(places)})\.steps\.\d+\.eur_per_t"
    if kind in MOVES and (of in case.materials or of in case.projects):
        return MOVES[kind]  # the only one of its kind
    if kind == "project":
        return r"policy\.(must_build|must_not_build).*"
    return _placed(case, id)


def _placed(case: Case, path: str) -> str:
    """A single path, in which a stock stands by its place."""
    places = {pile.id: str(n) for n, pile in enumerate(case.stockpiles)}
    first, _, rest = path.partition(".")
    id, _, last = rest.partition(".")
    return re.escape(f"{first}.{places[id]}.{last}" if first == "stockpiles" else path)


def elsewhere(one: Control) -> float | str:
    """A value that a control does not have."""
    if one.choices:
        return next(name for name in reversed(one.choices) if name != one.base)
    base = float(one.base)
    if one.is_integer or one.is_factor:
        return 2 * base
    return 0.5 * base if base > 0 else 0.5 * min(one.high, 10.0)


def some(name: str) -> list[Control]:
    """Every control of the tutorial; of Germany one of each kind that has many."""
    every = list(known(name).values())
    if name == TUTORIAL:
        return every
    kinds: dict[str, Control] = {}
    for one in every:
        last = one.id.rpartition(".")[2] if one.id.startswith(("funders.", "stockpiles.")) else ""
        kinds.setdefault(f"{one.id.partition('.')[0]}.{last}", one)
    return list(kinds.values())


def moves_its_own(name: str, one: Control) -> None:
    case = reading(name).case
    moved = differing(name, asked(name, (one.id, elsewhere(one))))
    pattern = own_paths(case, one.id)
    assert moved, one.id
    assert [path for path in moved if not re.fullmatch(pattern, path)] == [], one.id


@pytest.mark.quick(1, ci=2)
@EVERYWHERE
def test_a_control_changes_only_the_figures_of_its_label(name: str) -> None:
    for one in some(name):
        moves_its_own(name, one)


@pytest.mark.slow
def test_each_kind_of_control_of_germany_moves_what_its_label_says() -> None:
    """The first and last control of each kind: there are hundreds of projects and hazards."""
    by_kind: dict[str, list[Control]] = {}
    for one in known(GERMANY).values():
        by_kind.setdefault(one.id.partition(".")[0], []).append(one)
    assert len(by_kind) > 5
    for alike in by_kind.values():
        for one in dict.fromkeys((alike[0], alike[-1])):
            moves_its_own(GERMANY, one)


@pytest.mark.slow
@EVERYWHERE
def test_a_control_at_its_base_leaves_the_figures_of_the_file(name: str) -> None:
    """With their sources, alone and all at once."""
    own = input_hash(reading(name).case)
    at_base = [(one.id, one.base) for one in known(name).values()]
    assert input_hash(asked(name, *at_base)) == own
    for pair in at_base if name == TUTORIAL else ():
        assert input_hash(asked(name, pair)) == own, pair[0]


@pytest.mark.slow
@EVERYWHERE
def test_a_question_that_moves_nothing_is_the_file_itself(name: str) -> None:
    assert input_hash(asked(name)) == input_hash(reading(name).case)


@pytest.mark.slow
@EVERYWHERE
def test_what_a_control_has_as_its_base_can_be_shown(name: str) -> None:
    for one in known(name).values():
        assert one.label
        assert one.choices or one.low <= float(one.base) <= one.high, one.id
        assert one.choices or 0 < one.step <= one.high - one.low, one.id


# Factors, and amounts of several figures


@pytest.mark.slow
def test_factors_multiply_up_to_what_is_certain() -> None:
    case, hazard = reading(GERMANY).case, "china_rare_earths"
    before = case.hazards[hazard].annual_probability.values
    for both in (
        [("hazards", 2), (f"hazard.{hazard}", 3)],
        [(f"hazard.{hazard}", 3), ("hazards", 2)],
    ):
        after = asked(GERMANY, *both)
        now = after.hazards[hazard].annual_probability.values
        assert now == pytest.approx([min(1.0, 6 * float(x)) for x in before], rel=1e-9)
        for other, one in case.hazards.items():
            if other != hazard:
                expected = [min(1.0, 2 * float(x)) for x in one.annual_probability.values]
                assert after.hazards[other].annual_probability.values == pytest.approx(expected)
    assert any(0 < float(x) < 1 / 6 for x in before)
    sure = asked(GERMANY, ("hazards", 1000)).hazards[hazard].annual_probability.values
    assert all(float(x) in (0.0, 1.0) for x in sure)


@pytest.mark.slow
def test_the_product_of_two_factors_does_not_depend_on_their_order() -> None:
    hazard = next(id for id in known(GERMANY) if id.startswith("hazard."))
    both = [("hazards", 40), (hazard, 0.25)]
    first, second = (asked(GERMANY, *pairs) for pairs in (both, both[::-1]))
    assert first.hazards == second.hazards


@pytest.mark.slow
def test_deals_of_a_single_year_have_the_last_word() -> None:
    one, all_ = ("policy.max_starts_by_year.2028", 5), ("deals", 2)
    for moved in ([one, all_], [all_, one]):
        assert asked(GERMANY, *moved).policy.max_starts_by_year[2028] == 5


def test_there_is_room_for_what_is_in_store() -> None:
    case = asked("japan-2010", ("stocks", 0.5))
    before = reading("japan-2010").case.stockpiles
    for old, new in zip(before, case.stockpiles, strict=True):
        assert new.max_t == max(new.initial_t, 0.5 * (old.max_t or 0))
    assert any(pile.initial_t > 0.5 * (pile.max_t or 0) for pile in before)


@pytest.mark.parametrize(
    ("path", "scale", "most"),
    [("objective.cost_weight", 1, math.inf), ("objective.cvar.level", 100, 1),
     ("funders.fund.instruments.equity.offtake_per_share", 1, math.inf),
     ("funders.fund.instruments.equity.max_share", 100, 1),
     ("supply.0.share", 100, math.inf)],
)  # fmt: skip
def test_what_is_a_share_is_reported_in_percent(path: str, scale: float, most: float) -> None:
    found = controls.find_control(reading(TUTORIAL).case, path)
    assert found is not None
    assert (found.scale, found.max_value) == (scale, most)


@pytest.mark.slow
def test_a_single_figure_has_the_last_word() -> None:
    path = "hazards.china_rare_earths.annual_probability.2027"
    for moved in ([(path, 0.3), ("hazards", 4)], [("hazards", 4), (path, 0.3)]):
        after = asked(GERMANY, *moved).hazards["china_rare_earths"].annual_probability
        assert dict(zip(after.years, after.values, strict=True))[2027] == 0.3
    path = "stockpiles.federal_nickel.max_t"
    for moved in ([(path, 7.0), ("stocks", 2)], [("stocks", 2), (path, 7.0)]):
        after_all = room(asked(GERMANY, *moved))
        assert after_all["federal_nickel"] == 7.0
        assert after_all["federal_cobalt"] == 2 * room(reading(GERMANY).case)["federal_cobalt"]


def room(case: Case) -> dict[str, float]:
    return {pile.id: float(pile.max_t or 0) for pile in case.stockpiles}


def days(case: Case, id: str) -> float:
    """How many days of the need at home a stock may hold, in the middle of the horizon."""
    (pile,) = [pile for pile in case.stockpiles if pile.id == id]
    years = case.horizon.years
    daily = material_needs(case, years[len(years) // 2])[pile.material] / 365
    return float(pile.max_t or 0) / daily


@pytest.mark.slow
def test_the_room_of_all_stocks_is_multiplied() -> None:
    before, after = room(reading(GERMANY).case), room(asked(GERMANY, ("stocks", 2.5)))
    assert after == pytest.approx({id: 2.5 * most for id, most in before.items()})


FACTORS = [(), ("stocks", 0.5), ("stocks", 2), ("stocks", 3), ("stocks", 4), ("demand", 0.1),
           ("demand", 0.5), ("demand", 2)]  # fmt: skip


@pytest.mark.slow
@pytest.mark.quick(1, ci=3)
@pytest.mark.parametrize("factor", FACTORS, ids=str)
def test_days_are_days_whatever_is_multiplied_before(factor: tuple[str, float]) -> None:
    """Their base is shown with three digits, so that it may differ by 0.005."""
    wanted = {"federal_nickel": 30.0, "federal_palladium": 90.0}
    reported = [(f"days.{id}", value) for id, value in wanted.items()]
    case = asked(GERMANY, *([factor] if factor else []), *reported)
    assert {id: days(case, id) for id in wanted} == pytest.approx(wanted, rel=0.006)


@pytest.mark.slow
def test_days_of_a_stock_of_which_a_factor_left_nothing_are_not_dropped() -> None:
    """The question gives its days, or is refused with a message."""
    try:
        case = asked(GERMANY, ("stocks", 0), ("days.federal_nickel", 30))
    except InvalidRequest:
        return
    assert days(case, "federal_nickel") == pytest.approx(30, rel=0.006)


@pytest.mark.slow
@pytest.mark.quick(every=3)
@pytest.mark.parametrize("value", [0.0, 43.0, 1000.0, 2000.0])
def test_yearly_budgets_add_up_to_the_total_in_their_proportions(value: float) -> None:
    before = reading(GERMANY).case.funders["federal_stockpile"].budget_by_year_meur
    after = asked(GERMANY, ("total.federal_stockpile", value))
    by_year = after.funders["federal_stockpile"].budget_by_year_meur
    assert before is not None
    assert by_year is not None
    assert math.fsum(map(float, by_year.values())) == pytest.approx(value, abs=1e-9)
    share = value / math.fsum(map(float, before.values()))
    assert dict(by_year) == pytest.approx({year: share * float(x) for year, x in before.items()})


def test_deals_hold_in_every_year_that_has_any() -> None:
    before = reading(GERMANY).case.policy.max_starts_by_year
    after = asked(GERMANY, ("deals", 5)).policy.max_starts_by_year
    assert {year: float(most) for year, most in after.items()} == {
        year: 5.0 if most > 0 else 0.0 for year, most in before.items()
    }


# How long events last

COURSES = st.lists(st.floats(0, 1), min_size=1, max_size=24)
FACTOR = st.floats(0.2, 5)


@given(COURSES, FACTOR)
def test_a_stretched_course_takes_its_total_with_it(loss: list[float], factor: float) -> None:
    longer = controls.stretch_course(loss, factor)
    assert len(longer) == max(1, round(len(loss) * factor))
    exact = math.fsum(loss) * len(longer) / len(loss)
    assert math.fsum(longer) == pytest.approx(exact, abs=1e-6 * len(longer))
    assert min(loss) - 1e-6 <= min(longer)
    assert max(longer) <= max(loss) + 1e-6
    assert all(0 <= x <= 1 for x in longer)


@given(COURSES)
def test_a_course_that_is_not_stretched_is_the_same(loss: list[float]) -> None:
    assert controls.stretch_course(loss, 1.0) == pytest.approx(loss, abs=1e-6)


@given(st.floats(0, 1), st.integers(1, 24), FACTOR)
def test_an_even_course_stays_even(level: float, count: int, factor: float) -> None:
    longer = controls.stretch_course([level] * count, factor)
    assert longer == pytest.approx([level] * len(longer), abs=1e-6)


@pytest.mark.quick(1, ci=3)
@pytest.mark.parametrize("factor", [0.5, 2.0, 3.0])
@EVERYWHERE
def test_mean_duration_of_a_hazard_is_the_stated_one(name: str, factor: float) -> None:
    """Up to what a course in whole periods allows: half of one at each of its ends."""
    case = reading(name).case
    periods = float(case.horizon.periods_per_year)
    wanted = {
        id.partition(".")[2]: factor * float(one.base)
        for id, one in known(name).items()
        if id.startswith("length.")
    }
    assert wanted
    after = asked(name, *((f"length.{h}", value) for h, value in wanted.items()))
    for h, value in wanted.items():
        found = controls.event_length(after.hazards[h]) / periods
        assert found == pytest.approx(value, abs=1.0 / periods, rel=0.15), h


def test_a_hazard_that_outlasts_the_horizon_is_not_written_out_without_end() -> None:
    try:
        case = asked(TUTORIAL, ("length.export_stop", 20_000))
    except InvalidRequest:
        return
    assert all(len(effect.loss) <= 100 for effect in case.hazards["export_stop"].effects or ())


# Projects


@pytest.mark.slow
@pytest.mark.quick(every=3)
@pytest.mark.parametrize(("word", "rule"), [("in", "must_build"), ("out", "must_not_build")])
@pytest.mark.parametrize(
    ("name", "project"), [(TUTORIAL, "refinery"), (GERMANY, "zinnwald")], ids=["small", "large"]
)
def test_a_project_is_forced_in_or_out_and_set_free(
    name: str, project: str, word: str, rule: str
) -> None:
    before = reading(name).case.policy
    after = asked(name, (f"project.{project}", word)).policy
    assert set(getattr(after, rule)) == {*getattr(before, rule), project}
    other = "must_not_build" if rule == "must_build" else "must_build"
    assert getattr(after, other) == tuple(x for x in getattr(before, other) if x != project)
    free = asked(name, (f"project.{project}", "free")).policy
    assert project not in {*free.must_build, *free.must_not_build}


def test_project_rules_of_the_file_can_be_removed() -> None:
    base = reading(TUTORIAL).with_settings(
        ["policy.must_build=[refinery]", "policy.must_not_build=[recycling]"]
    )
    of = controls.controls_by_id(base.case)
    assert of["project.refinery"].base == "in"
    assert of["project.recycling"].base == "out"

    def policy(*moved: tuple[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        found = Question("x", None, moved).apply_to(base)[0].case.policy
        return tuple(found.must_build), tuple(found.must_not_build)

    assert policy(("project.refinery", "free")) == ((), ("recycling",))
    assert policy(("project.recycling", "free")) == (("refinery",), ())
    assert policy(("project.refinery", "out")) == ((), ("recycling", "refinery"))
    assert policy(("project.recycling", "in")) == (("refinery", "recycling"), ())
    assert policy(("project.refinery", "in")) == (("refinery",), ("recycling",))


# Single figures


@pytest.mark.slow
def test_every_figure_can_be_set_to_what_it_is() -> None:
    """All paths lead to one number; a sample of them is set, which changes nothing but sources."""
    case = reading(GERMANY).case
    paths = list(figure_controls.figure_paths(case))
    found = {path: controls.find_control(case, path, {}) for path in paths}
    assert len(found) == len(paths) > 2000
    assert [path for path, one in found.items() if one is None] == []
    some = [found[path] for path in random.Random(20261129).sample(paths, SAMPLE)]
    settings = [text for one in some if one is not None for text in one.settings(one.base)]
    assert len(settings) == SAMPLE
    assert differing(GERMANY, reading(GERMANY).with_settings(settings).case) == set()


def test_every_figure_of_the_tutorial_is_moved_alone() -> None:
    """Values that the scenario does not allow are reported with their location."""
    case, moved = reading(TUTORIAL).case, 0
    for path in figure_controls.figure_paths(case):
        one = controls.find_control(case, path, {})
        assert one is not None
        value = float(one.base) / 2 if float(one.base) > 0 else 1.0
        try:
            after = asked(TUTORIAL, (path, value))
        except ScenarioError:
            continue
        moved += 1
        assert differing(TUTORIAL, after) <= {_unplaced(case, path)}, path
    assert moved > 40


def _unplaced(case: Case, path: str) -> str:
    return re.sub(r"\\(.)", r"\1", _placed(case, path))


@EVERYWHERE
def test_every_figure_has_words_in_both_languages(name: str, untranslated: set[str]) -> None:
    case = reading(name).case
    for language in LANGUAGES:
        with using(language):
            said = [
                figure_controls.path_in_words(case, path)
                for path in figure_controls.figure_paths(case)
            ]
        assert all(said)
        assert not [label for label in said if "_meur" in label or "{" in label]
    assert untranslated == set()


# What can be asked


@pytest.mark.parametrize(
    ("id", "value"),
    [
        ("nothing", "1"),
        ("", "1"),
        ("sources.invented", "1"),
        ("horizon", "1"),
        ("projects.nowhere.capex_meur", "1"),
        ("hazard.export_stop", ""),
        ("hazard.export_stop", "twice"),
        ("hazard.export_stop", "1,5"),
        ("hazard.export_stop", "nan"),
        ("hazard.export_stop", "inf"),
        ("funders.fund.budget_meur", "-inf"),
        ("funders.fund.budget_meur", "1e999"),
        ("project.refinery", "maybe"),
        ("project.nowhere", "in"),
    ],
)
def test_what_a_scenario_does_not_have_is_not_asked(id: str, value: str) -> None:
    with pytest.raises(InvalidRequest):
        asked(TUTORIAL, (id, value))


@pytest.mark.slow
def test_only_whole_numbers_of_deals_are_asked() -> None:
    with pytest.raises(InvalidRequest, match=r"'2\.5' is no value for “Projects decided in a year"):
        asked(GERMANY, ("deals", "2.5"))
    assert asked(GERMANY, ("deals", "2.0"))


@pytest.mark.parametrize("value", ["-1", "-0.5"])
@pytest.mark.parametrize("id", ["funders.fund.budget_meur", "hazard.export_stop", "capex",
                                "length.export_stop"])  # fmt: skip
def test_less_than_nothing_is_refused(id: str, value: str) -> None:
    with pytest.raises((InvalidRequest, ScenarioError)):
        asked(TUTORIAL, (id, value))
