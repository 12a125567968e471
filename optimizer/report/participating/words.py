"""Names, units and amounts of a participation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.base import named
from models.language import language, tr
from models.results import Participation, ShareCurve, SharePoint
from optimizer.report.figures import NONE, clean, number, percent, rounded
from optimizer.report.varying.words import million


def title(found: Participation) -> str:
    """The title of the scenario."""
    case = found.case
    return clean(named(None if case is None else case.title, found.title, language()))


def variant(found: Participation) -> str | None:
    """The title of the variant that was applied, if one was."""
    case, name = found.case, found.variant
    known = None if case is None or name is None else case.variants.get(name)
    return name if known is None or name is None else clean(named(known.title, name, language()))


def unit(found: Participation) -> str:
    """The unit of money."""
    return million(found.currency)


def damage_unit(found: Participation) -> str:
    """The unit of damage, and of damage plus cost."""
    if found.unit == "t":
        return tr("t")
    return tr("years of demand") if found.unit == "years of demand" else unit(found)


def amount(found: Participation, value: float) -> str:
    """An amount of money with its unit."""
    return f"{rounded(value)} {unit(found)}"


def damage(found: Participation, value: float) -> str:
    """Damage, or damage plus cost, with its unit."""
    return f"{rounded(value)} {damage_unit(found)}"


def company(found: Participation) -> str:
    """The name of the company."""
    return _name(found, "funders", found.company, found.name)


def _name(found: Participation, kind: str, item: str, fallback: str) -> str:
    """The name of a part in the current language, or the one that the document has."""
    parts: Mapping[str, Any] = {} if found.case is None else getattr(found.case, kind)
    return clean(named(parts[item].name if item in parts else None, fallback, language()))


def shared(found: Participation) -> str:
    """What it takes a share of, behind that share."""
    if found.project is None:
        return tr("of the capex of all that is built")
    return tr("of the capex of {project}", project=subject(found))


def subject(found: Participation) -> str:
    """What it takes a share of, by itself."""
    if found.project is None:
        return tr("all projects together")
    return _name(found, "projects", found.project, found.project_name or found.project)


def way(curve: ShareCurve) -> str:
    """How the others behave, at the head of a column or row."""
    if curve.others == "reoptimize":
        return tr("Others decide anew")
    return tr("Others stick to the plan")


def curve_name(curve: ShareCurve) -> str:
    """A curve in a few words."""
    if curve.public_share is None:
        return way(curve)
    return tr("{way}, public share {share}", way=way(curve), share=percent(curve.public_share))


def public_share(curve: ShareCurve) -> str:
    """The public share that a curve rests on."""
    return tr("free") if curve.public_share is None else percent(curve.public_share)


def status(point: SharePoint) -> str:
    """What is to be said of how a point ended; nothing where something is built that was solved to
    the gap."""
    return {
        "optimal": "" if point.built else tr("not built"),
        "limit": tr("stopped early"),
        "infeasible": tr("no plan has this share"),
        "none": tr("no plan found"),
    }[point.status]


def material(found: Participation, material: str) -> str:
    """The name of a material."""
    return _name(found, "materials", material, found.material_names.get(material, material))


def consumers(found: Participation) -> str:
    """The consumers whose damage is its own."""
    return ", ".join(_name(found, "consumers", consumer, consumer) for consumer in found.consumers)


def projects(found: Participation, point: SharePoint) -> str:
    """The projects that are built, with their start years."""
    names = (
        f"{_name(found, 'projects', p, found.project_names.get(p, p))} ({start})"
        for p, start in point.projects.items()
    )
    return ", ".join(names) or NONE


def points(share: float) -> str:
    """A difference of shares."""
    return tr("{number} percentage points", number=number(round(100 * share, 6)))
