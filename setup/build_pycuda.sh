#!/bin/sh
# Builds PyCUDA with OpenGL sharing into .venv: pip's own build leaves it out, and the engine refuses a PyCUDA without it.
#   sh setup/build_pycuda.sh            needs nvcc (CUDA toolkit), g++ and GL/gl.h; takes some minutes
# Nobody needs this: the cuda-python wheels (the extra rtx) do the same without a compiler, and more.
# Once built, PHOSPHENE_CUDA=pycuda makes the engine use it. CUDA_ROOT names another toolkit than the nvcc on the path.
set -eu
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
# shellcheck source=setup/common.sh
. "$here/common.sh"

version=2026.1
[ -x "$venv/bin/python" ] || stop "nothing is installed yet" "sh setup/run.sh --help installs the engine; then run this again"
nvcc=${CUDA_ROOT:+$CUDA_ROOT/bin/nvcc}
nvcc=${nvcc:-$(command -v nvcc || true)}
[ -n "$nvcc" ] && [ -x "$nvcc" ] || stop "no nvcc found" "install the CUDA toolkit, or name it: CUDA_ROOT=/usr/local/cuda sh setup/build_pycuda.sh"
command -v g++ >/dev/null 2>&1 || stop "no C++ compiler found" "Debian, Ubuntu: sudo apt-get install g++"
printf '#include <GL/gl.h>\n' | g++ -E -x c++ - >/dev/null 2>&1 ||
    stop "no OpenGL headers found" "Debian, Ubuntu: sudo apt-get install libgl-dev"
# nvcc may be reached by a link or a wrapper (/usr/local/bin): the toolkit is where the headers are.
cuda_root=${CUDA_ROOT:-$(dirname -- "$(dirname -- "$(readlink -f "$nvcc")")")}
[ -f "$cuda_root/include/cuda.h" ] || cuda_root=/usr/local/cuda
[ -f "$cuda_root/include/cuda.h" ] || stop "no cuda.h beside $nvcc" "name the toolkit: CUDA_ROOT=/usr/local/cuda sh setup/build_pycuda.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

fetch() {
    (cd "$work" && "$venv/bin/python" -m pip download --no-input --disable-pip-version-check --progress-bar off \
        --no-deps --no-binary pycuda "pycuda==$version" && tar xzf "pycuda-$version.tar.gz")
}

configure() {
    (cd "$work/pycuda-$version" && "$venv/bin/python" configure.py --cuda-enable-gl --no-cuda-enable-curand \
        "--cuda-root=$cuda_root" && grep -q '^CUDA_ENABLE_GL = True' siteconf.py)
}

build() {
    (cd "$work/pycuda-$version" && PATH="$cuda_root/bin:$PATH" "$venv/bin/python" -m pip install --no-input \
        --disable-pip-version-check --progress-bar off --constraint "$setup/constraints.txt" .)
}

step "Fetching PyCUDA $version" fetch || stop "pip could not fetch PyCUDA" "check the network, then run this again"
step "Configuring it with OpenGL" configure || stop "PyCUDA cannot be configured" "look at the lines above"
step "Compiling it against $cuda_root (some minutes)" build || stop "PyCUDA does not compile" "look at the lines above"
if "$venv/bin/python" -c 'import pycuda.gl' >>"$log" 2>&1; then
    say "PyCUDA is ready: PHOSPHENE_CUDA=pycuda makes the engine use it"
elif "$venv/bin/python" -c 'import ctypes; ctypes.CDLL("libcuda.so.1")' >>"$log" 2>&1; then
    stop "PyCUDA was built and does not load" "look at the lines above"
else
    say "PyCUDA is built; there is no NVIDIA driver on this machine to try it with"
fi
