//! Facts of a test: a list of attributes with their values. What is not in it is absent.

use policy_wasm::facts::{Fact, Facts, Value, Values};
use policy_wasm::registry::Attribute;

/// The facts of one check.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(pub(crate) Vec<(Attribute, Vec<Value<'static>>)>);

impl Known {
    pub(crate) fn with(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = Value<'static>>,
    ) -> Self {
        let attribute = name.parse().expect("an attribute of the registry");
        self.0.retain(|(known, _)| *known != attribute);
        self.0.push((attribute, values.into_iter().collect()));
        self
    }

    pub(crate) fn text(self, name: &str, text: &'static str) -> Self {
        self.with(name, [Value::Text(text.as_bytes())])
    }

    pub(crate) fn texts(self, name: &str, texts: &[&'static str]) -> Self {
        self.with(name, texts.iter().map(|text| Value::Text(text.as_bytes())))
    }

    pub(crate) fn number(self, name: &str, number: i64) -> Self {
        self.with(name, [Value::Number(number * 1_000)])
    }

    pub(crate) fn time(self, name: &str, seconds: i64) -> Self {
        self.with(name, [Value::Time(seconds)])
    }

    pub(crate) fn truth(self, name: &str, truth: bool) -> Self {
        self.with(name, [Value::Bool(truth)])
    }

    pub(crate) fn address(self, name: &str, address: &str) -> Self {
        self.with(name, [Value::Address(address.parse().expect("an address"))])
    }

    pub(crate) fn networks(self, name: &str, networks: &[&str]) -> Self {
        self.with(
            name,
            networks
                .iter()
                .map(|n| Value::Network(n.parse().expect("a network"))),
        )
    }

    /// The values, unless the attribute is absent.
    pub(crate) fn values(&self, attribute: &Attribute) -> Option<&[Value<'static>]> {
        self.0
            .iter()
            .find(|(known, _)| known == attribute)
            .map(|(_, values)| values.as_slice())
    }
}

impl Facts for Known {
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        self.values(attribute)
            .map_or(Fact::Absent, |values| Fact::Present(Values::Many(values)))
    }
}
