//! Decisions beside other engines, and at scale: what a decision costs for the same rules in Cedar and Rego, for any number
//! of objects, and for a hundred thousand tenants each with a policy of its own.
//!
//! ```sh
//! cargo run --release --manifest-path tests/compare/Cargo.toml               # beside Cedar and Rego
//! cargo run --release --manifest-path tests/compare/Cargo.toml -- objects    # 1 to 100 million objects
//! cargo run --release --manifest-path tests/compare/Cargo.toml -- tenants    # 100,000 tenants
//! ```
//!
//! Times are processor time of the measuring thread, so that a busy machine gives the same numbers.

mod clock;
mod engines;
mod objects;
mod ours;
mod rules;
mod tenants;

use clap::{Parser, Subcommand};

/// As the gate: what is measured must allocate as it does there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser, Debug)]
#[command(name = "compare", about)]
struct Options {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand, Clone, Debug)]
enum What {
    /// The same rules and requests in our engine, Cedar and Rego. This is what runs where nothing else is named.
    Engines {
        /// Statements of the policy.
        #[arg(long, value_delimiter = ',', default_value = "1,20,200")]
        statements: Vec<usize>,
        /// Turns of each engine; the median is printed.
        #[arg(long, default_value_t = 9)]
        rounds: usize,
        /// How often each request is decided before the next one: a processor foretells what it has just seen.
        #[arg(long, default_value_t = 1)]
        repeat: usize,
    },
    /// One plan and many objects: the keys are made one after the other and kept nowhere.
    Objects {
        /// How many, for each row.
        #[arg(
            long,
            value_delimiter = ',',
            default_value = "1,1000,1000000,100000000"
        )]
        counts: Vec<u64>,
    },
    /// Many tenants, each with a document of its own.
    Tenants {
        /// How many there are.
        #[arg(long, default_value_t = 100_000)]
        count: usize,
        /// How many of them are compiled to machine code. The others would only take longer.
        #[arg(long, default_value_t = 2_000)]
        sample: usize,
    },
}

fn main() {
    let what = Options::parse().what.unwrap_or(What::Engines {
        statements: vec![1, 20, 200],
        rounds: 9,
        repeat: 1,
    });
    match what {
        What::Engines {
            statements,
            rounds,
            repeat,
        } => {
            engines::compare(&statements, (rounds, repeat.max(1)));
        }
        What::Objects { counts } => objects::many(&counts),
        What::Tenants { count, sample } => tenants::many(count, sample),
    }
}
