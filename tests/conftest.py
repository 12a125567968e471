"""Tests run the same whatever the language of the machine."""

from __future__ import annotations

import os

os.environ["VORRAT_LANGUAGE"] = "en"
