"""Show the code of a formula where the formula is explained: from its source, never a copy that could grow old."""

import ast
import inspect
import textwrap
from collections.abc import Callable

from IPython import get_ipython
from IPython.display import display


def body(function: Callable) -> str:
    """The source text of a function without its docstring and its decorators."""
    text = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    definition = ast.parse(text).body[0]
    lines = text.splitlines()
    documented = ast.get_docstring(definition) is not None
    signature_end = definition.body[0].lineno - 1
    first = definition.body[1].lineno - 1 if documented else signature_end
    # a comment above the first statement belongs to it
    while documented and first > definition.body[0].end_lineno and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return "\n".join(lines[definition.lineno - 1 : signature_end] + lines[first:])


def show(function: Callable) -> None:
    """Display the code of ``function``, highlighted where the page or the notebook can do so."""
    text = body(function)
    if get_ipython() is None:
        print(text)
    else:
        display({"text/plain": text, "text/markdown": f"```python\n{text}\n```"}, raw=True)
