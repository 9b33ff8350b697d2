#!/bin/sh
# Makes my-rule.wasm. `postern module build` runs this, and says what is missing.
set -eu
cd "$(dirname "$0")"
mkdir -p build
if [ -z "${WASM_RUSTC:-}" ]; then
  cargo build --release --target wasm32-unknown-unknown --target-dir build
  cp build/wasm32-unknown-unknown/release/rule.wasm build/rule.wasm
else
  # A compiler without cargo, such as Debian's: WASM_RUSTC=/usr/bin/rustc WASM_LD=wasm-ld ./build.sh
  flags="--edition=2021 --target=wasm32-unknown-unknown -Copt-level=s -Cpanic=abort -Cstrip=symbols"
  # shellcheck disable=SC2086
  "$WASM_RUSTC" $flags --crate-type=rlib --crate-name=postern_policy -o build/libpostern_policy.rlib postern-policy/src/lib.rs
  # shellcheck disable=SC2086
  "$WASM_RUSTC" $flags --crate-type=cdylib --crate-name=rule -Clinker="${WASM_LD:-wasm-ld}" -Clink-arg=-zstack-size=4096 \
    -Clink-arg=--initial-memory=65536 -Clink-arg=--max-memory=65536 \
    --extern=postern_policy=build/libpostern_policy.rlib -o build/rule.wasm src/lib.rs
fi
"${POSTERN:-postern}" module attach build/rule.wasm manifest.json --output my-rule.wasm
