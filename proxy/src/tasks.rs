//! The only place that starts work in the background: each task has a name, ends by one token, and is waited for.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// A group of tasks that stop together. Cloning shares the group.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// Tasks were still running when the time to stop was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{left} tasks were still running after {waited:?}")]
pub struct StillRunning {
    /// How many.
    pub left: usize,
    /// How long they were waited for.
    pub waited: Duration,
}

impl Tasks {
    /// An empty group.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `task` until it ends by itself or the group is told to stop, whichever is first. A task that must finish
    /// something when it is told to stop uses [`Tasks::spawn_until_done`].
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.spawn_until_done(name, async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Runs `task` to its own end; it watches [`Tasks::stopping`] itself.
    pub fn spawn_until_done(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let span = tracing::debug_span!("task", task.name = name);
        drop(self.tracker.spawn(task.instrument(span)));
    }

    /// The token that is cancelled when the group stops.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// How many tasks run now.
    pub fn running(&self) -> usize {
        self.tracker.len()
    }

    /// Tells every task to stop, without waiting.
    pub fn tell_to_stop(&self) {
        self.stop.cancel();
        self.tracker.close();
    }

    /// Tells every task to stop and waits at most `grace` for them to end.
    pub async fn stop(&self, grace: Duration) -> Result<(), StillRunning> {
        self.tell_to_stop();
        tokio::time::timeout(grace, self.tracker.wait())
            .await
            .map_err(|_| StillRunning {
                left: self.running(),
                waited: grace,
            })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn stopping_ends_every_task_and_waits_for_it() {
        let tasks = Tasks::new();
        let finished = Arc::new(AtomicBool::new(false));
        tasks.spawn("forever", std::future::pending());
        let (stop, done) = (tasks.stopping().clone(), Arc::clone(&finished));
        tasks.spawn_until_done("tidy", async move {
            stop.cancelled().await;
            tokio::task::yield_now().await;
            done.store(true, Ordering::SeqCst);
        });
        assert_eq!(tasks.running(), 2);
        assert_eq!(tasks.stop(Duration::from_secs(5)).await, Ok(()));
        assert!(finished.load(Ordering::SeqCst));
        assert_eq!(tasks.running(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_stop_is_reported() {
        let tasks = Tasks::new();
        tasks.spawn_until_done("stubborn", std::future::pending());
        let waited = Duration::from_secs(30);
        assert_eq!(
            tasks.stop(waited).await,
            Err(StillRunning { left: 1, waited })
        );
    }
}
