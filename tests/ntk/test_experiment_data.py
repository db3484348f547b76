"""The data sets: points that lie where they should, draws that repeat nothing, and a function of one direction."""

import inspect

import jax
import numpy as np
import pytest
import sklearn.datasets

from solvable.ntk.experiment import absolute_value_task, circle, circle_task, digits, mnist

ROUNDING = {"rtol": 0, "atol": 4e-16}  # two roundings of numbers of at most 1


def _sorted_rows(images):
    rows = np.column_stack([images.labels, images.x])
    return rows[np.lexsort(rows.T)]


def test_points_of_the_circle_are_the_complex_exponentials():
    angles = np.random.default_rng(0).uniform(-7, 7, 9)
    expected = np.exp(1j * angles)
    np.testing.assert_allclose(circle(angles), np.column_stack([expected.real, expected.imag]), **ROUNDING)


def test_the_task_on_the_circle_is_half_the_sine_of_twice_the_angle():
    angles, test_angles = np.linspace(0, 5, 7), np.array([1.0, -2.0])
    task = circle_task(angles, test_angles)
    np.testing.assert_allclose(task.y, np.sin(2 * angles) / 2, **ROUNDING)
    np.testing.assert_allclose(np.arctan2(task.x[:, 1], task.x[:, 0]) % (2 * np.pi), angles, rtol=0, atol=2e-15)
    np.testing.assert_allclose(np.arctan2(task.x_test[:, 1], task.x_test[:, 0]), test_angles, **ROUNDING)


def test_all_digits_are_those_that_scikit_learn_ships_each_once(key):
    x, labels = sklearn.datasets.load_digits(return_X_y=True)
    drawn = digits(1797, key=key)
    expected = np.column_stack([labels, x * 0.0625])  # brightness from 0 to 16
    np.testing.assert_array_equal(_sorted_rows(drawn), expected[np.lexsort(expected.T)])
    assert (drawn.x.min(), drawn.x.max()) == (0.0, 1.0)
    assert np.issubdtype(drawn.labels.dtype, np.integer)


def test_a_draw_of_digits_repeats_none_and_keeps_each_with_its_label(key):
    x, labels = sklearn.datasets.load_digits(return_X_y=True)
    names = {tuple(pixels): label for pixels, label in zip(x / 16, labels, strict=True)}
    drawn = digits(900, key=key)
    assert drawn.x.shape == (900, 64)
    assert drawn.labels.tolist() == [names[tuple(pixels)] for pixels in drawn.x]
    # no two of the 1797 pictures are the same, so a repeated picture would be a repeated draw
    assert len(names) == 1797
    assert len(np.unique(drawn.x, axis=0)) == 900


def test_the_same_key_draws_the_same_digits_and_another_key_others(key):
    first, again, other = (digits(50, key=k) for k in (key, key, jax.random.key(1)))
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.x != other.x).any(axis=1).mean() > 0.9
    assert (first.x != sklearn.datasets.load_digits().data[:50] / 16).any(axis=1).mean() > 0.9


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (0, "examples must be a whole number of at least 1, got 0"),
        (1798, "examples must be between 1 and 1797, got 1798"),
    ],
)
def test_digits_rejects_a_number_that_there_is_not(examples, message, key):
    with pytest.raises(ValueError, match=message):
        digits(examples, key=key)


@pytest.fixture
def openml(monkeypatch):
    """Put ten pictures of three pixels in the place of the network; give the calls that were made."""
    calls, real = [], inspect.signature(sklearn.datasets.fetch_openml)

    def fetch(*args, **kwargs):
        calls.append(real.bind(*args, **kwargs).arguments)
        # OpenML has labels as strings
        return np.outer(np.arange(10.0), [5.1, 10.2, 25.5]), np.array([str(i) for i in range(10)], dtype=object)

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    return calls


def test_mnist_is_a_draw_from_what_openml_has(openml, key):
    drawn = mnist(10, key=key)
    assert sorted(drawn.labels.tolist()) == list(range(10))
    assert np.issubdtype(drawn.labels.dtype, np.integer)
    # brightness from 0 to 255; two roundings
    np.testing.assert_allclose(drawn.x, np.outer(drawn.labels, [0.02, 0.04, 0.1]), rtol=4e-16)
    few, again, other = (mnist(4, key=k) for k in (key, key, jax.random.key(1)))
    assert len(set(few.labels.tolist())) == 4
    assert few.labels.tolist() == again.labels.tolist() != other.labels.tolist()


def test_mnist_asks_for_the_first_version_as_arrays_in_the_folder_it_is_given(openml, key, tmp_path):
    mnist(1, key=key, folder=tmp_path)
    mnist(1, key=key)
    # "liac-arff" needs no pandas, which the package does not ask for
    asked = {"name": "mnist_784", "version": 1, "return_X_y": True, "as_frame": False, "parser": "liac-arff"}
    assert openml == [asked | {"data_home": tmp_path}, asked | {"data_home": None}]


def test_mnist_rejects_more_than_there_are(openml, key):
    with pytest.raises(ValueError, match="examples must be between 1 and 10, got 11"):
        mnist(11, key=key)


def test_the_function_of_one_direction_has_mean_0_and_variance_1(key):
    task, y_test = absolute_value_task(3, 20000, 20000, key=key)
    for y in (task.y, y_test):
        # four standard errors
        assert abs(y.mean()) < 4 / np.sqrt(20000)
        assert abs(y.var() - 1) < 4 * np.sqrt((np.mean((y - y.mean()) ** 4) - 1) / 20000)


def test_its_inputs_are_standard_normal_and_all_different(key):
    task, _ = absolute_value_task(3, 20000, 5000, key=key)
    x = np.concatenate([task.x, task.x_test])
    assert task.x.shape == (20000, 3)
    assert task.x_test.shape == (5000, 3)
    # five standard errors of twelve entries, of variance 1 or 2
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=5 / np.sqrt(25000))
    np.testing.assert_allclose(x.T @ x / 25000, np.eye(3), atol=5 * np.sqrt(2 / 25000))
    assert len(np.unique(x, axis=0)) == 25000


def test_it_is_the_size_of_one_unit_direction_alone(key):
    task, y_test = absolute_value_task(4, 30, 20, key=key)
    x, y = np.concatenate([task.x, task.x_test]), np.concatenate([task.y, y_test])
    # the mean of |z| is sqrt(2/pi) and its square has mean 1
    size = np.sqrt(2 / np.pi) + y * np.sqrt(1 - 2 / np.pi)
    assert (size >= 0).all()
    # its square is a quadratic form of ten coefficients, which fifty inputs determine
    rows, columns = np.triu_indices(4)
    fit, *_ = np.linalg.lstsq(x[:, rows] * x[:, columns], size**2)
    form = np.zeros((4, 4))
    form[rows, columns] = fit
    # rounding of a well-conditioned fit of numbers of order 10
    np.testing.assert_allclose(np.linalg.eigvalsh((form + form.T) / 2), [0, 0, 0, 1], rtol=0, atol=1e-12)


def test_the_direction_comes_from_the_key_and_the_key_alone(key):
    (first, first_test), (again, again_test) = (absolute_value_task(4, 6, 5, key=key) for _ in range(2))
    np.testing.assert_array_equal(np.concatenate([first.y, first_test]), np.concatenate([again.y, again_test]))
    np.testing.assert_array_equal(first.x_test, again.x_test)
    other, _ = absolute_value_task(4, 6, 5, key=jax.random.key(1))
    assert (first.x != other.x).all()
