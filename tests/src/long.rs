//! The long forms of tests whose length is a matter of patience: `POSTERN_TEST_LONG=1`.

/// Rounds of a test: in its long form ten times as many.
pub fn rounds(short: u64) -> u64 {
    let is_long = std::env::var_os("POSTERN_TEST_LONG").is_some_and(|it| it != "0");
    if is_long { short * 10 } else { short }
}
