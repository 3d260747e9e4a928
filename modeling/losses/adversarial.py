"""What a discriminator and the network it judges learn from its scores.

An adversarial loss has three methods, each from logits of any shape to a scalar:

- `forward(scores, is_real)`: how far the scores are from calling every picture real (or fake);
- `for_discriminator(fake, real)`: what the discriminator minimises, from its scores of both;
- `for_generator(fake, real)`: what the judged network minimises. The scores of the real pictures
  may be None unless the class says `generator_needs_real`.

The generator's loss is the non-saturating one throughout. No loss here applies a sigmoid to
anything but logits, and none makes labels of a fixed size, so a short last batch works.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn
from torch.nn import functional as F

from modeling.registries import ADVERSARIAL_LOSSES


class AdversarialLoss(nn.Module, ABC):
    """The contract, and the two players' losses as most papers have them."""

    generator_needs_real = False

    @abstractmethod
    def forward(self, scores: Tensor, is_real: bool) -> Tensor:
        """A scalar, from logits of any shape."""

    def for_discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """The loss of the discriminator, from its scores of fake and of real pictures."""
        return self(real, True) + self(fake, False)

    def for_generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The loss of the judged network, from the discriminator's scores of its pictures."""
        return self(fake, True)


@ADVERSARIAL_LOSSES.register
class Vanilla(AdversarialLoss):
    """Binary cross entropy: Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014.

    `forward(scores, is_real)`: logits of any shape -> scalar.
    """

    def forward(self, scores: Tensor, is_real: bool) -> Tensor:
        # -log sigmoid(s) for real, -log(1 - sigmoid(s)) for fake, without overflow.
        return F.softplus(-scores if is_real else scores).mean()


@ADVERSARIAL_LOSSES.register
class LeastSquares(AdversarialLoss):
    """Half the squared distance to 1 or 0: Mao et al., "LSGAN", ICCV 2017, equation 9.

    `forward(scores, is_real)`: scores of any shape -> scalar.
    """

    def forward(self, scores: Tensor, is_real: bool) -> Tensor:
        return 0.5 * (scores - float(is_real)).square().mean()


@ADVERSARIAL_LOSSES.register
class Hinge(AdversarialLoss):
    """Scores beyond a margin of 1 count no more: Lim and Ye, "Geometric GAN", 2017.

    `forward(scores, is_real)`: scores of any shape -> scalar, the discriminator's half; the
    generator minimises the negative mean score, which has no margin.
    """

    def forward(self, scores: Tensor, is_real: bool) -> Tensor:
        return F.relu(1 - scores if is_real else 1 + scores).mean()

    def for_generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The negative mean score of the judged network's pictures."""
        return -fake.mean()


@ADVERSARIAL_LOSSES.register
class Relativistic(Vanilla):
    """Asks whether a real picture is more real than the average fake, and a fake one less.

    The relativistic average GAN: Jolicoeur-Martineau, "The relativistic discriminator", ICLR 2019,
    as in ESRGAN. `forward(scores, is_real)` is the cross entropy of scores that are already
    relative; the averages are over one process's batch.
    """

    generator_needs_real = True

    def for_discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """The loss of the discriminator, from its scores of fake and of real pictures."""
        return self(real - fake.mean(), True) + self(fake - real.mean(), False)

    def for_generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The loss of the judged network: the discriminator's with the two sides exchanged.

        Raises:
            ValueError: the scores of the real pictures are not given.
        """
        if real is None:
            raise ValueError("a relativistic loss needs the scores of the real pictures too")
        return self.for_discriminator(fake=real, real=fake)
