//! What a record of the audit log says was done, as a sentence.

/// A sentence for each action, by its last word, or whole where that means something of its own. `{}` is what it was done to.
///
/// `tests/tests/texts.rs` holds that each action of the directory has one, and that each is said in every language.
const DEEDS: [(&str, &str); 92] = [
    ("accept", "accepted the invitation of {}"),
    ("activate", "activated {}"),
    ("add-domain", "added a host to {}"),
    ("add-member", "added a member to {}"),
    ("add-passkey", "added a passkey of {}"),
    ("add-version", "added a version to {}"),
    ("apply", "imported into {}"),
    ("approve", "approved what was proposed for {}"),
    ("attach", "attached {}"),
    ("backup", "made a backup of {}"),
    ("block-public", "shut the public out of {}"),
    ("canary", "began a canary of {}"),
    ("canary-stop", "stopped the canary of {}"),
    ("change", "changed {}"),
    ("close", "began to delete {}"),
    ("compact", "compacted {}"),
    ("confirm-totp", "turned on the second factor of {}"),
    ("correct", "corrected {}"),
    ("create", "made {}"),
    ("deactivate", "deactivated {}"),
    ("delete", "deleted {}"),
    ("delete-version", "deleted a version of {}"),
    ("describe", "changed the description of {}"),
    ("detach", "detached {}"),
    ("disable", "disabled {}"),
    ("enable", "enabled {}"),
    ("end-sessions", "ended the sessions of {}"),
    ("enrol-totp", "began to set up the second factor of {}"),
    ("export", "exported {}"),
    ("finish", "finished {}"),
    ("invite", "invited {}"),
    ("issue", "gave temporary credentials: {}"),
    ("measure", "counted what is to do of {}"),
    ("node.read-only", "changed whether writing is allowed to {}"),
    ("place", "changed the path of {}"),
    ("promote", "activated the canary of {}"),
    ("propose", "proposed a change of {}"),
    ("purge", "began to delete with all data {}"),
    ("push", "stored {}"),
    ("put", "put {}"),
    ("read", "read {}"),
    ("read-only", "made read-only {}"),
    ("refuse", "did not let in: {}"),
    ("refuse-step-up", "did not believe once more: {}"),
    ("reject", "rejected what was proposed for {}"),
    ("remove-domain", "took a host from {}"),
    ("remove-member", "took a member from {}"),
    ("remove-passkey", "took a passkey from {}"),
    ("remove-totp", "took the second factor from {}"),
    ("rename", "renamed {}"),
    ("reopen", "did not delete {}"),
    ("resume", "resumed {}"),
    ("retire", "retired {}"),
    ("reveal", "showed the secret of {}"),
    ("revoke", "ended {}"),
    ("rollback", "rolled back {}"),
    ("rotate", "put a new key in the place of {}"),
    ("scrub", "looked for damage in {}"),
    ("set-acl", "changed the ACL of {}"),
    ("set-alias", "changed the alias of {}"),
    ("set-arns", "changed the ARNs of {}"),
    ("set-default", "changed the version in force of {}"),
    ("set-details", "changed the details of {}"),
    ("set-level", "changed the level of {}"),
    ("set-limits", "changed the limits of {}"),
    ("set-ownership", "changed the object ownership of {}"),
    ("set-password", "changed the password of {}"),
    ("set-permissions", "changed the permissions of {}"),
    ("set-public", "changed what is public of {}"),
    ("set-public-block", "changed the public access block of {}"),
    ("set-quota", "changed the quota of {}"),
    ("set-rate", "changed the rate limit of {}"),
    ("set-rights", "changed the rights of {}"),
    ("set-role", "changed the role of {}"),
    ("set-scope", "changed the scope of {}"),
    (
        "set-write-deletes",
        "changed what Write keys may delete in {}",
    ),
    ("shadow", "began a shadow of {}"),
    ("shadow-stop", "stopped the shadow of {}"),
    ("ship", "copied to the other place {}"),
    ("sign-in", "signed in: {}"),
    ("sign-out", "signed out: {}"),
    ("step-up", "believed once more: {}"),
    ("suspend", "suspended {}"),
    ("sweep", "removed what was left of {}"),
    ("test", "tested {}"),
    ("throttle", "turned away after too many attempts: {}"),
    ("transfer", "transferred the ownership of {}"),
    ("trim", "took old records from {}"),
    ("unblock-public", "let the public into {}"),
    ("undelete", "brought back objects of {}"),
    ("usage.close", "closed {}"),
    ("verify", "verified {}"),
];

/// A sentence with what it is done to.
pub(crate) fn done_to(deed: &str, kind: &str, name: &str) -> String {
    // The master key has no name.
    let what = format!("{kind} {name}");
    deed.replacen("{}", what.trim_end(), 1)
}

/// What an action does, as a sentence with `{}` for what it is done to.
pub(crate) fn deed(action: &str) -> &'static str {
    let last = action.rsplit('.').next().unwrap_or_default();
    let said = |wanted: &str| DEEDS.iter().find(|(word, _)| *word == wanted);
    said(action)
        .or_else(|| said(last))
        .map_or("changed {}", |(_, said)| *said)
}
