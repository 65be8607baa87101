#!/bin/sh
# Everything installed, then the trainer of styles:  sh setup/train.sh --prompt "..." --output my-style
set -eu
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
# shellcheck source=setup/common.sh
. "$here/common.sh"

# Whoever can run the tests can train.
ready tests || prepare train "[torch]" 8 "torch among them, 5 GB: some minutes"
exec "$venv/bin/python" "$root/tools/train_style.py" "$@"
