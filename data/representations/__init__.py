"""What a classifier sees of a picture; every module here is imported by the room."""
