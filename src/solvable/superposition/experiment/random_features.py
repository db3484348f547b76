"""Ridge regression on random features, its test error exact for each draw of examples and features."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key, Real

from solvable import require
from solvable._types import place
from solvable.randomness import generator


class RidgeTrials(NamedTuple):
    """Mean squared errors of fitted predictors.

    Attributes:
        test: ``(settings, trials)``; on all fresh inputs there are, with the noise of their targets.
        train: ``(settings, trials)``; on the examples.
    """

    test: Float[np.ndarray, "settings trials"]
    train: Float[np.ndarray, "settings trials"]


def simulate_random_feature_ridge(
    samples: Real[ArrayLike, "..."],
    features: Real[ArrayLike, "..."],
    *,
    eigenvalues: Float[ArrayLike, " modes"],
    coefficients: Float[ArrayLike, " modes"],
    ridge: Real[ArrayLike, "..."],
    key: Key[Array, ""],
    noise: Real[ArrayLike, "..."] = 0.0,
    trials: int = 8,
) -> RidgeTrials:
    r"""Fit the problem of :func:`random_feature_ridge_risk` with Gaussian eigenfunctions.

    With :math:`\phi_i(x)` independent unit Gaussians the predictor is linear in them, :math:`\hat f = \sum_i \hat v_i
    \phi_i`, and its test error is :math:`|v - \hat v|^2 + \sigma^2`, without a test set.

    Each trial draws examples and features once; a setting takes the first ``n`` and ``k`` of them. So the settings'
    errors are not independent, and each mean is.

    Args:
        samples: ``n``; whole numbers, one for all settings or one for each, as for what follows.
        features: ``k``; whole numbers.
        eigenvalues: :math:`\lambda`, ``(modes,)``; positive.
        coefficients: ``v``, ``(modes,)``; of the target.
        ridge: :math:`\delta`; positive.
        key: the source of randomness.
        noise: :math:`\sigma^2`; variance of what is added to each target, not negative.
        trials: draws of examples, features and noise.

    Returns:
        Errors of each setting in each trial.

    Raises:
        ValueError: an argument lies outside its domain, or the shapes do not match.

    Source: the setting of Simon et al. (2024), section 4.
    """
    require.integer(1, samples=samples, features=features, trials=trials)
    require.positive(ridge=ridge)
    require.non_negative(noise=noise)
    require.shape((None,), eigenvalues=eigenvalues)
    require.shape(np.shape(eigenvalues), coefficients=coefficients)
    require.positive(eigenvalues=eigenvalues)
    require.finite(coefficients=coefficients)
    settings = np.broadcast_arrays(*np.atleast_1d(samples, features, ridge, noise))
    require.shape((None,), settings=settings[0])
    lam, v = (np.asarray(values) for values in (eigenvalues, coefficients))
    most, widest = int(settings[0].max()), int(settings[1].max())
    draw = generator(key)
    found = []
    for _ in range(trials):
        phi = draw.normal(size=(most, lam.size)).astype(lam.dtype)
        projection = draw.normal(size=(widest, lam.size)).astype(lam.dtype) * np.sqrt(lam)
        arrays = phi @ projection.T, phi @ v, draw.normal(size=most).astype(lam.dtype), projection, v
        found.append(_fits(*map(place, arrays), *(place(setting, lam.dtype) for setting in settings)))
    test, train = (np.stack(part, axis=1) for part in zip(*found, strict=True))
    return RidgeTrials(test, train)


@jax.jit
def _fits(features, target, unit_noise, projection, v, samples, counts, ridges, variances):
    """Test and training error for each setting: every one is padded to the largest, so that all share a program."""
    at, along = jnp.arange(len(target), dtype=v.dtype), jnp.arange(len(projection), dtype=v.dtype)

    def fit(setting):
        n, k, ridge, variance = setting
        y = jnp.where(at < n, target + jnp.sqrt(variance) * unit_noise, 0)
        used = jnp.where(along < k, 1 / jnp.sqrt(k), 0)
        psi = jnp.where(at[:, None] < n, features * used, 0)
        gram = psi @ psi.T + ridge * jnp.eye(len(y), dtype=v.dtype)
        dual = jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(gram), y)
        guess = (dual @ psi * used) @ projection
        # the residuals of the examples are the ridge times the dual variables
        return jnp.sum((v - guess) ** 2) + variance, ridge**2 * jnp.sum(dual**2) / n

    return jax.lax.map(fit, (samples, counts, ridges, variances))
