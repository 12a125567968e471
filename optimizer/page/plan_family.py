"""A solved family: one scenario at all combinations of a few values, and what a page holds of it.

Between two solved values of a number the best objective is known to lie in an interval where it
can only fall, or only rise, with that number: a plan for less public money keeps all rules with
more, and no plan costs less where each missing tonne costs more. Nothing else is said of what was
not solved.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.base import display_name
from models.files import LoadedScenario
from models.language import current_language, tr, using
from models.results import Plan
from models.scenario.case import Case
from optimizer.analyses.variation import Variation
from optimizer.page.controls import PUBLIC_BUDGETS, controls_by_id, find_control
from optimizer.page.figure_controls import FACTOR_UNIT, Control
from optimizer.page.fragments import LANGUAGES, render_template, static_file
from optimizer.page.question import InvalidRequest, Question
from optimizer.page.scenario_store import value_in_words
from optimizer.report.number_format import ZERO_TOLERANCE

VARIANT_AXIS = "variant"
DEFAULT_FACTORS = {
    PUBLIC_BUDGETS: (0.5, 0.75, 1.5, 2.0),
    "hazards": (0.5, 2.0),
    "damage": (0.5, 2.0),
}
"""What is moved where nothing is named, by these factors."""
MAX_POINTS = 2_000
"""Points of one family."""
SIGNIFICANT_DIGITS = 7

Monotonicity = Literal["falls", "rises", ""]
"""What the best objective does as a number grows; empty where that is not known."""


@dataclass(frozen=True)
class Axis:
    """One thing that is moved: the id of its control, and its values as they are written, the one
    of the file among them."""

    id: str
    values: tuple[str, ...]
    base_index: int  # position of the value of the file
    monotonicity: Monotonicity = ""
    is_factor: bool = False  # whether values multiply what a variant has, rather than replace it


@dataclass(frozen=True)
class Point:
    """One member of the family: its place on each axis, and the question that it answers."""

    indices: tuple[int, ...]
    question: Question


def make_axes(
    base: LoadedScenario, moves: Mapping[str, Sequence[str]], variants: bool
) -> list[Axis]:
    """The axes of a family; of those that are usual, the ones that the scenario has.

    Raises Unasked for what it does not have, or a value that does not fit.
    """
    case, found = base.case, []
    if variants and case.variants:
        found.append(Axis(VARIANT_AXIS, ("", *case.variants), 0))
    known = controls_by_id(case)
    wanted = moves or dict(_default_moves(case, known))
    for id, texts in wanted.items():
        one = find_control(case, id, known)
        if one is None:
            raise InvalidRequest(tr("the scenario has no '{id}' that could be moved", id=id))
        try:
            values = {one.parse_value(text) for text in texts} | {one.base}
        except ValueError:
            raise InvalidRequest(
                tr(
                    "'{value}' is no value for “{label}”",
                    value=", ".join(texts),
                    label=one.full_label,
                )
            ) from None
        order = list(one.choices) if one.choices else sorted(values)
        kept = [value for value in order if value in values]
        place = kept.index(one.base)
        written = tuple(v if isinstance(v, str) else f"{v:.12g}" for v in kept)
        found.append(Axis(id, written, place, _monotonicity(base, id), one.unit == FACTOR_UNIT))
    count = 1
    for axis in found:
        count *= len(axis.values)
    if count > MAX_POINTS:
        raise InvalidRequest(
            tr("{count} points are more than {most}", count=count, most=MAX_POINTS)
        )
    return found


def _default_moves(
    case: Case, controls: Mapping[str, Control]
) -> Iterator[tuple[str, Sequence[str]]]:
    """What is moved where nothing is named; a single budget or hazard where there is but one."""
    public = [f for f, funder in case.funders.items() if funder.kind == "public"]
    budgets = [id for f in public for id in (f"funders.{f}.budget_meur", f"total.{f}")]
    for id, factors in DEFAULT_FACTORS.items():
        parts = [one for one in controls if one.startswith(id.removesuffix("s") + ".")]
        some = [*budgets, "policy.budget_meur"] if id == PUBLIC_BUDGETS else parts
        some = [one for one in (id, *some) if one in controls]
        if some and not isinstance(base := controls[some[0]].base, str):
            yield some[0], [f"{factor * base:.12g}" for factor in factors]


def _monotonicity(base: LoadedScenario, id: str) -> Monotonicity:
    if id == PUBLIC_BUDGETS or id.startswith("total.") or Variation(base, id).only_loosens_rules:
        return "falls"
    factors = {"damage", *(f"damage.{material}" for material in base.case.materials)}
    return "rises" if base.case.objective.allocation == "pooled" and id in factors else ""


def make_points(scenario: str, axes: Sequence[Axis]) -> Iterator[Point]:
    """All points, the last axis moving fastest."""
    for at in itertools.product(*(range(len(axis.values)) for axis in axes)):
        chosen = {axis.id: axis.values[n] for axis, n in zip(axes, at, strict=True)}
        variant = chosen.pop(VARIANT_AXIS, "") or None
        # A value of the file is put upon a variant as well, which may have another, and upon what a
        # factor would move.
        pairs = list(zip(axes, at, strict=True))
        put = variant or any(axis.is_factor and n != axis.base_index for axis, n in pairs)
        moved = tuple(
            (axis.id, chosen[axis.id])
            for axis, n in pairs
            if axis.id in chosen and (n != axis.base_index or (put and not axis.is_factor))
        )
        yield Point(at, Question(scenario, variant, moved))


# What the page holds


def render_page(content: Mapping[str, Any]) -> str:
    """One file that holds all of it, with its script and its style, in both languages."""
    style = "".join(part.decode() for part in (static_file("page.css"), static_file("explore.css")))
    script = static_file("explore.js").decode()
    # A mark that ends a script must not stand within one.
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    data = data.replace("<", "\\u003c")
    policy = (
        f"default-src 'none'; script-src 'sha256-{_sha256_base64(script)}'; "
        f"style-src 'sha256-{_sha256_base64(style)}'; base-uri 'none'; form-action 'none'"
    )
    told = {
        "policy": policy,
        "style": style,
        "script": script,
        "data": data,
        "title": content["said"][current_language()]["title"],
    }
    return render_template("explore.html.j2", **told)


def _sha256_base64(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def plan_figures(plan: Plan) -> dict[str, Any]:
    """What a page shows of one plan; figures with seven digits."""
    paid: dict[str, dict[str, float]] = {}
    for one in plan.accounts:
        of = paid.setdefault(one.funder, {})
        for year, meur in one.paid_meur.items():
            of[year] = of.get(year, 0.0) + meur
    proof, outcome = plan.certificate, plan.outcome
    made: dict[str, Any] = {
        "status": proof.status,
        "objective": proof.objective,
        "bound": proof.bound,
        "gap": proof.gap,
        "expected": outcome.expected,
        "without": outcome.without_plan.expected,
        "tail": outcome.cvar,
        "cost": outcome.net_cost_meur,
        "paid": {
            f: {y: m for y, m in years.items() if m > ZERO_TOLERANCE} for f, years in paid.items()
        },
        "start": {project.id: project.start for project in plan.projects},
        "stock": sorted(
            {s.material for s in plan.stockpiles if any(t > 1e-6 for t in s.buy_t.values())}
        ),
        "materials": {m.id: [m.expected_without_plan, m.expected] for m in plan.materials},
        "measure": outcome.measure,
        "level": outcome.cvar_level,
    }
    if plan.case is not None:
        goal = plan.case.objective
        made["weights"] = [float(goal.cvar.weight), float(goal.cost_weight)]

    def rounded(text: str) -> float:
        return float(f"{float(text):.{SIGNIFICANT_DIGITS}g}")

    kept: dict[str, Any] = json.loads(json.dumps(made), parse_float=rounded)
    return kept


def page_content(
    cases: Sequence[Case], axes: Sequence[Axis], points: Mapping[str, Any], default_title: str
) -> dict[str, Any]:
    """All that the page holds: axes, points by their places, and texts in both languages; from the
    scenario as its file has it, and then with each variant, which may bring funders along."""
    said = {}
    for spoken in LANGUAGES:
        with using(spoken):
            said[spoken] = _page_texts(cases, axes, default_title)
    funders = {f: funder for case in cases for f, funder in case.funders.items()}
    return {
        "axes": [
            {"id": axis.id, "base": axis.base_index, "way": axis.monotonicity} for axis in axes
        ],
        "public": [f for f, funder in funders.items() if funder.kind == "public"],
        "years": sorted({year for case in cases for year in case.horizon.years}),
        "points": dict(points),
        "said": said,
    }


def _page_texts(cases: Sequence[Case], axes: Sequence[Axis], default_title: str) -> dict[str, Any]:
    """The texts of the page in the current language."""
    spoken, case = current_language(), cases[0]
    items: dict[str, Mapping[str, Any]] = {
        kind: {id: item for one in reversed(cases) for id, item in getattr(one, kind).items()}
        for kind in ("projects", "funders", "materials")
    }
    return {
        "title": display_name(case.title, default_title, spoken),
        "axes": [
            {
                "label": _axis_label(case, axis),
                "names": [_axis_value(case, axis, v) for v in axis.values],
            }
            for axis in axes
        ],
        "names": {
            kind: {id: display_name(item.name, id, spoken) for id, item in some.items()}
            for kind, some in items.items()
        },
        "words": _text_labels(case),
    }


def _axis_label(case: Case, axis: Axis) -> str:
    if axis.id == VARIANT_AXIS:
        return tr("Funding option")
    one = find_control(case, axis.id)
    assert one is not None
    return one.full_label


def _axis_value(case: Case, axis: Axis, value: str) -> str:
    if axis.id == VARIANT_AXIS:
        if not value:
            return tr("base case")
        return display_name(case.variants[value].title, value, current_language())
    one = find_control(case, axis.id)
    assert one is not None
    return value_in_words(one, value)


def _text_labels(case: Case) -> dict[str, str]:
    """The texts of the page; where braces stand, its script puts figures of a point."""
    open_ = {name: f"{{{name}}}" for name in ("mean", "share", "worst", "weight")}
    return {
        "damage": tr("Expected damage"),
        "shortage": tr("Expected shortage"),
        "without": tr("without a plan"),
        "avoided": tr("avoided"),
        "tail": tr("Mean of the worst"),
        "cost": tr("Net cost, whoever pays"),
        "discounted": tr("discounted"),
        "public": tr("Put up by public funders"),
        "others": tr("by others"),
        "projects": tr("Projects supported"),
        "stocks": tr("materials in stock"),
        "file": tr("base case"),
        "proven": tr("Proven: no plan is better by more than"),
        "limit": tr("Stopped by a limit: a plan may be better by up to"),
        "infeasible": tr("No plan keeps all rules here."),
        "open": tr("This point is not solved."),
        "between": tr("Between two solved points. What is proven for every value between them:"),
        "least": tr("the best objective is at least"),
        "most": tr("and at most"),
        "objective": tr("The objective is expected damage plus {weight} × net cost.", **open_),
        "objective_tail": tr("The objective is {mean} of expected damage, {share} of the mean of "
                             "the worst {worst}, and {weight} × net cost.", **open_),
        "unknown": tr("Nothing is proven between these two points; choose one of them."),
        "money": tr("Money by year and payer"),
        "what": tr("What is built, and when"),
        "damage_by": tr("Damage by material"),
        "shortage_by": tr("{what} by material", what=tr("Expected shortage")),
        "plan": tr("with the plan"),
        "year": tr("Year"),
        "payer": tr("Payer"),
        "sum": tr("Total"),
        "project": tr("Project"),
        "start": tr("Decision"),
        "base": tr("base case"),
        "material": tr("Material"),
        "million": tr("million {currency}", currency=case.currency),
        "tonnes": tr("t"),
        "demand": tr("years of demand"),
        "reset": tr("Reset all"),
        "ask": tr("What if …"),
        "answer": tr("… the best plan is"),
        "about": tr("Every figure is of a plan that was solved and checked beforehand. This page "
                    "needs no network and sends nothing."),
        "none": tr("none"),
    }  # fmt: skip
