"""A family of plans: one scenario solved for all combinations of a few values, and the page that
shows the plans.

Between two solved values of a number, the best objective is only known to lie in an interval, and
only if it is monotone in the number. A plan for less public money stays feasible with more, and no
plan becomes cheaper if a missing tonne costs more. The page states nothing else about values that
were not solved.
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
from models.language import LANGUAGES, current_language, tr, using
from models.results import Plan
from models.scenario.case import Case
from optimizer.analyses.variation import Variation
from optimizer.page.controls import PUBLIC_BUDGETS, controls_by_id, find_control
from optimizer.page.figure_controls import FACTOR_UNIT, Control
from optimizer.page.fragments import render_template, static_file
from optimizer.page.scenario_store import InvalidRequest, Question, value_in_words
from optimizer.report.number_format import ZERO_TOLERANCE

VARIANT_AXIS = "variant"
DEFAULT_FACTORS = {
    PUBLIC_BUDGETS: (0.5, 0.75, 1.5, 2.0),
    "hazards": (0.5, 2.0),
    "damage": (0.5, 2.0),
}
"""Controls that are varied by default, with their factors."""
MAX_POINTS = 2_000
"""Maximal number of points of a family."""
SIGNIFICANT_DIGITS = 7

Monotonicity = Literal["falls", "rises", ""]
"""How the best objective changes with a growing number; empty if unknown."""


@dataclass(frozen=True)
class Axis:
    """A control that is varied in the family, with its values as texts. One of them is the value in
    the file."""

    id: str
    values: tuple[str, ...]
    base_index: int  # index of the value of the file
    monotonicity: Monotonicity = ""
    is_factor: bool = False  # whether values multiply the figures of a variant, not replace them


@dataclass(frozen=True)
class Point:
    """A member of the family: the index of its value on each axis, and its question."""

    indices: tuple[int, ...]
    question: Question


def make_axes(
    base_scenario: LoadedScenario, moves: Mapping[str, Sequence[str]], variants: bool
) -> list[Axis]:
    """Return the axes of a family. ``moves`` has the values of each control, by id; if it is empty,
    the default controls that the scenario has are varied. Raises InvalidRequest for an unknown
    control, an invalid value, or too many points."""
    case, axes = base_scenario.case, []
    if variants and case.variants:
        axes.append(Axis(VARIANT_AXIS, ("", *case.variants), 0))
    controls = controls_by_id(case)
    wanted_moves = moves or dict(_default_moves(case, controls))
    for id, texts in wanted_moves.items():
        control = find_control(case, id, controls)
        if control is None:
            raise InvalidRequest(tr("the scenario has no '{id}' that could be moved", id=id))
        try:
            axis_values = {control.parse_value(text) for text in texts} | {control.base}
        except ValueError:
            raise InvalidRequest(
                tr(
                    "'{value}' is no value for “{label}”",
                    value=", ".join(texts),
                    label=control.full_label,
                )
            ) from None
        order = list(control.choices) if control.choices else sorted(axis_values)
        ordered_values = [value for value in order if value in axis_values]
        base_index = ordered_values.index(control.base)
        value_texts = tuple(v if isinstance(v, str) else f"{v:.12g}" for v in ordered_values)
        axes.append(
            Axis(
                id,
                value_texts,
                base_index,
                _monotonicity(base_scenario, id),
                control.unit == FACTOR_UNIT,
            )
        )
    point_count = 1
    for axis in axes:
        point_count *= len(axis.values)
    if point_count > MAX_POINTS:
        raise InvalidRequest(
            tr("{count} points are more than {most}", count=point_count, most=MAX_POINTS)
        )
    return axes


def _default_moves(
    case: Case, controls: Mapping[str, Control]
) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the controls that are varied by default, with their values. If the scenario has only
    one budget or hazard, it is varied in place of all together."""
    public_funders = [f for f, funder in case.funders.items() if funder.kind == "public"]
    budgets = [id for f in public_funders for id in (f"funders.{f}.budget_meur", f"total.{f}")]
    for id, factors in DEFAULT_FACTORS.items():
        part_controls = [name for name in controls if name.startswith(id.removesuffix("s") + ".")]
        part_controls = [*budgets, "policy.budget_meur"] if id == PUBLIC_BUDGETS else part_controls
        known_controls = [name for name in (id, *part_controls) if name in controls]
        if known_controls and not isinstance(base_value := controls[known_controls[0]].base, str):
            yield known_controls[0], [f"{factor * base_value:.12g}" for factor in factors]


def _monotonicity(base_scenario: LoadedScenario, id: str) -> Monotonicity:
    if (
        id == PUBLIC_BUDGETS
        or id.startswith("total.")
        or Variation(base_scenario, id).only_loosens_rules
    ):
        return "falls"
    factors = {"damage", *(f"damage.{material}" for material in base_scenario.case.materials)}
    return "rises" if base_scenario.case.objective.allocation == "pooled" and id in factors else ""


def make_points(scenario: str, axes: Sequence[Axis]) -> Iterator[Point]:
    """Yield all points of the family, with questions about the scenario with the id ``scenario``.
    The index on the last axis changes fastest."""
    for indices in itertools.product(*(range(len(axis.values)) for axis in axes)):
        chosen_values = {axis.id: axis.values[n] for axis, n in zip(axes, indices, strict=True)}
        variant = chosen_values.pop(VARIANT_AXIS, "") or None
        # The value of the file is set as well if a variant may have another one, or if a factor
        # would change it.
        axes_and_indices = list(zip(axes, indices, strict=True))
        sets_base = variant or any(
            axis.is_factor and n != axis.base_index for axis, n in axes_and_indices
        )
        moved_controls = tuple(
            (axis.id, chosen_values[axis.id])
            for axis, n in axes_and_indices
            if axis.id in chosen_values
            and (n != axis.base_index or (sets_base and not axis.is_factor))
        )
        yield Point(indices, Question(scenario, variant, moved_controls))


# Content of the page


def render_page(content: Mapping[str, Any]) -> str:
    """Return the page as one HTML file, which contains its data, script and style, in both
    languages."""
    style = "".join(part.decode() for part in (static_file("page.css"), static_file("explore.css")))
    script = static_file("explore.js").decode()
    # The data must not contain a tag that ends the script.
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    data = data.replace("<", "\\u003c")
    policy = (
        f"default-src 'none'; script-src 'sha256-{_sha256_base64(script)}'; "
        f"style-src 'sha256-{_sha256_base64(style)}'; base-uri 'none'; form-action 'none'"
    )
    template_fields = {
        "policy": policy,
        "style": style,
        "script": script,
        "data": data,
        "title": content["said"][current_language()]["title"],
    }
    return render_template("explore.html.j2", **template_fields)


def _sha256_base64(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def plan_figures(plan: Plan) -> dict[str, Any]:
    """Return the data of a plan that the page shows. Figures are rounded to seven digits."""
    paid_by_funder: dict[str, dict[str, float]] = {}
    for account in plan.accounts:
        by_year = paid_by_funder.setdefault(account.funder, {})
        for year, meur in account.paid_meur.items():
            by_year[year] = by_year.get(year, 0.0) + meur
    certificate, outcome = plan.certificate, plan.outcome
    figures: dict[str, Any] = {
        "status": certificate.status,
        "objective": certificate.objective,
        "bound": certificate.bound,
        "gap": certificate.gap,
        "expected": outcome.expected,
        "without": outcome.without_plan.expected,
        "tail": outcome.cvar,
        "cost": outcome.net_cost_meur,
        "paid": {
            f: {y: m for y, m in years.items() if m > ZERO_TOLERANCE}
            for f, years in paid_by_funder.items()
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
        objective = plan.case.objective
        figures["weights"] = [float(objective.cvar.weight), float(objective.cost_weight)]

    def rounded(text: str) -> float:
        return float(f"{float(text):.{SIGNIFICANT_DIGITS}g}")

    rounded_figures: dict[str, Any] = json.loads(json.dumps(figures), parse_float=rounded)
    return rounded_figures


def page_content(
    cases: Sequence[Case], axes: Sequence[Axis], points: Mapping[str, Any], default_title: str
) -> dict[str, Any]:
    """Return all data of the page: axes, points by their indices, and texts in both languages.
    ``cases`` are the base case and then each variant, which may have further funders."""
    texts_by_language = {}
    for language in LANGUAGES:
        with using(language):
            texts_by_language[language] = _page_texts(cases, axes, default_title)
    funders = {f: funder for case in cases for f, funder in case.funders.items()}
    return {
        "axes": [
            {"id": axis.id, "base": axis.base_index, "way": axis.monotonicity} for axis in axes
        ],
        "public": [f for f, funder in funders.items() if funder.kind == "public"],
        "years": sorted({year for case in cases for year in case.horizon.years}),
        "points": dict(points),
        "said": texts_by_language,
    }


def _page_texts(cases: Sequence[Case], axes: Sequence[Axis], default_title: str) -> dict[str, Any]:
    """Return the texts of the page in the current language."""
    language, case = current_language(), cases[0]
    items: dict[str, Mapping[str, Any]] = {
        kind: {id: item for c in reversed(cases) for id, item in getattr(c, kind).items()}
        for kind in ("projects", "funders", "materials")
    }
    return {
        "title": display_name(case.title, default_title, language),
        "axes": [
            {
                "label": _axis_label(case, axis),
                "names": [_axis_value(case, axis, v) for v in axis.values],
            }
            for axis in axes
        ],
        "names": {
            kind: {id: display_name(item.name, id, language) for id, item in named_items.items()}
            for kind, named_items in items.items()
        },
        "words": _text_labels(case),
    }


def _axis_label(case: Case, axis: Axis) -> str:
    if axis.id == VARIANT_AXIS:
        return tr("Funding option")
    control = find_control(case, axis.id)
    assert control is not None
    return control.full_label


def _axis_value(case: Case, axis: Axis, value: str) -> str:
    if axis.id == VARIANT_AXIS:
        if not value:
            return tr("base case")
        return display_name(case.variants[value].title, value, current_language())
    control = find_control(case, axis.id)
    assert control is not None
    return value_in_words(control, value)


def _text_labels(case: Case) -> dict[str, str]:
    """Return the fixed texts of the page. The script of the page replaces names in braces by
    figures of a point."""
    placeholders = {name: f"{{{name}}}" for name in ("mean", "share", "worst", "weight")}
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
        "objective": tr("The objective is expected damage plus {weight} × net cost.",
                        **placeholders),
        "objective_tail": tr("The objective is {mean} of expected damage, {share} of the mean of "
                             "the worst {worst}, and {weight} × net cost.", **placeholders),
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
