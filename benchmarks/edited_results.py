"""Saved results that were edited by hand, through every reader: what becomes of each.

    python benchmarks/edited_results.py [--edits 2000] [--first 0] [--resealed] FILE...

Each FILE is a result as a command wrote it (plan.json, split.json, evaluation.json and so on); the
edits are shared out among them. Each edited file is given to ``report``, ``workbook`` and, where it
is of a plan, ``compare``; a frontier beside the first of the plans. Counted is what was refused
with a sentence (exit code 2), shown with a warning at its head (1), shown with a note at its head
that nothing confirms it (0), shown without either (0), or ended in an error that nobody expected
(5). ``--resealed`` sets the seal of each file again, so that shape
and identities alone can tell.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import zipfile
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from edited_results import edited

from optimizer.cli import run_command_line

UNCONFIRMED = b"cannot be confirmed"
Shown = dict[str, tuple[int, bytes, str]]
"""By reader: its exit code, what it showed and what it said on stderr."""
BESIDE = "beside.json"
"""The plan that a frontier goes with."""
HEAD = "Not to be relied on as it stands"
NOTE = "Not confirmed to be as it was written"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("files", nargs="+", type=Path)
    asked.add_argument("--edits", type=int, default=2000)
    asked.add_argument("--first", type=int, default=0, help="seed of the first edit")
    asked.add_argument("--resealed", action="store_true")
    given = asked.parse_args()
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        originals = [json.loads(file.read_bytes()) for file in given.files]
        plan = next((one for one in originals if one["kind"] == "plan"), None)
        (folder / BESIDE).write_text(json.dumps(plan), encoding="utf-8")
        whole = [_shown(folder, json.dumps(one), one["kind"]) for one in originals]
        for at, shown in zip(given.files, whole, strict=True):
            for reader, (code, _, said) in shown.items():
                assert code == 0, f"{at} is not whole for {reader}: {said}"
        for seed in range(given.first, given.first + given.edits):
            number = seed % len(originals)
            text = edited(originals[number], seed, resealed=given.resealed)
            shown = _shown(folder, text, originals[number]["kind"])
            for reader, (code, content, said) in shown.items():
                outcome = _outcome(code, content, said)
                if outcome == "unreported" and content == whole[number][reader][1]:
                    outcome = "unreported, and shows the same"
                if (outcome in ("unexpected", "unreported") and not given.resealed) or code == 5:
                    kept = Path(f"edited-{seed}-{reader}.json")
                    kept.write_text(text, encoding="utf-8")
                    print(outcome, given.files[number], kept, said.strip()[-300:], flush=True)
                counts.setdefault(reader, Counter())[outcome] += 1
    for reader, found in counts.items():
        print(reader, sum(found.values()), dict(sorted(found.items())))


def _shown(folder: Path, text: str, kind: str) -> Shown:
    """What each reader makes of a text of this kind."""
    file = folder / "edited.json"
    file.write_text(text, encoding="utf-8")
    page, book = folder / "page.html", folder / "book.xlsx"
    files = [str(folder / BESIDE), str(file)] if kind == "frontier" else [str(file)]
    calls: dict[str, tuple[list[str], Path | None]] = {
        "report": (["report", *files, "--out", str(page), "--force"], page),
        "workbook": (["workbook", *files, "--out", str(book), "--force"], book),
    }
    if kind == "plan":
        calls["compare"] = (["compare", str(file), "--quiet"], None)
    shown = {}
    for reader, (args, made) in calls.items():
        if made is not None:
            made.unlink(missing_ok=True)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run_command_line([*args, "--language", "en"])
        content = out.getvalue().encode() if made is None else b""
        if made is not None and made.exists():
            content = made.read_bytes() if made is page else _texts(made)
        shown[reader] = (code, content, err.getvalue())
    return shown


def _texts(book: Path) -> bytes:
    """All that a workbook holds but when it was made."""
    with zipfile.ZipFile(book) as parts:
        return b"".join(parts.read(n) for n in sorted(parts.namelist()) if "docProps" not in n)


def _outcome(code: int, content: bytes, said: str) -> str:
    if code == 2 and not content:
        return "refused"
    if code == 1 and "WARNING" in said and (HEAD.encode() in content or _warns(content)):
        return "reported"
    if code == 0 and "NOTE: " in said and (NOTE.encode() in content or UNCONFIRMED in content):
        return "noted"
    return "unreported" if code == 0 else "unexpected"


def _warns(content: bytes) -> bool:
    phrases = (b"was changed after it was written", b"does not add up")
    return any(phrase in content for phrase in phrases)


if __name__ == "__main__":
    main()
