"""The kinds of part that make up the modeling room."""

from utils.registry import Registry

ARCHITECTURES = Registry("architecture")
DISCRIMINATORS = Registry("discriminator")
LOSSES = Registry("loss")
ADVERSARIAL_LOSSES = Registry("adversarial loss")
