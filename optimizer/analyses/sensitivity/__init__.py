"""What the answer rests on: each uncertain number low and high, and where the decision turns."""
