"""Bayesian linear regression on drawn data: the posterior, and one answer's law at each input."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float, Key, Real

from solvable import require
from solvable._types import place
from solvable.randomness import generator


class RegressionTask(NamedTuple):
    """Data of one draw.

    Attributes:
        features: ``(n, d)``; inputs divided by the root of their dimension.
        labels: ``(n,)``; the teacher's values with noise.
        teacher: ``(d,)``; its weights.
    """

    features: Float[np.ndarray, "n d"]
    labels: Float[np.ndarray, " n"]
    teacher: Float[np.ndarray, " d"]


class Posterior(NamedTuple):
    """Gaussian law of the weights, given the data.

    Attributes:
        mean: ``(d,)``.
        covariance: ``(d, d)``.
    """

    mean: Float[Array, " d"]
    covariance: Float[Array, "d d"]


class Predictive(NamedTuple):
    """Gaussian law of one sampled answer, at each input.

    Attributes:
        mean: ``(m,)``.
        variance: ``(m,)``; the label's noise included.
    """

    mean: Float[Array, " m"]
    variance: Float[Array, " m"]


@dataclass(frozen=True)
class BayesianLinearRegression:
    r"""Linear regression with a Gaussian prior and Gaussian noise of known size.

    .. math::

        y = w \cdot \phi + \sigma \varepsilon, \qquad w \sim \mathcal N(0, \gamma^2 I)

    The prior may be wrong: :math:`\gamma` need not be the scale of the teacher's weights.

    Attributes:
        noise: :math:`\sigma`, positive.
        prior_scale: :math:`\gamma`, positive.

    >>> model = BayesianLinearRegression(noise=1.0, prior_scale=1.0)
    >>> posterior = model.posterior(np.ones((3, 1)), np.full(3, 4.0))
    >>> print(posterior.mean, model.predictive(posterior, np.ones((1, 1))).variance)
    [3.] [1.25]
    """

    noise: float
    prior_scale: float

    def __post_init__(self) -> None:
        require.positive(noise=self.noise, prior_scale=self.prior_scale)

    def posterior(self, features: Real[np.ndarray, "n d"], labels: Real[np.ndarray, " n"]) -> Posterior:
        r"""Law of the weights given data.

        .. math::

            C = \Big( \frac{I}{\gamma^2} + \frac{\Phi^\top \Phi}{\sigma^2} \Big)^{-1}, \qquad
            \mu = \frac{C\, \Phi^\top y}{\sigma^2}

        Args:
            features: ``(n, d)``.
            labels: ``(n,)``.

        Returns:
            Mean and covariance.

        Raises:
            ValueError: the lengths differ, or a number is not finite.

        Source: standard; for example Bishop (2006), section 3.3.1.
        """
        require.shape((None, None), features=features)
        require.shape(np.shape(features)[:1], labels=labels)
        require.finite(features=features, labels=labels)
        return _posterior(place(features), place(labels), place(self.noise), place(self.prior_scale))

    def predictive(self, posterior: Posterior, features: Real[np.ndarray, "m d"]) -> Predictive:
        r"""Law of one sampled answer at each input.

        .. math:: y \mid \phi \sim \mathcal N(\mu \cdot \phi,\; \sigma^2 + \phi^\top C \phi)

        Args:
            posterior: of the weights.
            features: ``(m, d)``.

        Returns:
            Mean and variance, the label's noise included.

        Raises:
            ValueError: the inputs have another dimension than the weights.

        Source: standard; for example Bishop (2006), section 3.3.2.
        """
        require.shape((None, posterior.mean.size), features=features)
        features = place(features)
        spread = jnp.einsum("mi,ij,mj->m", features, posterior.covariance, features)
        return Predictive(features @ posterior.mean, self.noise**2 + spread)


@jax.jit
def _posterior(features: Array, labels: Array, noise: Array, prior_scale: Array) -> Posterior:
    dimension = features.shape[1]
    # times sigma^2: no division by a small noise
    precision = features.T @ features + (noise / prior_scale) ** 2 * jnp.eye(dimension, dtype=features.dtype)
    factor = (jnp.linalg.cholesky(precision), True)
    inverse = cho_solve(factor, jnp.eye(dimension, dtype=features.dtype))
    return Posterior(cho_solve(factor, features.T @ labels), noise**2 * inverse)


def draw_regression(
    samples: int,
    dimension: int,
    *,
    noise: float,
    teacher_scale: float,
    key: Key[Array, ""],
    eigenvalues: Float[np.ndarray, " d"] | None = None,
    fixed_length: bool = False,
) -> RegressionTask:
    r"""Draw a teacher, inputs and noisy labels.

    .. math::

        w_T \sim \mathcal N(0, w_0^2 I), \qquad x \sim \mathcal N(0, \Sigma), \qquad \phi = \frac{x}{\sqrt d}, \qquad
        y = w_T \cdot \phi + \sigma \varepsilon

    Args:
        samples: :math:`n`.
        dimension: :math:`d`.
        noise: :math:`\sigma`, non-negative.
        teacher_scale: :math:`w_0`, non-negative.
        key: of the draw.
        eigenvalues: ``(d,)`` of :math:`\Sigma`, which is diagonal; all one where not given.
        fixed_length: scale the teacher to its mean length, :math:`|w_T|^2 = w_0^2 d`.

    Returns:
        Features, labels and the teacher.

    Raises:
        ValueError: an argument is outside its domain.

    Source: the model of Halder and Pehlevan (2026).

    >>> draw_regression(5, 2, noise=0.1, teacher_scale=1.0, key=jax.random.key(0)).features.shape
    (5, 2)
    """
    require.integer(1, samples=samples, dimension=dimension)
    require.non_negative(noise=noise, teacher_scale=teacher_scale)
    draw = generator(key)
    teacher = draw.normal(size=dimension)
    teacher *= teacher_scale * (np.sqrt(dimension) / np.linalg.norm(teacher) if fixed_length else 1)
    features = draw_features(samples, dimension, draw, eigenvalues)
    return RegressionTask(features, features @ teacher + noise * draw.normal(size=samples), teacher)


def draw_features(
    samples: int, dimension: int, draw: np.random.Generator, eigenvalues: Float[np.ndarray, " d"] | None = None
) -> Float[np.ndarray, "n d"]:
    """Inputs of the model, ``(samples, dimension)``, divided by the root of their dimension."""
    features = draw.normal(size=(samples, dimension)) / np.sqrt(dimension)
    if eigenvalues is None:
        return features
    require.shape((dimension,), eigenvalues=eigenvalues)
    require.positive(eigenvalues=eigenvalues)
    return features * np.sqrt(eigenvalues)


class MeasuredPosterior(NamedTuple):
    """What the posteriors of several draws come to, averaged over inputs; ``(seeds,)`` each.

    Attributes:
        shrinkage: slope of the predictive mean against the teacher's value.
        predictive_variance: of one sampled answer.
        mean_risk: squared error of the predictive mean against the teacher.
    """

    shrinkage: Float[np.ndarray, " seeds"]
    predictive_variance: Float[np.ndarray, " seeds"]
    mean_risk: Float[np.ndarray, " seeds"]


def measure_posterior(
    samples: int,
    dimension: int,
    *,
    noise: float,
    prior_scale: float,
    teacher_scale: float,
    keys: Key[Array, " seeds"],
    eigenvalues: Float[np.ndarray, " d"] | None = None,
) -> MeasuredPosterior:
    r"""Posteriors of several draws, held against the teacher at every possible input.

    The average over inputs is taken exactly, from their covariance :math:`\Sigma / d`; no test inputs are drawn.

    Args:
        samples: :math:`n`.
        dimension: :math:`d`.
        noise: :math:`\sigma`, positive.
        prior_scale: :math:`\gamma`, positive.
        teacher_scale: :math:`w_0`, positive.
        keys: one for each draw.
        eigenvalues: ``(d,)`` of :math:`\Sigma`; all one where not given.

    Returns:
        One number for each draw, to be held against ``deterministic_equivalents``.

    Raises:
        ValueError: an argument is outside its domain.

    Source: derived in the chapter.
    """
    require.positive(teacher_scale=teacher_scale)
    model = BayesianLinearRegression(noise, prior_scale)
    weight = (np.ones(dimension) if eigenvalues is None else eigenvalues) / dimension
    rows = []
    for key in keys:
        task = draw_regression(
            samples, dimension, noise=noise, teacher_scale=teacher_scale, key=key, eigenvalues=eigenvalues
        )
        mean, covariance = (np.asarray(part) for part in model.posterior(task.features, task.labels))
        rows.append(
            (
                weight @ (mean * task.teacher) / (weight @ task.teacher**2),
                noise**2 + weight @ np.diag(covariance),
                weight @ (mean - task.teacher) ** 2,
            )
        )
    return MeasuredPosterior(*np.array(rows).T)
