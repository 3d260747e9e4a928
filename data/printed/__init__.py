"""Print that is laid out on the fly, and what a camera makes of it."""
