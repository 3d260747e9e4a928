"""Restoring a part of a picture: find it, cut it out, restore it, put it back."""
