"""Proof of a plan's bound, which another solver can verify."""

from typing import Literal

from models.results.base import InMeasureUnit, JsonDocument, Status, UnboundedShare, Versions
from models.results.manifest import Sha256

PROGRAM_FILE, PROGRAM_NAMES_FILE = "program.mps", "program.names.csv"
CUTS_FILE, SOLUTION_FILE, PROOF_PLAN_FILE = "cuts.json", "plan.sol", "plan.json"
SCENARIO_FILE, PROOF_FILE = "scenario.json", "proof.json"
PROOF_FILES = (PROGRAM_FILE, CUTS_FILE, SOLUTION_FILE, PROOF_PLAN_FILE, SCENARIO_FILE, PROOF_FILE)
"""Files that every proof has. ``program.names.csv`` is there if names had to be changed."""


class BoundProof(JsonDocument):
    """What `vorrat solve --keep-proof` proves, and the files that prove it.

    ``program.mps`` is a program whose optimal value is a lower bound on the objective of every plan
    and at least ``bound``. `vorrat verify` checks this and all other statements by another solver.
    """

    kind: Literal["proof"] = "proof"
    method: Literal["extensive", "decomposition"]
    """Method of the solve. After ``extensive`` the program is the extensive form and has no cuts;
    after ``decomposition`` it is the first stage with all cuts."""
    objective: InMeasureUnit  #: Objective of the plan.
    bound: InMeasureUnit  #: Lower bound on the objective of every plan.
    gap: UnboundedShare | None  #: Difference between objective and bound, as in the certificate.
    gap_target: UnboundedShare  #: Gap at which the search was to end.
    status: Status  #: Status of the plan: ``optimal`` or ``limit``.
    cuts: int  #: Number of cuts in the program.
    states: int  #: Number of states of the world, over all assumption sets.
    input_sha256: Sha256  #: Hash of the scenario, as in the certificate of the plan.
    files: dict[str, Sha256]  #: SHA-256 of each file, by name.
    versions: Versions  #: Versions of Vorrat and of the libraries that it used.
