"""How good a plan is: on states it was not made for, by a rule, and against what could be known."""
