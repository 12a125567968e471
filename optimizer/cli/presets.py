"""``vorrat presets``: the terms of known schemes that scenario files can include."""

from __future__ import annotations

import difflib

import click

from models.files import presets as shelf
from models.language import tr


@click.command()
@click.argument("name", required=False)
def presets(name: str | None) -> None:
    """List the presets that scenarios can include, or print the one called NAME."""
    known = shelf.shipped()
    if name is None:
        click.echo("\n".join(_listed(one) for one in known))
        return
    if name not in known:
        listed = ", ".join(known)
        near = difflib.get_close_matches(name.lower(), known, 1, 0.5)
        message = tr("There is no preset '{name}'. There are {names}.", name=name, names=listed)
        if near:
            message = tr(
                "There is no preset '{name}'. Did you mean '{near}'?", name=name, near=near[0]
            )
        raise click.UsageError(message)
    click.echo(shelf.written(known[name]), nl=False)


def _listed(name: str) -> str:
    """A preset in one line of each language."""
    title, description = shelf.heading(shelf.shipped()[name])
    lines = [f"  {title.read(one)}: {description.read(one)}" for one in ("en", "de")]
    return "\n".join([name, *lines])
