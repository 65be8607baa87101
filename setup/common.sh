# shellcheck shell=sh
# Shared by run.sh, train.sh and test.sh, which source it: finds a Python, and hands over to install.py, which does the work.
# POSIX sh. Everything it says goes to stderr.

# A folder that PATH names relatively, or by nothing at all, is the one that this was started in: anybody's.
clean_path=
rest=$PATH:
while [ -n "$rest" ]; do
    case $rest in /*) clean_path=$clean_path${clean_path:+:}${rest%%:*} ;; esac
    rest=${rest#*:}
done
PATH=${clean_path:-/usr/local/bin:/usr/bin:/bin}
export PATH

setup=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
root=$(dirname -- "$setup")
venv=$root/.venv

log=/dev/null
[ ! -d "$venv" ] || log=$venv/setup.log

say() { printf '%s\n' "$*" >&2; }

# stop WHAT REMEDY...: the end of the log, what went wrong, what to do about it.
stop() {
    if [ -s "$log" ]; then tail -n 15 "$log" | sed 's/^/    /' >&2; fi
    say "phosphene: $1"
    shift
    for line in "$@"; do say "  $line"; done
    exit 2
}

# step TITLE COMMAND...: runs quietly, its output into the log, and says how it went.
step() {
    printf '%s ... ' "$1" >&2
    shift
    if "$@" >>"$log" 2>&1; then say "done"; else say "failed" && return 1; fi
}

apt_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    if [ "$(id -u)" -eq 0 ]; then as_root=env; else as_root="sudo -n env" && sudo -n true 2>/dev/null || return 1; fi
    for attempt in 1 2; do
        # --no-remove: apt refuses rather than take away something of the user's.
        # shellcheck disable=SC2086  # a command of several words
        $as_root DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 install -y --no-install-recommends \
            --no-remove "$@" && return 0
        # shellcheck disable=SC2086
        [ "$attempt" = 2 ] || $as_root apt-get -q -o DPkg::Lock::Timeout=120 update || return 1
    done
    return 1
}

# find_python: sets $python to the first Python that is new enough and can make a venv. Returns 3: no venv module, 4: none.
find_python() {
    find_result=4
    for find_name in ${PHOSPHENE_PYTHON:+"$PHOSPHENE_PYTHON"} python3 python3.13 python3.12 python3.14 python3.11; do
        find_path=$(command -v "$find_name") || continue
        find_status=0
        "$find_path" "$setup/doctor.py" --interpreter >/dev/null 2>&1 || find_status=$?
        case $find_status in
        0)
            python=$find_path
            return 0
            ;;
        3) find_result=3 find_short=$find_path ;;
        esac
    done
    # uv brings a Python of its own where there is none.
    if command -v uv >/dev/null 2>&1 && python=$(uv python find --quiet '>=3.11' 2>/dev/null ||
        { uv python install --quiet 3.12 && uv python find --quiet '>=3.11'; }); then
        return 0
    fi
    return "$find_result"
}

python_or_stop() {
    find_python && return 0
    step "Installing Python from the distribution" apt_install python3 python3-venv || true
    find_python && return 0
    [ "$find_result" -ne 3 ] ||
        stop "$find_short cannot make a virtual environment" "Debian, Ubuntu: sudo apt-get install python3-venv" "then run this again"
    stop "no Python 3.11 or newer found" \
        "Debian 12, Ubuntu 24.04 and newer: sudo apt-get install python3 python3-venv" \
        "macOS: brew install python@3.12" \
        "elsewhere: https://www.python.org/downloads/, or uv: https://docs.astral.sh/uv/" \
        "or name one: PHOSPHENE_PYTHON=/path/to/python3.12 sh setup/run.sh"
}

python_or_stop
