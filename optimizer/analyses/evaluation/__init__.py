"""Out-of-sample evaluation of a plan, with release policies and the value of information."""
