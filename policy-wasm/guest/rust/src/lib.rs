//! Write a Postern policy module in Rust.
//!
//! A module exports `memory` and `decide`, and sees nothing but the answers to the questions it asks. It starts fresh
//! for each evaluation, so its decision is a function of those answers alone: no clock, no memory of earlier calls.
//!
//! ```ignore
//! #![no_std]
//! use postern_policy::{because, manifest, policy, Attribute, Decision};
//!
//! manifest!(r#"{"name": "my-rule", "version": "1.0.0", "abi": "postern:policy/1", "attributes": ["postern:Key"]}"#);
//!
//! /// An attribute is named by its place in the manifest's list, from 0.
//! const KEY: Attribute = Attribute(0);
//!
//! policy!(decide);
//! fn decide() -> Decision {
//!     if KEY.starts_with("secret/") {
//!         because("no-secrets");
//!         return Decision::Deny;
//!     }
//!     Decision::NoOpinion
//! }
//! ```
//!
//! `postern module new NAME --lang rust` makes a whole project around it, with the commands that build it.

#![no_std]
#![warn(missing_docs)]

/// What a module decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The rule does not speak of this check.
    NoOpinion = 0,
    /// The rule allows it.
    Allow = 1,
    /// The rule denies it, whatever others say.
    Deny = 2,
}

/// An attribute, by its place in the list `attributes` of the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute(pub i32);

/// The questions. For an attribute with several values, `true` means that one of them fits; every question about an
/// absent attribute is answered `false`, and only [`Attribute::is_present`] tells absent from different.
impl Attribute {
    /// Is a value these bytes?
    pub fn equals(self, bytes: impl AsRef<[u8]>) -> bool {
        ask(imports::equals, self, bytes.as_ref())
    }

    /// Does a value begin with these bytes?
    pub fn starts_with(self, bytes: impl AsRef<[u8]>) -> bool {
        ask(imports::starts_with, self, bytes.as_ref())
    }

    /// Does a value end with these bytes?
    pub fn ends_with(self, bytes: impl AsRef<[u8]>) -> bool {
        ask(imports::ends_with, self, bytes.as_ref())
    }

    /// Does a value fit this wildcard, in which `*` stands for any bytes and `?` for one?
    pub fn matches(self, wildcard: impl AsRef<[u8]>) -> bool {
        ask(imports::matches, self, wildcard.as_ref())
    }

    /// Is an address in this CIDR block, such as `10.0.0.0/8`?
    pub fn in_network(self, block: impl AsRef<[u8]>) -> bool {
        ask(imports::in_network, self, block.as_ref())
    }

    /// Is a number (in thousandths) or a time (in seconds since 1970) below this bound?
    pub fn below(self, bound: i64) -> bool {
        // SAFETY: the import takes two numbers and touches no memory.
        unsafe { imports::below(self.0, bound) != 0 }
    }

    /// An encoded predicate: what the compiler of policy documents uses.
    pub fn test(self, predicate: impl AsRef<[u8]>) -> bool {
        ask(imports::test, self, predicate.as_ref())
    }

    /// Is it there at all?
    pub fn is_present(self) -> bool {
        // SAFETY: the import takes a number and touches no memory.
        unsafe { imports::present(self.0) != 0 }
    }
}

impl Attribute {
    /// The value itself: the costly question, because its answer is the value. Gives the length of the whole value and
    /// as much of it as fits into `into`; `None` if the attribute is absent. Attributes that follow the clock cannot be
    /// read, and a module that reads is not reused between evaluations.
    pub fn read(self, into: &mut [u8]) -> Option<(usize, &[u8])> {
        // SAFETY: the pointer and the length are those of a live slice, which the import writes within its length.
        let whole = unsafe { imports::read(self.0, into.as_mut_ptr(), length(into)) };
        if whole < 0 {
            return None;
        }
        let whole = whole as usize;
        let there = if whole < into.len() { whole } else { into.len() };
        into.get(..there).map(|bytes| (whole, bytes))
    }
}

/// A condition on what is forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obligation {
    /// The object or upload was made by the caller.
    RequireCreator = 1,
    /// The write replaces no object.
    IfNoneMatch = 2,
    /// A list shows only the buckets or prefixes of the operand.
    FilterList = 3,
    /// The body has at most as many bytes as the operand says.
    MaxBytes = 4,
    /// The object is still the version of the operand.
    ExpectVersion = 5,
    /// The header of the answer that the operand names is taken away.
    StripHeader = 6,
}

/// The value of an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// There is none: [`Obligation::RequireCreator`] and [`Obligation::IfNoneMatch`].
    None,
    /// These bytes.
    Constant(&'static [u8]),
    /// What the attribute holds when the decision is used.
    Of(Attribute),
}

/// Demands something of what is forwarded. For a module that allows or has no opinion.
pub fn oblige(obligation: Obligation, operand: Operand) {
    let (attribute, bytes): (i32, &[u8]) = match operand {
        Operand::None => (-1, &[]),
        Operand::Constant(bytes) => (-1, bytes),
        Operand::Of(attribute) => (attribute.0, &[]),
    };
    // SAFETY: the pointer and the length are those of a live slice, which the import only reads.
    unsafe { imports::oblige(obligation as i32, attribute, bytes.as_ptr(), length(bytes)) }
}

/// Names the statement that decided, for `explain`: at most 64 constant bytes.
pub fn because(statement: &'static str) {
    // SAFETY: the pointer and the length are those of a live slice, which the import only reads.
    unsafe { imports::because(statement.as_ptr(), length(statement.as_bytes())) }
}

/// Puts the manifest into the module, as the custom section `postern.policy`. Once in a module.
#[macro_export]
macro_rules! manifest {
    ($json:expr) => {
        #[cfg_attr(target_arch = "wasm32", link_section = "postern.policy")]
        #[used]
        static POSTERN_MANIFEST: [u8; $json.len()] = {
            let text = $json.as_bytes();
            let mut bytes = [0; $json.len()];
            let mut place = 0;
            while place < bytes.len() {
                bytes[place] = text[place];
                place += 1;
            }
            bytes
        };
    };
}

/// Exports a `fn() -> Decision` as the module's `decide`, and traps on panic: a rule that cannot answer is never taken
/// for a yes.
#[macro_export]
macro_rules! policy {
    ($function:path) => {
        #[export_name = "decide"]
        extern "C" fn postern_decide() -> i32 {
            let decision: $crate::Decision = $function();
            decision as i32
        }

        #[cfg(target_arch = "wasm32")]
        #[panic_handler]
        fn postern_panic(_: &core::panic::PanicInfo<'_>) -> ! {
            core::arch::wasm32::unreachable()
        }
    };
}

type Question = unsafe extern "C" fn(i32, *const u8, i32) -> i32;

#[inline(always)]
fn ask(import: Question, attribute: Attribute, bytes: &[u8]) -> bool {
    // SAFETY: the pointer and the length are those of a live slice, which the import only reads.
    unsafe { import(attribute.0, bytes.as_ptr(), length(bytes)) != 0 }
}

fn length(bytes: &[u8]) -> i32 {
    // A slice in wasm32 cannot be longer than 2^31 - 1 bytes.
    bytes.len() as i32
}

mod imports {
    #[link(wasm_import_module = "postern")]
    extern "C" {
        pub(crate) fn equals(attribute: i32, bytes: *const u8, length: i32) -> i32;
        pub(crate) fn starts_with(attribute: i32, bytes: *const u8, length: i32) -> i32;
        pub(crate) fn ends_with(attribute: i32, bytes: *const u8, length: i32) -> i32;
        pub(crate) fn matches(attribute: i32, bytes: *const u8, length: i32) -> i32;
        pub(crate) fn in_network(attribute: i32, bytes: *const u8, length: i32) -> i32;
        pub(crate) fn below(attribute: i32, bound: i64) -> i32;
        pub(crate) fn present(attribute: i32) -> i32;
        pub(crate) fn test(attribute: i32, predicate: *const u8, length: i32) -> i32;
        pub(crate) fn read(attribute: i32, into: *mut u8, capacity: i32) -> i32;
        pub(crate) fn oblige(kind: i32, attribute: i32, bytes: *const u8, length: i32);
        pub(crate) fn because(bytes: *const u8, length: i32);
    }
}
