"""The container file and what the pages show for clusters agree, and their scripts run.

A container engine and Kubernetes are not there; the parts of Slurm and Snakemake are played.
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
from types import SimpleNamespace
from typing import Any

import click
import pytest
import yaml
from code_blocks import as_reader, reader_folder

from optimizer.cli import vorrat

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


def objects() -> list[Any]:
    texts = fenced("cluster", "yaml")
    return [one for text in texts for one in yaml.safe_load_all(text)]


def pods() -> dict[str, Any]:
    """The pods of all manifests, by kind, or by part of a cluster of dask."""
    found = {}
    for one in objects():
        if one["kind"] == "DaskCluster":
            found |= {part: one["spec"][part]["spec"] for part in ("scheduler", "worker")}
        elif "template" in one["spec"]:
            found[one["kind"]] = one["spec"]["template"]["spec"]
    return found


PODS = pods()


def test_all_pods_are_found() -> None:
    assert set(PODS) == {"Job", "scheduler", "worker"}


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


@pytest.mark.parametrize("pod", PODS)
def test_pods_are_those_of_the_image(pod: str) -> None:
    """Its user, no right, and no folder to write to but those that are mounted."""
    spec = PODS[pod]
    who, (container,) = spec["securityContext"], spec["containers"]
    assert who["runAsNonRoot"]
    assert f"{who['runAsUser']}:{who['runAsGroup']}" == last("USER")
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    name = "vorrat-cluster" if container["args"][0] == "dask" else "vorrat"
    assert container["image"] == f"registry.example.org/{name}:{VERSION}"
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert set(mounts) == {one["name"] for one in spec["volumes"]}
    assert mounts["tmp"] == last("WORKDIR")
    for option in ("--out", "--tls-ca-file", "--tls-cert", "--tls-key"):
        if option in container["args"]:
            path = Path(container["args"][container["args"].index(option) + 1])
            assert any(path.is_relative_to(folder) for folder in mounts.values()), option


@pytest.mark.parametrize("pod", ["Job"])
def test_commands_of_pods_are_taken(pod: str) -> None:
    name, *options = PODS[pod]["containers"][0]["args"]
    options = [__file__ if one.startswith("/run/") else one for one in options]
    command = vorrat.get_command(click.Context(vorrat), name)
    assert command is not None
    command.make_context(name, options, parent=click.Context(vorrat))


def directives(snakefile: str) -> dict[str, dict[str, str]]:
    """The rules of a Snakefile, and what each says, as Python between brackets."""
    rules: dict[str, dict[str, str]] = {}
    for name, body in re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", snakefile, re.MULTILINE):
        parts = re.split(r"^    (\w+):", body, flags=re.MULTILINE)[1:]
        rules[name] = dict(zip(parts[::2], parts[1::2], strict=True))
    return rules


SNAKEFILES = fenced("cluster", "snakemake")


@pytest.mark.parametrize("snakefile", SNAKEFILES)
def test_rules_are_python_and_their_commands_are_taken(snakefile: str) -> None:
    rules = directives(snakefile)
    assert list(rules) == ["all", "solve", "compare"]
    for rule, said in rules.items():
        for directive, text in said.items():
            compile(f"_({text})", f"{rule}: {directive}", "eval")
    for rule in ("solve", "compare"):
        shell = "".join(re.findall(r'"(.*)"', rules[rule]["shell"]))
        named = set(re.findall(r"--[a-z-]+", shell.replace("--files-with-matches", "")))
        command = vorrat.get_command(click.Context(vorrat), rule)
        assert command is not None
        assert named <= {option for one in command.params for option in one.opts}


def test_there_are_two_snakefiles() -> None:
    assert len(SNAKEFILES) == 2


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


SLURM = {
    "bin/srun": """\
#!/bin/bash
while [[ $1 == --* ]]; do shift; done
exec "$@"
""",
    "bin/sbatch": """\
#!/bin/bash -e
case $1 in
  --array=0-*%8)
    last=${1#--array=0-}
    for ((task = 0; task <= ${last%\\%8}; task++)); do
      SLURM_ARRAY_TASK_ID=$task SLURM_CPUS_PER_TASK=1 bash "$2"
    done ;;
  --dependency=afterok:*) [ "$2" = --wrap ]; bash -c "$3" ;;
  *) exit 2 ;;
esac
""",
    "reader/dask_jobqueue.py": """\
from distributed import LocalCluster

class SLURMCluster(LocalCluster):
    def __init__(self, protocol, security, scheduler_options, **_ours):
        found = {"protocol": protocol, "security": security, "scheduler_kwargs": scheduler_options}
        super().__init__(n_workers=0, processes=False, **found)

    def scale(self, jobs):
        super().scale(1)
""",
}
"""What is played of it: steps and tasks run at once, on this machine, one after the other."""


@pytest.mark.slow
def test_clusters_answer_as_documented(tmp_path: Path) -> None:
    folder = reader_folder(tmp_path)
    for name, text in SLURM.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    certificates, settings, by_hand, array, submitted, allocation = fenced("cluster", "bash")
    (folder / "array.sh").write_text(array, encoding="utf-8")
    (folder / "runs.txt").write_text(fenced("cluster", "text")[0], encoding="utf-8")
    (program,) = fenced("cluster", "python")
    (folder / "program.py").write_text(program, encoding="utf-8")

    with script(certificates, folder):
        assert not (folder / "ca.key").exists()
    with script(settings + by_hand, folder):
        assert solved(folder / "runs") == 2
    with script(submitted, folder):
        assert len([*folder.glob("plans/*/plan.json")]) == 3
        assert (folder / "comparison" / "comparison.json").exists()
    shutil.rmtree(folder / "runs")
    with script(settings + allocation, folder, SLURM_CPUS_PER_TASK="2", SLURM_JOB_ID="7"):
        assert solved(folder / "runs") == 2
    with script(settings + "python program.py", folder):
        assert "--scheduler tls://127.0.0.1:" in (folder / "output.txt").read_text(encoding="utf-8")


def solved(folder: Path) -> int:
    """How many runs of a batch are whole."""
    lines = (folder / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    return sum(json.loads(line)["status"] == "optimal" for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("snakefile", SNAKEFILES)
def test_workflow_rules_write_their_declared_outputs(snakefile: str, tmp_path: Path) -> None:
    """In the order and with the files that Snakemake would choose."""
    folder = reader_folder(tmp_path)
    rules, made = directives(snakefile), []
    for name in ("low", "high"):
        shutil.copyfile(TUTORIAL, folder / "scenarios" / f"{name}.yaml")
        files = {key: rules["solve"][key].strip().strip('"') for key in ("input", "output", "log")}
        given = {key: text.format(name=name) for key, text in files.items()}
        made.append(given["output"])
        (folder / given["output"]).parent.mkdir(parents=True, exist_ok=True)
        with script(filled(rules["solve"]["shell"], name, **given), folder):
            assert (folder / given["output"]).exists()
    output = "comparison/comparison.json"
    with script(filled(rules["compare"]["shell"], "", input=" ".join(made), output=output), folder):
        assert (folder / output).exists()


def filled(shell: str, name: str, **given: str) -> str:
    """A command of a rule with its words in it."""
    text = "".join(re.findall(r'"(.*)"', shell))
    at = SimpleNamespace(out=f"plans/{name}", seconds=600)
    return text.format(params=at, resources=at, threads=1, **given)
