#!/bin/sh
# Everything installed, then the trainer of styles:  sh setup/train.sh --prompt "..." --output my-style
set -eu
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
# shellcheck source=setup/common.sh
. "$here/common.sh"
exec "$python" -I "$setup/install.py" train "$@"
