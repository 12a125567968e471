"""``vorrat schema``: the JSON Schemas of scenario files and of results."""

from __future__ import annotations

import json

import click

from models.language import tr


@click.command()
@click.argument("kind", required=False)
def schema(kind: str | None) -> None:
    """Print the JSON Schema of scenario files, or of results of a KIND, such as plan."""
    from models.results.base import documents
    from models.schema import result_schema, scenario_schema

    if kind is not None and kind not in documents():
        message = tr(
            "there is no result of kind '{kind}'; these are {kinds}.",
            kind=kind,
            kinds=", ".join(sorted(documents())),
        )
        raise click.UsageError(message)
    made = scenario_schema() if kind is None else result_schema(kind)
    click.echo(json.dumps(made, indent=2, ensure_ascii=False))
