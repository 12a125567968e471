"""Branch coverage of the corpora of campaigns, and a small set of inputs with the same coverage.

    python benchmarks/fuzz/replay.py /tmp/fuzz
    python benchmarks/fuzz/replay.py /tmp/fuzz --keep tests/models/files/corpus

Every input is read again with the checks of ``tests/support/soundness.py``; coverage.py records
the branches of ``models/files``. Inputs are chosen greedily by new branches per byte. With
``--keep`` they are written in the form that ``tests/models/files/test_fuzzed.py`` reads.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import coverage

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(HERE)]
FILES = ROOT / "models" / "files"

Branches = frozenset[tuple[str, int, int]]


SOUND = 8
"""Approximate number of valid inputs that are also kept for each reader."""


def replayed(
    out: Path, readers: list[str]
) -> tuple[coverage.Coverage, list[tuple[str, str]], list[str]]:
    """Read all inputs again. Return their coverage, with a context for each; names and errors of
    inputs that violate a requirement; and names of valid inputs."""
    counted = coverage.Coverage(branch=True, include=[f"{FILES}/*"], data_file=None)
    counted.start()
    import soundness

    wrong, sound = [], []
    for reader in readers:
        for path in sorted((out / reader / "corpus").iterdir()):
            counted.switch_context(f"{reader}/{path.name}")
            try:
                made = soundness.checked(reader, path.read_bytes(), "en")
                if isinstance(made, soundness.LoadedScenario):
                    sound.append(f"{reader}/{path.name}")
            except Exception as error:
                wrong.append((f"{reader}/{path.name}", repr(error)))
    counted.switch_context("")
    counted.stop()
    return counted, wrong, sound


def branches(counted: coverage.Coverage) -> Iterator[tuple[str, Branches]]:
    """Yield the name of each input and the branches that it took."""
    data = counted.get_data()
    files = sorted(data.measured_files())
    for context in sorted(data.measured_contexts()):
        if context:
            data.set_query_context(context)
            yield context, frozenset((f, *arc) for f in files for arc in data.arcs(f) or ())
    data.set_query_contexts(None)


def chosen(counted: coverage.Coverage, out: Path, sound: list[str]) -> list[str]:
    """Return some valid inputs, and further ones that together take all branches of the corpora."""
    left = {}
    for name, taken in branches(counted):
        reader, _, file = name.partition("/")
        left[name] = (taken, (out / reader / "corpus" / file).stat().st_size + 200)
    kept: list[str] = []
    for reader in {name.partition("/")[0] for name in sound}:
        of_reader = [name for name in sound if name.startswith(f"{reader}/")]
        kept += sorted(of_reader, key=lambda name: left[name][1])[:: 1 + len(of_reader) // SOUND]
    seen: set[tuple[str, int, int]] = set()
    for name in kept:
        seen |= left.pop(name)[0]
    while left:
        best = max(left, key=lambda name: len(left[name][0] - seen) / left[name][1])
        taken, _ = left.pop(best)
        if not taken - seen:
            break
        seen |= taken
        kept.append(best)
    return kept


def main() -> None:
    """Print the coverage, and write the chosen inputs if requested."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="folder of the campaigns")
    parser.add_argument("--keep", type=Path, help="folder of the corpus of tests")
    asked = parser.parse_args()
    out = asked.out.resolve()
    keep = asked.keep.resolve() if asked.keep else None
    readers = sorted(path.parent.name for path in out.glob("*/corpus"))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        os.chdir(scratch)
        counted, wrong, sound = replayed(out, readers)
        os.chdir(ROOT)
    for name, error in wrong:
        print(name, error)
    kept = chosen(counted, out, sound)
    print(f"{len(kept)} inputs, some of them sound, take every branch")
    if keep is not None:
        from corpus import write

        write(keep, [(name.partition("/")[0], (out / name.replace("/", "/corpus/")).read_bytes())
                     for name in kept])  # fmt: skip
    counted.report(show_missing=True, skip_empty=True, include=[f"{FILES}/*"])


if __name__ == "__main__":
    main()
