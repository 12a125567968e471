"""Value of deferral: the gain from a review, and the value of each observation."""
