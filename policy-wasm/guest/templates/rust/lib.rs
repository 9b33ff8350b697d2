//! my-rule: nobody deletes under `archive/` but its keepers.

#![no_std]

use postern_policy::{because, manifest, policy, Attribute, Decision};

manifest!(include_str!("../manifest.json"));

// The attributes, by their places in manifest.json.
const ATOM: Attribute = Attribute(0);
const KEY: Attribute = Attribute(1);
const USER: Attribute = Attribute(2);

const KEEPERS: [&str; 2] = ["ada", "grace"];

policy!(decide);

fn decide() -> Decision {
    // The question that decides most requests comes first: the answers are remembered as a tree.
    if !ATOM.equals("obj.delete") || !KEY.starts_with("archive/") {
        return Decision::NoOpinion;
    }
    if KEEPERS.iter().any(|keeper| USER.equals(keeper)) {
        return Decision::NoOpinion;
    }
    because("archive-keepers");
    Decision::Deny
}
