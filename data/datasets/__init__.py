"""From disk to samples."""
