//! What the node costs. `cargo bench -p storage-node` prints the table of [`rows`]; `-- many` and `-- load` the others; `cargo test` builds
//! it and does nothing.
#![expect(clippy::print_stdout, reason = "it prints tables")]
#![expect(clippy::unwrap_used, reason = "a failure ends it")]

mod load;
mod many;
mod rows;
mod workload;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let Some(folder) = workload::value("--fill") {
        return runtime.block_on(many::fill(folder.as_ref()));
    }
    if !has("--bench") {
        return;
    }
    if has("many") {
        runtime.block_on(many::run());
    } else if has("load") {
        runtime.block_on(load::run());
    } else {
        runtime.block_on(rows::run());
    }
}
