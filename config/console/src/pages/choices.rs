//! What is chosen from a list. Where there are more entries than a list should have, it offers the first of them, and what is meant is
//! typed.

/// Entries of a list of choices: with names of 64 bytes, a page stays below 100 kB.
pub(crate) const CHOICES_LISTED_MAX: usize = 500;

/// Choices: what is sent of each, and what people read.
#[derive(Debug)]
pub(crate) struct Choices {
    pub(crate) options: Vec<(String, String)>,
    /// Whether there are more than are listed.
    pub(crate) is_cut: bool,
}

impl Choices {
    pub(crate) fn of(entries: impl Iterator<Item = (String, String)>) -> Self {
        let mut options: Vec<_> = entries.take(CHOICES_LISTED_MAX + 1).collect();
        let is_cut = options.len() > CHOICES_LISTED_MAX;
        options.truncate(CHOICES_LISTED_MAX);
        Self { options, is_cut }
    }

    /// Entries that are sent as people read them.
    pub(crate) fn named(names: impl Iterator<Item = String>) -> Self {
        Self::of(names.map(|name| (name.clone(), name)))
    }

    /// With what nothing is sent for before the others.
    pub(crate) fn after(mut self, nothing: &str) -> Self {
        self.options.insert(0, (String::new(), nothing.to_owned()));
        self
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.options.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_listed_and_no_more() {
        let of = |count: usize| Choices::named((0..count).map(|number| number.to_string()));
        let full = of(CHOICES_LISTED_MAX);
        assert!(full.options.len() == 500 && !full.is_cut);
        let cut = of(CHOICES_LISTED_MAX + 1);
        assert!(cut.options.len() == 500 && cut.is_cut);
    }
}
