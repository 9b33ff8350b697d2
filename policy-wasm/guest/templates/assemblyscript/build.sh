#!/bin/sh
# Makes my-rule.wasm. `postern module build` runs this, and says what is missing.
set -eu
cd "$(dirname "$0")"
mkdir -p build
[ -x node_modules/.bin/asc ] || npm install --no-audit --no-fund
# `--use abort=` ends a rule that breaks with a trap, instead of a call to a host that there is not.
node_modules/.bin/asc assembly/rule.ts -O3 --runtime stub --use abort= --initialMemory 1 --maximumMemory 1 --outFile build/rule.wasm
"${POSTERN:-postern}" module attach build/rule.wasm manifest.json --output my-rule.wasm
