"""Rules that the explorables of a chapter may be held to, beside those of ``test_explorables.py`` for all of them."""

import json
import subprocess
import sys

SINGLE = """
import json, sys
import numpy as np
from solvable import explore

for identity, settings in json.load(sys.stdin).items():
    for at in settings:
        for name, result in explore.find(identity).evaluate(**at).items():
            assert result.dtype == np.float32
            assert np.isfinite(result).all(), (identity, name, at)
"""


def check_finite_in_single_precision(explorables):
    """As in a notebook that has not asked for double: a Python of its own, since precisions do not mix in one."""
    settings = {one.id: one.corners() + one.random_points(10) for one in explorables}
    given = {"input": json.dumps(settings), "capture_output": True, "text": True, "check": False}
    run = subprocess.run([sys.executable, "-c", SINGLE], **given)
    assert run.returncode == 0, run.stderr


def check_positive_on_log_axes(explorable):
    """A curve on an axis that can be logarithmic has no point that cannot be drawn there."""
    for at in explorable.corners() + explorable.random_points(20):
        results = explorable.evaluate(**at)
        for panel in explorable.panels:
            for axis, which in ((panel.x, "x"), (panel.y, "y")):
                if "log" in axis.scales:
                    assert all((results[getattr(curve, which)] > 0).all() for curve in panel.curves), at
