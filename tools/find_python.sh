#!/bin/sh
# Print the newest Python here that can build the book, or say what to do. Usage: find_python.sh [PYTHON]
# A candidate is run before it is believed: a version manager's shim may stand on the path and start nothing.
for candidate in ${1:-python3.13 python3.12 python3.11 python3 python}; do
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    if ! "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        old="$old $candidate ($version)"
    elif ! "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
        bare="$bare $candidate ($version)"
        package="python$version-venv"
    else
        echo "$candidate"
        exit 0
    fi
done
{
    echo "No suitable Python: the book needs Python 3.11 or newer, with its venv module."
    [ -z "$1" ] || echo "  asked for: PYTHON=$1"
    [ -z "$old" ] || echo "  too old:$old"
    [ -z "$bare" ] || echo "  without venv:$bare. On Debian and Ubuntu: sudo apt install $package"
    echo "Install one (https://www.python.org/downloads/), or name one: make PYTHON=/path/to/python3.12 ..."
} >&2
exit 1
