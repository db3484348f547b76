"""Bayesian linear regression on many random inputs: what its posterior comes to, without drawing any."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Real

from solvable import require
from solvable._types import RealLike, promote

NEWTON_STEPS = 60
"""From above, on a convex function: each step at least halves the distance until it squares it."""


class DeterministicEquivalents(NamedTuple):
    """A Bayesian linear regression in the limit of many samples and features.

    Attributes:
        ridge: :math:`R`, what the prior and the noise together amount to beside the covariance.
        shrinkage: ``(d,)``; share of the teacher's coefficient that the posterior mean keeps, in each direction.
        noise_variance: :math:`\\sigma^2`, of a label.
        posterior_variance: :math:`v`, of the prediction under the posterior, averaged over inputs.
        squared_bias: mean over inputs of the squared error of the mean if labels had no noise and the features no
            fluctuations: what shrinkage alone does.
        mean_risk: :math:`V_T`, mean over inputs of the squared error of the posterior mean.
    """

    ridge: Float[Array, ""]
    shrinkage: Float[Array, " d"]
    noise_variance: Float[Array, ""]
    posterior_variance: Float[Array, ""]
    squared_bias: Float[Array, ""]
    mean_risk: Float[Array, ""]

    @property
    def predictive_variance(self) -> Float[Array, ""]:
        """:math:`s^2`, of one sampled answer: the noise and the posterior variance."""
        return self.noise_variance + self.posterior_variance

    @property
    def bias_variance(self) -> Float[Array, ""]:
        """:math:`\\tau^2 = V_T / s^2`, of the standardised bias over inputs."""
        return self.mean_risk / self.predictive_variance

    @property
    def bias_variance_of_shrinkage(self) -> Float[Array, ""]:
        """The same from shrinkage alone."""
        return self.squared_bias / self.predictive_variance


def deterministic_equivalents(
    eigenvalues: Real[ArrayLike, " d"],
    samples: RealLike,
    *,
    teacher_variance: RealLike,
    noise: RealLike,
    prior_scale: RealLike,
) -> DeterministicEquivalents:
    r"""Posterior of a Bayesian linear regression on ``samples`` random inputs, in the proportional limit.

    Inputs :math:`\phi = x / \sqrt d` have covariance :math:`\Sigma / d` with eigenvalues :math:`\lambda_j / d`; labels
    are :math:`w_T \cdot \phi + \sigma \varepsilon`; the prior of each weight is :math:`\mathcal N(0, \gamma^2)`. With
    :math:`\alpha = d/n` and means over :math:`j`,

    .. math::

        R = \frac{\alpha \sigma^2}{\gamma^2} + \alpha \Big\langle \frac{\lambda R}{\lambda + R} \Big\rangle, \qquad
        v = \gamma^2 \Big\langle \frac{\lambda R}{\lambda + R} \Big\rangle, \qquad
        V_T = \frac{1}{1 - d_2}
        \Big[ \Big\langle \frac{\lambda R^2 w^2}{(\lambda + R)^2} \Big\rangle + \sigma^2 d_2 \Big],
        \\
        d_2 = \alpha \Big\langle \frac{\lambda^2}{(\lambda + R)^2} \Big\rangle .

    Args:
        eigenvalues: ``(d,)``, :math:`\lambda_j`, positive.
        samples: :math:`n`, positive.
        teacher_variance: :math:`w_j^2`, one or ``(d,)``, non-negative; its mean over draws where the teacher is random.
        noise: :math:`\sigma`, positive.
        prior_scale: :math:`\gamma`, positive.

    Returns:
        The equivalents; differentiable by every argument.

    Raises:
        ValueError: an argument is outside its domain, or shapes differ.

    Source: R and the mean and variance, Halder and Pehlevan (2026), as in their code; the full risk of ridge
    regression, Bach (2024), in this notation derived in the chapter.

    >>> import numpy as np
    >>> found = deterministic_equivalents(np.ones(200), 400, teacher_variance=1.0, noise=0.5, prior_scale=1.0)
    >>> print(f"{found.predictive_variance / 0.25:.3f} {found.mean_risk / 0.25:.3f}")
    1.702 0.702
    """
    require.positive(eigenvalues=eigenvalues, samples=samples, noise=noise, prior_scale=prior_scale)
    require.non_negative(teacher_variance=teacher_variance)
    if jnp.ndim(eigenvalues) != 1 or jnp.size(eigenvalues) == 0:
        raise ValueError(f"eigenvalues must lie on one axis and be at least one, got shape {jnp.shape(eigenvalues)}")
    if jnp.ndim(teacher_variance):
        require.shape(jnp.shape(eigenvalues), teacher_variance=teacher_variance)
    return _equivalents(*promote(eigenvalues, samples, teacher_variance, noise, prior_scale))


@jax.jit
def _equivalents(eigenvalues, samples, teacher_variance, noise, prior_scale):
    ratio = eigenvalues.size / samples
    bare = ratio * (noise / prior_scale) ** 2

    def missing(ridge):
        return ridge - bare - ratio * jnp.mean(eigenvalues * ridge / (eigenvalues + ridge))

    def improve(ridge):
        two = ratio * jnp.mean(eigenvalues**2 / (eigenvalues + ridge) ** 2)
        return ridge - missing(ridge) / (1 - two)

    # the root does not follow the steps when it is differentiated, but the equation that it solves
    ridge = jax.lax.custom_root(
        missing,
        bare + ratio * jnp.mean(eigenvalues),
        lambda _, start: jax.lax.fori_loop(0, NEWTON_STEPS, lambda _, ridge: improve(ridge), start),
        lambda linear, y: y / linear(jnp.ones_like(y)),
    )
    kept = eigenvalues / (eigenvalues + ridge)
    two = ratio * jnp.mean(kept**2)
    bias = jnp.mean(eigenvalues * (1 - kept) ** 2 * teacher_variance)
    return DeterministicEquivalents(
        ridge,
        kept,
        noise**2,
        prior_scale**2 * jnp.mean(kept * ridge),
        bias,
        (bias + noise**2 * two) / (1 - two),
    )
