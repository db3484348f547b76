"""What the reader can move in Chapter 5."""

from .clock import CLOCK
from .plane import PLANE
from .precision import PRECISION
from .tails import TAILS

EXPLORABLES = (PRECISION, TAILS, CLOCK, PLANE)
