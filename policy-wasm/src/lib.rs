//! Permission policies as WebAssembly modules that ask questions, and a cache that remembers the answers.
