//! The values of a condition, read as the type that its operator compares.

use super::faults::Cause;
use super::json::{Node, Notes, Value, excerpt, one_or_many};
use crate::question::{Operand, fixed_point, moment, network};
use ipnet::IpNet;
use std::borrow::Cow;

/// All values as texts. A number or truth value counts as it is written.
pub(super) fn texts<'n>(
    node: &'n Node<'_>,
    notes: &mut Notes,
) -> Option<Vec<(&'n Node<'n>, Cow<'n, str>)>> {
    let mut complete = true;
    let mut texts = Vec::new();
    for node in one_or_many(node) {
        match &node.value {
            Value::Text(text) => texts.push((node, Cow::Borrowed(&**text))),
            Value::Number(number) => texts.push((node, Cow::Borrowed(*number))),
            Value::Bool(true) => texts.push((node, Cow::Borrowed("true"))),
            Value::Bool(false) => texts.push((node, Cow::Borrowed("false"))),
            Value::Null | Value::List(_) | Value::Object(_) => {
                notes.wrong_type(node, "a text, number or truth value");
                complete = false;
            }
        }
    }
    complete.then_some(texts)
}

/// The values as constants, each read by `read`.
pub(super) fn constants<T>(
    node: &Node<'_>,
    notes: &mut Notes,
    read: fn(&str) -> Result<T, Cause>,
) -> Option<Vec<Operand<T>>> {
    let mut complete = true;
    let mut constants = Vec::new();
    for (node, text) in texts(node, notes)? {
        match read(&text) {
            Ok(constant) => constants.push(Operand::Constant(constant)),
            Err(_) if text.contains("${") => {
                notes.fault(&node.bytes, Cause::VariableInOperator(excerpt(&text)));
                complete = false;
            }
            Err(cause) => {
                notes.fault(&node.bytes, cause);
                complete = false;
            }
        }
    }
    complete.then_some(constants)
}

/// A number in thousandths.
pub(super) fn number(text: &str) -> Result<i64, Cause> {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    let decimal = |byte: u8| byte.is_ascii_digit() || b".+-".contains(&byte);
    match fixed_point(text.as_bytes()) {
        Some(_) if fraction.trim_end_matches('0').len() > 3 => {
            Err(Cause::NumberRange(excerpt(text)))
        }
        Some(number) => Ok(number),
        None if text.len() > 15 && text.bytes().all(decimal) => {
            Err(Cause::NumberRange(excerpt(text)))
        }
        None => Err(Cause::Number(excerpt(text))),
    }
}

/// A moment in seconds since 1970. Fractions of a second are refused, because the clock of a policy has none.
pub(super) fn seconds(text: &str) -> Result<i64, Cause> {
    // A bare year would be read as the first hour of 1970.
    let year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    moment(text.as_bytes())
        .filter(|_| !year && !text.contains(['.', ',']))
        .ok_or_else(|| Cause::Moment(excerpt(text)))
}

/// A truth value.
pub(super) fn truth(text: &str) -> Result<bool, Cause> {
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(Cause::Truth(excerpt(text)))
    }
}

/// A block of addresses; one address is a block of one.
pub(super) fn block(text: &str) -> Result<IpNet, Cause> {
    network(text.as_bytes()).ok_or_else(|| Cause::Network(excerpt(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_fits_the_fixed_point_or_is_refused() {
        assert_eq!(number("10"), Ok(10_000));
        assert_eq!(number("1.2"), Ok(1_200));
        assert_eq!(number("-0.005"), Ok(-5));
        assert_eq!(number("1.2000"), Ok(1_200));
        assert!(matches!(number("1.2345"), Err(Cause::NumberRange(_))));
        assert!(matches!(
            number("9223372036854776"),
            Err(Cause::NumberRange(_))
        ));
        for wrong in ["1e3", "", "ten", "1,5", "0x10"] {
            assert!(matches!(number(wrong), Err(Cause::Number(_))), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_a_date_or_seconds_and_no_year() {
        for text in [
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00Z",
            "2026-01-01",
            "1767225600",
        ] {
            assert_eq!(seconds(text), Ok(1_767_225_600), "{text}");
        }
        for wrong in ["2026", "2026-01-01T00:00:00.5Z", "tomorrow", ""] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn truths_and_blocks_are_read_as_iam_writes_them() {
        assert_eq!((truth("true"), truth("False")), (Ok(true), Ok(false)));
        assert!(truth("yes").is_err());
        assert_eq!(block("192.0.2.1"), block("192.0.2.1/32"));
        assert_eq!(block("::ffff:192.0.2.0/120"), block("192.0.2.0/24"));
        for wrong in ["192.0.2.0/33", "192.0.2", "192.0.2.*", ""] {
            assert!(block(wrong).is_err(), "{wrong}");
        }
    }
}
