# shellcheck shell=bash disable=SC2034
# What the scripts of this folder share: a private place, real daemons, checks. Sourced, never run.
#
#   work          a fresh folder; it and every process that was started in it are gone when the script ends
#   script        its name in messages; set before, if the file has not got a telling one
#   bin           the programs: $PARACORD_BIN, else build/bin of this checkout
#   FULL=1        the whole matrix instead of the share that fits into a CI run
#   GPUS=1        lets the host's GPUs in; without, nothing sees them, so that the bits are those of its CPU
#   SEED          of everything that a script draws; printed, so that a failure can be run again
#
# A check prints one line; `finish` prints the count and exits with 1 if a check failed. Nothing is waited for
# without a deadline: `within SECONDS CONDITION` asks again until it holds.
set -euo pipefail

script=${script:-$(basename "$0")}
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$(realpath -m -- "${PARACORD_BIN:-$checkout/build/bin}")
full=${FULL:-0}
[[ ${GPUS:-0} == 1 ]] || export CUDA_VISIBLE_DEVICES=
SEED=${SEED:-$((SRANDOM % 100000))}
RANDOM=$SEED
for program in paracord paracord-scheduler paracord-server paracord-worker; do
  [[ -x $bin/$program ]] || { echo "$script: $bin/$program is missing; build first" >&2; exit 2; }
done
command -v jq >/dev/null || { echo "$script: jq is missing; run deploy/install-packages" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/paracord-$script-XXXXXX")
readonly script checkout bin full work
export HOME=$work/home PATH=$bin:$PATH TZ=UTC
unset PARACORD_SCHEDULER
mkdir "$HOME"
clusters=()   # folders given to `up`
checks=0
failures=0

# our_pids: processes with $work in their command line. The pattern comes on stdin, or grep would find itself.
our_pids() {
  grep -lsaF -f - /proc/[0-9]*/cmdline <<<"$work/" | cut -d/ -f3 || true
}

clean_up() {
  local status=$? dir pid
  trap - EXIT
  for dir in "${clusters[@]}"; do
    paracord down --dir "$dir" >/dev/null 2>&1 || true
  done
  for pid in $(our_pids); do
    kill -KILL "$pid" 2>/dev/null || true
  done
  if ((failures > 0)) || ((status > 2)); then show_logs; fi
  rm -rf -- "$work"
  exec 2>/dev/null   # bash would report on those that were killed
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The last lines of the daemons and tasks that wrote last: what a failure is understood from.
show_logs() {
  local log
  while IFS= read -r log; do
    echo "--- ${log#"$work/"}"
    tail -n 8 -- "$log"
  done < <(find "$work" \( -name log -o -name '*.log' \) -size +0 ! -path '*/journal/*' ! -path '*/blocks/*' \
    -printf '%T@ %p\n' | sort -rn | head -n 6 | cut -d' ' -f2-)
} >&2

# --- checks

pass() {
  checks=$((checks + 1))
  echo "ok    $*"
}
fail() {
  checks=$((checks + 1))
  failures=$((failures + 1))
  echo "FAIL  $*"
}
# check TEXT COMMAND...: the command succeeds; what it prints to stdout goes.
check() {
  local text=$1
  shift
  if "$@" >/dev/null; then pass "$text"; else fail "$text: $*"; fi
}
# equal TEXT GOT WANTED: two jobs that did not succeed (see bits_of) are not equal.
equal() {
  if [[ $2 == "$3" && $2 != "not SUCCEEDED"* ]]; then pass "$1"; else fail "$1: got '$2', wanted '$3'"; fi
}
# contains TEXT GOT PART
contains() {
  if [[ $2 == *"$3"* ]]; then pass "$1"; else fail "$1: '$3' is not in '$2'"; fi
}
# exits TEXT CODE COMMAND...: with exactly this code, within 20 s; what it prints is left in $said.
exits() {
  local text=$1 wanted=$2 got=0
  shift 2
  said=$(timeout -k 1 20 "$@" 2>&1) || got=$?
  if ((got == wanted)); then pass "$text"; else fail "$text: exit $got, wanted $wanted: $* said '$said'"; fi
}
finish() {
  echo "$script: $checks checks, $failures failed (seed $SEED)"
  exit $((failures > 0))
}
# stop TEXT: for what makes the rest of the script senseless.
stop() {
  fail "$@"
  finish
}

# --- waiting

now_ms() { local us=${EPOCHREALTIME/[^0-9]/}; echo $((us / 1000)); }
# within SECONDS COMMAND...: runs it again and again until it succeeds; 1 if it never did.
within() {
  local until=$(($(now_ms) + $1 * 1000))
  shift
  until "$@"; do
    (($(now_ms) < until)) || return 1
    sleep 0.02
  done
}

# --- a cluster

# up DIR [arguments of `paracord up`]: started, and the one that `paracord` speaks to from here on.
up() {
  local dir=$1 address
  shift
  clusters+=("$dir")
  address=$(paracord up --dir "$dir" "$@" -o json | jq -r .scheduler) || return 1
  export PARACORD_SCHEDULER=$address
}
down() { paracord down --dir "$1" >/dev/null 2>&1; }

# submit FILE [--set ...]: the job's id.
submit() { paracord submit "$@" -o json | jq -r .id; }
# field JOB FILTER: of `get JOB -o json`; nothing while the scheduler is away.
field() { paracord get "$1" -o json 2>/dev/null | jq -r "$2"; }
# is JOB CONDITION: does the jq condition hold for the job?
is() { paracord get "$1" -o json 2>/dev/null | jq -e "$2" >/dev/null; }
node() { paracord nodes -o json 2>/dev/null | jq -r --arg id "$1" '.nodes[] | select(.id == $id) | '"$2"; }
# all_ready COUNT: as many members as that are READY, and no others are there.
all_ready() {
  paracord nodes -o json 2>/dev/null |
    jq -e --argjson n "$1" '[.nodes[] | .state == "READY"] | length == $n and all' >/dev/null
}
# bits JOB: what must be the same wherever the job ran: digest, step, losses and metrics.
bits() {
  echo "$(paracord digest "$1") $(field "$1" '[.loss, .metrics] | tojson')"
}
# bits_of FILE [--set ...]: runs the job to its end; "not SUCCEEDED ..." if that was not success.
bits_of() {
  local job
  job=$(submit "$@") || return 1
  paracord wait "$job" --timeout 120s >/dev/null 2>&1 || true
  if is "$job" '.state == "SUCCEEDED"'; then
    bits "$job"
  else
    echo "not SUCCEEDED: $(field "$job" '"\(.state) \(.first_failure)"')"
  fi
}

slots_taken() { paracord nodes -o json | jq '[.nodes[].tasks // 0] | add'; }
no_slot_taken() { [[ $(slots_taken) == 0 ]]; }

# free_port: one of 127.0.0.1 that nobody listens at now.
free_port() {
  local port
  while true; do
    port=$((20000 + RANDOM % 12000))
    awk -v at="$(printf ':%04X$' "$port")" '$2 ~ at { found = 1 } END { exit found }' \
      /proc/net/tcp /proc/net/tcp6 2>/dev/null && break
  done
  echo "$port"
}

# --- jobs

# job NAME FEATURES CLASSES LAYERS [more YAML]: writes $work/NAME.yaml over synthetic data and prints its path.
# The data: 2,000 training samples and 500 of test; `train` comes from the caller.
job() {
  local file=$work/$1.yaml
  cat >"$file" <<YAML
name: $1
seed: 11
model: {input: [$2], layers: $4, loss: softmax_cross_entropy}
data:
  train: {format: synthetic, samples: 2000, features: $2, classes: $3, noise: 0.05, seed: 5}
  test:  {format: synthetic, samples: 500, features: $2, classes: $3, noise: 0.05, seed: 5}
$5
YAML
  echo "$file"
}

# long_job SECONDS: a job for two workers that takes about so long on this host; prints its path. Sets no bits in
# stone: how many steps it has depends on the host, so compare it only with itself. A host may be slow for a while and
# a job too short is of no use: the better of two trials counts.
long_job() {
  local file id rate best=0
  file=$(job long 64 10 '[{linear: 256}, relu, {dropout: 0.2}, {linear: 256}, relu, {linear: 10}]' "
train: {steps: 200, batch_size: 256, optimizer: {kind: adamw, lr: 0.001}, evaluate: {metrics: [accuracy]}}
workers: 2
checkpoint: {every: 100 steps}
restart: {max_restarts: 50}")
  for _ in 1 2; do
    id=$(submit "$file")
    paracord wait "$id" --timeout 60s >/dev/null
    rate=$(field "$id" '.samples_per_second')
    best=$(awk -v a="$best" -v b="$rate" 'BEGIN { print (a > b ? a : b) }')
  done
  sed -i "s/steps: 200/steps: $(awk -v r="$best" -v s="$1" 'BEGIN { print int(r * s / 256) + 100 }')/" "$file"
  echo "$file"
}

# --- faults

# epochs_for SECONDS FILE: epochs that the job of FILE (2,000 samples) makes in about so long here; the better of two
# trials, as a host may be slow for a while.
epochs_for() {
  local id rate best=0
  for _ in 1 2; do
    id=$(submit "$2" --set train.epochs=4)
    paracord wait "$id" --timeout 60s >/dev/null
    rate=$(field "$id" '.samples_per_second')
    best=$(awk -v a="$best" -v b="$rate" 'BEGIN { print (a > b ? a : b) }')
  done
  awk -v r="$best" -v s="$1" 'BEGIN { print int(r * s / 2000) + 4 }'
}

# add_worker NAME: one more worker daemon of one slot, of this script's own; nobody starts it again but another call.
declare -A own_pid=()
add_worker() {
  mkdir -p "$work/own"
  paracord-worker --set name="$1" --set scheduler="$PARACORD_SCHEDULER" --set directory="$work/own/$1" \
    --set bind=127.0.0.1:0 --set threads=1 >>"$work/own/$1.log" 2>&1 &
  own_pid[$1]=$!
}
# end_worker SIGNAL NAME: ends such a daemon and returns when it has gone.
end_worker() {
  kill -"$1" "${own_pid[$2]}" 2>/dev/null || true
  wait "${own_pid[$2]}" 2>/dev/null || true
  unset "own_pid[$2]"
}

# audit_is_exact JOB SAMPLES: every epoch's samples applied once, none missing, and so many in all.
audit_is_exact() {
  paracord audit "$1" -o json | jq -e --argjson n "$2" '
    ([.epochs[] | .applied == .expected and .repeated == 0 and .missing == 0] | all)
    and ([.epochs[].expected] | add) == $n' >/dev/null
}
