#!/bin/sh
# Everything installed, then the tests:  sh setup/test.sh [pytest options]
# The exit code is pytest's; style, layers, types and other systems are checked first, and fail the run after pytest has had its say.
set -eu
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
# shellcheck source=setup/common.sh
. "$here/common.sh"

"$python" -I "$setup/install.py" test
cd "$root"
PATH=$venv/bin:$PATH
export PATH

# The tests of p5.js sketches need a browser and p5 itself. Both are optional: where they cannot be had, the tests that
# need them are skipped with the reason. The command is the one that the program itself tells.
has_p5() { python -c 'from phosphene.tools.datasets.browser import find_chromium, find_p5; find_chromium(); find_p5()' >/dev/null 2>&1; }
get_p5() {
    command -v chromium || command -v chromium-browser || command -v google-chrome || apt_install chromium
    command -v npm || apt_install npm
    # shellcheck disable=SC2046  # a folder and a version, without spaces in either
    set -- $(python -c 'from phosphene.tools.datasets.browser import P5_VERSION, p5_folder; print(P5_VERSION, p5_folder())')
    npm install --ignore-scripts --no-audit --no-fund --prefix "$2" "p5@$1"
}
has_p5 || step "Installing Chromium and p5.js, for the tests of sketches" get_p5 || say "without them those tests are skipped"

# The folder of the checkout is the package `phosphene` whatever it is called: mypy finds it by a link of that name.
mkdir -p "$venv/types"
ln -sfn "$root" "$venv/types/phosphene"
MYPYPATH=$venv/types
export MYPYPATH

untidy=""
for check in "ruff check" "ruff format --check" "lint-imports" "mypy" "python setup/other_systems.py"; do
    # shellcheck disable=SC2086  # a command and its options
    if found=$($check 2>&1); then
        say "$check: fine"
    else
        say "$found"
        untidy="$untidy, $check"
    fi
done

# Two workers on two cores take a bit more than half the time. What is live is timed, and has the machine to itself.
result=0
if [ $# -eq 0 ]; then
    python -m pytest -n logical --maxprocesses 4 --dist worksteal --ignore tests/live || result=$?
    python -m pytest tests/live || result=$?
else
    python -m pytest "$@" || result=$?
fi
[ -z "$untidy" ] || say "also to be mended:${untidy#,}"
[ "$result" -ne 0 ] || [ -z "$untidy" ] || result=1
exit "$result"
