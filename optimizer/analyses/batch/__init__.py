"""Many scenarios, variants and settings, solved in parallel."""
