# shellcheck shell=sh
# Shared by run.sh and test.sh, which source it: finds Python, installs what is missing, remembers what was done.
# POSIX sh. Everything it says goes to stderr, one line per step; the noise of apt and pip goes to .venv/setup.log.
# Nothing here runs the engine, and nothing runs twice: a stamp in .venv makes the next start immediate.

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
log=$venv/setup.log

say() { printf '%s\n' "$*" >&2; }

# stop WHAT REMEDY...: the end of the log, what went wrong, what to do about it.
stop() {
    if [ -s "$log" ]; then
        say ""
        tail -n 15 "$log" | sed 's/^/    /' >&2
        say ""
        say "(all of it: $log)"
    fi
    say "phosphene: $1"
    shift
    for line in "$@"; do say "  $line"; done
    exit 1
}

# step TITLE COMMAND...: runs quietly and says how long it took.
step() {
    printf '%s ... ' "$1" >&2
    shift
    step_began=$(date +%s)
    if "$@" >>"$log" 2>&1; then
        say "$(($(date +%s) - step_began)) s"
    else
        say "failed"
        return 1
    fi
}

# What an installation depends on: another Python, another place or other pins make it out of date.
state() {
    {
        "$venv/bin/python" -V 2>&1
        printf '%s\n' "$root"
        cat "$root/pyproject.toml" "$setup/constraints.txt" "$setup/doctor.py" "$setup/common.sh"
    } | cksum
}

# ready LEVEL: whether that level was installed from the present state.
ready() {
    [ -x "$venv/bin/vj" ] && [ -f "$venv/ready-$1" ] && [ "$(cat "$venv/ready-$1")" = "$(state)" ]
}

can_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

apt_get() {
    if [ "$(id -u)" -eq 0 ]; then
        DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@"
    else
        sudo -n env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@"
    fi
}

# --no-remove: apt refuses rather than take away something of the user's (PulseAudio would oust PipeWire's stand-in).
apt_install() {
    apt_get install -y --no-install-recommends --no-remove "$@" && return 0
    apt_get update && apt_get install -y --no-install-recommends --no-remove "$@"
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
    return "$find_result"
}

python_or_stop() {
    find_python && return 0
    if can_install; then
        step "Installing Python from the distribution" apt_install python3 python3-venv || true
        find_python && return 0
    fi
    if [ "$find_result" -eq 3 ]; then
        stop "$find_short cannot make a virtual environment" "Debian, Ubuntu: sudo apt-get install python3-venv" "then run this again"
    fi
    stop "no Python 3.11 or newer found" \
        "Debian 12, Ubuntu 24.04 and newer: sudo apt-get install python3 python3-venv" \
        "macOS: brew install python@3.12" \
        "elsewhere: https://www.python.org/downloads/" \
        "or name one: PHOSPHENE_PYTHON=/path/to/python3.12 sh setup/run.sh"
}

# system_packages LEVEL: what the level lacks of the system is installed, or named.
system_packages() {
    missing=$("$python" "$setup/doctor.py" --packages --level "$1") || stop "setup/doctor.py failed: run it to see why"
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086  # a list of package names
    if can_install && step "Installing system packages: $missing" apt_install $missing; then
        return 0
    fi
    stop "system packages are missing: $missing" "Debian, Ubuntu: sudo apt-get install $missing" \
        "elsewhere: the packages that hold what 'python3 setup/doctor.py --level $1' lists as missing" "then run this again"
}

space_or_stop() {
    free_kb=$(df -Pk "$root" | awk 'NR == 2 { print $4 }')
    [ "$free_kb" -ge "$(($1 * 1000000))" ] || stop "only $((free_kb / 1000)) MB are free in $root; $1 GB are needed" "free some space, then run this again"
}

make_venv() {
    if "$venv/bin/python" "$setup/doctor.py" --interpreter >/dev/null 2>&1; then return 0; fi
    (cd "$venv" && rm -rf bin lib lib64 include pyvenv.cfg)
    "$python" -I -m venv "$venv" # -I: -m alone would import what lies in the current folder
}

pip_once() {
    # A subshell, because an extra can only be asked of '.' when the path holds spaces or brackets.
    (cd "$root" && "$venv/bin/python" -m pip install --no-input --disable-pip-version-check --progress-bar off \
        --constraint setup/constraints.txt --editable "$1")
}

# pip_install TARGET: once more after a failure of the network, which pip's own retries (seconds) did not outlast.
pip_install() {
    pip_once "$1" && return 0
    tail -n 80 "$log" | grep -qiE 'timed out|timeout|connection|temporary failure|name resolution|network is unreachable|incomplete(read| download)|from versions: none' || return 1
    echo "once more, in 5 seconds"
    sleep 5
    pip_once "$1"
}

# prepare LEVEL EXTRAS GIGABYTES TIME: brings the machine to LEVEL, unless the stamp says that it is there.
prepare() {
    ready "$1" && return 0
    mkdir -p "$venv"
    : >"$log"
    rm -f "$venv/ready-$1"
    python_or_stop
    say "Python $("$python" -V 2>&1 | sed 's/^Python //'): $python"
    space_or_stop "$3"
    system_packages "$1"
    step "Making the virtual environment" make_venv || stop "cannot make $venv" "remove that folder, then run this again"
    step "Installing Phosphene and its packages ($4)" pip_install ".$2" ||
        stop "pip could not install the packages" "check the network (and a proxy, if there is one), then run this again"
    state >"$venv/ready-$1"
}
