"""What a scenario file may say and what a result says."""
