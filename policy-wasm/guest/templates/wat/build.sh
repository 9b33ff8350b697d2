#!/bin/sh
# Makes my-rule.wasm: the text is translated and the manifest put into it. `postern module build` runs this.
set -eu
cd "$(dirname "$0")"
"${POSTERN:-postern}" module attach rule.wat manifest.json --output my-rule.wasm
