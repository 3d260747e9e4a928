"""The kinds of part that make up the modeling room."""

from utils.registry import Registry

ARCHITECTURES = Registry("architecture")
CLASSIFIERS = Registry("classifier")
DISCRIMINATORS = Registry("discriminator")
LOSSES = Registry("loss")
ADVERSARIAL_LOSSES = Registry("adversarial loss")
