//! What stands around every page: where one is, where one may go, who one is, and what was just done.

use std::sync::Arc;

use postern_config::directory::Tenant;

use super::brand::BrandShown;
use super::filters::say;
use super::reader::Reader;

/// Where a page stands.
#[derive(Debug)]
pub(crate) struct Here<'h> {
    /// What it is called.
    pub(crate) title: String,
    /// The entry of the navigation to which it belongs.
    pub(crate) nav: Nav,
    /// The account that it is of.
    pub(crate) tenant: Option<&'h Tenant>,
    /// The pages above it: what they are called, and where they are.
    pub(crate) trail: Vec<(String, Option<String>)>,
}

macro_rules! entries {
    ($($list:ident { $($name:ident, $text:literal, $key:literal, $path:literal;)* })*) => {
        /// An entry of the navigation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Nav { $($($name,)*)* None }

        $(const $list: &[(Nav, &str, char, &str)] = &[$((Nav::$name, say!($text), $key, $path),)*];)*
    };
}

entries! {
    OF_ACCOUNT {
        Overview, "Overview", 'o', "/accounts/{tenant}";
        Users, "Users", 'u', "/accounts/{tenant}/users";
        Keys, "Access keys", 'k', "/accounts/{tenant}/keys";
        Buckets, "Buckets", 'b', "/accounts/{tenant}/buckets";
        Permissions, "Permissions", 'p', "/accounts/{tenant}/permissions";
        Policies, "Policies", 'y', "/accounts/{tenant}/policies";
        Modules, "Modules", 'm', "/accounts/{tenant}/modules";
        Roles, "Roles", 'r', "/accounts/{tenant}/roles";
        Usage, "Usage", 's', "/accounts/{tenant}/usage";
        Access, "Requests", 'q', "/accounts/{tenant}/requests";
        Audit, "Audit log", 'l', "/accounts/{tenant}/audit";
        Settings, "Settings", 'e', "/accounts/{tenant}/settings";
    }
    OF_DEPLOYMENT {
        Accounts, "Accounts", 'a', "/accounts";
        People, "People", 'h', "/people";
        ModulesOfAll, "Modules", 'd', "/modules";
        Simulator, "Simulator", 'i', "/simulator";
        Requests, "Why refused?", 'w', "/requests";
        AuditOfAll, "Audit log", 't', "/audit";
        Server, "Server", 'v', "/server";
    }
}

impl Nav {
    /// Whether accounts of this profile have it.
    fn is_of(self, tenant: &Tenant) -> bool {
        self != Self::Permissions || tenant.profile.has_permissions()
    }
}

/// What stands around a page.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) brand: Arc<BrandShown>,
    pub(crate) tag: &'static str,
    pub(crate) title: String,
    pub(crate) css: String,
    pub(crate) script: String,
    pub(crate) groups: Vec<Group>,
    pub(crate) trail: Vec<(String, Option<String>)>,
    /// Who reads; none: nobody has signed in.
    pub(crate) who: Option<String>,
    pub(crate) told: Option<Line>,
}

/// A part of the navigation.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) entries: Vec<Entry>,
}

/// An entry of the navigation, which the reader may open.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) text: &'static str,
    /// What is pressed after `g` to go there.
    pub(crate) key: char,
    pub(crate) href: String,
    pub(crate) is_here: bool,
}

/// What was just done.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) revision: Option<u64>,
}

impl Frame {
    pub(crate) fn new(reader: &Reader, here: Here<'_>) -> Self {
        let tenant = here.tenant.map(|it| it.name.as_str());
        let words: Vec<_> = tenant.iter().map(|name| ("tenant", *name)).collect();
        let group = |name: String, entries: &[(Nav, &'static str, char, &str)]| {
            let entries = entries.iter().filter_map(|(nav, text, key, path)| {
                if here.tenant.is_some_and(|tenant| !nav.is_of(tenant)) {
                    return None;
                }
                Some(Entry {
                    text,
                    key: *key,
                    href: reader.link(path, &words)?,
                    is_here: *nav == here.nav,
                })
            });
            Group {
                name,
                entries: entries.collect(),
            }
        };
        let mut groups = Vec::new();
        if let Some(tenant) = tenant {
            groups.push(group(tenant.to_owned(), OF_ACCOUNT));
        }
        if reader.caller.is_some() {
            groups.push(group(
                reader.say(say!("Deployment")).to_owned(),
                OF_DEPLOYMENT,
            ));
        }
        groups.retain(|group| !group.entries.is_empty());
        let look = reader.admin.look();
        Self {
            brand: Arc::clone(&reader.brand),
            tag: reader.tongue.tag(),
            title: here.title,
            css: look.css(),
            script: look.script(),
            groups,
            trail: here.trail,
            who: reader.operator().map(|it| {
                let name = it.details.name.as_str();
                let email = it.details.email.as_str();
                if name.is_empty() { email } else { name }.to_owned()
            }),
            told: told(reader),
        }
    }
}

fn told(reader: &Reader) -> Option<Line> {
    let (hash, _) = reader.caller.as_ref()?.session.as_ref()?;
    let told = reader.admin.sessions().told(*hash)?;
    Some(Line {
        text: reader.say(told.text).replacen("{}", &told.about, 1),
        revision: told.revision,
    })
}
