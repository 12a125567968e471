"""Damage entries of consumers, and whether consumers have damage steps of equal damage."""

from models.language import tr
from models.scenario.materials import Damage
from models.scenario.sections import Sections


def find_damage_entry(case: Sections, consumer: str, material: str) -> Damage:
    """Return the damage entry for the demand of a consumer for a material: the consumer's, or else
    the one for all consumers."""
    entries = [d for d in case.damage if d.material == material and d.consumer in (None, consumer)]
    return max(entries, key=lambda d: d.consumer is not None)


def equal_steps_note(case: Sections) -> str:
    """Return a note if consumers of a material have damage steps of equal damage per tonne, so that
    their parts of a pooled shortage depend on their order in the file; else empty."""
    if case.objective.allocation == "entitled":
        return ""
    by_price = case.objective.measure == "damage"
    seen: dict[tuple[str, float], str] = {}
    for demand in case.demand:
        steps = find_damage_entry(case, demand.consumer, demand.material).steps
        for damage in {float(step.eur_per_t) if by_price else 1.0 for step in steps if step.share}:
            if seen.setdefault((demand.material, damage), demand.consumer) != demand.consumer:
                return tr(
                    "Of consumers with equal damage per missing tonne, the one that is first in "
                    "the file is served first: their separate figures depend on this order, their "
                    "sum does not."
                )
    return ""
