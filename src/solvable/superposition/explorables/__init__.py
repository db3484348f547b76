"""What the reader can move in Chapter 4."""

from .frames import FRAMES
from .pentagon import PENTAGON
from .widths import WIDTHS

EXPLORABLES = (PENTAGON, FRAMES, WIDTHS)
