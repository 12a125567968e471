"""Rules that exclude each other, and where each is written."""

from __future__ import annotations

from typing import Any

import click

from models.files import Reading
from models.language import tr
from optimizer.errors import Infeasible


def show(error: Infeasible, reading: Reading, label: str = "") -> None:
    """Print a conflict to stderr, after the label of what has no plan."""
    click.echo(
        label + tr("No plan keeps all of these rules together; relax one of them:"), err=True
    )
    for rule in error.conflict:
        place = reading.place(rule.path)
        click.echo(f"{place}: {rule.tag} {rule.name}: {rule.says}", err=True)


def as_data(error: Infeasible, reading: Reading) -> list[dict[str, Any]]:
    """A conflict as JSON holds it."""
    return [
        {
            "tag": rule.tag,
            "name": rule.name,
            "says": rule.says,
            "path": list(rule.path),
            "place": str(reading.place(rule.path)),
        }
        for rule in error.conflict
    ]
