#!/bin/sh
# Everything installed, then the show:  sh setup/run.sh [vj live options]
# No display: headless. No audio input: demo music. Those are the defaults of `vj live`; this script only installs.
set -eu
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
# shellcheck source=setup/common.sh
. "$here/common.sh"
exec "$python" -I "$setup/install.py" run "$@"
