//! Wildcards, matched with a single backtrack: the time is at most the pattern times the text, never exponential.
//!
//! `?` is one character of UTF-8, or one byte that belongs to none.

use super::answering::{TooMuchWork, Work};

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Byte(u8),
    AnyText,
    AnyCharacter,
}

/// A pattern that can be read from any place: text with `*` and `?`, or a template whose references are filled in.
pub(super) trait Pattern {
    type Place: Copy + PartialEq;

    fn start(&self) -> Self::Place;
    /// The element at a place and the place behind it; `None` at the end.
    fn next(&self, place: Self::Place) -> Option<(Element, Self::Place)>;
}

/// A pattern as clients of IAM write it.
pub(super) struct Glob<'a>(pub(super) &'a [u8]);

impl Pattern for Glob<'_> {
    type Place = usize;

    fn start(&self) -> usize {
        0
    }

    fn next(&self, place: usize) -> Option<(Element, usize)> {
        let element = match self.0.get(place)? {
            b'*' => Element::AnyText,
            b'?' => Element::AnyCharacter,
            byte => Element::Byte(*byte),
        };
        Some((element, place + 1))
    }
}

/// Where wildcards may not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fence {
    None,
    /// Not over the first five colons of an ARN.
    Arn,
}

/// How a byte of the pattern compares with one of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Exact,
    /// ASCII letters without regard to case.
    Folded,
}

impl Case {
    const fn same(self, wanted: u8, byte: u8) -> bool {
        match self {
            Self::Exact => wanted == byte,
            Self::Folded => wanted.eq_ignore_ascii_case(&byte),
        }
    }
}

/// Whether the whole text fits the whole pattern.
pub(super) fn fits<P: Pattern>(
    pattern: &P,
    text: &[u8],
    fence: Fence,
    case: Case,
    work: &mut Work,
) -> Result<bool, TooMuchWork> {
    let fence = if is_any_text(pattern) {
        Fence::None
    } else {
        fence
    };
    let mut cursor = Cursor {
        place: pattern.start(),
        at: 0,
        colons: 0,
    };
    // Where to go on after the latest `*`, should what follows not fit.
    let mut retry: Option<Cursor<P::Place>> = None;
    loop {
        work.spend(1)?;
        let step = pattern.next(cursor.place);
        match (step, text.get(cursor.at)) {
            (Some((Element::AnyText, behind)), _) => {
                cursor.place = behind;
                retry = Some(cursor);
                continue;
            }
            (Some((Element::Byte(wanted), behind)), Some(byte)) if case.same(wanted, *byte) => {
                cursor.colons += usize::from(wanted == b':');
                cursor.place = behind;
                cursor.at += 1;
                continue;
            }
            (Some((Element::AnyCharacter, behind)), Some(byte))
                if !fenced(fence, cursor.colons, *byte) =>
            {
                cursor.place = behind;
                cursor.at = behind_character(text, cursor.at);
                continue;
            }
            (None, None) => return Ok(true),
            _ => {}
        }
        // Let the latest `*` swallow one more byte.
        let Some(star) = retry.as_mut() else {
            return Ok(false);
        };
        match text.get(star.at) {
            Some(byte) if !fenced(fence, star.colons, *byte) => star.at += 1,
            _ => return Ok(false),
        }
        cursor = *star;
    }
}

#[derive(Clone, Copy)]
struct Cursor<Place> {
    place: Place,
    at: usize,
    colons: usize,
}

fn fenced(fence: Fence, colons: usize, byte: u8) -> bool {
    fence == Fence::Arn && colons < 5 && byte == b':'
}

/// A lone `*` is any ARN.
fn is_any_text<P: Pattern>(pattern: &P) -> bool {
    matches!(pattern.next(pattern.start()), Some((Element::AnyText, behind)) if pattern.next(behind).is_none())
}

fn behind_character(text: &[u8], at: usize) -> usize {
    let continuation = |byte: &&u8| (**byte & 0b1100_0000) == 0b1000_0000;
    let rest = text.get(at + 1..).unwrap_or_default();
    at + 1 + rest.iter().take(3).take_while(continuation).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str, text: &str) -> bool {
        fits(
            &Glob(pattern.as_bytes()),
            text.as_bytes(),
            Fence::None,
            Case::Exact,
            &mut Work::full(),
        )
        .unwrap()
    }

    fn arn(pattern: &str, text: &str) -> bool {
        fits(
            &Glob(pattern.as_bytes()),
            text.as_bytes(),
            Fence::Arn,
            Case::Exact,
            &mut Work::full(),
        )
        .unwrap()
    }

    #[test]
    fn stars_and_question_marks_mean_what_they_mean_in_iam() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "a/b"),
            ("a*c", "ac"),
            ("a*c", "abcbc"),
            ("*.jpg", "x.jpg.jpg"),
            ("a?c", "abc"),
            ("a?c", "aéc"),
            ("a?c", "a€c"),
            ("**a**", "xax"),
            ("*a*b", "aab"),
            ("?*", "a"),
        ] {
            assert!(glob(pattern, text), "{pattern} should fit {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("?", ""),
            ("a?c", "ac"),
            ("??", "é"),
            ("*a", "ab"),
            ("a*b*c", "acb"),
        ] {
            assert!(!glob(pattern, text), "{pattern} should not fit {text}");
        }
    }

    #[test]
    fn a_wildcard_stays_within_its_part_of_an_arn() {
        assert!(arn("arn:aws:s3:::b*/x", "arn:aws:s3:::bucket/x"));
        assert!(arn("arn:aws:iam::*:user/*", "arn:aws:iam::123:user/a:b"));
        assert!(arn("*", "arn:aws:iam::123:user/a"));
        assert!(!arn("arn:aws:iam:*:user/a", "arn:aws:iam::123:user/a"));
        assert!(!arn("arn:*:user/a", "arn:aws:iam::123:user/a"));
        assert!(!arn("arn:aws?iam::123:user/a", "arn:aws:iam::123:user/a"));
    }

    #[test]
    fn a_pattern_made_to_explode_is_merely_slow() {
        let (pattern, text) = ("*a".repeat(50) + "b", "a".repeat(1_000));
        let mut work = Work::full();
        let fits = fits(
            &Glob(pattern.as_bytes()),
            text.as_bytes(),
            Fence::None,
            Case::Exact,
            &mut work,
        );
        assert_eq!(fits, Ok(false));
        assert!(work.spent() < 200_000, "{}", work.spent());
    }

    #[test]
    fn work_ends_at_its_bound() {
        let mut work = Work::of(10);
        assert_eq!(
            fits(
                &Glob(b"*b"),
                &[b'a'; 100],
                Fence::None,
                Case::Exact,
                &mut work
            ),
            Err(TooMuchWork)
        );
    }
}
