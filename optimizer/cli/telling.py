"""What a command has found, on stdout, whatever becomes of the files it writes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from models.results import Result


@contextmanager
def telling(found: Result, as_json: bool) -> Iterator[bytes]:
    """Write files in the body, from the document that comes with it; then tell what was found.

    A full disk must not cost what was found.
    """
    document = found.model_dump_json(indent=2).encode() + b"\n"
    try:
        yield document
    finally:
        if as_json:
            click.echo(document, nl=False)
        else:
            # It takes a moment to import: only those who want text wait for it.
            from optimizer.analyses.documents import document_of
            from optimizer.report.render import terminal

            terminal.write(document_of(found), sys.stdout)
