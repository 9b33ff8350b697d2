//! The tabs of a bucket: those that whoever reads may open.

use postern_config::directory::{Bucket, BucketState, Tenant};

use super::filters::say;
use super::reader::Reader;

/// A tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Objects,
    Permissions,
    Policy,
    Cors,
    Lifecycle,
    Events,
    Usage,
}

const ALL: [(Tab, &str, &str); 8] = [
    (Tab::Overview, say!("Overview"), ""),
    (Tab::Objects, say!("Objects"), "/objects"),
    (Tab::Permissions, say!("Permissions"), "/permissions"),
    (Tab::Policy, say!("Policy"), "/policy"),
    (Tab::Cors, say!("CORS"), "/cors"),
    (Tab::Lifecycle, say!("Lifecycle"), "/lifecycle"),
    (Tab::Events, say!("Events"), "/events"),
    (Tab::Usage, say!("Usage"), "/usage"),
];

/// The tabs: what each is called, where it is, and whether it is this one.
pub(super) fn tabs(
    reader: &Reader,
    (tenant, bucket): (&Tenant, &Bucket),
    here: Tab,
) -> Vec<(&'static str, String, bool)> {
    let id = bucket.id.to_string();
    let is_whole = bucket.state == BucketState::Active;
    let exists = |tab| match tab {
        Tab::Permissions => tenant.profile.has_permissions(),
        // What is half made or half deleted answers nobody on the S3 side.
        Tab::Objects | Tab::Cors | Tab::Lifecycle => is_whole,
        Tab::Overview | Tab::Policy | Tab::Events | Tab::Usage => true,
    };
    let all = ALL.into_iter().filter(|(tab, ..)| exists(*tab));
    let open = all.filter_map(|(tab, text, below)| {
        let path = format!("/buckets/{{bucket}}{below}");
        let href = reader.link_in(tenant, &path, &[("bucket", &id)])?;
        Some((text, href, tab == here))
    });
    open.collect()
}
