"""A question: a scenario, a variant of it, and what was moved; as an address has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from models.files import LoadedScenario
from models.language import tr
from models.scenario.case import Case
from optimizer.errors import VorratError
from optimizer.page.controls import ASSUMPTION_SETS, controls_by_id, find_control, project_settings
from optimizer.page.figure_controls import FACTOR_UNIT, Control

MAX_MOVED = 200
"""Things that one question moves at most."""


WITHOUT_REVIEW = "review=null"
"""What every question of a scenario with a review sets: the page decides all now."""
WITHOUT_AMBIGUITY = "objective.ambiguity=null"
"""What every question of one with ambiguous probabilities sets: those of the states count."""
MAX_QUERY_LENGTH = 30_000
"""Characters of an address that has a question."""


class InvalidRequest(VorratError):
    """An address that asks for what the scenario does not have."""

    exit_code = 2
    status = 404


class UnreadableRequest(InvalidRequest):
    """A request that cannot be read."""

    status = 400


@dataclass(frozen=True)
class Question:
    """What is asked: which scenario, and what is otherwise than its file says."""

    scenario: str
    variant: str | None = None
    moved: tuple[tuple[str, str], ...] = ()
    """Id and value of each control that stands elsewhere, in the order in which they were moved."""

    @classmethod
    def from_query(cls, query: str) -> Question:
        """The question of the query of an address; the last value of a control counts."""
        scenario, variant, moved = "", None, dict[str, str]()
        if query.count("&") > 4 * MAX_MOVED or len(query) > MAX_QUERY_LENGTH:
            raise InvalidRequest(tr("more than {count} figures are moved", count=MAX_MOVED))
        for name, value in parse_qsl(query):
            if name == "scenario":
                scenario = value
            elif name == "variant":
                variant = value or None
            elif name == "set":
                id, equals, text = value.partition("=")
                if equals:
                    moved[id] = text
        if len(moved) > MAX_MOVED:
            raise InvalidRequest(tr("more than {count} figures are moved", count=MAX_MOVED))
        return cls(scenario, variant, tuple(moved.items()))

    @property
    def query(self) -> str:
        """The same as the query of an address."""
        pairs = [("scenario", self.scenario)]
        pairs += [("variant", self.variant)] if self.variant else []
        return urlencode([*pairs, *(("set", f"{id}={value}") for id, value in self.moved)])

    def apply_to(self, base: LoadedScenario) -> tuple[LoadedScenario, dict[str, str]]:
        """The scenario as it is asked, from that of the variant, and what that sets: values as they
        are written, by dotted path.

        All is decided now, without a review. A set of assumptions comes before all else. Then come
        factors, the smallest first, so that what may not exceed 1 does so only where their product
        does; then amounts of several figures together, and single figures last.
        Raises Unasked for what the scenario does not have, and ScenarioError with every fault of a
        value.
        """
        reading, made = base, dict[str, str]()
        found = self._effective_moves(base.case)

        def put(texts: Iterable[str]) -> None:
            nonlocal reading
            if some := dict(text.split("=", 1) for text in texts):
                made.update(some)
                reading = reading.with_settings([f"{path}={value}" for path, value in some.items()])

        def order(pair: tuple[Control, float | str]) -> tuple[bool, float]:
            return (False, float(pair[1])) if pair[0].unit == FACTOR_UNIT else (True, 0.0)

        if base.case.planned_review is not None:
            put([WITHOUT_REVIEW])
        if base.case.objective.ambiguity is not None:
            put([WITHOUT_AMBIGUITY])
        for one, value in found:
            if one.id == ASSUMPTION_SETS:  # before all else, which stands on it
                put(one.settings(value))
        for one, value in sorted(found, key=order):
            if one.is_factor:
                now = find_control(reading.case, one.id)
                if now is None:
                    raise InvalidRequest(
                        tr(
                            "“{label}” has no effect beside what else is moved",
                            label=one.full_label,
                        )
                    )
                put(now.settings(value))
        rest = [
            text
            for one, value in sorted(found, key=lambda pair: "." in pair[0].id)
            if not one.is_factor and one.id != ASSUMPTION_SETS
            for text in one.settings(value)
        ]
        chosen = {
            one.id.partition(".")[2]: str(value)
            for one, value in found
            if one.choices and one.id != ASSUMPTION_SETS
        }
        put([*rest, *(project_settings(base.case, chosen) if chosen else [])])
        return reading, made

    def normalized(self, case: Case) -> Question:
        """The same question as anybody else would put it: without what stands where the file has
        it, values as figures, in the order of the page. Raises Unasked."""
        if not self.moved:
            return self
        places = {id: place for place, id in enumerate(controls_by_id(case))}
        found = sorted(
            (
                places.get(one.id, len(places)),
                one.id,
                value if isinstance(value, str) else f"{value:.12g}",
            )
            for one, value in self._effective_moves(case)
        )
        return Question(self.scenario, self.variant, tuple((id, text) for _, id, text in found))

    def _effective_moves(self, case: Case) -> list[tuple[Control, float | str]]:
        """The controls that are moved, with their values. What stands where the file has it keeps
        its source there, unless a factor, or what an expert holds, would move it."""
        known = controls_by_id(case)
        every = [self._parse_move(case, id, value, known) for id, value in self.moved]
        multiplied = any(
            (one.unit == FACTOR_UNIT or one.id == ASSUMPTION_SETS) and value != one.base
            for one, value in every
        )
        return [
            (one, value)
            for one, value in every
            if value != one.base
            or (multiplied and one.unit != FACTOR_UNIT and one.id != ASSUMPTION_SETS)
        ]

    def _parse_move(
        self, case: Case, id: str, value: str, controls: Mapping[str, Control]
    ) -> tuple[Control, float | str]:
        found = find_control(case, id, controls)
        if found is None:
            raise InvalidRequest(tr("the scenario has no '{id}' that could be moved", id=id))
        try:
            return found, found.parse_value(value)
        except ValueError:
            raise InvalidRequest(
                tr("'{value}' is no value for “{label}”", value=value, label=found.full_label)
            ) from None
