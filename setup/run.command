#!/bin/sh
# For macOS: a double click in the Finder installs everything and starts the show.
exec sh "$(dirname -- "$0")/run.sh" "$@"
