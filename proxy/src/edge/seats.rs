//! How many connections there may be: in all, and of one source address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// The seats of a listener.
#[derive(Debug)]
pub(super) struct Seats {
    max: usize,
    max_per_address: usize,
    taken: AtomicUsize,
    /// Seats by address; no entry is zero. Held for a look and a step.
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's seat among all. Dropping it frees it.
#[derive(Debug)]
pub(super) struct Seat(Arc<Seats>);

/// One connection's seat among those of its address. Dropping it frees it.
#[derive(Debug)]
pub(super) struct AddressSeat(Arc<Seats>, IpAddr);

impl Seats {
    pub(super) fn new(max: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            max_per_address,
            taken: AtomicUsize::new(0),
            by_address: Mutex::default(),
        })
    }

    /// A seat, or `None` when all are taken.
    pub(super) fn take(self: &Arc<Self>) -> Option<Seat> {
        let step = |taken| (taken < self.max).then_some(taken + 1);
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step)
            .ok()?;
        Some(Seat(Arc::clone(self)))
    }

    /// A seat for `address`, or `None` when it has all that one address may have.
    pub(super) fn take_for(self: &Arc<Self>, address: IpAddr) -> Option<AddressSeat> {
        let network = network_of(address);
        let mut by_address = self.by_address.lock();
        let taken = by_address.entry(network).or_default();
        if *taken >= self.max_per_address {
            return None;
        }
        *taken += 1;
        drop(by_address);
        Some(AddressSeat(Arc::clone(self), network))
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for AddressSeat {
    fn drop(&mut self) {
        let mut by_address = self.0.by_address.lock();
        if let Some(taken) = by_address.get_mut(&self.1) {
            *taken -= 1;
            if *taken == 0 {
                by_address.remove(&self.1);
            }
        }
    }
}

/// What counts as one address: an IPv4 address, or the network of 64 bits that one IPv6 subscriber has at least.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_seat_is_given_and_one_more_is_not() {
        let seats = Seats::new(2, 9);
        let (first, _second) = (seats.take().unwrap(), seats.take().unwrap());
        assert!(seats.take().is_none());
        drop(first);
        assert!(seats.take().is_some());
        assert_eq!(seats.taken(), 1);
    }

    #[test]
    fn each_address_has_its_own_seats() {
        let seats = Seats::new(9, 1);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let seat = seats.take_for(one);
        assert!(seat.is_some() && seats.take_for(one).is_none());
        assert!(seats.take_for("192.0.2.2".parse().unwrap()).is_some());
        drop(seat);
        assert!(seats.take_for(one).is_some());
        assert!(seats.by_address.lock().is_empty());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let seats = Seats::new(9, 1);
        let _seat = seats.take_for("2001:db8::1".parse().unwrap()).unwrap();
        assert!(seats.take_for("2001:db8::2".parse().unwrap()).is_none());
        assert!(seats.take_for("2001:db8:0:1::1".parse().unwrap()).is_some());
    }
}
