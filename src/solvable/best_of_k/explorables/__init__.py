"""What the reader can move in Chapter 6."""

from .coverage import COVERAGE
from .curve import CURVE
from .judge import JUDGE
from .temperature import TEMPERATURE
from .verifier import VERIFIER

EXPLORABLES = (JUDGE, CURVE, TEMPERATURE, COVERAGE, VERIFIER)
