//! Access keys of the users of the caller's account.

use std::sync::Arc;

use postern_config::UnixSeconds;
use postern_config::directory::{
    AccessKey, Command, KeyRights, KeyState, Level, Name, Outcome, User,
};
use s3_protocol::date::iso8601;

use super::Desk;
use super::answer::Xml;
use super::asked::{KeyText, Page};
use super::fault::Fault;
use super::users::moment;

impl Desk<'_> {
    /// A key of the widest level that the user's role allows, which nothing narrows: these APIs know no levels. Its secret is in the
    /// answer and nowhere else.
    pub(super) async fn create_key(&self, user: Option<&Name>) -> Result<Xml, Fault> {
        let user = self.user(user)?;
        let atoms = self.world.state.role_atoms(user.role);
        let widest = Level::ALL.into_iter().find(|level| atoms.hold(*level));
        let command = Command::CreateKey {
            user: user.id,
            rights: KeyRights::of_level(widest.unwrap_or(Level::Read)),
        };
        let Outcome::Key { key, secret } = self.apply(command).await? else {
            return Ok(Xml::Done);
        };
        let secret = secret.lend(|secret| String::from_utf8_lossy(secret).into_owned());
        let fields = vec![
            ("UserName", Xml::text(&user.name)),
            ("AccessKeyId", Xml::text(key.as_str())),
            ("Status", Xml::text("Active")),
            ("SecretAccessKey", Xml::Text(secret)),
            ("CreateDate", moment(UnixSeconds(self.now_ms / 1_000))),
        ];
        Ok(Xml::Fields(vec![("AccessKey", Xml::Fields(fields))]))
    }

    pub(super) fn list_keys(&self, user: Option<&Name>, page: &Page) -> Result<Xml, Fault> {
        let user = self.user(user)?;
        // A sub-user sees his own, a user those that are not his sub-users'.
        let sub_user = self.caller.key.sub_user;
        let keys = self.world.state.keys(user.id);
        let keys = keys.filter(|key| key.sub_user == sub_user);
        Ok(page.of(
            "AccessKeyMetadata",
            keys,
            |key| key.id.as_str(),
            |key| outline(user, key),
        ))
    }

    pub(super) async fn update_key(
        &self,
        user: Option<&Name>,
        key: &KeyText,
        works: bool,
    ) -> Result<Xml, Fault> {
        let key = self.key(user, key)?.id;
        let command = if works {
            Command::EnableKey(key)
        } else {
            Command::DisableKey(key)
        };
        self.apply(command).await?;
        Ok(Xml::Done)
    }

    pub(super) async fn delete_key(
        &self,
        user: Option<&Name>,
        key: &KeyText,
    ) -> Result<Xml, Fault> {
        let key = self.key(user, key)?.id;
        self.apply(Command::DeleteKey(key)).await?;
        Ok(Xml::Done)
    }

    /// When a key of the account was last used, and for what. Sessions of it count as the key does.
    pub(super) async fn last_used(&self, id: &KeyText) -> Result<Xml, Fault> {
        let state = &self.world.state;
        let found = id.0.parse().ok().and_then(|id| state.key(&id));
        let found = found.filter(|key| key.tenant == self.caller.tenant.id);
        let key = found.ok_or_else(|| Fault::missing("access key", &id.0))?;
        let user = state.user(key.user);
        let user = user.ok_or_else(|| Fault::missing("user", key.user))?;
        let (id, mut used) = (key.id, None);
        if let Some(meter) = self.gate.observer.meter() {
            let asked = meter.ask(move |ledger| ledger.last_used(&id)).await;
            used = asked.map_err(|_| Fault::Undecided)?;
        }
        let told = match used {
            Some(used) => vec![
                ("LastUsedDate", Xml::text(iso8601(used.at.0))),
                (
                    "ServiceName",
                    Xml::text(used.operation.map_or("iam", |_| "s3")),
                ),
                ("Region", Xml::text(&self.gate.place.region)),
            ],
            None => vec![
                ("ServiceName", Xml::text("N/A")),
                ("Region", Xml::text("N/A")),
            ],
        };
        Ok(Xml::Fields(vec![
            ("UserName", Xml::text(&user.name)),
            ("AccessKeyLastUsed", Xml::Fields(told)),
        ]))
    }

    /// A key of this user, and of no other.
    fn key(&self, user: Option<&Name>, id: &KeyText) -> Result<&Arc<AccessKey>, Fault> {
        let user = self.user(user)?;
        // One of another length is none of ours.
        let found = id.0.parse().ok().and_then(|id| self.world.state.key(&id));
        found
            .filter(|key| key.user == user.id)
            .ok_or_else(|| Fault::missing("access key", &id.0))
    }
}

fn outline(user: &User, key: &AccessKey) -> Xml {
    let status = match key.state {
        KeyState::Active | KeyState::Rotating { .. } => "Active",
        KeyState::Disabled => "Inactive",
    };
    Xml::Fields(vec![
        ("UserName", Xml::text(&user.name)),
        ("AccessKeyId", Xml::text(key.id.as_str())),
        ("Status", Xml::text(status)),
        (
            "CreateDate",
            Xml::text(iso8601(key.created.0.saturating_mul(1_000))),
        ),
    ])
}
