//! The program's own log: what an operator should know of the server, on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Begins to log what is at least as severe as `level` (`error`, `warn`, `info`, `debug`, `trace`). In colour for a terminal,
/// as JSON lines for anything else. Calling it a second time changes nothing.
pub fn start_tracing(level: &str) {
    // Libraries speak only when we ask for detail: hyper and rustls put heads and handshakes into theirs.
    let filter = match level {
        "trace" => EnvFilter::new("debug,postern=trace"),
        level => EnvFilter::new(format!(
            "warn,postern={level},storage_node={level},policy_wasm={level},postern_config={level},console={level}"
        )),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    let begun = if std::io::stderr().is_terminal() {
        builder.compact().finish().try_init()
    } else {
        builder.json().flatten_event(true).finish().try_init()
    };
    drop(begun); // it was begun before: in tests, where several servers share a process
}

/// Sends panics to the log, with their place and without their message: it may quote what a client sent.
pub fn trace_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(String::new, ToString::to_string);
        let thread = std::thread::current();
        tracing::error!(panic.place = %place, thread = thread.name().unwrap_or("-"), "a defect: please report it");
    }));
}
