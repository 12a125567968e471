"""Many scenarios, variants and settings, each solved by whoever is free."""
