"""The plan that ``vorrat solve`` finds, as people read it."""
