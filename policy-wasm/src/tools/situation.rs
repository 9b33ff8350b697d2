//! A situation: facts that are made up or kept, such as what a query fixes and what a witness is.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::facts::{Fact, Facts, OwnedValue, Values};
use crate::question::written;
use crate::registry::Attribute;

/// What is known of some attributes: their values, or that they are absent. As [`Facts`], all others are absent too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Situation(Vec<(Attribute, Option<Box<[OwnedValue]>>)>);

impl Situation {
    /// The attribute has these values; none of them is an empty list, which is there.
    #[must_use]
    pub fn with(
        mut self,
        attribute: Attribute,
        values: impl IntoIterator<Item = OwnedValue>,
    ) -> Self {
        self.set(attribute, Some(values.into_iter().collect()));
        self
    }

    /// The attribute is this text.
    #[must_use]
    pub fn with_text(self, attribute: Attribute, text: impl AsRef<[u8]>) -> Self {
        self.with(attribute, [OwnedValue::text(text)])
    }

    /// The attribute is absent.
    #[must_use]
    pub fn without(mut self, attribute: Attribute) -> Self {
        self.set(attribute, None);
        self
    }

    /// What these facts say of the attributes. One that was not fetched stays unknown.
    pub fn of<'a>(facts: &dyn Facts, attributes: impl IntoIterator<Item = &'a Attribute>) -> Self {
        let mut situation = Self::default();
        for attribute in attributes {
            match facts.get(attribute) {
                Fact::Absent => situation.set(attribute.clone(), None),
                Fact::Present(values) => {
                    let values = values.iter().map(OwnedValue::from).collect();
                    situation.set(attribute.clone(), Some(values));
                }
                Fact::NotFetched => {}
            }
        }
        situation
    }

    /// What both say; where they differ, this one.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        let mut both = other.clone();
        for (attribute, values) in &self.0 {
            both.set(attribute.clone(), values.clone());
        }
        both
    }

    /// Whether it says something of the attribute.
    pub fn knows(&self, attribute: &Attribute) -> bool {
        self.find(attribute).is_some()
    }

    /// The values of the attribute; `None` where it is absent or unknown.
    pub fn values(&self, attribute: &Attribute) -> Option<&[OwnedValue]> {
        self.find(attribute).and_then(Option::as_deref)
    }

    /// Whether the other says all that this one says.
    pub(super) fn is_part_of(&self, other: &Self) -> bool {
        let mut all = self.0.iter();
        all.all(|(attribute, values)| other.values(attribute) == values.as_deref())
    }

    /// The attributes that are present, with their values.
    pub fn present(&self) -> impl Iterator<Item = (&Attribute, &[OwnedValue])> {
        self.0
            .iter()
            .filter_map(|(attribute, values)| Some((attribute, values.as_deref()?)))
    }

    pub(super) fn set(&mut self, attribute: Attribute, values: Option<Box<[OwnedValue]>>) {
        match self.0.iter_mut().find(|(known, _)| *known == attribute) {
            Some((_, held)) => *held = values,
            None => self.0.push((attribute, values)),
        }
    }

    fn find(&self, attribute: &Attribute) -> Option<&Option<Box<[OwnedValue]>>> {
        self.0
            .iter()
            .find(|(known, _)| known == attribute)
            .map(|(_, values)| values)
    }
}

impl Facts for Situation {
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        match self.values(attribute) {
            None => Fact::Absent,
            Some([one]) => Fact::Present(Values::One(one.borrow())),
            Some(list) => Fact::list(list),
        }
    }
}

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (attribute, values)) in self.present().enumerate() {
            f.write_str(if place == 0 { "" } else { ", " })?;
            write!(f, "{attribute} =")?;
            if values.is_empty() {
                f.write_str(" nothing")?;
            }
            for value in values {
                write!(f, " `{}`", written(value.borrow()).escape_default())?;
            }
        }
        Ok(())
    }
}

/// An object of lists of text, by attribute: what is present.
impl Serialize for Situation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (attribute, values) in self.present() {
            let texts: Vec<String> = values.iter().map(|value| written(value.borrow())).collect();
            map.serialize_entry(&attribute.to_string(), &texts)?;
        }
        map.end()
    }
}
