"""Scenario files: reading, checking and changing them."""

from __future__ import annotations

import copy
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, cast

from models.base import display_name
from models.faults import Fault, ScenarioError
from models.files import LoadedScenario, read_case, read_case_mapping
from models.language import current_language
from models.scenario.references import Case
from vorrat.arguments import (
    PATH,
    SETTING,
    SETTINGS,
    VARIANT,
    ArgumentKind,
    accept_instances,
    check_arguments,
    check_init_arguments,
)

MAPPING_NAME = "scenario"
"""Path of a scenario that was read from a mapping."""
if TYPE_CHECKING:
    import pandas as pd

READING_KIND = ArgumentKind(
    accept_instances(LoadedScenario), "the reading of a scenario, as vorrat.read makes it"
)
SOURCE = ArgumentKind(
    lambda value: value if isinstance(value, Mapping) else PATH.convert(value),
    "the path of a file, such as 'scenario.yaml', or a mapping",
)
OPTIONAL_TEXT = ArgumentKind(accept_instances(str, NoneType), VARIANT.description)


def _convert_frame(value: Any) -> Any:
    """Return a pandas frame. Raise TypeError for any other value."""
    if not (hasattr(value, "columns") and hasattr(value, "iloc")):
        raise TypeError
    return value


def _cell_values(column: pd.Series[Any]) -> list[Any]:
    """Return the values of a column as Python objects, None where a value is missing."""
    return [
        None if is_missing else value.item() if hasattr(value, "item") else value
        for value, is_missing in zip(column, column.isna(), strict=True)
    ]


FRAME = ArgumentKind(_convert_frame, "a pandas frame with a table of states")
OPTIONAL_FRAME = ArgumentKind(
    lambda value: None if value is None else _convert_frame(value), FRAME.description
)


@check_init_arguments(
    path=PATH, variant=OPTIONAL_TEXT, settings=SETTINGS, reading=READING_KIND, states=OPTIONAL_FRAME
)
@dataclass(frozen=True, repr=False)
class Scenario:
    """Scenario file as read, with a variant and settings applied.

    Created by :func:`vorrat.read`.
    """

    path: str
    variant: str | None
    settings: tuple[str, ...]
    reading: LoadedScenario = field(repr=False, compare=False)
    """The loaded scenario, with the position of each value in the file, and warnings."""
    content: Mapping[str, Any] | None = field(default=None, repr=False)
    """The mapping from which the scenario was read; None if it was read from a file."""
    states: pd.DataFrame | None = field(default=None, repr=False, compare=False)
    """The table of states that replaces those of the file; None if there is none."""

    def __repr__(self) -> str:
        changes = f", variant {self.variant!r}" if self.variant else ""
        changes += f", settings {reprlib.repr(self.settings)}" if self.settings else ""
        sizes = (
            f"{name} {len(getattr(self.case, name))}"
            for name in ("materials", "projects", "funders", "hazards")
        )
        return f"<Scenario {self.path!r}{changes}: {', '.join(sizes)}>"

    @property
    def case(self) -> Case:
        """The content of the file as a validated model."""
        return self.reading.case

    @property
    def label(self) -> str:
        """Short name: the id of the variant, or the name of the file."""
        return self.variant or Path(self.path).stem

    @property
    def title(self) -> str:
        """Title in the current language; the name of the file if it has none."""
        return display_name(self.case.title, Path(self.path).stem, current_language())

    @property
    def variants(self) -> tuple[str, ...]:
        """Ids of all variants of the file."""
        return tuple(self.case.variants)

    @check_arguments(states=FRAME)
    def with_states(self, states: pd.DataFrame) -> Scenario:
        """Return the scenario with the states of a table in place of its own states or its sample.

        Parameters
        ----------
        states
            The columns and rows of a `table of states <scenario-format.md#tables-of-states>`_, such
            as ``vorrat states`` writes; None and NaN are empty cells.

        Returns
        -------
        Scenario
            It keeps the states when it is changed further.

        Raises
        ------
        ScenarioError
            With all faults. Their lines count as in a CSV file: the first row is line 2.

        Examples
        --------
        >>> import pandas as pd
        >>> import vorrat
        >>> columns = ["state", "probability", "kind", "id", "year", "period", "value"]
        >>> rows = [["calm", 0.8] + [None] * 5,
        ...         ["a stop", 0.2, "event", "export_stop", 2027, None, None]]
        >>> states = pd.DataFrame(rows, columns=columns)
        >>> scenario = vorrat.read("scenarios/tutorial.yaml").with_states(states)
        >>> [state.name for state in scenario.case.uncertainty.states]
        ['calm', 'a stop']
        """
        reading = self.reading.with_state_columns(
            [
                (str(name), _cell_values(states.iloc[:, position]))
                for position, name in enumerate(states.columns)
            ]
        )
        return replace(self, reading=reading, states=states)

    @check_arguments(settings=SETTING, variant=VARIANT)
    def changed(self, *settings: str | Mapping[str, Any], variant: str | None = None) -> Scenario:
        """Return the scenario with further settings, or with another variant.

        The file is read again.

        Parameters
        ----------
        *settings
            Values to change: mappings from dotted paths to values, or texts ``path=value``.
        variant
            Id of the variant to apply; the current one if None.

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError
            With all faults of the changed scenario.

        Examples
        --------
        >>> import vorrat
        >>> scenario = vorrat.read("scenarios/tutorial.yaml")
        >>> less = scenario.changed({"policy.budget_meur": 5, "policy.max_projects": 1})
        >>> less.settings
        ('policy.budget_meur=5', 'policy.max_projects=1')
        >>> float(less.changed("policy.budget_meur=6").case.policy.budget_meur)
        6.0
        """
        texts = tuple(chain.from_iterable(cast(Any, settings)))
        source: Any = self.path if self.content is None else self.content
        if texts:
            scenario = read(source, variant or self.variant, (*self.settings, *texts))
        else:
            # Without new settings all variants have been checked already.
            scenario = _read_source(
                source, variant or self.variant, self.settings, check_variants=False
            )
        return scenario if self.states is None else scenario.with_states(self.states)


SCENARIO = ArgumentKind(
    accept_instances(Scenario), "a scenario, as vorrat.read('scenario.yaml') gives it"
)


@check_arguments(path=SOURCE, variant=VARIANT, settings=SETTINGS)
def read(
    path: str | Path | Mapping[str, Any],
    variant: str | None = None,
    settings: Sequence[str] | str | Mapping[str, Any] = (),
) -> Scenario:
    """Read a scenario and check it with all its variants.

    Parameters
    ----------
    path
        A YAML, JSON or Excel file, or the name of a scenario that comes with Vorrat, such as
        ``tutorial``, if there is no file of that name; or the content of a file as nested
        mappings, whose included files and tables are looked for in the current folder.
    variant
        Id of the variant to apply; none if None.
    settings
        Values to change: a mapping from dotted paths to values, or texts ``path=value`` such as
        ``horizon.last_year=2040``.

    Returns
    -------
    Scenario
        The scenario with the variant and the settings applied.

    Raises
    ------
    ScenarioError
        With all faults, each with file, line and column, or with its dotted path if a mapping is
        read.
    Misuse
        If an argument has another type.

    Examples
    --------
    >>> import vorrat
    >>> vorrat.read("scenarios/tutorial.yaml").variants
    ('small_tickets', 'no_company', 'half_the_fund')
    """
    return _read_source(path, variant, cast("tuple[str, ...]", settings), check_variants=True)


def _read_source(
    source: str | Path | Mapping[str, Any],
    variant: str | None,
    settings: tuple[str, ...],
    *,
    check_variants: bool,
) -> Scenario:
    """Read a scenario from a file or a mapping."""
    if isinstance(source, Mapping):
        content = copy.deepcopy(source)
        loaded = read_case_mapping(content, MAPPING_NAME, variant, settings, check_variants)
        return Scenario(MAPPING_NAME, variant, settings, loaded, content)
    loaded = read_case(source, variant, settings, check_variants=check_variants)
    return Scenario(str(source), variant, settings, loaded)


@check_arguments(path=SOURCE, variant=VARIANT, settings=SETTINGS)
def validate(
    path: str | Path | Mapping[str, Any],
    variant: str | None = None,
    settings: Sequence[str] | str | Mapping[str, Any] = (),
) -> list[Fault]:
    """Return all errors and warnings of a scenario.

    Parameters
    ----------
    path, variant, settings
        See :func:`read`.

    Returns
    -------
    list of Fault
        Errors and warnings in the order of the file. A file with a fault whose ``severity`` is
        ``error`` cannot be used.

    Examples
    --------
    >>> import vorrat
    >>> [fault] = vorrat.validate("scenarios/tutorial.yaml", settings="horizon.last_year=soon")
    >>> fault.severity, fault.path
    ('error', ('horizon', 'last_year'))
    """
    try:
        return list(read(path, variant, settings).reading.warnings)
    except ScenarioError as error:
        return list(error.faults)
