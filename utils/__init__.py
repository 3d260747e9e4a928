"""What every room may use: registry, errors, logging, files, images, plots."""
