//! What was used, by whom: the numbers that a bill is made of.
//!
//! A [`Meter`] counts each finished request on the thread that finished it, and writes what was counted into a [`Ledger`] once
//! a second, in one transaction: what SIGKILL takes is what was counted since, and no request is counted twice. The access log
//! is not read to recover it: a line may be missing there too, and the log may go to where it cannot be read.
//!
//! Numbers are kept by the hour, in UTC, for each access key and bucket. What is above (user, account, reseller) is a sum, and
//! is named in the row: a user who moves later does not take an old bill along. A [`Period`] that was closed never changes:
//! what comes too late is counted in the hour in which it comes, and marked.

mod ledger;
mod meter;
mod period;
mod report;
mod row;

pub use ledger::{Batch, Closed, Correction, Footing, Ledger, LedgerError, Sample, Verified};
pub use meter::{Event, Meter, MeterNumbers};
pub use period::{Moment, NotAMoment, NotAPeriod, Period, Step};
pub use report::{By, Item, Report, Wanted};
pub use row::{Class, Counts, Hour, LastUse, Sums, Whose};
