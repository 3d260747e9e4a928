"""The kinds of part that make up the modeling room."""

from utils.registry import Registry

ARCHITECTURES = Registry("architecture")
LOSSES = Registry("loss")
