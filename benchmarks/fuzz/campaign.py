"""Coverage-guided fuzzing of the readers of scenario files, tables, workbooks and settings.

    python benchmarks/fuzz/campaign.py scenario --runs 100000 --out /tmp/fuzz

It uses Atheris (libFuzzer for Python), which is no dependency of Vorrat and in no lock file, since
it runs on Linux only: see ``README.md`` in this folder. An input that violates a requirement of
``tests/support/soundness.py`` is saved under ``found/``, one for each place in the code, and the
campaign continues. ``figures.json`` counts the inputs by how far they were read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import time
import traceback
import zlib
from pathlib import Path
from typing import Any

import atheris

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(HERE)]

with atheris.instrument_imports(include=["models"]):
    from models.files import reading

import soundness  # noqa: E402
from mutated_tables import mutated_book, mutated_csv  # noqa: E402
from mutated_trees import mutated_tree  # noqa: E402
from mutations import mutated  # noqa: E402
from seeds import SEEDS, small_texts  # noqa: E402

from models.faults import ScenarioError  # noqa: E402

HANG = 1.0
"""Processor seconds above which the reading of an input counts as a hang."""


class Campaign:
    """Runs of a reader on one input after another, with counts of their outcomes."""

    def __init__(self, reader: str, out: Path, done: dict[str, Any]) -> None:
        self.reader = reader
        self.out = out
        self.begun = time.time()
        self.before = done.get("seconds", 0.0), done.get("seconds of CPU", 0.0)
        self.count: dict[str, int] = {
            name: done.get(name, 0)
            for name in ("inputs", "past parsing", "valid", "round trips", "unsound", "hangs")
        }
        self.slowest = done.get("slowest", 0.0)
        self.found: dict[str, int] = done.get("found", {})
        self.parsed = False
        self._watch()

    def _watch(self) -> None:
        """Record in ``parsed`` whether an input reaches the validation by models."""
        case_of = reading._ScenarioReader._validate_case

        def watched(reader: Any, *args: Any) -> Any:
            self.parsed = True
            return case_of(reader, *args)

        reading._ScenarioReader._validate_case = watched  # type: ignore[method-assign]

    def take(self, raw: bytes) -> None:
        """Read one input and count its outcome."""
        self.parsed = False
        dice = zlib.crc32(raw)
        begun = time.process_time()
        try:
            if dice % 32 == 0:
                made, _ = soundness.sound_in_both(self.reader, raw)
            else:
                made = soundness.checked(self.reader, raw, "de" if dice & 1 else "en")
            spent = time.process_time() - begun
            if not isinstance(made, ScenarioError):
                self.count["valid"] += 1
                if (dice >> 8) % 8 == 0:
                    self.count["round trips"] += 1
                    if not soundness.same_in_json(made):
                        raise soundness.UnsoundError("another case from its JSON")
        except Exception as error:
            spent = time.process_time() - begun
            self.count["unsound"] += 1
            self._keep(raw, error)
        self.count["inputs"] += 1
        self.count["past parsing"] += self.parsed
        if spent > self.slowest:
            self.slowest = spent
            (self.out / "slowest").write_bytes(raw)
        if spent > HANG:
            self.count["hangs"] += 1
            self._keep(raw, TimeoutError(f"{spent:.1f} s"))
        if self.count["inputs"] % 500 == 0:
            self.write()

    def _keep(self, raw: bytes, error: Exception) -> None:
        """Save an input that violates a requirement, if it is the smallest of its kind so far."""
        frames = traceback.extract_tb(error.__traceback__)
        inner = [f"{Path(f.filename).name}:{f.lineno}" for f in frames if "/models/" in f.filename]
        said = str(error) if not inner else ""
        kind = f"{type(error).__name__} {' '.join(inner[-2:])}"
        if isinstance(error, soundness.UnsoundError):
            kind += said.partition(":")[0]
        name = hashlib.sha256(kind.encode()).hexdigest()[:10]
        self.found[kind] = self.found.get(kind, 0) + 1
        folder = self.out / "found"
        folder.mkdir(exist_ok=True)
        path = folder / name
        if not path.exists() or len(raw) < path.stat().st_size:
            path.write_bytes(raw)
            lines = traceback.format_exception(error)
            path.with_suffix(".txt").write_text(kind + "\n" + "".join(lines), "utf-8", "replace")

    def write(self) -> None:
        """Write the figures."""
        figures = {
            **self.count,
            "seconds": self.before[0] + time.time() - self.begun,
            "seconds of CPU": self.before[1] + time.process_time(),
            "slowest": self.slowest,
            "found": self.found,
        }
        (self.out / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


def mutator(reader: str) -> Any:
    """Return a function that mutates an input, usually its structure, sometimes its bytes."""
    lenders = tuple(small_texts())
    sound = [raw for raw in SEEDS[reader]() if not _refused(reader, raw)]

    def mutate(raw: bytes, most: int, seed: int) -> bytes:
        dice = random.Random(seed)
        for _ in range(4):
            made = once(raw, most, dice)
            if made != raw and len(made) <= most:
                return made
        return raw[:most]

    def once(raw: bytes, most: int, dice: random.Random) -> bytes:
        kind = dice.random()
        if dice.random() < 0.4:
            # Mutants accumulate faults, and the first fault hides most of the models' code.
            raw = dice.choice(sound)
            if reader == "scenario":
                return _with_tree_changed(raw.decode("utf-8"), dice, lenders, 1).encode()
        made = raw
        if kind < 0.08 or not raw:
            made = atheris.Mutate(raw, most)
        elif reader == "book" or (reader == "table" and raw.partition(b"\n")[2][:2] == b"PK"):
            head, book = (b"", raw) if reader == "book" else raw.split(b"\n", 1)
            made = (head + b"\n" if head else b"") + mutated_book(book, dice)
        else:
            made = _mutated_text(reader, raw, dice, lenders)
        return made

    return mutate


def _refused(reader: str, raw: bytes) -> bool:
    return isinstance(soundness.READERS[reader](raw), ScenarioError)


def _mutated_text(reader: str, raw: bytes, dice: random.Random, lenders: tuple[str, ...]) -> bytes:
    text = raw.decode("utf-8", "surrogateescape")
    if reader == "table":
        section, _, table = text.partition("\n")
        if dice.random() < 0.02:
            section = dice.choice(soundness.SECTIONS)
        text = f"{section}\n{mutated_csv(section, table, dice)}"
    elif reader == "scenario" and dice.random() < 0.85:
        text = _with_tree_changed(text, dice, lenders, dice.choice((1, 1, 2, 3)))
    else:
        text = mutated(text, dice.randrange(2**32))
    return text.encode("utf-8", "surrogateescape")


def _with_tree_changed(
    text: str, dice: random.Random, lenders: tuple[str, ...], changes: int
) -> str:
    """Return a scenario with ``changes`` changes of YAML nodes in one of its files."""
    first, *others = text.split("\n%%% ")
    if others and dice.random() < 0.5:
        at = dice.randrange(len(others))
        name, _, content = others[at].partition("\n")
        others[at] = f"{name}\n{mutated_tree(content, dice, lenders, changes)}"
    else:
        first = mutated_tree(first, dice, lenders, changes)
    return "\n%%% ".join([first, *others])


def main() -> None:
    """Run the campaign that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("reader", choices=sorted(soundness.READERS))
    parser.add_argument("--runs", type=int, default=100_000, help="inputs")
    parser.add_argument(
        "--out", type=Path, default=Path("out/fuzz"), help="folder of what is found"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=int, default=16_000, help="bytes of an input at most")
    parser.add_argument("--scratch", type=Path, default=Path("/dev/shm"), help="a fast folder")
    chosen = parser.parse_args()
    out = (chosen.out / chosen.reader).resolve()
    corpus, scratch = out / "corpus", chosen.scratch / f"fuzz-{chosen.reader}-{os.getpid()}"
    corpus.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(exist_ok=True)
    for seed in SEEDS[chosen.reader]():
        if len(seed) <= chosen.longest:
            (corpus / hashlib.sha256(seed).hexdigest()[:20]).write_bytes(seed)
    os.chdir(scratch)
    soundness.watch_german(setattr)
    known = out / "figures.json"
    done = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
    campaign = Campaign(chosen.reader, out, done)
    flags = [f"-runs={chosen.runs}", f"-seed={chosen.seed}", f"-max_len={chosen.longest}",
             "-rss_limit_mb=3000", "-timeout=120", f"-artifact_prefix={out}/"]  # fmt: skip
    atheris.Setup([sys.argv[0], *flags, str(corpus)], campaign.take,
                  custom_mutator=mutator(chosen.reader))  # fmt: skip
    atheris.Fuzz()


if __name__ == "__main__":
    main()
