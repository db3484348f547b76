"""The embedding of a language model: 32 000 features in 256 dimensions."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import Float

PACKAGE = "wordllama"
WEIGHTS = "weights/l2_supercat_256.safetensors"


def language_model_embedding() -> Float[np.ndarray, "32000 256"]:
    """The token embedding that the package WordLlama ships, a row for each of 32 000 tokens.

    It was distilled from the embeddings of two large language models, and trained so that the first 64 or 128 columns
    are an embedding of their own. Only the file of weights is read; nothing is downloaded.

    Returns:
        The embedding, in single precision.

    Raises:
        ModuleNotFoundError: the package is not installed; ``pip install "solvable[embedding]"`` installs it.

    Source: WordLlama 0.4, by L. Miller (MIT licence).
    """
    found = find_spec(PACKAGE)
    if found is None:
        raise ModuleNotFoundError(f'{PACKAGE} is missing: pip install "solvable[embedding]"')
    from safetensors.numpy import load_file  # comes with the package

    (folder,) = found.submodule_search_locations
    (weights,) = load_file(Path(folder) / WEIGHTS).values()
    return weights.astype(np.float32)
