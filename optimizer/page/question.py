"""A question of the page: a scenario, a variant, and changes to it. The query of an address states
it; in a file it is a variant of its scenario."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args
from urllib.parse import parse_qsl, urlencode

import yaml

from models.base import display_name
from models.files import LoadedScenario
from models.language import Language, current_language, tr, using
from models.scenario.references import Case
from models.scenario.sections import Variant
from optimizer.errors import VorratError
from optimizer.page.controls import ASSUMPTION_SETS, controls_by_id, find_control, project_settings
from optimizer.page.figure_controls import FACTOR_UNIT, Control
from optimizer.report.number_format import NO_BREAK_SPACE, format_exact

MAX_MOVED = 200
"""Maximal number of changes in one question."""
MAX_TITLE_MOVES = 3
"""Number of changes that a title names."""
WITHOUT_REVIEW = "review=null"
"""Setting of every question about a scenario with a review: the page decides everything now."""
WITHOUT_AMBIGUITY = "objective.ambiguity=null"
"""Setting of every question about a scenario with ambiguity: the page uses the stated
probabilities."""
MAX_QUERY_LENGTH = 30_000
"""Maximal number of characters of the query of a question."""


class InvalidRequest(VorratError):
    """Raised for a request that is refused, such as one for a control that the scenario lacks."""

    exit_code = 2
    status = 404


class UnreadableRequest(InvalidRequest):
    """Raised for a request that cannot be parsed."""

    status = 400


@dataclass(frozen=True)
class Question:
    """A scenario, a variant, and changes to the figures in its file."""

    scenario: str
    variant: str | None = None
    moved: tuple[tuple[str, str], ...] = ()
    """Id and value of each control that was changed, in the order of the changes."""

    @classmethod
    def from_query(cls, query: str) -> Question:
        """Return the question that the query of an address states. If a control occurs several
        times, its last value is used. Raises InvalidRequest if there are too many changes."""
        scenario, variant, moved_values = "", None, dict[str, str]()
        if query.count("&") > 4 * MAX_MOVED or len(query) > MAX_QUERY_LENGTH:
            raise InvalidRequest(tr("more than {count} figures are moved", count=MAX_MOVED))
        for name, value in parse_qsl(query):
            if name == "scenario":
                scenario = value
            elif name == "variant":
                variant = value or None
            elif name == "set":
                id, equals_sign, text = value.partition("=")
                if equals_sign:
                    moved_values[id] = text
        if len(moved_values) > MAX_MOVED:
            raise InvalidRequest(tr("more than {count} figures are moved", count=MAX_MOVED))
        return cls(scenario, variant, tuple(moved_values.items()))

    @property
    def query(self) -> str:
        """The question in the form of the query of an address."""
        query_fields = [("scenario", self.scenario)]
        query_fields += [("variant", self.variant)] if self.variant else []
        return urlencode([*query_fields, *(("set", f"{id}={value}") for id, value in self.moved)])

    def apply_to(self, base_scenario: LoadedScenario) -> tuple[LoadedScenario, dict[str, str]]:
        """Return the scenario of the question, and the values that the question sets, by dotted
        path. ``base_scenario`` is the scenario of its variant.

        The review and the ambiguity are removed first, and an assumption set is applied. Factors
        follow, the smallest first, so that a share exceeds 1 in between only if the product of all
        factors does. Joint amounts of several figures come next, and single figures last. Raises
        InvalidRequest for a control that the scenario does not have, and ScenarioError with every
        fault of a value.
        """
        loaded_scenario, values_by_path = base_scenario, dict[str, str]()
        moves = self._effective_moves(base_scenario.case)

        def apply_settings(texts: Iterable[str]) -> None:
            nonlocal loaded_scenario
            if new_values := dict(text.split("=", 1) for text in texts):
                values_by_path.update(new_values)
                loaded_scenario = loaded_scenario.with_settings(
                    [f"{path}={x}" for path, x in new_values.items()]
                )

        def order(pair: tuple[Control, float | str]) -> tuple[bool, float]:
            return (False, float(pair[1])) if pair[0].unit == FACTOR_UNIT else (True, 0.0)

        if base_scenario.case.planned_review is not None:
            apply_settings([WITHOUT_REVIEW])
        if base_scenario.case.objective.ambiguity is not None:
            apply_settings([WITHOUT_AMBIGUITY])
        for control, value in moves:
            if control.id == ASSUMPTION_SETS:  # first: other values are relative to its figures
                apply_settings(control.settings(value))
        for control, value in sorted(moves, key=order):
            if control.is_factor:
                current_control = find_control(loaded_scenario.case, control.id)
                if current_control is None:
                    raise InvalidRequest(
                        tr(
                            "“{label}” has no effect, given the other values that are moved",
                            label=control.full_label,
                        )
                    )
                apply_settings(current_control.settings(value))
        settings = [
            text
            for control, value in sorted(moves, key=lambda pair: "." in pair[0].id)
            if not control.is_factor and control.id != ASSUMPTION_SETS
            for text in control.settings(value)
        ]
        choice_by_project = {
            control.id.partition(".")[2]: str(value)
            for control, value in moves
            if control.choices and control.id != ASSUMPTION_SETS
        }
        if choice_by_project:
            settings += project_settings(base_scenario.case, choice_by_project)
        apply_settings(settings)
        return loaded_scenario, values_by_path

    def normalized(self, case: Case) -> Question:
        """Return the same question in its normal form: changes without effect are left out, values
        are formatted alike, and controls are in the order of the page. Raises InvalidRequest for
        a control that the scenario does not have, or an invalid value."""
        if not self.moved:
            return self
        positions = {id: position for position, id in enumerate(controls_by_id(case))}
        moves = sorted(
            (
                positions.get(control.id, len(positions)),
                control.id,
                value if isinstance(value, str) else f"{value:.12g}",
            )
            for control, value in self._effective_moves(case)
        )
        return Question(self.scenario, self.variant, tuple((id, text) for _, id, text in moves))

    def _effective_moves(self, case: Case) -> list[tuple[Control, float | str]]:
        """Return the controls that are changed, each with its value. A figure that is set to its
        value in the file is included only if a factor or an assumption set would change it
        otherwise."""
        controls = controls_by_id(case)
        moves = [self._parse_move(case, id, value, controls) for id, value in self.moved]
        has_joint_change = any(
            (control.unit == FACTOR_UNIT or control.id == ASSUMPTION_SETS) and value != control.base
            for control, value in moves
        )
        return [
            (control, value)
            for control, value in moves
            if value != control.base
            or (has_joint_change and control.unit != FACTOR_UNIT and control.id != ASSUMPTION_SETS)
        ]

    def _parse_move(
        self, case: Case, id: str, value: str, controls: Mapping[str, Control]
    ) -> tuple[Control, float | str]:
        control = find_control(case, id, controls)
        if control is None:
            raise InvalidRequest(tr("the scenario has no '{id}' that could be moved", id=id))
        try:
            return control, control.parse_value(value)
        except ValueError:
            raise InvalidRequest(
                tr("'{value}' is no value for “{label}”", value=value, label=control.full_label)
            ) from None


# Questions in words and as variants


def question_title(question: Question, base_case: Case) -> str:
    """Return a title for a question, from its variant and its changes, in the current language."""
    variant = base_case.variants.get(question.variant or "")
    title_parts = (
        []
        if variant is None
        else [display_name(variant.title, question.variant or "", current_language())]
    )
    changes, known_controls = [], controls_by_id(base_case)
    for id, value in question.moved:
        if (control := find_control(base_case, id, known_controls)) is not None:
            changes.append(f"{control.full_label}{NO_BREAK_SPACE}{value_in_words(control, value)}")
    further_count = len(changes) - MAX_TITLE_MOVES
    if further_count > 0:
        changes[MAX_TITLE_MOVES:] = [tr("{count} more", count=further_count)]
    return "; ".join([*title_parts, *changes]) or tr("base case")


def question_titles(question: Question, base_case: Case) -> dict[Language, str]:
    """Return a title for a question, from its variant and its changes, by language."""
    titles: dict[Language, str] = {}
    for language in get_args(Language):
        with using(language):
            titles[language] = question_title(question, base_case)
    return titles


def value_in_words(control: Control, value: str) -> str:
    """Return a value of a control in the form in which the page shows it."""
    if control.choice_labels:
        return dict(zip(control.choices, control.choice_labels, strict=True))[value]
    if control.choices:
        words = {"in": tr("is built in any case"), "out": tr("is not built")}
        return words.get(value, tr("left to the search"))
    if re.fullmatch(r"funders\.[^.]+\.budget_meur|total\.[^.]+", control.id) and float(value) == 0:
        return tr("pays nothing")
    figure = format_exact(float(value) * control.scale)
    return (
        f"{control.unit}{NO_BREAK_SPACE}{figure}"
        if control.unit == "×"
        else f"{figure}{NO_BREAK_SPACE}{control.unit}"
    )


def question_as_variant(
    question: Question, base_case: Case, settings: Mapping[str, str]
) -> Variant:
    """Return a question as a variant of its scenario, with titles in both languages. ``settings``
    are the values that the question sets, by dotted path."""
    title = {
        k: text.replace(NO_BREAK_SPACE, " ")
        for k, text in question_titles(question, base_case).items()
    }
    base_variant = base_case.variants.get(question.variant or "")
    # Later settings override earlier ones, so the changes come after those of the variant.
    kept_settings = {
        k: v for k, v in (base_variant.set if base_variant else {}).items() if k not in settings
    }
    merged_settings = {**kept_settings, **{k: yaml.safe_load(v) for k, v in settings.items()}}
    return Variant.model_validate({"title": title, "set": merged_settings})
