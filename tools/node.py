"""Fetch the pinned JavaScript parts and put what the site serves into ``_build/vendor``. Standard library only.

``python -m tools.node check`` runs that script of ``package.json`` instead.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.fingerprint import BUILD, ROOT, fingerprint, is_current, mark
from tools.run import download

MODULES = ROOT / "node_modules"
VENDOR = BUILD / "vendor"
STAMP = VENDOR / ".ready"
INPUTS = ("package.json", "package-lock.json", "requirements-node.txt", "tools/node.py")
OLDEST_NODE = 20
OLDEST_NPM = 10

# below node_modules: below _build/vendor. MathJax looks for its fonts at this place beside its script.
SERVED = {
    "mathjax/es5/tex-mml-chtml.js": "mathjax/tex-mml-chtml.js",
    "mathjax/es5/output/chtml/fonts/woff-v2": "mathjax/output/chtml/fonts/woff-v2",
    "mathjax/LICENSE": "mathjax/LICENSE",
    # ONNX Runtime looks for its worker and its WebAssembly beside its module; the package ships no licence file
    "onnxruntime-web/dist/ort.wasm.min.mjs": "onnxruntime/ort.wasm.min.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.mjs": "onnxruntime/ort-wasm-simd-threaded.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm": "onnxruntime/ort-wasm-simd-threaded.wasm",
    "uplot/dist/uPlot.esm.js": "uplot/uPlot.esm.js",
    "uplot/dist/uPlot.min.css": "uplot/uPlot.min.css",
    "uplot/LICENSE": "uplot/LICENSE",
}


def _major(command: str, path: str) -> int:
    found = shutil.which(command, path=path)
    if found is None:
        return 0
    done = subprocess.run([found, "--version"], capture_output=True, text=True, env=os.environ | {"PATH": path})
    first = done.stdout.strip().removeprefix("v").partition(".")[0]
    return int(first) if done.returncode == 0 and first.isdigit() else 0


def npm_path() -> str:
    """A search path on which a recent Node and npm stand: the machine's, or those of a pinned wheel in ``.venv``."""
    path = os.environ.get("PATH", os.defpath)
    if _major("node", path) >= OLDEST_NODE and _major("npm", path) >= OLDEST_NPM:
        return path
    scripts = Path(sys.executable).parent
    if not (scripts / "npm").exists():
        print("No recent Node.js here: installing one into .venv", flush=True)
        pins = ROOT / "requirements-node.txt"
        download(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", pins], "Node.js"
        )
    return f"{scripts}{os.pathsep}{path}"


def run_script(name: str) -> int:
    """Run a script of ``package.json`` with the Node that installed the parts; its exit code."""
    path = npm_path()
    command = [shutil.which("npm", path=path), f"--prefix={ROOT}", "--no-update-notifier", "run", "--silent", name]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"PATH": path}).returncode


def main() -> None:
    """Install ``node_modules`` from the lock file and copy what the site serves."""
    if len(sys.argv) > 1:
        sys.exit(run_script(sys.argv[1]))
    state = fingerprint(ROOT, INPUTS)
    if MODULES.is_dir() and is_current(STAMP, state):
        STAMP.touch()
        return
    print("Fetching the JavaScript parts", flush=True)
    STAMP.unlink(missing_ok=True)
    path = npm_path()
    npm = shutil.which("npm", path=path)
    # no package here needs a script of its own to run at installation
    command = [npm, "ci", f"--prefix={ROOT}", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    download(command, "the JavaScript parts", env=os.environ | {"PATH": path})
    shutil.rmtree(VENDOR, ignore_errors=True)
    for source, target in SERVED.items():
        place = VENDOR / target
        place.parent.mkdir(parents=True, exist_ok=True)
        if (MODULES / source).is_dir():
            shutil.copytree(MODULES / source, place)
        else:
            shutil.copyfile(MODULES / source, place)
    mark(STAMP, state)


if __name__ == "__main__":
    main()
