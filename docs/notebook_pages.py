"""Conversion of notebooks to pages: they are executed, and written as Markdown with their
outputs."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

PICTURES = {"image/svg+xml": "svg", "image/png": "png"}


def as_markdown(notebook: Path, folder: Path, execute: bool = True) -> str:
    """Return a notebook as Markdown. Its pictures and a copy of the notebook are written into
    ``folder``. With ``execute`` it is run first; raise nbclient.exceptions.CellExecutionError if a
    cell fails."""
    import nbformat

    book = nbformat.read(notebook, as_version=4)
    if execute:
        from nbclient import NotebookClient

        client = NotebookClient(book, timeout=300, kernel_name="python3")
        client.create_kernel_manager().transport = "ipc"  # no port, which others could reach
        client.execute()
    folder.mkdir(parents=True, exist_ok=True)
    parts = [f"[This page as a notebook]({notebook.name})"]
    (folder / notebook.name).write_bytes(notebook.read_bytes())
    for number, cell in enumerate(book.cells):
        name = f"{notebook.stem}-{number}"
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code" and "setup" not in cell.metadata.get("tags", ()):
            parts.append(f"```python\n{cell.source}\n```")
            alt = cell.metadata.get("alt", "")
            parts += (_output_markdown(output, folder / name, alt) for output in cell.outputs)
    title, rest = parts[1], parts[2:]
    return "\n\n".join(part for part in (title, parts[0], *rest) if part) + "\n"


def _output_markdown(output: Any, path: Path, alt: str) -> str:
    """Return an output as Markdown: a picture, which is written to ``path``, else HTML or text."""
    if output.output_type == "stream":
        return f"```text\n{output.text.rstrip()}\n```"
    if output.output_type == "error":
        return f"```text\n{output.ename}: {output.evalue}\n```"
    for kind, ending in PICTURES.items():
        if kind in output.data:
            raw = output.data[kind]
            file = path.with_suffix(f".{ending}")
            file.write_bytes(raw.encode() if ending == "svg" else base64.b64decode(raw))
            return f"![{alt}]({file.name})"
    if "text/html" in output.data:
        lines = (line for line in output.data["text/html"].splitlines() if line.strip())
        return '<div class="shown">\n' + "\n".join(lines) + "\n</div>"
    return f"```text\n{output.data['text/plain']}\n```"
