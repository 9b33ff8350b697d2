//! What a policy may know of one check: the values of its attributes, borrowed from whoever holds them.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::registry::Attribute;

/// The facts of one check.
///
/// During one decision the same attribute must give the same answer, because the tree and the module are answered by
/// the same facts one after the other. One reading of the clock serves all of them.
pub trait Facts {
    /// The value of an attribute, as its row in the registry normalises it.
    fn get(&self, attribute: &Attribute) -> Fact<'_>;
}

impl<F: Facts + ?Sized> Facts for &F {
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        (**self).get(attribute)
    }
}

/// What is known of one attribute.
#[derive(Clone, Copy, Debug)]
pub enum Fact<'a> {
    /// It is not there: a list that is not set, a header that was not sent.
    Absent,
    /// It is there, with these values; an empty list is present and matches nothing.
    Present(Values<'a>),
    /// It costs a question to the upstream that was not asked yet. Only for attributes that the registry calls fetched.
    NotFetched,
}

impl<'a> Fact<'a> {
    /// One text.
    pub const fn text(text: &'a str) -> Self {
        Self::Present(Values::One(Value::Text(text.as_bytes())))
    }

    /// One sequence of bytes.
    pub const fn bytes(bytes: &'a [u8]) -> Self {
        Self::Present(Values::One(Value::Text(bytes)))
    }

    /// One whole number.
    pub const fn integer(number: i64) -> Self {
        Self::Present(Values::One(Value::Number(number.saturating_mul(1_000))))
    }

    /// One number in thousandths.
    pub const fn thousandths(number: i64) -> Self {
        Self::Present(Values::One(Value::Number(number)))
    }

    /// One moment, in seconds since 1970.
    pub const fn time(seconds: i64) -> Self {
        Self::Present(Values::One(Value::Time(seconds)))
    }

    /// One truth value.
    pub const fn boolean(truth: bool) -> Self {
        Self::Present(Values::One(Value::Bool(truth)))
    }

    /// One address. An IPv4 address that is mapped into IPv6 counts as the IPv4 address.
    pub const fn address(address: IpAddr) -> Self {
        Self::Present(Values::One(Value::Address(address.to_canonical())))
    }

    /// The text, or nothing.
    pub const fn optional_text(text: Option<&'a str>) -> Self {
        match text {
            Some(text) => Self::text(text),
            None => Self::Absent,
        }
    }

    /// A list.
    pub fn list(values: impl Into<Values<'a>>) -> Self {
        Self::Present(values.into())
    }
}

/// The values of an attribute that is present. None of them is copied.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Exactly one.
    One(Value<'a>),
    /// A list of texts.
    Strs(&'a [&'a str]),
    /// A list of texts.
    Strings(&'a [String]),
    /// A list of texts.
    Boxed(&'a [Box<str>]),
    /// A list of texts.
    Shared(&'a [Arc<str>]),
    /// A list of networks.
    Networks(&'a [IpNet]),
    /// A list of any values.
    Many(&'a [Value<'a>]),
    /// A list of any values that hold their own bytes.
    Owned(&'a [OwnedValue]),
}

impl<'a> Values<'a> {
    /// How many there are.
    pub const fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Strs(list) => list.len(),
            Self::Strings(list) => list.len(),
            Self::Boxed(list) => list.len(),
            Self::Shared(list) => list.len(),
            Self::Networks(list) => list.len(),
            Self::Many(list) => list.len(),
            Self::Owned(list) => list.len(),
        }
    }

    /// Whether the list is empty.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at a place.
    pub fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::One(value) => (index == 0).then_some(*value),
            Self::Strs(list) => list.get(index).map(|text| Value::Text(text.as_bytes())),
            Self::Strings(list) => list.get(index).map(|text| Value::Text(text.as_bytes())),
            Self::Boxed(list) => list.get(index).map(|text| Value::Text(text.as_bytes())),
            Self::Shared(list) => list.get(index).map(|text| Value::Text(text.as_bytes())),
            Self::Networks(list) => list.get(index).map(|network| Value::Network(*network)),
            Self::Many(list) => list.get(index).copied(),
            Self::Owned(list) => list.get(index).map(OwnedValue::borrow),
        }
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Value<'a>> {
        (0..self.len()).filter_map(move |index| self.get(index))
    }
}

impl<'a> From<Value<'a>> for Values<'a> {
    fn from(value: Value<'a>) -> Self {
        Self::One(value)
    }
}

macro_rules! lists {
    ($($variant:ident($item:ty),)+) => {$(
        impl<'a> From<&'a [$item]> for Values<'a> {
            fn from(list: &'a [$item]) -> Self {
                Self::$variant(list)
            }
        }
    )+};
}

lists! {
    Strs(&'a str),
    Strings(String),
    Boxed(Box<str>),
    Shared(Arc<str>),
    Networks(IpNet),
    Many(Value<'a>),
    Owned(OwnedValue),
}

/// One value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text, or bytes that a client sent where text should be.
    Text(&'a [u8]),
    /// A number, in thousandths.
    Number(i64),
    /// A moment, in seconds since 1970.
    Time(i64),
    /// An address.
    Address(IpAddr),
    /// A block of addresses.
    Network(IpNet),
    /// A truth value.
    Bool(bool),
}

/// A value that holds its own bytes: for facts that are made up, or kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OwnedValue {
    /// As [`Value::Text`].
    Text(Box<[u8]>),
    /// As [`Value::Number`].
    Number(i64),
    /// As [`Value::Time`].
    Time(i64),
    /// As [`Value::Address`].
    Address(IpAddr),
    /// As [`Value::Network`].
    Network(IpNet),
    /// As [`Value::Bool`].
    Bool(bool),
}

impl OwnedValue {
    /// A text.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self::Text(text.as_ref().into())
    }

    /// The same value, borrowed.
    pub fn borrow(&self) -> Value<'_> {
        match self {
            Self::Text(bytes) => Value::Text(bytes),
            Self::Number(number) => Value::Number(*number),
            Self::Time(seconds) => Value::Time(*seconds),
            Self::Address(address) => Value::Address(*address),
            Self::Network(block) => Value::Network(*block),
            Self::Bool(truth) => Value::Bool(*truth),
        }
    }
}

impl From<Value<'_>> for OwnedValue {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Text(bytes) => Self::Text(bytes.into()),
            Value::Number(number) => Self::Number(number),
            Value::Time(seconds) => Self::Time(seconds),
            Value::Address(address) => Self::Address(address),
            Value::Network(block) => Self::Network(block),
            Value::Bool(truth) => Self::Bool(truth),
        }
    }
}
