#!/bin/sh
# Everything installed, then the show:  sh setup/run.sh [vj live options]
# No display: headless. No audio input: demo music. Those are the defaults of `vj live`; this script only installs.
set -eu
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
# shellcheck source=setup/common.sh
. "$here/common.sh"

# Whoever can train or run the tests can run the show.
ready tests || ready train || prepare live "[nets]" 2 "about a minute"
exec "$venv/bin/vj" live "$@"
