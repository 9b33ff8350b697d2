//! What a form changes, shown before it is saved.

use postern_config::directory::Digest;

use super::fields::Fields;
use super::filters::{capital, say};
use super::reader::Reader;

/// What a form changes. Empty: nothing.
#[derive(Debug)]
pub(crate) struct Review {
    pub(crate) changes: Vec<Changed>,
}

/// A field, and what becomes of what it held.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(crate) what: &'static str,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// A field of a form, as a form sends it and as people read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field(
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) Kind,
);

/// How the values of a field are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    /// A word of ours.
    Word,
    /// A check box.
    Tick,
}

impl Review {
    /// The fields that hold something else than before.
    pub(crate) fn of(
        reader: &Reader,
        fields: &[Field],
        (before, form): (&Fields, &Fields),
    ) -> Self {
        let changed = fields.iter().filter_map(|Field(name, what, kind)| {
            let [before, after] = [before, form].map(|it| kind.read(reader, it.text(name)));
            (before != after).then_some(Changed {
                what,
                before,
                after,
            })
        });
        Self {
            changes: changed.collect(),
        }
    }

    /// Whether these are the changes that the form was shown with. Where somebody else has changed something since, they are others.
    pub(crate) fn was_seen(&self, form: &Fields) -> bool {
        self.changes.is_empty() || form.text("seen") == self.digest()
    }

    /// What the form sends of the changes that it was shown with.
    pub(crate) fn digest(&self) -> String {
        Digest::of(format!("{:?}", self.changes).as_bytes()).to_string()
    }
}

impl Kind {
    fn read(self, reader: &Reader, value: &str) -> String {
        match (self, value) {
            (Self::Tick, "") => reader.say(say!("No")).to_owned(),
            (Self::Tick, _) => reader.say(say!("Yes")).to_owned(),
            (Self::Text | Self::Word, "") => "–".to_owned(),
            (Self::Text, text) => text.to_owned(),
            (Self::Word, word) => reader.say(&capital(word)).to_owned(),
        }
    }
}
