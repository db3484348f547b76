"""What the reader can move in Chapter 4."""

from .pentagon import PENTAGON

EXPLORABLES = (PENTAGON,)
