"""What makes labelled pictures of clean ones; every module here is imported by the room."""
