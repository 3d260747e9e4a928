"""Building blocks that more than one architecture uses."""
