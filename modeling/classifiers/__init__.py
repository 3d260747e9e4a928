"""Image to label networks, one file each; every module here is imported by the room."""
