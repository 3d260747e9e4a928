"""From clean to degraded pictures."""
