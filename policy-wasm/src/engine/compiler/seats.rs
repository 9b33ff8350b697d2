//! Seats at the compiler: a few modules are compiled at once, a few more wait for a while, the rest is turned away.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// The seats.
#[derive(Debug)]
pub(super) struct Seats {
    /// Guards the count of those who sit and those who wait.
    taken: Mutex<Taken>,
    freed: Condvar,
    room: usize,
    waiting: usize,
    patience: Duration,
}

#[derive(Debug, Default)]
struct Taken {
    sitting: usize,
    waiting: usize,
}

/// A seat, free again when it is dropped.
#[derive(Debug)]
pub(in crate::engine) struct Seat<'a>(&'a Seats);

impl Seats {
    /// So many seats, so many who wait for one, and for how long.
    pub(super) fn new(room: usize, waiting: usize, patience: Duration) -> Self {
        Self {
            taken: Mutex::default(),
            freed: Condvar::new(),
            room,
            waiting,
            patience,
        }
    }

    /// Sits down, after a wait where all seats are taken; nothing where the wait is too long or too many wait.
    pub(super) fn sit(&self) -> Option<Seat<'_>> {
        let mut taken = self.taken.lock();
        if taken.sitting >= self.room {
            if taken.waiting >= self.waiting {
                return None;
            }
            taken.waiting += 1;
            let full = |taken: &mut Taken| taken.sitting >= self.room;
            let waited = self.freed.wait_while_for(&mut taken, full, self.patience);
            taken.waiting -= 1;
            if waited.timed_out() && taken.sitting >= self.room {
                return None;
            }
        }
        taken.sitting += 1;
        Some(Seat(self))
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.taken.lock().sitting -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_seat_is_taken_and_who_comes_next_waits_until_patience_ends() {
        let seats = Seats::new(2, 1, Duration::from_millis(20));
        let (first, second) = (seats.sit(), seats.sit());
        assert!(first.is_some() && second.is_some());
        assert!(seats.sit().is_none());
        drop(first);
        assert!(seats.sit().is_some());
    }

    #[test]
    fn who_waits_gets_the_seat_that_becomes_free_and_one_more_may_not_wait() {
        let seats = Seats::new(1, 1, Duration::from_secs(60));
        let first = seats.sit();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| seats.sit().is_some());
            while seats.taken.lock().waiting == 0 {
                std::thread::yield_now();
            }
            assert!(seats.sit().is_none(), "one waits already");
            drop(first);
            assert!(waits.join().unwrap());
        });
    }
}
