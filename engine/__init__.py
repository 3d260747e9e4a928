"""What happens to models: training, measuring, checkpoints, and restoring one picture."""
