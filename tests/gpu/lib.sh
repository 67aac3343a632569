# shellcheck shell=bash disable=SC2034,SC2154
# What the scripts of this folder share. Sourced, with `here` set to it.

# gpu_or_skip: ends the script with 0 where the host has no GPU.
gpu_or_skip() {
  local found
  for found in /dev/nvidia[0-9]* /dev/dxg; do [[ ! -e $found ]] || return 0; done
  echo "skipped: no GPU (looked for /dev/nvidia0 and /dev/dxg)"
  exit 0
}

# programs_of_gpu PROGRAM...: sets `bin`, where they and the module are: $PARACORD_BIN, a bundle's, else built now, and
# `scratch`, a folder that goes with the script.
programs_of_gpu() {
  local root program
  root=$(cd "$here/../.." && pwd)
  scratch=$(mktemp -d)
  trap 'rm -rf -- "$scratch"' EXIT
  if [[ -n ${PARACORD_BIN:-} ]]; then
    bin=$PARACORD_BIN
  elif [[ ! -f $root/CMakeLists.txt ]]; then
    bin=$root/bin
  else
    bin=$root/build-gpu/bin
    { [[ -f $root/build-gpu/build.ninja ]] ||
      cmake -G Ninja -S "$root" -B "$root/build-gpu" -DPARACORD_ONLY=tensor -DPARACORD_CUDA=ON; } >"$scratch/build" &&
      ninja -C "$root/build-gpu" paracord_cuda "$@" >>"$scratch/build" || {
      tail -n 40 "$scratch/build" >&2
      echo "$(basename "$0"): cannot build; deploy/bundle on another host makes programs to run here" >&2
      exit 2
    }
  fi
  for program in "$@" libparacord_cuda.so; do
    [[ -f $bin/$program ]] || { echo "$(basename "$0"): $bin/$program is missing" >&2; exit 2; }
  done
}

# What a figure is worth nothing without.
about_this_gpu() {
  echo "$(date -u +%F) $(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null |
    head -n 1 || echo 'a GPU that nvidia-smi does not name')"
}
