"""Showing the code of a formula."""

from solvable import source


def documented(x):
    """Say what it does.

    And more.
    """
    # a comment that belongs to the code
    return x + 1


def bare(x):
    return 2 * x


def test_the_docstring_goes_and_the_comment_stays():
    expected = ["def documented(x):", "    # a comment that belongs to the code", "    return x + 1"]
    assert source.body(documented).splitlines() == expected


def test_a_function_without_docstring_is_shown_whole():
    assert source.body(bare) == "def bare(x):\n    return 2 * x"


def test_outside_a_notebook_the_code_is_printed(capsys):
    source.show(bare)
    assert capsys.readouterr().out == "def bare(x):\n    return 2 * x\n"
