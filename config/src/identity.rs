//! Who a person is: passwords, one-time passwords, and how often somebody may guess at them.
//!
//! Nothing here knows what a person may do, or keeps anything: the directory does.

mod one_time;
mod password;
mod throttle;

pub use one_time::{Enrolment, OneTimeError, OneTimeSecret, Step};
pub use password::{PasswordError, PasswordHash, PasswordRule, Passwords, Weakness};
pub use throttle::{Throttle, Wait};
