//! The node through its public face.

#[cfg(test)]
#[expect(
    clippy::too_many_lines,
    clippy::string_slice,
    clippy::similar_names,
    clippy::cast_possible_truncation,
    reason = "a test tells one story from its beginning to its end, in numbers and texts that it chose itself"
)]
mod node {
    mod backup;
    mod care;
    mod crash;
    mod disks;
    mod faults;
    mod lifecycle;
    mod model;
    mod objects;
    mod power;
    mod recovery;
    mod spread;
    mod support;
    mod undelete;
    mod uploads;
    mod versions;
}
