"""Scenario files: reading, checking and changing them."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType

from models.base import display_name
from models.faults import Fault, ScenarioError
from models.files import LoadedScenario, read_case
from models.language import current_language, mark_translatable
from models.scenario.case import Case
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

READING_KIND = ArgumentKind(
    accept_instances(LoadedScenario),
    mark_translatable("the reading of a scenario, as vorrat.read makes it"),
)
OPTIONAL_TEXT = ArgumentKind(accept_instances(str, NoneType), VARIANT.description)


@check_init_arguments(path=PATH, variant=OPTIONAL_TEXT, settings=SETTINGS, reading=READING_KIND)
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

    @check_arguments(settings=SETTING, variant=VARIANT)
    def changed(self, *settings: str, variant: str | None = None) -> Scenario:
        """Return the scenario with further settings, or with another variant.

        The file is read again.

        Parameters
        ----------
        *settings
            Values to change, each as ``path=value``.
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
        >>> less = vorrat.read("scenarios/tutorial.yaml").changed("policy.budget_meur=5")
        >>> float(less.case.policy.budget_meur)
        5.0
        """
        if settings:
            return read(self.path, variant or self.variant, (*self.settings, *settings))
        # Without new settings all variants have been checked already.
        loaded_scenario = read_case(self.path, variant or self.variant, self.settings)
        return Scenario(self.path, variant or self.variant, self.settings, loaded_scenario)


SCENARIO = ArgumentKind(
    accept_instances(Scenario),
    mark_translatable("a scenario, as vorrat.read('scenario.yaml') gives it"),
)


@check_arguments(path=PATH, variant=VARIANT, settings=SETTINGS)
def read(
    path: str | Path, variant: str | None = None, settings: Sequence[str] | str = ()
) -> Scenario:
    """Read a scenario file and check it with all its variants.

    Parameters
    ----------
    path
        A YAML, JSON or Excel file, or the name of a scenario that comes with Vorrat, such as
        ``tutorial``, if there is no file of that name.
    variant
        Id of the variant to apply; none if None.
    settings
        Values to change, each as ``path=value``, such as ``horizon.last_year=2040``.

    Returns
    -------
    Scenario
        The scenario with the variant and the settings applied.

    Raises
    ------
    ScenarioError
        With all faults of the file, each with file, line and column.
    Misuse
        If an argument has another type.

    Examples
    --------
    >>> import vorrat
    >>> vorrat.read("scenarios/tutorial.yaml").variants
    ('small_tickets', 'no_company', 'half_the_fund')
    """
    applied_settings = (settings,) if isinstance(settings, str) else tuple(settings)
    loaded_scenario = read_case(path, variant, applied_settings, check_variants=True)
    return Scenario(str(path), variant, applied_settings, loaded_scenario)


@check_arguments(path=PATH, variant=VARIANT, settings=SETTINGS)
def validate(
    path: str | Path, variant: str | None = None, settings: Sequence[str] | str = ()
) -> list[Fault]:
    """Return all errors and warnings of a scenario file.

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
