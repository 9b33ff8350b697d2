//! A tenant's own rule: nobody reads `drafts/` from outside 10.0.0.0/8.
//!
//! The same rule as drafts-internal.wat, in Rust. docs/modules.md has the commands that build it.

#![no_std]

use postern_policy::{because, manifest, policy, Attribute, Decision};

manifest!(
    r#"{
    "abi": "postern:policy/1",
    "name": "drafts-internal",
    "version": "1.0.0",
    "description": "Nobody reads drafts/ from outside 10.0.0.0/8.",
    "attributes": ["postern:Key", "postern:Atom", "aws:SourceIp"],
    "tests": [
      {"name": "a draft is read from inside", "expect": "no-opinion",
       "facts": {"postern:Key": "drafts/a.txt", "postern:Atom": "obj.read", "aws:SourceIp": "10.1.2.3"}},
      {"name": "a draft is not read from outside", "expect": "deny", "because": "drafts-internal",
       "facts": {"postern:Key": "drafts/a.txt", "postern:Atom": "obj.read", "aws:SourceIp": "203.0.113.7"}}
    ]
}"#
);

// The places of the attributes in the manifest.
const KEY: Attribute = Attribute(0);
const ATOM: Attribute = Attribute(1);
const SOURCE_IP: Attribute = Attribute(2);

policy!(decide);

fn decide() -> Decision {
    // The key first: for most requests it is the only question.
    if !KEY.starts_with("drafts/") {
        return Decision::NoOpinion;
    }
    // To read is to get an object, its tags or its attributes, or to look at its head.
    if !ATOM.equals("obj.read") && !ATOM.equals("obj.head") {
        return Decision::NoOpinion;
    }
    if SOURCE_IP.in_network("10.0.0.0/8") {
        return Decision::NoOpinion;
    }
    because("drafts-internal");
    Decision::Deny
}
