#!/bin/sh
# Makes my-rule.wasm. `postern module build` runs this, and says what is missing.
# Another compiler: WASM_CC=clang-19 WASM_LD=wasm-ld-19 ./build.sh
set -eu
cd "$(dirname "$0")"
mkdir -p build
"${WASM_CC:-clang}" --target=wasm32 -std=c11 -Wall -Wextra -O2 -ffreestanding -nostdlib \
  -fuse-ld="$(command -v "${WASM_LD:-wasm-ld}")" -Wl,--no-entry -Wl,--strip-all \
  -Wl,-z,stack-size=4096 -Wl,--initial-memory=65536 -Wl,--max-memory=65536 -o build/rule.wasm rule.c
"${POSTERN:-postern}" module attach build/rule.wasm manifest.json --output my-rule.wasm
