//! Objects on disk: an append-only log of volumes is the truth, redb is the index.
