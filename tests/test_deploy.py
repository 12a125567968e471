"""The container file and what the pages show for clusters hang together and can be read.

Nothing is built or started here: that takes a container engine, Slurm, Kubernetes or Snakemake.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from models import version
