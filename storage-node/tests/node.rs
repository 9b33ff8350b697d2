//! The node through its public face.

mod node {
    mod crash;
    mod model;
    mod objects;
    mod recovery;
    mod support;
    mod uploads;
}
