//! How far a search goes, as options.

use clap::Args;
use serde_json::{Value, json};

/// How far a search goes.
#[derive(Clone, Copy, Debug, Args)]
pub(in crate::cli) struct Bounds {
    /// Paths that are followed. [default: 100000]
    #[arg(long, value_name = "COUNT")]
    paths: Option<usize>,
    /// Questions of one path. [default: 512]
    #[arg(long, value_name = "COUNT")]
    depth: Option<usize>,
    /// Time, in milliseconds. [default: 10000]
    #[arg(long, value_name = "MILLISECONDS")]
    time: Option<u64>,
}

impl Bounds {
    pub(in crate::cli) fn told(self) -> Value {
        json!({ "paths": self.paths, "depth": self.depth, "milliseconds": self.time })
    }
}
