//! The operations of the admin API, a line for each: what they take, and what they answer.

mod members;

use postern_config::directory::KeyRights;
use serde_json::json;

use super::Described;
use crate::api::audit::{ExportAsk, ReviewAsk};
use crate::api::buckets::{BucketAsk, BucketDeletion, BucketsAsk};
use crate::api::jobs::JobsAsk;
use crate::api::keys::KeysAsk;
use crate::api::node::{DeletedAsk, ModeAsk, TaskAsk, UndeleteAsk, UndeleteWhere};
use crate::api::operators::OperatorsAsk;
use crate::api::tenants::{AliasAsk, TenantsAsk};
use crate::api::tokens::TokensAsk;
use crate::api::usage::{CorrectionMade, LastUseShown, NewCorrection, PeriodShown, Periods};
use crate::api::users::UsersAsk;
use crate::service::audit::{AuditAsk, AuditPage, Verified};
use crate::service::buckets::{BucketDetail, BucketShown, NewBucket};
use crate::service::bulk::{BulkDone, BulkKeys, BulkUsers};
use crate::service::domains::{DomainsShown, NewDomain};
use crate::service::jobs::JobShown;
use crate::service::keys::{KeyMade, KeyShown, Rotation};
use crate::service::losses::{DataDeletion, Deletion, Gone, Losses};
use crate::service::me::{CodeAsk, Enrolled, MeChange, MeShown, NewPassword, SessionShown};
use crate::service::node::{DeletedPage, NodeShown, NodeUsage, TaskShown, UndeletedShown};
use crate::service::operators::{
    Invitation, InviteAsk, NewOperator, OperatorChange, OperatorShown, PasswordAsk,
};
use crate::service::passkeys::PasskeyShown;
use crate::service::review::Review;
use crate::service::signin::{AcceptAsk, Accepted, SetUpAsk, SignInAsk, SignedIn, StepUpAsk};
use crate::service::tenants::{
    AliasShown, Limits, NewAlias, NewTenant, TenantChange, TenantShown, Transfer,
};
use crate::service::tokens::{NewToken, TokenMade, TokenShown};
use crate::service::upkeep::{BackupMade, HeadsCompared, MasterKeyShown};
use crate::service::usage::{
    BoundedAsk, NewQuota, NewRate, QuotaShown, RateShown, UsageAsk, UsageExportAsk, UsageShown,
};
use crate::service::users::{Details, NewUser, RoleGiven, UserChange, UserShown};
use crate::shape::{Shape, shapes};

const JSON: &str = "application/json";

/// Every operation, in the order of the document.
pub(super) fn all() -> Vec<Described> {
    let mut all = people();
    all.extend(operators());
    all.extend(tenants());
    all.extend(members::roles());
    all.extend(users());
    all.extend(members::sub_users());
    all.extend(keys());
    all.extend(buckets());
    all.extend(jobs());
    all.extend(members::permissions());
    all.extend(audit());
    all.extend(upkeep());
    all.extend(node());
    all.extend(modules());
    all.extend(policies_and_tools());
    all.extend(usage());
    all
}

fn get(path: &'static str, summary: &'static str) -> Described {
    Described::new("GET", path, summary)
}

fn post(path: &'static str, summary: &'static str) -> Described {
    Described::new("POST", path, summary)
}

fn put(path: &'static str, summary: &'static str) -> Described {
    Described::new("PUT", path, summary)
}

fn patch(path: &'static str, summary: &'static str) -> Described {
    Described::new("PATCH", path, summary)
}

fn delete(path: &'static str, summary: &'static str) -> Described {
    Described::new("DELETE", path, summary)
}

impl Described {
    /// It answers nothing but that it is done.
    fn empty(mut self, about: &'static str) -> Self {
        self.answers.push((204, about, "", json!({})));
        self
    }

    /// A change of a record: it answers the record as it is now.
    fn changes<T: Shape>(self) -> Self {
        self.tells::<T>(200, "As it is now.").tagged().conditional()
    }

    /// A deletion: it is done, or said beforehand.
    fn deletes(mut self) -> Self {
        Losses::named(&mut self.names);
        Gone::named(&mut self.names);
        let either = json!({ "oneOf": [Gone::schema(), Losses::schema()] });
        self.answers.push((
            200,
            "It is deleted; with `dry_run=true`, what would be lost.",
            JSON,
            either,
        ));
        self.conditional()
    }
}

/// How people come in, and what is their own.
fn people() -> Vec<Described> {
    const TOTP: &str = "/api/v1/me/totp";
    vec![
        post(
            "/api/v1/setup",
            "Make the first operator, with what the server has said at its start",
        )
        .takes::<SetUpAsk>()
        .tells::<Accepted>(201, "He can sign in."),
        post("/api/v1/session", "Sign in")
            .takes::<SignInAsk>()
            .tells::<SignedIn>(
                200,
                "The session: a cookie, or a token where that was asked for.",
            ),
        delete("/api/v1/session", "Sign out").empty("The session is over."),
        post(
            "/api/v1/session/step-up",
            "Show once more that it is oneself",
        )
        .takes::<StepUpAsk>()
        .tells::<SignedIn>(200, "The session under another id."),
        post(
            "/api/v1/invitations/accept",
            "Set one's password by an invitation",
        )
        .takes::<AcceptAsk>()
        .tells::<Accepted>(200, "He can sign in."),
        get("/api/v1/me", "Who asks").tells::<MeShown>(200, "Who asks, and what he may do."),
        Described::new(
            "PATCH",
            "/api/v1/me",
            "Change one's name, time zone or language",
        )
        .takes::<MeChange>()
        .tells::<OperatorShown>(200, "Oneself as one is now.")
        .tagged(),
        post(
            "/api/v1/me/password",
            "Change one's password; every session ends",
        )
        .takes::<NewPassword>()
        .empty("It is changed."),
        post(TOTP, "Set up a second factor").tells::<Enrolled>(201, "What the telephone needs."),
        delete(TOTP, "Take one's second factor away")
            .tells::<OperatorShown>(200, "Oneself as one is now.")
            .tagged(),
        post(
            "/api/v1/me/totp/confirm",
            "Confirm a second factor by a code",
        )
        .takes::<CodeAsk>()
        .tells::<OperatorShown>(200, "Oneself as one is now.")
        .tagged(),
        get("/api/v1/me/passkeys", "List one's passkeys").pages::<PasskeyShown>(),
        delete(
            "/api/v1/me/passkeys/{passkey}",
            "Take one of one's passkeys away",
        )
        .tells::<OperatorShown>(200, "Oneself as one is now.")
        .tagged(),
        get("/api/v1/me/sessions", "List one's sessions").pages::<SessionShown>(),
        delete("/api/v1/me/sessions", "Sign out everywhere").empty("Every session is over."),
    ]
}

fn operators() -> Vec<Described> {
    const ALL: &str = "/api/v1/operators";
    const ONE: &str = "/api/v1/operators/{operator}";
    let step = |described: Described| {
        described
            .tells::<OperatorShown>(200, "The operator as he is now.")
            .tagged()
            .conditional()
    };
    vec![
        get(ALL, "List operators")
            .asks::<OperatorsAsk>()
            .pages::<OperatorShown>(),
        post(ALL, "Make an operator")
            .takes::<NewOperator>()
            .creates::<OperatorShown>("The operator."),
        get(ONE, "Show an operator")
            .tells::<OperatorShown>(200, "The operator.")
            .tagged(),
        step(
            Described::new("PATCH", ONE, "Change role, scope, or who an operator is")
                .takes::<OperatorChange>(),
        ),
        delete(
            ONE,
            "Delete an operator with his tokens and all that is personal about him",
        )
        .asks::<Deletion>()
        .deletes(),
        post(
            "/api/v1/operators/{operator}/invite",
            "Make a link by which an operator sets his password, once",
        )
        .takes::<InviteAsk>()
        .tells::<Invitation>(201, "The link.")
        .conditional(),
        step(
            post(
                "/api/v1/operators/{operator}/password",
                "Set the password of somebody else; his sessions end",
            )
            .takes::<PasswordAsk>(),
        ),
        step(post(
            "/api/v1/operators/{operator}/disable",
            "Let an operator sign in no more; all is kept",
        )),
        step(post(
            "/api/v1/operators/{operator}/enable",
            "Let an operator sign in again",
        )),
        step(delete(
            "/api/v1/operators/{operator}/totp",
            "Take the second factor and the passkeys of somebody who has lost his telephone",
        )),
        step(delete(
            "/api/v1/operators/{operator}/sessions",
            "End every session of an operator",
        )),
        get("/api/v1/tokens", "List tokens")
            .asks::<TokensAsk>()
            .pages::<TokenShown>(),
        post(
            "/api/v1/tokens",
            "Make a token of one's own; its text is in this answer and nowhere else",
        )
        .takes::<NewToken>()
        .tells::<TokenMade>(201, "The token and its text."),
        delete("/api/v1/tokens/{token}", "End a token").tells::<Gone>(200, "It is over."),
    ]
}

fn tenants() -> Vec<Described> {
    const ALL: &str = "/api/v1/tenants";
    const ONE: &str = "/api/v1/tenants/{tenant}";
    const ALIAS: &str = "/api/v1/tenants/{tenant}/alias";
    vec![
        get(ALL, "List accounts")
            .asks::<TenantsAsk>()
            .pages::<TenantShown>(),
        post(ALL, "Make an account with its root user")
            .takes::<NewTenant>()
            .creates::<TenantShown>("The account."),
        get(ONE, "Show an account")
            .tells::<TenantShown>(200, "The account.")
            .tagged(),
        patch(
            ONE,
            "Suspend an account, let it be read alone, resume it, rename it, or change what it allows",
        )
        .takes::<TenantChange>()
        .changes::<TenantShown>(),
        put(
            "/api/v1/tenants/{tenant}/limits",
            "Say how much an account may hold",
        )
        .takes::<Limits>()
        .changes::<TenantShown>(),
        post(
            "/api/v1/tenants/{tenant}/transfer",
            "Make another person the owner of an account",
        )
        .takes::<Transfer>()
        .changes::<TenantShown>(),
        post(
            "/api/v1/tenants/{tenant}/bulk/users",
            "Disable, enable or delete many users; each has a result of its own",
        )
        .takes::<BulkUsers>()
        .tells::<BulkDone>(200, "What came of each."),
        post(
            "/api/v1/tenants/{tenant}/bulk/keys",
            "Disable, enable or delete many access keys; each has a result of its own",
        )
        .takes::<BulkKeys>()
        .tells::<BulkDone>(200, "What came of each."),
        delete(
            ONE,
            "Delete an account with its users, keys and modules, and with its data where that is asked for",
        )
        .asks::<DataDeletion>()
        .deletes(),
        get(ALIAS, "Show the label by which hosts find buckets")
            .asks::<AliasAsk>()
            .tells::<AliasShown>(200, "The label.")
            .tagged(),
        put(ALIAS, "Give the label by which hosts find buckets")
            .asks::<AliasAsk>()
            .takes::<NewAlias>()
            .changes::<AliasShown>(),
        delete(ALIAS, "Take the label away")
            .asks::<AliasAsk>()
            .changes::<AliasShown>(),
    ]
}

fn users() -> Vec<Described> {
    const ALL: &str = "/api/v1/tenants/{tenant}/users";
    const ONE: &str = "/api/v1/tenants/{tenant}/users/{user}";
    vec![
        get(ALL, "List the users of an account")
            .asks::<UsersAsk>()
            .pages::<UserShown>(),
        post(ALL, "Make a user; no access key is made")
            .takes::<NewUser>()
            .creates::<UserShown>("The user."),
        get(ONE, "Show a user")
            .tells::<UserShown>(200, "The user.")
            .tagged(),
        patch(ONE, "Rename a user, or say something else about him")
            .takes::<UserChange>()
            .changes::<UserShown>(),
        delete(
            ONE,
            "Delete a user with his keys, and with his data where that is asked for",
        )
        .asks::<DataDeletion>()
        .deletes(),
        put(
            "/api/v1/tenants/{tenant}/users/{user}/details",
            "Replace who a user is: e-mail address, full name, time zone, language",
        )
        .takes::<Details>()
        .changes::<UserShown>(),
        put(
            "/api/v1/tenants/{tenant}/users/{user}/role",
            "Give a user another role",
        )
        .takes::<RoleGiven>()
        .changes::<UserShown>(),
        post(
            "/api/v1/tenants/{tenant}/users/{user}/disable",
            "Stop everything of a user; all is kept",
        )
        .changes::<UserShown>(),
        post(
            "/api/v1/tenants/{tenant}/users/{user}/enable",
            "Give a disabled user back what he had",
        )
        .changes::<UserShown>(),
    ]
}

fn keys() -> Vec<Described> {
    const ALL: &str = "/api/v1/tenants/{tenant}/users/{user}/keys";
    const ONE: &str = "/api/v1/tenants/{tenant}/users/{user}/keys/{key}";
    vec![
        get(
            "/api/v1/tenants/{tenant}/keys",
            "List the access keys of an account",
        )
        .asks::<KeysAsk>()
        .pages::<KeyShown>(),
        get(
            "/api/v1/tenants/{tenant}/keys/{key}",
            "Show an access key, whoever's it is",
        )
        .tells::<KeyShown>(200, "The key, without its secret.")
        .tagged(),
        get(ALL, "List the access keys of a user")
            .asks::<KeysAsk>()
            .pages::<KeyShown>(),
        post(
            ALL,
            "Make an access key; its secret is in this answer and nowhere else",
        )
        .takes::<KeyRights>()
        .creates::<KeyMade>("The key and its secret."),
        get(ONE, "Show an access key")
            .tells::<KeyShown>(200, "The key, without its secret.")
            .tagged(),
        delete(ONE, "Delete an access key")
            .asks::<Deletion>()
            .deletes(),
        put(
            "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/rights",
            "Replace what an access key may do",
        )
        .takes::<KeyRights>()
        .changes::<KeyShown>(),
        post(
            "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/rotate",
            "Put a new key in the place of another; both work for a while",
        )
        .takes::<Rotation>()
        .creates::<KeyMade>("The new key and its secret.")
        .conditional(),
        post(
            "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/reveal",
            "Show the secret of a key once more, where the profile has it",
        )
        .tells::<KeyMade>(200, "The key and its secret."),
        post(
            "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/disable",
            "Stop an access key",
        )
        .changes::<KeyShown>(),
        post(
            "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/enable",
            "Let a disabled access key work again",
        )
        .changes::<KeyShown>(),
    ]
}

fn buckets() -> Vec<Described> {
    const ALL: &str = "/api/v1/tenants/{tenant}/buckets";
    const ONE: &str = "/api/v1/tenants/{tenant}/buckets/{bucket}";
    vec![
        get(ALL, "List the buckets of an account")
            .asks::<BucketsAsk>()
            .pages::<BucketShown>(),
        post(
            ALL,
            "Make a bucket for a user; whoever makes it has no access to it",
        )
        .takes::<NewBucket>()
        .creates::<BucketShown>("The bucket."),
        get(ONE, "Show a bucket and what it holds")
            .asks::<BucketAsk>()
            .tells::<BucketDetail>(200, "The bucket.")
            .tagged(),
        delete(ONE, "Delete a bucket that is empty")
            .asks::<BucketDeletion>()
            .deletes(),
    ]
}

fn jobs() -> Vec<Described> {
    vec![
        get(
            "/api/v1/jobs",
            "List what goes on after the request that asked for it, the latest first",
        )
        .asks::<JobsAsk>()
        .pages::<JobShown>(),
        get("/api/v1/jobs/{job}", "Show a job and how far it is")
            .tells::<JobShown>(200, "The job.")
            .tagged(),
    ]
}
fn upkeep() -> Vec<Described> {
    vec![
        get(
            "/api/v1/tenants/{tenant}/domains",
            "List the domains by which an account alone is found",
        )
        .tells::<DomainsShown>(200, "The domains.")
        .tagged(),
        post(
            "/api/v1/tenants/{tenant}/domains",
            "Give an account a domain",
        )
        .takes::<NewDomain>()
        .tells::<DomainsShown>(200, "The domains as they are now.")
        .tagged(),
        delete(
            "/api/v1/tenants/{tenant}/domains/{domain}",
            "Take a domain away from an account",
        )
        .tells::<DomainsShown>(200, "The domains as they are now.")
        .tagged(),
        post(
            "/api/v1/tenants/{tenant}/export",
            "Write an account to one file; secrets are sealed under a passphrase, or left out",
        )
        .takes_any(JSON)
        .tells_any(200, "The file.", JSON),
        post(
            "/api/v1/tenant-files/plan",
            "What taking the file of an account in would change",
        )
        .takes_any(JSON)
        .tells_any(200, "The changes.", JSON),
        post(
            "/api/v1/tenant-files/apply",
            "Take the file of an account in: all of it, or nothing",
        )
        .takes_any(JSON)
        .tells_any(200, "What was changed.", JSON),
        get(
            "/api/v1/audit/head",
            "The signed head of the audit log, and how far it has got elsewhere",
        )
        .tells_any(200, "The head.", JSON),
        post(
            "/api/v1/audit/compare",
            "Compare heads that were kept elsewhere with the audit log",
        )
        .takes_any(JSON)
        .tells::<HeadsCompared>(200, "They are the log's."),
        get(
            "/api/v1/master-key",
            "Whether the master key is being rotated",
        )
        .tells::<MasterKeyShown>(200, "Whether it is."),
        post(
            "/api/v1/master-key/rotate",
            "Make another master key, and seal everything under it",
        )
        .tells::<MasterKeyShown>(202, "It goes on by itself."),
        post(
            "/api/v1/backups",
            "Write the directory as it is now into a file on the server's machine",
        )
        .tells::<BackupMade>(200, "The file."),
    ]
}

fn node() -> Vec<Described> {
    vec![
        get("/api/v1/node", "What the object node does and holds").tells::<NodeShown>(200, "It."),
        get(
            "/api/v1/node/usage",
            "What each bucket holds, counted row by row",
        )
        .tells::<NodeUsage>(200, "The counts."),
        post(
            "/api/v1/node/tasks",
            "Begin a compaction, a scrub, a verification or a backup of the object node",
        )
        .takes::<TaskAsk>()
        .tells::<TaskShown>(202, "It goes on by itself; the node shows how it ends."),
        put(
            "/api/v1/node/mode",
            "Have writes and deletions refused, or taken again, until the next start",
        )
        .takes::<ModeAsk>()
        .tells::<NodeShown>(200, "The node."),
        get(
            "/api/v1/tenants/{tenant}/buckets/{bucket}/deleted",
            "What of a bucket was deleted or overwritten and can be brought back",
        )
        .asks::<DeletedAsk>()
        .tells::<DeletedPage>(200, "The objects."),
        post(
            "/api/v1/tenants/{tenant}/buckets/{bucket}/deleted",
            "Bring objects back",
        )
        .asks::<UndeleteWhere>()
        .takes::<UndeleteAsk>()
        .tells::<UndeletedShown>(200, "What became of each."),
    ]
}

fn audit() -> Vec<Described> {
    vec![
        get(
            "/api/v1/access-review",
            "Who has which access key with which rights",
        )
        .asks::<ReviewAsk>()
        .tells::<Review>(200, "The review; as `text/csv` where that is asked for.")
        .tabled(),
        get(
            "/api/v1/audit",
            "Search the audit log, the latest record first",
        )
        .asks::<AuditAsk>()
        .tells::<AuditPage>(200, "A page."),
        get(
            "/api/v1/audit/verify",
            "Follow the chain of the audit log from its first record to its head",
        )
        .tells::<Verified>(200, "The chain holds."),
        get(
            "/api/v1/audit/export",
            "Export the audit log, the oldest record first",
        )
        .asks::<ExportAsk>()
        .tells_any(200, "A record a line.", "application/jsonl")
        .tabled(),
    ]
}

shapes! {
    asked
    /// Whose.
    Whose {
        /// The account, by name; the platform unless told otherwise.
        tenant: Option<String>,
    }

    asked
    /// What is pushed.
    PushAsk {
        /// The module's name.
        name: String,
        /// The account, by name; the platform unless told otherwise.
        tenant: Option<String>,
        /// An Ed25519 signature over the bytes, in hexadecimal digits.
        signature: Option<String>,
    }

    asked
    /// Whose documents.
    PoliciesAsk {
        /// The account, by name.
        tenant: String,
    }

    asked
    /// Which document.
    PolicyAsk {
        /// The account, by name.
        tenant: String,
        /// The bucket.
        bucket: Option<String>,
        /// The user; of a bucket, whose it is.
        user: Option<String>,
        /// The name of the user's document.
        name: Option<String>,
        /// Look whether the document could be put there, and change nothing.
        dry_run: Option<bool>,
    }
}

fn modules() -> Vec<Described> {
    const ALL: &str = "/api/v1/modules";
    let mut all = vec![
        get(ALL, "List versions of policy modules")
            .asks::<Whose>()
            .tells_any(200, "The versions.", JSON),
        post(ALL, "Store a version of a module")
            .asks::<PushAsk>()
            .takes_any("application/wasm")
            .tells_any(201, "The version.", JSON),
        get(
            "/api/v1/modules/{module}",
            "Look into a version, by its digest",
        )
        .tells_any(200, "The version.", JSON),
        get(
            "/api/v1/modules/{module}/trials",
            "What is seen of a module on live traffic",
        )
        .asks::<Whose>()
        .tells_any(200, "What is seen.", JSON),
        get(
            "/api/v1/modules/{module}/history",
            "What was done with a module",
        )
        .asks::<Whose>()
        .tells_any(200, "The steps, the latest first.", JSON),
    ];
    all.extend(steps());
    all
}

/// What is done with a module after it is stored.
fn steps() -> Vec<Described> {
    let steps = [
        (
            "/api/v1/modules/{module}/activate",
            "Put a version in force",
        ),
        (
            "/api/v1/modules/{module}/rollback",
            "Put the version before in force again",
        ),
        ("/api/v1/modules/{module}/deactivate", "Switch a module off"),
        (
            "/api/v1/modules/{module}/test",
            "Run the cases of a version, and others",
        ),
        (
            "/api/v1/modules/{module}/shadow",
            "Let a version be asked and never obeyed",
        ),
        ("/api/v1/modules/{module}/shadow/stop", "End the shadow"),
        (
            "/api/v1/modules/{module}/canary",
            "Let a version be obeyed for a share of the keys",
        ),
        ("/api/v1/modules/{module}/canary/stop", "End the canary"),
        (
            "/api/v1/modules/{module}/canary/promote",
            "Put the version of the canary in force",
        ),
        (
            "/api/v1/modules/{module}/approve",
            "Carry out what another person has proposed",
        ),
        (
            "/api/v1/modules/{module}/reject",
            "Take a proposal back, or refuse it",
        ),
    ];
    let steps = steps.map(|(path, summary)| {
        post(path, summary)
            .takes_any(JSON)
            .tells_any(200, "What is in force.", JSON)
            .tells_any(202, "It waits for another person.", JSON)
    });
    steps.into()
}

fn policies_and_tools() -> Vec<Described> {
    const ONE: &str = "/api/v1/policies/document";
    let mut all = vec![
        get("/api/v1/status", "How the server is").tells_any(200, "How it is.", JSON),
        get("/api/v1/openapi.json", "This document").tells_any(200, "The document.", JSON),
        get(
            "/api/v1/requests/{id}/explain",
            "Why a request was answered as it was",
        )
        .tells_any(200, "Why.", JSON),
        get(
            "/api/v1/policies",
            "List the policy documents of an account",
        )
        .asks::<PoliciesAsk>()
        .tells_any(200, "The documents.", JSON),
        get(ONE, "Show a policy document")
            .asks::<PolicyAsk>()
            .tells_any(200, "The document.", JSON),
        put(ONE, "Attach a policy document to a bucket or a user")
            .asks::<PolicyAsk>()
            .takes_any(JSON)
            .tells_any(200, "What it says.", JSON),
        delete(ONE, "Take a policy document away")
            .asks::<PolicyAsk>()
            .tells_any(200, "It is gone.", JSON),
    ];
    let tools = [
        (
            "/api/v1/tools/simulate",
            "What would be answered to a request that might be",
        ),
        (
            "/api/v1/tools/enumerate",
            "Every way in which something is allowed",
        ),
        ("/api/v1/tools/who-can", "Who may do something, key by key"),
        (
            "/api/v1/tools/right-size",
            "A narrower scope for a key, from what it was used for",
        ),
        (
            "/api/v1/tools/diff",
            "Where two versions decide differently",
        ),
        (
            "/api/v1/tools/replay",
            "What a version would have said to recorded requests",
        ),
    ];
    all.extend(tools.map(|(path, summary)| {
        post(path, summary)
            .takes_any(JSON)
            .tells_any(200, "The answer.", JSON)
    }));
    all
}

fn usage() -> Vec<Described> {
    const PERIOD: &str = "/api/v1/usage/periods/{period}";
    const QUOTAS: &str = "/api/v1/usage/quotas";
    const RATES: &str = "/api/v1/usage/rates";
    vec![
        get("/api/v1/usage", "Sum up what was asked, moved and stored")
            .asks::<UsageAsk>()
            .tells::<UsageShown>(200, "The sums."),
        get("/api/v1/usage/export", "Export every line of it")
            .asks::<UsageExportAsk>()
            .tells::<UsageShown>(200, "All lines.")
            .tabled(),
        get(QUOTAS, "Show a quota, and what is stored of it")
            .asks::<BoundedAsk>()
            .tells::<QuotaShown>(200, "The quota."),
        put(QUOTAS, "Say how much may be stored")
            .asks::<BoundedAsk>()
            .takes::<NewQuota>()
            .tells::<QuotaShown>(200, "The quota as it is now."),
        get(RATES, "Show a rate")
            .asks::<BoundedAsk>()
            .tells::<RateShown>(200, "The rate."),
        put(RATES, "Say how fast may be asked")
            .asks::<BoundedAsk>()
            .takes::<NewRate>()
            .tells::<RateShown>(200, "The rate as it is now."),
        get("/api/v1/usage/periods", "List the closed billing periods")
            .tells::<Periods>(200, "The periods."),
        get(PERIOD, "Look at a closed period again").tells::<PeriodShown>(200, "The period."),
        post(
            "/api/v1/usage/periods/{period}/close",
            "Close a period that has ended: nothing is added to it any more",
        )
        .tells::<PeriodShown>(200, "The period."),
        post(
            "/api/v1/usage/periods/{period}/corrections",
            "Correct a closed period, by a row of its own",
        )
        .takes::<NewCorrection>()
        .tells::<CorrectionMade>(201, "The correction.")
        .tagged(),
        get(
            "/api/v1/usage/keys/{key}/last-used",
            "Show the last use of an access key",
        )
        .tells::<LastUseShown>(200, "The last use."),
    ]
}
