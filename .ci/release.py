"""Build what a release consists of, and try it as a stranger would who has nothing but that.

``make release`` calls this with the Python of the environment that the locks make. It builds the
last commit, whatever else lies in the tree, and leaves ``dist/`` with two files: the wheel and the
source archive. It tags nothing, and sends nothing anywhere.

1. Wheel and source archive are built twice, in unlike folders, and have to be the same, bit by bit;
   so has the wheel that is built from the source archive.
2. Both hold what git knows, and nothing else. Their metadata are valid, and the README renders.
3. For each Python an empty environment gets what ``run.lock`` lists and the wheel. From an empty
   folder, commands have to answer as they should, without the extras and with each of them.

PYTHONS names the interpreters; all of python3.11, python3.12 and python3.13 have to be on the PATH
where it is not set. With ``--quick`` the first that is there is enough, without extras.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("models", "optimizer", "vorrat")
LEFT_OUT = ".github/"
"""What git knows and the source archive does not hold."""
PYTHONS = ("python3.11", "python3.12", "python3.13")
EXTRAS = {"data": ("states", "tutorial.yaml", "--out", "states.parquet")}
"""The extras, and a command that needs each."""
SIDE_BY_SIDE = 2  #: Environments that are filled and tried at the same time.
BEGAN = time.monotonic()


class NotReleasable(Exception):
    """Something is not as a release has to be."""


def say(text: str) -> None:
    """Tell what is done, and when."""
    print(f"{time.monotonic() - BEGAN:5.0f} s  {text}", flush=True)


def need(holds: bool, text: str) -> None:
    """Raises NotReleasable with the text where something does not hold."""
    if not holds:
        raise NotReleasable(text)


def output(*command: str, folder: Path = ROOT) -> str:
    """What a command writes. Raises NotReleasable where it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    need(done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


# Building


def unpacked(folder: Path) -> Path:
    """The last commit in a folder of its own."""
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


def built(source: Path, into: Path, *targets: str, **around: str) -> list[Path]:
    """What the build backend makes of a source tree; ``around`` are variables of its surroundings.

    The time is that of the last commit, so that it is the same for everybody.
    """
    epoch = output("git", "log", "-1", "--format=%ct").strip()
    asked = [part for target in targets for part in ("--target", target)]
    command = [sys.executable, "-P", "-m", "hatchling", "build", *asked, "--directory", str(into)]
    done = subprocess.run(
        command,
        cwd=source,
        capture_output=True,
        text=True,
        umask=int(around.pop("umask", "022"), 8),
        env={**os.environ, "SOURCE_DATE_EPOCH": epoch, **around},
    )
    need(done.returncode == 0, f"nothing was built: {done.stderr.strip()}")
    return sorted(into.iterdir())


def sha256(file: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def reproduced(work: Path) -> tuple[Path, Path]:
    """Wheel and source archive. Raises NotReleasable where they do not come out the same twice."""
    first = built(unpacked(work / "one"), work / "built-one", "wheel", "sdist")
    unlike = {"umask": "077", "TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    place = work / "another" / "folder with blanks"
    second = built(unpacked(place), work / "built-two", "wheel", "sdist", **unlike)
    need([one.name for one in first] == [one.name for one in second], "other names the second time")
    for one, two in zip(first, second, strict=True):
        need(sha256(one) == sha256(two), f"{one.name} is another one when it is built again")
    (wheel,) = (one for one in first if one.suffix == ".whl")
    (sdist,) = (one for one in first if one.name.endswith(".tar.gz"))
    with tarfile.open(sdist) as archive:
        archive.extractall(work / "source", filter="data")
    (source,) = (work / "source").iterdir()
    (again,) = built(source, work / "built-three", "wheel")
    need(sha256(again) == sha256(wheel), "the source archive makes another wheel than the tree")
    for one in first:
        say(f"built twice, the same: {one.name}\n         sha256 {sha256(one)}")
    say("the source archive makes the same wheel")
    return wheel, sdist


# What is in it


def tracked() -> set[str]:
    """What git knows of the last commit."""
    names = output("git", "ls-tree", "-r", "-z", "--name-only", "HEAD").split("\0")
    return {name for name in names if name}


def in_wheel(wheel: Path) -> set[str]:
    """The names in a wheel as they are in the tree, its own information left out."""
    about = re.compile(r"vorrat-[^/]+\.dist-info/")
    names = zipfile.ZipFile(wheel).namelist()
    own = {about.sub("", name) for name in names if about.match(name)}
    need(
        own == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"},
        f"the wheel says of itself: {', '.join(sorted(own))}",
    )
    return {name.removeprefix("models/") if name.startswith("models/scenarios/") else name
            for name in names if not about.match(name)}  # fmt: skip


def in_sdist(sdist: Path) -> set[str]:
    """The names in a source archive as they are in the tree, without what the backend adds."""
    with tarfile.open(sdist) as archive:
        names = {one.name.partition("/")[2] for one in archive.getmembers() if one.isfile()}
    need("PKG-INFO" in names, "the source archive has no PKG-INFO")
    return names - {"PKG-INFO"}


def compared(found: set[str], due: set[str], what: str) -> None:
    """Raises NotReleasable where names are there that should not be, or the reverse."""
    for names, said in ((found - due, "git does not know"), (due - found, "it lacks")):
        need(not names, f"{what}: {said} {', '.join(sorted(names)[:9])}")
    say(f"{what}: {len(found)} files, each of them known to git")


def described(wheel: Path) -> str:
    """The version of a wheel whose metadata are valid and whose README renders."""
    from markdown_it import MarkdownIt
    from packaging.metadata import Metadata

    archive = zipfile.ZipFile(wheel)
    (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
    about = Metadata.from_email(archive.read(name), validate=True)
    need(about.description_content_type == "text/markdown", "the README is said to be no Markdown")
    tokens = MarkdownIt("commonmark").enable("table").parse(about.description or "")
    parts = [part for token in tokens for part in (token, *(token.children or ()))]
    need(any(part.type == "heading_open" for part in parts), "the README has no heading")
    led = [str(part.attrs.get("href") or part.attrs.get("src") or "") for part in parts]
    inside = [link for link in led if link and not re.match(r"[a-z]+:|#", link)]
    say(f"metadata are valid; the README renders, with {len(inside)} links to files of the tree")
    if inside and not about.project_urls:
        say("NOTE: on the page of an index those links lead nowhere, as no address is given")
    return str(about.version)


# Trying it


def interpreters(asked: str | None, quick: bool) -> list[str]:
    """The paths of the Pythons to try. Raises NotReleasable where one is missing."""
    found: dict[str, str] = {}
    for name in asked.split() if asked else PYTHONS:
        path = shutil.which(name)
        tells = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
        done = path and subprocess.run([path, "-c", tells], capture_output=True, text=True)
        if path and done and done.returncode == 0:
            found[path] = done.stdout.strip()
        elif not quick or asked:
            raise NotReleasable(
                f"{name} is not there: install it, or name others: make release "
                f'PYTHONS="{" ".join(PYTHONS[:2])}"'
            )
    need(bool(found), "no Python is there")
    say(f"Python {', '.join(list(found.values())[: 1 if quick else None])}")
    return list(found)[: 1 if quick else None]


class Environment:
    """An empty environment of a Python, filled by the pip of this one."""

    def __init__(self, python: str, folder: Path) -> None:
        output(python, "-m", "venv", "--without-pip", str(folder))
        self.bin = folder / "bin"
        self.empty = folder.with_name(f"{folder.name}-work")
        self.empty.mkdir()

    def pip(self, *command: str) -> str:
        """Run pip; where from it fetches, whoever calls has configured."""
        own = ("--disable-pip-version-check", "--no-input", "--python", str(self.bin / "python"))
        return output(sys.executable, "-m", "pip", *own, *command)

    def install(self, lock: Path) -> None:
        """Install what a lock lists, by its hashes."""
        how = ("--quiet", "--no-compile", "--no-deps", "--require-hashes")
        self.pip("install", *how, "--requirement", str(lock))

    def run(self, *command: str, code: int = 0) -> str:
        """What a program of the environment says, on either stream, from a folder of its own.

        Raises NotReleasable where it ends with another code.
        """
        ours = ("PYTHON", "VORRAT_", "VIRTUAL_ENV")
        kept = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
        done = subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=self.empty,
            capture_output=True,
            text=True,
            timeout=600,
            env={**kept, "VORRAT_LANGUAGE": "en", "VORRAT_TRACEBACK": "1"},
        )
        said = f"{' '.join(command)} ended with {done.returncode}, not {code}:\n{done.stderr}"
        need(done.returncode == code, said)
        return done.stdout + done.stderr


IN_PYTHON = """
import importlib.resources, os, vorrat
os.mkdir("apart"), os.chdir("apart")  # where no file is called as an example is
assert all(importlib.resources.files(name).joinpath("py.typed").is_file() for name in {packages})
assert vorrat.read("japan-2010").variants
print(round(vorrat.solve(vorrat.read("tutorial")).result.outcome.expected, 6))
"""


def smoke(here: Environment, version: str) -> None:
    """What somebody does first, and what it has to say."""

    def told(due: str, *command: str) -> None:
        said = here.run("vorrat", *command)
        need(due in said, f"vorrat {' '.join(command)} does not say {due!r}:\n{said}")

    told(f"vorrat {version}", "--version")
    told("germany-2026", "examples")
    told("rohstofffonds", "presets")
    told("germany-2026/projects.csv", "init", "--from", "germany-2026")
    told("tutorial.yaml", "init", "--from", "tutorial")
    told("2 projects", "validate", "tutorial.yaml", "germany-2026.yaml")
    told("27.5", "solve", "tutorial.yaml", "--out", "plan")
    told("Reproduced", "rerun", "plan")
    told("brief.html", "brief", "plan", "--out", "brief")
    told("page.html", "report", "plan", "--out", "page.html", "--excel", "book.xlsx")
    for command, name in ((("schema",), "scenario:1"), (("schema", "plan"), "result:plan:1")):
        said = json.loads(here.run("vorrat", *command))
        need(said["$id"] == f"urn:vorrat:{name}", f"the schema is called {said['$id']}")
    said = here.run("python", "-c", IN_PYTHON.format(packages=PACKAGES))
    need(said.strip() == "12.0", f"import vorrat: expected damage is {said.strip()}, not 12.0")


def extra(here: Environment, wheel: Path, name: str, lock: Path) -> None:
    """An extra is asked for where it is missing, and does its work once it is there."""
    command = ("vorrat", *EXTRAS[name])
    said = here.run(*command, code=2)
    need(f"its extra '{name}'" in said, f"no extra is asked for: {said}")
    blocks = locked(lock.read_text(encoding="utf-8"))
    pins = here.empty / "pins.txt"
    plain = (block.partition(" \\")[0] for each in blocks.values() for block in each)
    pins.write_text("\n".join(plain), encoding="utf-8")
    report = here.empty / "report.json"
    how = ("--quiet", "--dry-run", "--report", str(report), "--constraint", str(pins))
    here.pip("install", *how, f"{wheel}[{name}]")
    found = json.loads(report.read_text(encoding="utf-8"))["install"]
    names = {normal(one["metadata"]["name"]) for one in found} - {"vorrat"}
    part = here.empty / f"{name}.lock"
    part.write_text("".join(one for key in names for one in blocks[key]), encoding="utf-8")
    here.install(part)
    here.run(*command)
    here.pip("uninstall", "--quiet", "--yes", *names)


def locked(text: str) -> dict[str, list[str]]:
    """The requirements of a lock with their hashes, by name; some differ by Python."""
    found: dict[str, list[str]] = {}
    for block in re.findall(r"^[A-Za-z0-9].*(?:\n +.*)*\n", text, re.MULTILINE):
        found.setdefault(normal(re.split(r"[=\[ ]", block, maxsplit=1)[0]), []).append(block)
    return found


def normal(name: str) -> str:
    """The name of a project as locks write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def tried(python: str, wheel: Path, version: str, folder: Path, extras: bool) -> None:
    """Install the wheel for a Python, and use it."""
    name, locks = Path(python).name, ROOT / "requirements"
    here = Environment(python, folder)
    here.install(locks / "run.lock")
    here.pip("install", "--quiet", "--no-deps", str(wheel))
    here.pip("check")
    say(f"{name}: installed")
    smoke(here, version)
    say(f"{name}: commands answer as they should")
    for one in EXTRAS if extras else ():
        extra(here, wheel, one, locks / "test.lock")
        say(f"{name}: asks for the extra '{one}', and works with it")
    shutil.rmtree(folder)


def release(quick: bool, environment: Mapping[str, str], work: Path) -> None:
    """All of it. Raises NotReleasable at the first thing that does not hold."""
    pythons = interpreters(environment.get("PYTHONS"), quick)
    if output("git", "status", "--porcelain"):
        say("NOTE: the tree has changes that are in no commit, and not in what is built")
    wheel, sdist = reproduced(work)
    known = tracked()
    due = {name for name in known if name.startswith((*(f"{p}/" for p in PACKAGES), "scenarios/"))}
    compared(in_wheel(wheel), due, "wheel")
    compared(in_sdist(sdist), {n for n in known if not n.startswith(LEFT_OUT)}, "source archive")
    version = described(wheel)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        ended = [
            pool.submit(tried, python, wheel, version, work / f"environment-{number}", not quick)
            for number, python in enumerate(pythons)
        ]
    for each in ended:
        each.result()
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir()
    for one in (wheel, sdist):
        shutil.copyfile(one, dist / one.name)
    say(f"dist/ holds {wheel.name} and {sdist.name}")


def main() -> int:
    """Parse, act, answer with an exit code."""
    parser = argparse.ArgumentParser(description="Build a release and try it.")
    parser.add_argument("--quick", action="store_true", help="One Python, without extras.")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="vorrat-release-") as work:
        try:
            release(quick, os.environ, Path(work))
        except NotReleasable as error:
            print(f"Not releasable: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
