"""A plan in German, word for word: the tutorial's, whose figures docs/tutorial.md works out."""

# ruff: noqa: E501

from __future__ import annotations

from pathlib import Path

import pytest
from plan_by_hand import certificate, outcome, plan

from models.files import read_case
from models.language import using
from models.results import Plan
from optimizer.report.progress import progress_line
from optimizer.report.terminal import render
from optimizer.solve.planner import plan as best_plan

TUTORIAL = Path(__file__).parents[2] / "scenarios" / "tutorial.yaml"

WHOLE = """\
Einführung: ein Metall, ein Exportstopp

Gegenüber dem Nichtstun sinkt der erwartete Schaden um 70 %, von 40 auf 12 Mio. EUR; zugleich sinkt
der größte Schaden aller Zustände um 60 %, von 200 auf 80. Die Nettokosten betragen 15,5 Mio. EUR.
Nur zur Veranschaulichung: Der Plan beruht auf 3 Zuständen der Welt. Weniger als 100 zeigen, wie die
Teile zusammenwirken, nicht aber, wie wahrscheinlich oder wie schlimm seltene Ereignisse sind.

Was gebaut wird und wann
                               Erste   Investition,    Menge für
Projekt           Beginn   Lieferung       Mio. EUR   das Inland   Davon für
──────────────────────────────────────────────────────────────────────────────────────────────────────────────
Eine Raffinerie     2026        2027             40         50 %   alle Verbraucher 25 %, Ein Chiphersteller
                                                                   25 %

Wer die Projekte bezahlt
                                                                   Anteil an
                                                                         der
Projekt           Finanziert durch     Instrument     Mio. EUR   Investition
────────────────────────────────────────────────────────────────────────────
Eine Raffinerie   Rohstofffonds        Eigenkapital         10          25 %
                  Ein Chiphersteller   Eigenkapital         10          25 %
                  Banken und Anleger   -                    20          50 %
Zusammen 40 Mio. EUR: Rohstofffonds 10, Ein Chiphersteller 10, Banken und Anleger 20.

Was eingelagert wird
                                    Höchster             Reichweite    Kosten,
Lager     Rohstoff   Gekauft, t   Bestand, t   Im Jahr   dann, Tage   Mio. EUR
──────────────────────────────────────────────────────────────────────────────
Reserve   Gallium            10           10      2027           91       5,50
Die Reichweite in Tagen zählt alle Lager eines Rohstoffs. Kosten sind die für Kauf, Lagerung und
Finanzierung, nicht abgezinst: insgesamt 5,50 Mio. EUR.

Gekauft, t   2026   2027
────────────────────────
Reserve         5      5

Was es kostet und wann (Mio. EUR, nicht abgezinst)
Belastetes Budget    2026   2027   2028
───────────────────────────────────────
Rohstofffonds        12,6    2,7    0,2
Ein Chiphersteller   10,0      0      0
Zusammen             22,6    2,7    0,2

                     Belastung
                           der   Zugesagte
                      Budgets,     Mittel,
Über alle Jahre       Mio. EUR    Mio. EUR
──────────────────────────────────────────
Rohstofffonds             15,5        15,5
Ein Chiphersteller        10,0        10,0
Zusammen                  25,5        25,5
Nettokosten des Plans: 15,5 Mio. EUR, abgezinst. Das ist, was Projekte nicht zurückzahlen und was
Vorräte kosten, gleich wer zahlt. Geld von Banken und Anlegern zählt hier nicht als Kosten.

Was vom Schaden bleibt (Mio. EUR)
                                                 Ohne Plan   Mit Plan   Rückgang
────────────────────────────────────────────────────────────────────────────────
Erwartet: Mittel aller Zustände                         40         12       70 %
Mittel der schlimmsten 5 % der Zustände (CVaR)         200         80       60 %
Schlimmster Zustand                                    200         80       60 %

Welche Rohstoffe gefährdet bleiben (erwarteter Schaden, Mio. EUR)
                                                Risiko                         Fehlt im
                                                 einer                      schlimmsten
Rohstoff   Ohne Plan   Mit Plan   Rückgang   Knappheit   Schlimmste Jahre       Jahr, t
───────────────────────────────────────────────────────────────────────────────────────
Gallium           40         12       70 %        30 %   2027, 2028                   6
Schlimmste Jahre sind die, in denen am meisten fehlt, das schlimmste zuerst. Risiko und Tonnen
(Mittel aller Zustände) sind jeweils der höchste Wert eines Jahres.

Wen es trifft (erwarteter Schaden, Mio. EUR)
Verbraucher          Ohne Plan   Mit Plan   Rückgang
────────────────────────────────────────────────────
Übrige Industrie            30          8     73,3 %
Ein Chiphersteller          10          4       60 %

Wie gut der Nachweis ist
Status             optimal: Die Lücke ist so klein wie verlangt
Zielwert           27,5
Untere Schranke    27,5 (kein Plan kann einen kleineren Zielwert haben)
Optimalitätslücke  0 % (verlangt: höchstens 0,01 %)
Zustände der Welt  3, im Szenario einzeln angegeben
Verfahren          alle Zustände in einem Modell: 40 Zeilen, 43 Spalten, 4 ganzzahlige Variablen, 114
                   Nichtnulleinträge
"""


@pytest.fixture(scope="module")
def tutorial() -> Plan:
    return best_plan(read_case(TUTORIAL).case)


def shown(found: Plan) -> str:
    with using("de"):
        return render(found)


def test_the_whole_plan_in_german(tutorial: Plan) -> None:
    """Up to what depends on the machine and the versions."""
    assert shown(tutorial).startswith(WHOLE)


def test_a_saved_plan_is_shown_in_german(tutorial: Plan) -> None:
    saved = Plan.model_validate_json(tutorial.model_dump_json())
    assert shown(saved) == shown(tutorial)


def test_english_is_as_it_was(tutorial: Plan) -> None:
    assert render(tutorial).startswith("Tutorial: one metal, one export stop\n\nAgainst doing")


def sentences(found: Plan) -> str:
    return " ".join(shown(found).split())


def test_a_plan_that_builds_nothing() -> None:
    nothing = plan(projects=[], stockpiles=[], outcome=outcome(expected=4000.0, worst=20000.0))
    assert (
        "Der Plan sieht vor, nichts zu bauen und nichts zu kaufen. Dabei bleibt der erwartete "
        "Schaden bei 4 000 Mio. EUR; zugleich bleibt der größte Schaden aller Zustände bei 20 000."
    ) in sentences(nothing)


def test_a_plan_that_makes_it_worse() -> None:
    assert (
        "Gegenüber dem Nichtstun steigt der erwartete Schaden um 25 %, von 4 000 auf 5 000 "
        "Mio. EUR; zugleich bleibt der größte Schaden aller Zustände bei 20 000."
    ) in sentences(plan(outcome=outcome(expected=5000.0, worst=20000.0)))


@pytest.mark.parametrize(
    ("measure", "unit", "text"),
    [
        ("tonnes", "t", "sinkt die erwartete Fehlmenge um 70 %, von 4 000 auf 1 200 t; zugleich"),
        (
            "share_of_demand",
            "years of demand",
            "sinkt die erwartete Fehlmenge um 70 %, von 4 000 auf 1 200 Jahresbedarfe; zugleich",
        ),
    ],
)
def test_other_measures_have_their_words(measure: str, unit: str, text: str) -> None:
    found = sentences(plan(outcome=outcome(measure=measure, unit=unit), currency="CHF"))
    assert text in found
    assert "sinkt die größte Fehlmenge aller Zustände um 50,6 %" in found
    assert "Mio. CHF" in found
    assert "EUR" not in found


def test_a_plan_that_was_stopped() -> None:
    stopped = certificate(status="limit", gap=0.125, bound=1080.0, ended="Time limit reached")
    found = sentences(plan(certificate=stopped))
    assert (
        "Vorzeitig beendet: Der Plan hält alle Regeln ein; ein anderer kann seinen Zielwert um "
        "höchstens 12,5 % verbessern."
    ) in found
    assert "optimal:" not in found
    unknown = sentences(plan(certificate=certificate(status="limit", gap=None, bound=None)))
    assert "um wie viel besser ein anderer sein könnte, ist nicht bekannt" in unknown
    assert "Untere Schranke keine nachgewiesen" in unknown
    assert "nicht bekannt (verlangt: höchstens 0,01 %)" in unknown


class Running:
    """A solve on its way."""

    seconds, objective, bound, gap = 12.4, 1234.5, 1200.25, 0.0279


def test_progress_in_german() -> None:
    with using("de"):
        assert (
            progress_line(Running()) == "    12 s   Zielwert 1 234   Schranke 1 200   Lücke 2,79 %"
        )
