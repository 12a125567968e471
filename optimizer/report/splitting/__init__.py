"""What joint action is worth and how it may be shared: sentences and sections of splits."""
