"""Image to image networks, one file each."""
