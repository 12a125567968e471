"""The container file and what the pages show for clusters agree, and their scripts run.

A container engine and Kubernetes are not there; the parts of Slurm are played.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from code_blocks import as_reader, reader_folder

ROOT = Path(__file__).parents[1]
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", "")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
PAGES = ("cluster", "server")
TUTORIAL = ROOT / "scenarios" / "tutorial.yaml"
LOCK = (ROOT / "requirements" / "test.lock").read_text(encoding="utf-8")


def fenced(page: str, *languages: str) -> list[str]:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```$", text, re.M | re.S)


def last(instruction: str) -> str:
    """What the last instruction of this name says: that of the stage that is kept."""
    return re.findall(rf"^{instruction} (.*)$", CONTAINERFILE, re.MULTILINE)[-1]


SCRIPTS = [(page, text) for page in PAGES for text in fenced(page, "sh", "bash")]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("script", [text for _, text in SCRIPTS])
def test_scripts_can_be_read(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_copied_is_there() -> None:
    sources = [line.split()[:-1] for line in re.findall(r"^COPY (?!--)(.*)$", CONTAINERFILE, re.M)]
    assert sources
    assert [one for line in sources for one in line if not (ROOT / one).exists()] == []


def test_what_is_added_and_removed_is_locked() -> None:
    """Of what built the image, and of what a cluster takes."""
    found = re.search(r"uninstall --yes ([\w -]+)", CONTAINERFILE)
    added = re.search(r"versions\.txt ([\w ]+);", CONTAINERFILE)
    assert found
    assert added
    for name in [*found[1].split(), *added[1].split()]:
        assert re.search(rf"^{name}==", LOCK, re.MULTILINE), name


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
@pytest.mark.parametrize(
    ("given", "run"),
    [
        (["batch", "/a b/*.yaml"], "<vorrat> <batch> </a b/*.yaml>"),
        (["dask", "worker"], "<dask> <worker>"),
        ([], "<vorrat>"),
    ],
)
def test_the_image_runs_what_it_is_given(given: list[str], run: str) -> None:
    *shell, script, name = json.loads(last("ENTRYPOINT"))
    script = script.replace("cp -R /opt/vorrat/compiled /tmp", "true")
    reported = script.replace('exec "$@"', "printf '<%s>\\n' \"$@\"")
    assert reported != script
    done = subprocess.run(
        [*shell, reported, name, *given], text=True, capture_output=True, check=True
    )
    assert done.stdout.split("\n")[:-1] == run.replace("> <", ">\n<").split("\n")


@contextmanager
def script(text: str, folder: Path, **settings: str) -> Iterator[None]:
    """What bash has run, until what it left in the background is ended."""
    with (folder / "output.txt").open("w", encoding="utf-8") as reported:
        process = subprocess.Popen(
            ["bash", "-euc", text],
            cwd=folder,
            env=as_reader(folder) | settings,
            stdin=subprocess.PIPE,
            stdout=reported,
            stderr=reported,
            start_new_session=True,
        )
    try:
        process.communicate(b"\n", timeout=300)
        assert process.returncode == 0, (folder / "output.txt").read_text(encoding="utf-8")
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


SBATCH = """\
#!/bin/bash -e
last=${1#--array=0-}
for ((task = 0; task <= last; task++)); do
  SLURM_ARRAY_TASK_ID=$task SLURM_CPUS_PER_TASK=1 bash "$2"
done
"""
"""What is played of Slurm: runs on this machine, one after the other."""


@pytest.mark.slow
def test_clusters_answer_as_documented(tmp_path: Path) -> None:
    folder = reader_folder(tmp_path)
    (tmp_path / "bin" / "sbatch").write_text(SBATCH, encoding="utf-8")
    (tmp_path / "bin" / "sbatch").chmod(0o755)
    certificates, settings, by_hand, array, submitted = fenced("cluster", "bash")
    (folder / "array.sh").write_text(array, encoding="utf-8")
    (folder / "runs.txt").write_text(fenced("cluster", "text")[0], encoding="utf-8")

    with script(certificates, folder):
        assert not (folder / "ca.key").exists()
    with script(settings + by_hand, folder):
        assert solved(folder / "runs") == 2
    with script(submitted, folder):
        assert len([*folder.glob("plans/*/plan.json")]) == 2


def solved(folder: Path) -> int:
    """How many runs of a batch are whole."""
    lines = (folder / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    return sum(json.loads(line)["status"] == "optimal" for line in lines)
