//! The hosts by which an account alone is found.

use postern_config::directory::{Actor, Command, Host, Tenant};

use super::tenants::{apply, gone};
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// The domains of an account: each is path style, and `<bucket>.<domain>` is a bucket.
    DomainsShown {
        /// The domains.
        domains: Vec<Host>,
        /// The revision of the account's record; its `ETag`.
        revision: u64,
    }

    asked
    /// A domain to give.
    NewDomain {
        /// The domain, unique in the deployment.
        domain: Host,
    }
}

pub(crate) fn show(tenant: &Tenant) -> DomainsShown {
    DomainsShown {
        domains: tenant.hosts.clone(),
        revision: tenant.revision.0,
    }
}

/// Gives an account a domain, or takes one away.
pub(crate) async fn change(
    admin: &Admin,
    actor: Actor,
    tenant: &Tenant,
    command: Command,
) -> Result<DomainsShown, Problem> {
    let subject = format!("tenant `{}`", tenant.name);
    apply(admin, actor, None, (&subject, command)).await?;
    let state = admin.directory.state();
    let tenant = state.tenant(tenant.id).ok_or_else(|| gone(&subject))?;
    Ok(show(tenant))
}
