#!/bin/sh
# Type-checks and tests both Python distributions in a virtual environment of their own.
# Usage: run-tests.sh FOLDER [pytest arguments]. PYTHON chooses the interpreter (default python3, 3.9 or later).
set -eu
[ $# -ge 1 ] || { echo "usage: $0 FOLDER [pytest arguments]" >&2; exit 2; }
environment=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
[ -x "$environment/bin/python" ] || "${PYTHON:-python3}" -m venv "$environment"
python=$(cd "$environment" && pwd)/bin/python
# Copies, so that building leaves nothing in the source tree.
sources=$(mktemp -d)
trap 'rm -rf "$sources"' EXIT
cp -R "$here" "$sources/sdk-python"
cp -R "$here/../sdk-python-getstack" "$sources/sdk-python-getstack"
"$python" -m pip install --quiet --disable-pip-version-check \
  httpx==0.28.1 anyio==4.12.1 cryptography==45.0.7 pytest==8.4.2 mypy==1.18.2
"$python" -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps \
  "$sources/sdk-python" "$sources/sdk-python-getstack"
cd "$sources/sdk-python"
"$python" -m mypy --no-incremental -p sallyport -p getstack
"$python" -m mypy --no-incremental scripts tests
"$python" -B -m pytest -p no:cacheprovider "$@" tests
