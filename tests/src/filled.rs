//! A directory that is filled while no gate runs.
//!
//! It is filled in a folder of memory where the machine has one, since it is the gate that is measured afterwards and not the disk; then
//! the file is put where a gate finds it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use postern_config::directory::{Actor, Command, Directory, Outcome};
use tokio::runtime::Runtime;

use crate::house;

/// Where the directory is filled.
const MEMORY: &str = "/dev/shm";

/// Fills the directory of a data folder, and answers what came of it.
pub fn fill<T>(data: &Path, work: impl AsyncFnOnce(&Directory) -> T) -> T {
    let memory = Path::new(MEMORY);
    let folder = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    let folder = folder.expect("a folder to fill");
    let (there, here) = (
        data.join("directory.redb"),
        folder.path().join("directory.redb"),
    );
    fs::copy(&there, &here).expect("the directory");
    let runtime = Runtime::new().expect("a runtime");
    let made = runtime.block_on(async {
        let directory = house::open(&here, &data.join("master.key")).await;
        work(&directory).await
    });
    runtime.shutdown_timeout(Duration::from_secs(10));
    fs::copy(&here, &there).expect("the filled directory");
    made
}

/// Carries out a command, which must succeed.
pub async fn apply(directory: &Directory, command: Command) -> Outcome {
    let applied = directory.apply(command, Actor::system()).await;
    applied.expect("the command").outcome
}
