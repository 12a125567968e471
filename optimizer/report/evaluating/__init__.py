"""How good a plan is: sentences and sections of evaluations."""
