//! Who the caller is, and temporary credentials for him.

use postern_config::directory::{Command, IamCommand, Issued, NewSession, SessionOf, TenantId};
use postern_config::{Entropy, UnixSeconds};
use s3_protocol::date::iso8601;

use super::Desk;
use super::answer::Xml;
use super::fault::Fault;

impl Desk<'_> {
    pub(super) fn identity(&self) -> Xml {
        // As on AWS, the root user is known by the number of his account.
        let id = if self.caller.is_root() {
            &self.caller.account
        } else {
            &self.caller.creator.principal
        };
        Xml::Fields(vec![
            ("Arn", Xml::text(&self.caller.arn)),
            ("UserId", Xml::text(id)),
            ("Account", Xml::text(&self.caller.account)),
        ])
    }

    /// Credentials that do what the caller's key does, for a while. Temporary credentials do not make more of them, or they would
    /// never end.
    pub(super) async fn session_token(&self, seconds: u64) -> Result<Xml, Fault> {
        if self.session.is_some() {
            return Err(Fault::Denied(
                "Cannot call GetSessionToken with session credentials",
            ));
        }
        let of = SessionOf::key(self.caller.key.id);
        let credentials = self.issue(self.caller.tenant.id, of, seconds).await?;
        Ok(Xml::Fields(vec![("Credentials", credentials)]))
    }

    /// Makes temporary credentials. They are given out when it is on record that they were.
    pub(super) async fn issue(
        &self,
        tenant: TenantId,
        of: SessionOf,
        seconds: u64,
    ) -> Result<Xml, Fault> {
        let now = UnixSeconds(self.now_ms / 1_000);
        let state = &self.world.state;
        let Issued {
            session,
            secret,
            token,
        } = state.issue_session(of, (now, seconds), &Entropy::system())?;
        let (id, ends) = (session.id, session.expires);
        let note = IamCommand::NoteSession(NewSession { tenant, session });
        self.apply(Command::Iam(note)).await?;
        let secret = secret.lend(|secret| String::from_utf8_lossy(secret).into_owned());
        let expires = iso8601(ends.0.saturating_mul(1_000));
        Ok(Xml::Fields(vec![
            ("AccessKeyId", Xml::text(id.as_str())),
            ("SecretAccessKey", Xml::Text(secret)),
            ("SessionToken", Xml::Text(token)),
            ("Expiration", Xml::Text(expires)),
        ]))
    }
}
