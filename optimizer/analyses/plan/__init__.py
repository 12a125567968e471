"""The document of a plan, as ``vorrat solve`` writes it."""
