//! Days that are over, for questions about them: the directory as it was, the modules that were in force, and the time that it was.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use postern_config::directory::PastFault;
use postern_config::judge::ToolFault;
use postern_config::{UnixMillis, UnixSeconds};

use crate::journey::Gate;
use crate::world::World;

/// A world, and when it is or was.
pub(super) struct Day {
    pub(super) world: Arc<World>,
    pub(super) now: UnixSeconds,
    /// What of it cannot be had any more.
    pub(super) doubts: Vec<String>,
}

/// The world of a day, or of now where none is named.
pub(super) async fn day(gate: &Arc<Gate>, at: Option<&str>) -> Result<Day, ToolFault> {
    let now_ms = gate.clock.now_ms();
    let Some(at) = at else {
        return Ok(Day {
            world: gate.world(),
            now: UnixSeconds(now_ms / 1_000),
            doubts: Vec::new(),
        });
    };
    let at_ms = moment(at, now_ms)?;
    let state = gate.directory().state_at(UnixMillis(at_ms)).await;
    let state = state.map_err(|fault| match fault {
        PastFault::Future => ToolFault::Malformed(format!("`{at}` has not been yet")),
        PastFault::Gone { since } => ToolFault::Malformed(format!(
            "nothing is kept of the directory from before {}, where its history begins",
            rfc3339(UnixSeconds(since.0 / 1_000))
        )),
        PastFault::Open(cause) => ToolFault::Failed(cause.to_string()),
    })?;
    let doubts = gate.library.fetch_all(&state).await;
    let doubts = doubts.into_iter().map(|it| {
        format!(
            "the module {} of that day cannot be loaded: {}",
            it.name, it.cause
        )
    });
    Ok(Day {
        world: Arc::new(World::of(Arc::new(state))),
        now: UnixSeconds(at_ms / 1_000),
        doubts: doubts.collect(),
    })
}

/// A date, which means its end but not what is still to come of it, or RFC 3339; in milliseconds since 1970.
fn moment(text: &str, now_ms: u64) -> Result<u64, ToolFault> {
    let wrong = || {
        ToolFault::Malformed(format!(
            "`{text}` is not a time: a date such as `2026-01-31`, or `2026-01-31T14:00:00Z`"
        ))
    };
    let of = |at: Timestamp| u64::try_from(at.as_millisecond()).map_err(|_| wrong());
    if let Ok(at) = text.parse::<Timestamp>() {
        return of(at);
    }
    let date: Date = text.parse().map_err(|_| wrong())?;
    let begin = date.to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
    if of(begin.timestamp())? > now_ms {
        return Err(ToolFault::Malformed(format!("`{text}` has not been yet")));
    }
    let end = date.to_datetime(Time::MAX).to_zoned(TimeZone::UTC);
    Ok(of(end.map_err(|_| wrong())?.timestamp())?.min(now_ms))
}

/// Seconds since 1970 as RFC 3339 has them.
pub(super) fn rfc3339(at: UnixSeconds) -> String {
    let seconds = i64::try_from(at.0).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-31T12:00:00Z.
    const NOON: u64 = 1_769_860_800_000;

    #[test]
    fn a_date_is_its_end_and_no_more_than_has_been() {
        assert_eq!(moment("2026-01-30", NOON), Ok(NOON - 43_200_000 - 1));
        assert_eq!(moment("2026-01-31", NOON), Ok(NOON));
        assert_eq!(moment("2026-01-31T11:59:59Z", NOON), Ok(NOON - 1_000));
        for wrong in ["2026-02-01", "yesterday", "2026-13-01", "1969-12-31", ""] {
            assert!(moment(wrong, NOON).is_err(), "{wrong}");
        }
        assert_eq!(rfc3339(UnixSeconds(NOON / 1_000)), "2026-01-31T12:00:00Z");
    }
}
