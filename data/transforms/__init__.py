"""Random augmentation of samples."""
