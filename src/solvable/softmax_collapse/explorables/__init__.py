"""What the reader can move in Chapter 5."""

from .plane import PLANE
from .precision import PRECISION

EXPLORABLES = (PRECISION, PLANE)
