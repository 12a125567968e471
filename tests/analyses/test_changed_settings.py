"""What options set otherwise, in words: no path, no JSON and no id that has a name."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from models.files.shapes import ANY_SHAPE, SCENARIO_SHAPE, Shape, shape_of_step
from models.language import Language, translations, using
from models.results.comparison import ComparisonNames, ValueChange
from models.results.option import BilingualName
from optimizer.analyses.comparison.comparison_wording import (
    MAX_STATEMENTS,
    SettingDescriber,
    changed_settings,
    localized,
    subject_name,
)
from optimizer.report.scenario_workbook.columns import field_label


def named(en: str, de: str | None = None) -> BilingualName:
    return BilingualName(en=en, de=de or en)


NAMES = ComparisonNames(
    materials={"ndpr": named("NdPr oxide", "NdPr-Oxid"), "ore": named("Ore", "Erz")},
    consumers={},
    projects={},
    stockpiles={f"stock_{n}": named(f"Stock {n}", f"Lager {n}") for n in range(9)},
    funders={"fund": named("Raw material fund", "Rohstofffonds"), "purse": named("Purse", "Kasse")},
    budget_lines={"fund": {"authority": named("Authority", "Ermächtigung")}},
    instruments={"fund": {"equity": named("Equity", "Eigenkapital")}},
)


def lines_of(*changes: tuple[str, str | None, str | None], language: Language = "en") -> list[str]:
    made = [ValueChange(path=path, base=base, value=value) for path, base, value in changes]
    with using(language):
        speaker = SettingDescriber(NAMES, localized, "EUR")
        return [text.replace("\u00a0", " ") for text in speaker.describe_changes(made)]


@pytest.mark.parametrize(
    ("path", "base", "value", "english", "in_german"),
    [
        ("funders.fund.budget_meur", "850", "2350",
         "Raw material fund: Budget over all years 850 → 2 350 million EUR",
         "Rohstofffonds: Budget über alle Jahre 850 → 2 350 Mio. EUR"),
        ("funders.fund.instruments.equity.max_share", "0.25", "0.165",
         "Raw material fund, Equity: Share at most 25 % → 16.5 %",
         "Rohstofffonds, Eigenkapital: Anteil höchstens 25 % → 16,5 %"),
        ("funders.fund.instruments.bond", None, '{"kind": "loan", "max_sh…',
         "Raw material fund: bond in addition", "Rohstofffonds: zusätzlich bond"),
        ("funders.fund.instruments.equity.charges", None, '{"authority": 0.85}',
         "Raw material fund, Equity: Charge to line not set → Authority 0.85 EUR per EUR",
         "Rohstofffonds, Eigenkapital: Belastung des Titels nicht festgelegt → Ermächtigung 0,85 "
         "EUR je EUR"),
        ("funders.new_one", None, "{}", "new one in addition", "zusätzlich new one"),
        ("stockpiles.stock_1", "{}", None, "without Stock 1", "ohne Lager 1"),
        ("policy.max_projects", None, "0",
         "Projects at most not set → 0", "Projekte höchstens nicht festgelegt → 0"),
        ("objective.allocation", '"pooled"', '"entitled"',
         "Allocation pooled → entitled", "Zuteilung gemeinsam → nach Anspruch"),
        ("horizon.last_year", "2040", "2045", "Last year 2040 → 2045", "Letztes Jahr 2040 → 2045"),
        ("demand.3.t_per_year.2030", "100", "90",
         "Demand (1): Quantity 2030 100 → 90 t per year", None),
        ("currency", '"EUR"', '"USD"', "Currency EUR → USD", "Währung EUR → USD"),
        ("policy.must_build", '["a"]', '["a", "b", "c", "d"]', "“Must build” changed", None),
        # Nobody knows these: their names are read as words.
        ("policy.moon_phase.of_month", "1", "2", "Of month 1 → 2", "Of month 1 → 2"),
        ("vessels.big_one.hull", "1", "2", "Hull 1 → 2", "Hull 1 → 2"),
    ],
)  # fmt: skip
def test_a_setting(
    path: str, base: str | None, value: str | None, english: str, in_german: str | None
) -> None:
    assert lines_of((path, base, value)) == [english]
    if in_german is not None:
        assert lines_of((path, base, value), language="de") == [in_german]


def test_years_that_change_alike_are_reported_together() -> None:
    path = "funders.fund.budget_by_year_meur"
    years = [(f"{path}.{year}", "100", "300") for year in (2027, 2028, 2029)]
    assert lines_of(*years, (f"{path}.2030", "40", None)) == [
        "Raw material fund: Budget in 2027–2029 100 → 300 million EUR, 2030 40 → 0 million EUR"
    ]


def test_who_pays_is_reported_with_names() -> None:
    path = "stockpiles.stock_0.paid_by"
    assert lines_of((f"{path}.fund", "0.7", None), (f"{path}.purse", "0.3", "1")) == [
        "Stock 0: Costs paid by Raw material fund 70 % → 0 %, Purse 30 % → 100 %"
    ]


def test_the_same_field_of_many_items_is_reported_once() -> None:
    changes = [(f"stockpiles.stock_{n}.max_purchase_t_per_year", str(n + 1), "0") for n in range(9)]
    assert lines_of(*changes) == ["Stockpiles (9): Purchases at most → 0 t per year"]
    others = [(path, base, str(10 * n)) for n, (path, base, _) in enumerate(changes)]
    assert lines_of(*others) == ["Stockpiles (9): “Purchases at most” changed"]
    alike = [(path, "5", "0") for path, _, _ in changes]
    assert lines_of(*alike[:2]) == ["Stock 0 and Stock 1: Purchases at most 5 → 0 t per year"]


def test_no_more_than_some_are_reported() -> None:
    changes = [
        ("horizon.first_year", "1", "2"), ("horizon.last_year", "1", "2"),
        *((f"stockpiles.stock_{n}.{field}", "1", "2") for n, field in enumerate(
            ("max_t", "initial_t", "annual_loss", "purchase_premium", "financing_rate",
             "storage_eur_per_t_year", "residual_value", "max_release_t_per_period"))),
    ]  # fmt: skip
    found = lines_of(*changes)
    assert len(found) == MAX_STATEMENTS
    assert found[-1] == "2 more settings"


def fields(shape: Shape, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All fields of the format, by their paths without ids and positions."""
    if len(path) > 6:
        return
    if shape.kind == "model":
        for key in shape.keys:
            yield (*path, key)
            yield from fields(shape_of_step(shape, key) or ANY_SHAPE, (*path, key))
    elif shape.kind in ("mapping", "list"):
        inside = shape_of_step(shape, "0") or ANY_SHAPE
        if inside.kind in ("model", "mapping", "list"):
            yield from fields(inside, path)


def test_every_field_of_the_format_has_words() -> None:
    every = list(fields(SCENARIO_SHAPE))
    assert len(every) > 150
    for path in every:
        if path[0] in ("variants", "assumptions"):
            continue
        assert field_label(path) in translations("de"), path
        assert not re.search("[._]", subject_name(".".join(path)).replace("e.g.", "")), path


def test_changes_of_one_field_are_one_setting() -> None:
    changes = [
        ValueChange(path="stockpiles.a.paid_by.x", base="1", value="0"),
        ValueChange(path="stockpiles.a.paid_by.y", base="0", value="1"),
        ValueChange(path="stockpiles.b.paid_by.x", base="0", value="1"),
    ]
    assert [len(one.changes) for one in changed_settings(changes)] == [2, 1]
