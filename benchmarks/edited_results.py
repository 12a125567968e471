"""Reports on saved results that were edited: how each command that reads results treats them.

    python benchmarks/edited_results.py [--edits 2000] [--first 0] [--resealed] FILE...

Each FILE is a result that a command wrote (plan.json, split.json, evaluation.json and so on); the
edits are distributed among them. Each edited file is passed to ``report``, ``workbook`` and, if it
is a plan, ``compare``; a frontier together with the first of the plans. It counts how many were
refused with a message (exit code 2), shown with a warning at the top (1), shown with a note at the
top that nothing confirms them (0), shown without either (0), or ended in an unexpected error (5).
``--resealed`` updates the seal of each file, so that only its structure and identities can show
the edit.
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
Outputs = dict[str, tuple[int, bytes, str]]
"""By command: its exit code, its output and its text on stderr."""
PLAN_OF_FRONTIER = "beside.json"
"""File of the plan that is passed together with a frontier."""
WARNING_TITLE = "Not to be relied on as it stands"
NOTE_TITLE = "Not confirmed to be as it was written"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--edits", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first edit")
    parser.add_argument("--resealed", action="store_true")
    args = parser.parse_args()
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        originals = [json.loads(file.read_bytes()) for file in args.files]
        plan = next((x for x in originals if x["kind"] == "plan"), None)
        (folder / PLAN_OF_FRONTIER).write_text(json.dumps(plan), encoding="utf-8")
        original_outputs = [_outputs(folder, json.dumps(x), x["kind"]) for x in originals]
        for file, outputs in zip(args.files, original_outputs, strict=True):
            for reader, (code, _, message) in outputs.items():
                assert code == 0, f"{reader} does not accept {file}: {message}"
        for seed in range(args.first, args.first + args.edits):
            number = seed % len(originals)
            text = edited(originals[number], seed, resealed=args.resealed)
            outputs = _outputs(folder, text, originals[number]["kind"])
            for reader, (code, content, message) in outputs.items():
                outcome = _outcome(code, content, message)
                if outcome == "unreported" and content == original_outputs[number][reader][1]:
                    outcome = "unreported, and shows the same"
                if (outcome in ("unexpected", "unreported") and not args.resealed) or code == 5:
                    copy = Path(f"edited-{seed}-{reader}.json")
                    copy.write_text(text, encoding="utf-8")
                    print(outcome, args.files[number], copy, message.strip()[-300:], flush=True)
                counts.setdefault(reader, Counter())[outcome] += 1
    for reader, outcome_counts in counts.items():
        print(reader, sum(outcome_counts.values()), dict(sorted(outcome_counts.items())))


def _outputs(folder: Path, text: str, kind: str) -> Outputs:
    """Return the outputs of all commands that read a result of this kind, for one with ``text``."""
    file = folder / "edited.json"
    file.write_text(text, encoding="utf-8")
    page, book = folder / "page.html", folder / "book.xlsx"
    files = [str(folder / PLAN_OF_FRONTIER), str(file)] if kind == "frontier" else [str(file)]
    calls: dict[str, tuple[list[str], Path | None]] = {
        "report": (["report", *files, "--out", str(page), "--force"], page),
        "workbook": (["workbook", *files, "--out", str(book), "--force"], book),
    }
    if kind == "plan":
        calls["compare"] = (["compare", str(file), "--quiet"], None)
    outputs = {}
    for reader, (args, target) in calls.items():
        if target is not None:
            target.unlink(missing_ok=True)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run_command_line([*args, "--language", "en"])
        content = out.getvalue().encode() if target is None else b""
        if target is not None and target.exists():
            content = target.read_bytes() if target is page else _texts(target)
        outputs[reader] = (code, content, err.getvalue())
    return outputs


def _texts(book: Path) -> bytes:
    """Return the content of a workbook without its properties, which contain the time."""
    with zipfile.ZipFile(book) as parts:
        return b"".join(parts.read(n) for n in sorted(parts.namelist()) if "docProps" not in n)


def _outcome(code: int, content: bytes, message: str) -> str:
    """Return the word for how a command treated an edited result."""
    if code == 2 and not content:
        return "refused"
    if (
        code == 1
        and "WARNING" in message
        and (WARNING_TITLE.encode() in content or _warns(content))
    ):
        return "reported"
    if (
        code == 0
        and "NOTE: " in message
        and (NOTE_TITLE.encode() in content or UNCONFIRMED in content)
    ):
        return "noted"
    return "unreported" if code == 0 else "unexpected"


def _warns(content: bytes) -> bool:
    phrases = (b"was changed after it was written", b"does not add up")
    return any(phrase in content for phrase in phrases)


if __name__ == "__main__":
    main()
