#!/usr/bin/env bash
# Everything that must hold, from a Debian or Ubuntu machine with Rust and Git to the demo. Installs what is missing,
# stops at the first failure, skips nothing.
#
#   tests/run.sh            the whole run
#   tests/run.sh install    only install what is missing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Nobody steps through what is built here once, and building and linking it is a third of the run.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=false CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}" RUST_BACKTRACE=1
# A test that needs a real registry, image tool or key tool fails without it instead of passing silently.
export HEADWATER_REQUIRE_REAL_PARTS=1

heading() { printf '\n==> %s (%d s)\n' "$1" "$SECONDS"; }
fail() { printf 'tests/run.sh: %s\n' "$1" >&2; exit 1; }

# Command and the Debian package that brings it.
parts=(
  git:git cc:build-essential make:make docker-registry:docker-registry skopeo:skopeo umoci:umoci buildah:buildah
  htpasswd:apache2-utils ssh-keygen:openssh-client jq:jq
)

missing_packages() {
  local part
  for part in "${parts[@]}"; do
    command -v "${part%%:*}" >/dev/null || printf '%s\n' "${part#*:}"
  done
  [ -s /etc/ssl/certs/ca-certificates.crt ] || printf 'ca-certificates\n'
}

# Packages such as docker-registry start a service when they are installed. A policy that answers 101 forbids it.
policy=/usr/sbin/policy-rc.d
policy_is=untouched
restore_policy() {
  case "$policy_is" in
    added) "${as_root[@]}" rm -f "$policy" ;;
    replaced) "${as_root[@]}" mv -f "$policy.before-headwater" "$policy" ;;
  esac
  policy_is=untouched
}
forbid_services() {
  local answer=0
  if [ -e "$policy" ]; then
    "$policy" >/dev/null 2>&1 || answer=$?
    [ "$answer" -ne 101 ] || return 0
    trap restore_policy EXIT
    "${as_root[@]}" mv "$policy" "$policy.before-headwater"
    policy_is=replaced
  else
    trap restore_policy EXIT
    policy_is=added
  fi
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
}

install_missing() {
  local packages
  mapfile -t packages < <(missing_packages)
  if [ "${#packages[@]}" -eq 0 ]; then
    printf 'nothing is missing\n'
    return
  fi
  command -v apt-get >/dev/null || fail "install these by hand, there is no apt-get here: ${packages[*]}"
  as_root=(env)
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "install these as root, there is no sudo here: ${packages[*]}"
    as_root=(sudo)
  fi
  printf 'installing %s\n' "${packages[*]}"
  forbid_services
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}" >/dev/null
  restore_policy
  mapfile -t packages < <(missing_packages)
  [ "${#packages[@]}" -eq 0 ] || fail "still missing after the installation: ${packages[*]}"
}

check_rust() {
  command -v cargo >/dev/null || fail "there is no cargo; see https://rustup.rs"
  local component
  for component in fmt clippy; do
    cargo "$component" --version >/dev/null 2>&1 && continue
    command -v rustup >/dev/null || fail "cargo $component is missing and there is no rustup to add it"
    rustup component add "${component/#fmt/rustfmt}"
  done
  cargo --version
  cargo fmt --version
  cargo clippy --version
}

heading 'What the run needs'
install_missing
check_rust
[ "${1:-}" != install ] || exit 0

heading 'Format'
cargo fmt --all --check

heading 'Lints'
cargo clippy --all-targets --locked -- -D warnings

heading 'Documentation'
RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --locked

# Thousands of short-lived repositories: in memory, where there is room, they cost half as much.
scratch=
if [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ] && [ "$(df --output=avail -k /dev/shm | tail -n 1)" -gt 4000000 ]; then
  scratch=$(mktemp -d /dev/shm/headwater.XXXXXX)
fi
story=$(mktemp)
trap 'rm -rf "$story" ${scratch:+"$scratch"}' EXIT

heading 'Tests, with the real parts'
# One more at a time than there are cores: many wait for a process or a clock.
TMPDIR="${scratch:-${TMPDIR:-/tmp}}" RUST_TEST_THREADS=$(($(nproc) + 1)) cargo test --locked

heading 'The bench, small: whether it works, not how fast'
cargo bench --locked --profile dev --bench bars -- --quick

# For the tests only: to the program every HEADWATER_ variable is a setting.
unset HEADWATER_REQUIRE_REAL_PARTS
heading 'The demo'
# By what the tests have built: with the features of no test everything would be built once more.
"${CARGO_TARGET_DIR:-target}/debug/headwater" demo | tee "$story"
[ -s "$story" ] || fail 'the demo told nothing'

heading 'Done; nothing was skipped'
