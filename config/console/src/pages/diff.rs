//! Two texts beside each other, line by line.

/// Pairs of lines that are compared at most; texts that differ in more are shown one after the other.
const PAIRS_COMPARED_MAX: usize = 1_000_000;
/// Lines around a difference.
const LINES_AROUND: usize = 3;

/// A line of two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'t> {
    /// In both.
    Same(&'t str),
    /// In the first alone.
    Gone(&'t str),
    /// In the second alone.
    New(&'t str),
    /// Lines of both that are far from any difference.
    Rest,
}

/// The differences of two texts with what stands around them; nothing where there is none.
pub(crate) fn lines<'t>(before: &'t str, after: &'t str) -> Vec<Line<'t>> {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    if before == after {
        return Vec::new();
    }
    shortened(&all(&before, &after))
}

/// Every line. What both begin and end with is not compared.
fn all<'t>(before: &[&'t str], after: &[&'t str]) -> Vec<Line<'t>> {
    let alike = |(one, other): &(&&str, &&str)| one == other;
    let head = before.iter().zip(after).take_while(alike).count();
    let most = before.len().min(after.len()) - head;
    let tail = before.iter().rev().zip(after.iter().rev());
    let tail = tail.take(most).take_while(alike).count();
    let middle = |text: &[&'t str]| -> Vec<&'t str> {
        let length = text.len() - head - tail;
        text.iter().skip(head).take(length).copied().collect()
    };
    let (same, rest) = (
        before.iter().take(head),
        before.iter().rev().take(tail).rev(),
    );
    let same = same.map(|line| Line::Same(line));
    let changed = compared(&middle(before), &middle(after));
    same.chain(changed)
        .chain(rest.map(|line| Line::Same(line)))
        .collect()
}

/// The shortest way from one to the other. Source: the longest common subsequence, by tables.
fn compared<'t>(before: &[&'t str], after: &[&'t str]) -> Vec<Line<'t>> {
    let gone = before.iter().map(|line| Line::Gone(line));
    let new = after.iter().map(|line| Line::New(line));
    if before.len().saturating_mul(after.len()) > PAIRS_COMPARED_MAX {
        return gone.chain(new).collect();
    }
    let width = after.len() + 1;
    // How long the longest common sequence of what follows is.
    let mut table = vec![0_usize; (before.len() + 1) * width];
    let at = |table: &[usize], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for (i, one) in before.iter().enumerate().rev() {
        for (j, other) in after.iter().enumerate().rev() {
            let longest = if one == other {
                at(&table, i + 1, j + 1) + 1
            } else {
                at(&table, i + 1, j).max(at(&table, i, j + 1))
            };
            if let Some(cell) = table.get_mut(i * width + j) {
                *cell = longest;
            }
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    loop {
        match (before.get(i), after.get(j)) {
            (Some(one), Some(other)) if one == other => {
                lines.push(Line::Same(one));
                (i, j) = (i + 1, j + 1);
            }
            (Some(one), other)
                if other.is_none() || at(&table, i + 1, j) >= at(&table, i, j + 1) =>
            {
                lines.push(Line::Gone(one));
                i += 1;
            }
            (_, Some(other)) => {
                lines.push(Line::New(other));
                j += 1;
            }
            (_, None) => return lines,
        }
    }
}

/// The lines near a difference.
fn shortened<'t>(all: &[Line<'t>]) -> Vec<Line<'t>> {
    let differs = |line: &Line<'_>| !matches!(line, Line::Same(_));
    let mut shown = Vec::new();
    for (place, line) in all.iter().enumerate() {
        let from = place.saturating_sub(LINES_AROUND);
        let mut near = all.iter().skip(from).take(place - from + LINES_AROUND + 1);
        match (near.any(differs), shown.last()) {
            (true, _) => shown.push(*line),
            (false, Some(Line::Rest)) => {}
            (false, _) => shown.push(Line::Rest),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown_with_what_stands_around_it() {
        use Line::{Gone, New, Rest, Same};
        assert_eq!(lines("a\nb", "a\nb"), []);
        assert_eq!(lines("", "a"), [New("a")]);
        assert_eq!(lines("a", ""), [Gone("a")]);
        assert_eq!(
            lines("a\nb\nc", "a\nx\nc"),
            [Same("a"), Gone("b"), New("x"), Same("c")]
        );
        assert_eq!(
            lines("a\nb\nc\nd", "b\nc\ne\nd"),
            [Gone("a"), Same("b"), Same("c"), New("e"), Same("d")]
        );
        assert_eq!(
            lines("1\n2\n3\n4\n5\n6", "1\n2\n3\n4\n5\n7"),
            [Rest, Same("3"), Same("4"), Same("5"), Gone("6"), New("7")]
        );
    }

    #[test]
    fn texts_of_any_length_are_compared() {
        let (one, other) = ("a\n".repeat(3_000), "b\n".repeat(3_000));
        assert_eq!(lines(&one, &other).len(), 6_000);
    }
}
