"""Participations whose figures follow from one rule, so that each can be worked out again.

A company that loses 60 million on average without a plan takes a share s of a project, or of all:

    mean damage  40 - 80 s + 80 s² when others decide again, 2 more when they stick to the plan
    net cost     32 s, less the part by which public funders lighten it
    total        the two together: 40 - 48 s + 80 s², least at 0.3 and 40 again at 0.6

What a share buys is 50 t a year of gallium per unit, and a fifth of that of germanium.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from small import case, project

from models.results import (
    CompanyOutcome,
    CompanyOutcomeRange,
    Participation,
    ShareCurve,
    SharePoint,
)

Others = Literal["reoptimize", "held"]

WITHOUT = 60.0
CAPEX = 40.0
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
LIMIT = 0.7
OUTLAY = {"2027": 0.5, "2028": 0.3, "2029": 0.2}
OFFTAKE = {"gallium": 50.0, "germanium": 10.0}


def standing(expected: float, net_cost: float) -> CompanyOutcome:
    return CompanyOutcome(
        expected=expected, cvar=3 * expected, net_cost_meur=net_cost, total=expected + net_cost
    )


def fares(
    share: float, others: Others = "reoptimize", public: float | None = None
) -> CompanyOutcome:
    """How the company fares at a share."""
    expected = 40 - 80 * share + 80 * share**2 + (2 if others == "held" else 0)
    return standing(expected, 32 * share * (1 - (public or 0.0)))


def point(
    share: float,
    others: Others = "reoptimize",
    public: float | None = None,
    *,
    range_: bool = True,
    status: Literal["optimal", "limit"] = "optimal",
) -> SharePoint:
    """What a share leads to, with a plan."""
    here, none = fares(share, others, public), fares(0, others, public)
    more = here.net_cost_meur - none.net_cost_meur
    avoided, stake = WITHOUT - here.expected, CAPEX * share
    around = None
    if range_:
        best, worst = (
            standing(here.expected + by, here.net_cost_meur) for by in (-1 - share, 2 * share)
        )
        around = CompanyOutcomeRange(
            best=best, worst=worst, least=best.total - 0.5, most=worst.total + 0.5
        )
    return SharePoint(
        share=share,
        status=status,
        objective=200 + here.total,
        bound=200 + here.total - (0.01 if status == "optimal" else 30),
        gap=(0.01 if status == "optimal" else 30) / (200 + here.total),
        built=True,
        projects={"works": 2027},
        standing=here,
        range=around,
        outlay_by_year_meur={year: stake * part for year, part in OUTLAY.items()},
        stake_meur=stake,
        offtake_t={
            material: dict.fromkeys(("2029", "2030"), share * tonnes)
            for material, tonnes in OFFTAKE.items()
        }
        if share
        else {},
        avoided=avoided,
        avoided_per_euro=avoided / here.net_cost_meur if here.net_cost_meur else None,
        to_others=0.75 - share / 2,
        gain=none.total - here.total,
        gain_per_euro=(none.expected - here.expected) / more if more > 0 else None,
        seconds=2.0,
    )


def no_point(share: float, status: Literal["infeasible", "none"] = "infeasible") -> SharePoint:
    """A share without a plan."""
    fields = dict.fromkeys(
        ("objective", "bound", "gap", "standing", "range", "stake_meur", "avoided",
         "avoided_per_euro", "to_others", "gain", "gain_per_euro")
    )  # fmt: skip
    if status == "none":
        fields |= {"bound": 150.0}  # type: ignore[dict-item]
    return SharePoint.model_validate(
        {"share": share, "status": status, "built": False, "projects": {}, "seconds": 1.0}
        | {"outlay_by_year_meur": {}, "offtake_t": {}}
        | fields
    )


def curve(
    others: Others = "reoptimize",
    public: float | None = None,
    *,
    points: Sequence[SharePoint] | None = None,
    limit: float | None = LIMIT,
    range_: bool = True,
) -> ShareCurve:
    """Points, and what follows from them: the best share, and the last that is as good as none."""
    if points is None:
        known = limit or 0.0
        points = [
            point(share, others, public, range_=range_ and others == "reoptimize")
            if share <= known
            else no_point(share)
            for share in SHARES
        ]
    planned = [p for p in points if p.standing is not None]
    best = min(planned, key=lambda p: p.standing.total if p.standing else 0.0, default=None)
    none = planned[0].standing if planned and planned[0].share == 0 else None
    good = [
        p.share
        for p in planned
        if p.share > 0 and none and p.standing and p.standing.total <= none.total + 1e-9
    ]
    return ShareCurve(
        others=others,
        public_share=public,
        limit=limit,
        points=tuple(points),
        best_share=best.share if best else None,
        indifferent_share=max(good, default=None),
        indifferent_within=(0.1 if max(good) < (limit or 1.0) else 0.0) if good else None,
    )


def participation(**fields: Any) -> Participation:
    """One project, all ways of the others, three public shares, one share out of reach."""
    raw: dict[str, Any] = {
        "title": "A chip maker and its metals",
        "variant": None,
        "currency": "EUR",
        "unit": "million EUR",
        "company": "chips",
        "name": "Chips AG",
        "consumers": ("chips",),
        "project": "works",
        "project_name": "Upper works",
        "allocation": "entitled",
        "cvar_level": 0.95,
        "states": 400,
        "gap_target": 1e-3,
        "tolerance": 1e-3,
        "without_plan": standing(WITHOUT, 0),
        "alone": standing(45, 9),
        "free": fares(0.2),
        "free_share": 0.2,
        "curves": (
            curve(),
            curve(public=0.0),
            curve(public=0.25),
            curve(public=0.5),
            curve("held"),
        ),
        "project_names": {"works": "Upper works"},
        "material_names": {"gallium": "Gallium", "germanium": "Germanium"},
        "ended": "complete",
        "input_sha256": "0123456789abcdef" * 4,
        "versions": {"vorrat": "0.1.0"},
        "seconds": 90.0,
    }
    return Participation.model_validate(raw | fields)


def whole_portfolio() -> Participation:
    """All that is built."""
    return participation(project=None, project_name=None)


def pooled() -> Participation:
    """Supply is pooled: no plan that treats the company better or worse is reported."""
    curves = (curve(range_=False), curve("held"))
    return participation(allocation="pooled", curves=curves)


def with_its_scenario() -> Participation:
    """Names in both languages come from the scenario."""

    def named(en: str, de: str, **fields: Any) -> dict[str, Any]:
        return fields | {"name": {"en": en, "de": de}}

    ore = {"price_eur_per_t": 10_000}
    works = project()
    works |= {"name": {"en": "Upper works", "de": "Werk am Oberrhein"}}
    works |= {"output_t_per_year": {"gallium": 100}}
    scenario = case(
        title={"en": "Chips", "de": "Ein Chiphersteller und seine Metalle"},
        materials={
            "gallium": named("Gallium", "Gallium (Ga)", **ore),
            "germanium": named("Germanium", "Germanium (Ge)", **ore),
        },
        consumers={"chips": named("Chip factories", "Chipfabriken")},
        demand=[{"consumer": "chips", "material": "gallium", "t_per_year": 100}],
        damage=[{"material": "gallium", "steps": [{"share": 1.0, "eur_per_t": 100_000}]}],
        funders={"chips": named("Chips AG", "Chip-AG", kind="company")},
        projects={"works": works},
        variants={"more": {"title": {"en": "More", "de": "Mehr Geld"}, "set": {}}},
    )
    return participation(scenario=scenario, variant="more")


def interrupted() -> Participation:
    """Stopped: one point within its limit of time, one without a plan, others never tried."""
    points = [point(0), point(0.1, status="limit"), no_point(0.2, "none")]
    return participation(
        curves=(curve(points=points, limit=None),),
        ended="interrupted",
        alone=None,
        free=None,
        free_share=None,
        states=40,
    )


def no_share_pays() -> Participation:
    """A share that only costs: none is best."""

    def dear(share: float) -> SharePoint:
        here = standing(40, 24 * share)
        return point(share).model_copy(
            update={
                "standing": here,
                "range": None,
                "gain": -here.net_cost_meur,
                "avoided": 20.0,
                "avoided_per_euro": 20 / here.net_cost_meur if share else None,
                "gain_per_euro": 0.0 if share else None,
            }
        )

    return participation(curves=(curve(points=[dear(s) for s in (0.0, 0.1, 0.2)], limit=0.2),))


def nothing_possible() -> Participation:
    """No share keeps all rules."""
    points = [no_point(share) for share in (0.0, 0.1)]
    return participation(
        curves=(curve(points=points, limit=None),), alone=None, free=None, free_share=None
    )


ALL = {
    "project": participation,
    "portfolio": whole_portfolio,
    "pooled": pooled,
    "with_its_scenario": with_its_scenario,
    "interrupted": interrupted,
    "no_share_pays": no_share_pays,
    "nothing_possible": nothing_possible,
}
