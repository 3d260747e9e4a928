"""Convolutions of Pellucid's own for restoring on a CPU, in C."""
