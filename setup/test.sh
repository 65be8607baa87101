#!/bin/sh
# Everything installed, then the tests:  sh setup/test.sh [pytest options]
# The exit code is pytest's; style and layers are checked first, and fail the run after pytest has had its say.
set -eu
# shellcheck source=setup/common.sh
. "$(dirname -- "$0")/common.sh"

prepare tests "[dev,torch,clip,rtx]" 9 "torch among them, 5 GB: some minutes"
cd "$root"
PATH=$venv/bin:$PATH
export PATH

untidy=""
for check in "ruff check" "ruff format --check" "lint-imports"; do
    # shellcheck disable=SC2086  # a command and its options
    if found=$($check 2>&1); then
        say "$check: fine"
    else
        say "$found"
        untidy="$untidy, $check"
    fi
done

result=0
python -m pytest "$@" || result=$?
[ -z "$untidy" ] || say "also to be mended:${untidy#,}"
[ "$result" -ne 0 ] || [ -z "$untidy" ] || result=1
exit "$result"
