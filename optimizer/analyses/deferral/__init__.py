"""Value of deferral: what a review gains, and the value of each observation."""
