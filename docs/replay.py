"""Past decisions, as observed and as the scenario files model them: the generated part of
docs/replay.md, from docs/replay.csv and the scenario files.

Every event takes place in a separate state of the world, without a plan and without projects. Its
damage is the increase over an undisturbed state, not discounted.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from models.base import display_name
from models.files import read_case, read_case_text
from models.scenario.references import Case
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import read_states
from optimizer.solve.outcomes import PlanEvaluation, evaluate_commitments
from optimizer.solve.recourse import RecourseEvaluator

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "docs" / "replay.csv"
FOUND, ASSUMED = "observed, known quarters only", "observed, gaps filled by assumptions"
AHEAD = "the same, minus purchases ahead"
ALL_MATERIALS = ", all materials it affects"
MIN_SHORTAGE_SHARE = 1e-3
"""Share of a year's demand above which a material is listed as missing."""


class Decision(NamedTuple):
    """A past decision, and the hazards that represent it in a file."""

    id: str
    """Id in the record (docs/replay.csv)."""
    title: str
    file: str
    start: tuple[int, int]
    """Year and period in which its events start."""
    hazards: tuple[str, ...]


GERMANY, FIRST = "germany-2026.yaml", (2026, 1)
"""File and start of the recent decisions. Demand of its first year is closest to demand at the time
of the decisions."""
DECISIONS = (
    Decision("gallium_germanium_2023", "Gallium and germanium, August 2023", GERMANY, FIRST,
             ("china_semiconductor_metals",)),
    Decision("graphite_2023", "Graphite, December 2023", GERMANY, FIRST,
             ("china_battery_chain",)),
    Decision("antimony_2024", "Antimony, September 2024", GERMANY, FIRST,
             ("china_semiconductor_metals",)),
    Decision("five_metals_2025", "Tungsten, bismuth and indium, February 2025", GERMANY, FIRST,
             ("china_tool_metals",)),
    Decision("rare_earths_2025", "Seven rare earths and magnets, April 2025", GERMANY, FIRST,
             ("china_rare_earths",)),
    Decision("cobalt_2025", "Congolese cobalt, February 2025", GERMANY, FIRST,
             ("congo_cobalt",)),
    Decision("japan_2010", "China against Japan, September 2010", "japan-2010.yaml", (2010, 4),
             ("political_stop", "hard_quota", "history_embargo")),
)  # fmt: skip


class Observation(NamedTuple):
    """Observed supply of one material in one quarter, counted from the start of an event."""

    country: str
    material: str
    quarter: int
    months: str
    remains: float
    """Share of the base that was supplied; above 1 if it was more."""
    assumed: bool
    basis: str
    source: str

    @property
    def loss(self) -> float:
        """Share that was not supplied."""
        return max(0.0, 1 - self.remains)


def record(path: Path = RECORD) -> dict[str, list[Observation]]:
    """Return the observations in the file ``path`` by decision, in the order of the file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    observations: dict[str, list[Observation]] = {}
    for row in rows:
        remaining_share = float(
            row["remains"] or float(row["amount_t"] or 0) / float(row["base_t"] or 1)
        )
        observations.setdefault(row["decision"], []).append(
            Observation(
                row["country"],
                row["material"],
                int(row["quarter"]),
                row["months"],
                remaining_share,
                row["kind"] == "assumption",
                row["basis"],
                row["source"],
            )
        )
    return observations


Losses = dict[tuple[str, str], list[float]]
"""Share lost in each quarter, by country and material."""


@dataclass(frozen=True)
class Course:
    """One possible course of an event."""

    name: str
    losses: Losses
    probability: float | None = None
    """Probability of the profile; None if the course is observed or its hazard has no profiles."""


class Outcome(NamedTuple):
    """Increase of damage and shortages over an undisturbed state."""

    damage: float  # million
    missing: dict[str, tuple[float, float]]
    """Missing tonnes, and the same as a share of a year's demand, by material."""


def effects(losses: Losses) -> list[dict[str, Any]]:
    """Return losses as effects of a hazard in the format of a scenario file."""
    return [
        {"country": country, "materials": "all" if m == "all" else [m], "loss": loss or [0]}
        for (country, m), loss in losses.items()
    ]


def courses_of(decision: Decision, case: Case, observations: Sequence[Observation]) -> list[Course]:
    """Return the courses of a decision. The observed ones have known quarters only, assumptions in
    gaps, or assumptions minus purchases ahead. Those of the file, for each profile of each hazard,
    have the materials of the decision only, or all materials of the hazard."""
    keys = dict.fromkeys((x.country, x.material) for x in observations)
    by_key = {key: [x for x in observations if (x.country, x.material) == key] for key in keys}
    later = {key: [x for x in items if x.quarter > 0] for key, items in by_key.items()}
    known = {key: [0.0 if x.assumed else x.loss for x in items] for key, items in later.items()}
    courses = [
        Course(FOUND, known),
        Course(ASSUMED, {key: [x.loss for x in items] for key, items in later.items()}),
        Course(AHEAD, {key: _less_ahead(items) for key, items in by_key.items()}),
    ]
    for id in decision.hazards:
        hazard = case.hazards[id]
        for profile, profile_effects in hazard.effects_by_profile.items():
            all_losses: Losses = {
                (effect.country, m): [float(x) for x in effect.loss]
                for effect in profile_effects
                for m in (["all"] if effect.materials in (None, "all") else effect.materials)
            }
            losses = {key: all_losses[key] for key in keys if key in all_losses}
            probability = None if profile is None else float(hazard.profiles[profile].probability)
            label = f"`{id}`" if profile is None else f"`{id}.{profile}`"
            courses.append(Course(label, losses, probability))
            courses.append(Course(f"{label}{ALL_MATERIALS}", all_losses, probability))
    return courses


def _less_ahead(observations: Sequence[Observation]) -> list[float]:
    """Return the loss in each quarter, minus the surplus of the month before (quarter 0)."""
    ahead = sum(max(0.0, x.remains - 1) / 3 for x in observations if x.quarter == 0)
    losses = []
    for loss in (x.loss for x in observations if x.quarter > 0):
        losses.append(max(0.0, loss - ahead))
        ahead = max(0.0, ahead - loss)
    return losses


def outcomes(file: str, courses: Sequence[tuple[Decision, Course]]) -> list[Outcome]:
    """Return the outcome of each course, in a separate state and without a plan. All decisions are
    those of one scenario file and start in one year."""
    probability = 1 / (len(courses) + 1)
    states: list[dict[str, Any]] = [{"name": "undisturbed", "probability": probability}]
    hazards = {}
    for n, (decision, course) in enumerate(courses):
        hazards[f"replay_{n}"] = {"annual_probability": 0, "effects": effects(course.losses)}
        year, period = decision.start
        event = {"hazard": f"replay_{n}", "start": year, "period": period}
        states.append({"probability": probability, "events": [event]})
    overlay = {
        "schema_version": 1,
        "include": [file],
        "horizon": {"discount_rate": 0},
        "hazards": hazards,
        "uncertainty": {"states": states, "sample": None},
    }
    case = read_case_text(json.dumps(overlay), str(ROOT / "scenarios" / "replay.yaml")).case
    instance = read_instance(case)
    certain_states = [replace(state, probability=1.0) for state in read_states(instance)]
    evaluations: list[PlanEvaluation] = []
    recourse = None
    for state in certain_states:
        recourse = RecourseEvaluator(instance, [state], threads=1, reuse_from=recourse)
        evaluations += evaluate_commitments(instance, [state], [Commitment()], recourse=recourse)
    undisturbed, *disturbed = evaluations
    year_index = courses[0][0].start[0] - instance.years[0]
    return [_increase(instance, one, undisturbed, year_index) for one in disturbed]


def _increase(
    instance: Instance, disturbed: PlanEvaluation, undisturbed: PlanEvaluation, year_index: int
) -> Outcome:
    """Return the increase over an undisturbed state; shares are of the demand in the given year."""
    missing = {}
    for m, shortage in disturbed.expected_shortage.items():
        lots = float((shortage - undisturbed.expected_shortage[m]).sum())
        demand = float(instance.material_demand[m][year_index]) * instance.periods_per_year
        if demand > 0 and lots > MIN_SHORTAGE_SHARE * demand:
            missing[m] = (lots * instance.lot_tonnes[m], lots / demand)
    return Outcome(disturbed.expected - undisturbed.expected, missing)


# The document


def described() -> str:
    """Return the tables and sources of all decisions in Markdown."""
    return "\n\n".join(sections()) + "\n"


def sections() -> Iterator[str]:
    """Yield the parts of the document: the summary of all decisions, and a section for each."""
    observations = record()
    results: dict[str, list[tuple[Course, Outcome]]] = {}
    cases = {
        file: read_case(ROOT / "scenarios" / file).case for file in (d.file for d in DECISIONS)
    }
    for file, decisions in groupby(DECISIONS, lambda d: d.file):
        courses = [
            (d, course)
            for d in decisions
            for course in courses_of(d, cases[file], observations[d.id])
        ]
        for (d, course), outcome in zip(courses, outcomes(file, courses), strict=True):
            results.setdefault(d.id, []).append((course, outcome))
    yield from _summary(cases[GERMANY], results)
    for decision in DECISIONS:
        yield f"## {decision.title}"
        yield _loss_table(cases[decision.file], observations[decision.id], results[decision.id])
        yield _damage_table(cases[decision.file], results[decision.id])
        yield _sources(cases[decision.file], observations[decision.id])


def number(value: float) -> str:
    """Return a number as text with two significant digits, or three from 1,000 on."""
    if abs(value) < 0.005:
        return "0"
    digits = (2 if abs(value) < 1000 else 3) - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    return f"{rounded:,.{max(0, digits)}f}"


def share(value: float) -> str:
    """Return a share as text with two decimals, or ``0``."""
    return "0" if abs(value) < 0.005 else f"{value:.2f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


Results = Sequence[tuple[Course, Outcome]]


def _of_file(results: Results, all_materials: bool) -> Results:
    """Return the results for the file: for all materials of the hazard, or for the decision's."""
    modeled = [(c, o) for c, o in results if c.name not in (FOUND, ASSUMED, AHEAD)]
    return [(c, o) for c, o in modeled if c.name.endswith(ALL_MATERIALS) == all_materials]


def _mean(results: Results) -> tuple[Losses, float]:
    """Return the mean losses and damage over the profiles of a decision with a single hazard."""
    weights = [1.0 if c.probability is None else c.probability for c, _ in results]
    losses: Losses = {}
    for weight, (course, _) in zip(weights, results, strict=True):
        for key, course_losses in course.losses.items():
            pairs = zip_longest(losses.get(key, []), course_losses, fillvalue=0.0)
            losses[key] = [before + weight * loss for before, loss in pairs]
    return losses, math.fsum(x * o.damage for x, (_, o) in zip(weights, results, strict=True))


def _summary(case: Case, results: dict[str, list[tuple[Course, Outcome]]]) -> Iterator[str]:
    """Yield heading, note and table of all decisions of the German file, with their sum."""
    rows, sums = [], [0.0] * 5
    for decision in (d for d in DECISIONS if d.file == GERMANY):
        own_results = results[decision.id]
        observed = [o for c, o in own_results if c.name in (FOUND, ASSUMED, AHEAD)]
        losses, damage = _mean(_of_file(own_results, all_materials=False))
        _, damage_of_all = _mean(_of_file(own_results, all_materials=True))
        figures = [*(o.damage for o in observed), damage, damage_of_all]
        sums = [a + b for a, b in zip(sums, figures, strict=True)]
        observed_losses = next(c.losses for c, _ in own_results if c.name == ASSUMED)
        lost = [
            f"{_name(case, m)} {share(sum(x))} / {share(sum(losses.get((country, m), [])))}"
            for (country, m), x in observed_losses.items()
        ]
        rows.append([decision.title, "; ".join(lost), *map(number, figures)])
    rows.append(["**all**", "", *(f"**{number(x)}**" for x in sums)])
    yield "## All decisions of 2023 to 2025"
    yield (
        f"The damage columns are in million {case.currency}, for each decision alone. A hazard "
        "that represents two decisions counts twice."
    )
    heads = ["Decision", "Loss in quarters of supply: observed / file", FOUND, ASSUMED, AHEAD]
    yield table([*heads, "file, the same materials", "file, all materials of the hazard"], rows)


def _name(case: Case, m: str) -> str:
    return "All materials" if m == "all" else display_name(case.materials[m].name, m, "en")


def _loss_table(case: Case, observations: Sequence[Observation], results: Results) -> str:
    """Return a table of the share lost by quarter: observed, and in the file."""
    modeled = _of_file(results, all_materials=False)
    losses_by_name = [(course.name, course.losses) for course, _ in modeled]
    if len(modeled) > 1 and all(course.probability is not None for course, _ in modeled):
        losses_by_name = [("file, mean", _mean(modeled)[0]), *losses_by_name]
    length = max(len(loss) for course, _ in results for loss in course.losses.values())
    rows = []
    for key in dict.fromkeys((x.country, x.material) for x in observations):
        quarters = [x for x in observations if (x.country, x.material) == key and x.quarter > 0]
        marks = [f"{share(x.loss)}{'*' if x.assumed else ''}" for x in quarters]
        total = share(sum(x.loss for x in quarters))
        rows.append([_name(case, key[1]), "observed", *marks, *[""] * (length - len(marks)), total])
        for name, losses in losses_by_name:
            lost = losses.get(key, [])
            cells = [*map(share, lost), *[""] * (length - len(lost))]
            rows.append(["", name, *cells, share(sum(lost))])
    heads = [str(k + 1) for k in range(length)]
    return table(["Share lost in quarter", "", *heads, "sum"], rows)


def _damage_table(case: Case, results: Results) -> str:
    """Return a table of the damage and the missing quantities of each course. Courses with the
    losses of an earlier one are left out."""
    rows, listed_losses = [], []
    for course, outcome in results:
        if course.losses in listed_losses:  # no assumptions, purchases ahead or other materials
            continue
        listed_losses.append(course.losses)
        probability = "" if course.probability is None else f" ({course.probability:.2f})"
        missing = [
            f"{_name(case, m)} {number(tonnes)} t ({part:.0%})"
            for m, (tonnes, part) in outcome.missing.items()
        ]
        rows.append(
            [course.name + probability, number(outcome.damage), "; ".join(missing) or "nothing"]
        )
    unit = f"Damage, million {case.currency}"
    missing_head = "Total missing, and its share of a year's demand"
    return table(["Event (probability of its profile)", unit, missing_head], rows)


def _sources(case: Case, observations: Sequence[Observation]) -> str:
    """Return a list of sources. Consecutive quarters with equal figures have one entry."""
    lines = []
    groups = groupby(observations, lambda x: (x.material, x.months, x.remains))
    for (material, months, remains), group in groups:
        first, *others = group
        last = others[-1] if others else first
        quarters = (
            f"quarter {first.quarter}"
            if first is last
            else f"quarters {first.quarter} to {last.quarter}"
        )
        outcome = f"{remains:.2f} of the base {'assumed' if first.assumed else 'supplied'}"
        where = f" [Source]({first.source})" if first.source else ""
        about = f"- {_name(case, material)}, {quarters} ({months}): {outcome}. "
        lines.append(f"{about}{first.basis[0].upper()}{first.basis[1:]}.{where}")
    return "\n".join(lines)
