//! What each operation of the admin API needs: one table, which the code that serves, the tests and the OpenAPI document read.
//!
//! A route without a line here is served to nobody. Where the place is in the path it is looked up before the handler; where it is in
//! the query or the document, the handler asks [`crate::caller::Caller`] with the permission of its line. The directory asks once more
//! when it carries a command out.

use postern_config::directory::{ConsoleAtom, Reauth};

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it is how people come in.
    Nothing,
    /// Anybody who has come in.
    Anyone,
    /// An operator who has signed in: what is his own. A token is not he.
    Person,
    /// That the place is within one's scope.
    See,
    /// This permission there.
    Do(ConsoleAtom),
}

/// Where it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Nowhere: it is about whoever asks.
    Oneself,
    /// In the deployment as a whole.
    Deployment,
    /// Wherever one's scope reaches: what is beyond it is not shown.
    Reach,
    /// In the account of the path.
    Tenant,
    /// In some part of the account of the path; what is beyond one's scope is not shown.
    PartOfTenant,
    /// Above the account of the path: in its reseller, or the deployment.
    AboveTenant,
    /// In the user of the path.
    User,
    /// In the user whose key it is.
    Key,
    /// In the user whose bucket it is.
    Bucket,
    /// In the account that the query or the document names; in the deployment where it names none.
    Named,
    /// In the scope of the operator, or of the token, of the path.
    Operator,
}

/// Whether whoever has signed in shows once more that it is he.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// No.
    No,
    /// Where the account's profile asks for it.
    Where(Reauth),
    /// Always.
    Always,
    /// Always, and nobody may who cannot: no token has a password.
    PersonAlone,
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The method.
    pub method: &'static str,
    /// The path, as the route has it.
    pub path: &'static str,
    /// What it needs.
    pub need: Need,
    /// Where.
    pub at: At,
    /// Whether the password is asked for once more.
    pub again: Again,
}

impl Row {
    const fn again(mut self, again: Again) -> Self {
        self.again = again;
        self
    }

    /// What it needs, as the OpenAPI document says it.
    pub fn sentence(&self) -> String {
        let what = match self.need {
            Need::Nothing => return "nobody has to have signed in".to_owned(),
            Need::Anyone => "any session or token".to_owned(),
            Need::Person => "the session of an operator".to_owned(),
            Need::See => "a scope that reaches".to_owned(),
            Need::Do(atom) => format!("the permission `{atom}` in"),
        };
        let place = match self.at {
            At::Oneself => "",
            At::Deployment => " the deployment as a whole",
            At::Reach => " what is shown",
            At::Tenant => " the account",
            At::PartOfTenant => " some of the account",
            At::AboveTenant => " what stands above the account: its reseller, or the deployment",
            At::User => " the user",
            At::Key => " the user whose key it is",
            At::Bucket => " the user whose bucket it is",
            At::Named => " the account that is named, or the deployment where none is",
            At::Operator => " the scope of what it is about",
        };
        let again = match self.again {
            Again::No => "",
            Again::Where(_) => "; in a session, a step-up where the account's profile asks for it",
            Again::Always => "; in a session, a step-up",
            Again::PersonAlone => "; a session with a step-up, and no token",
        };
        format!("{what}{place}{again}")
    }
}

const fn row(method: &'static str, path: &'static str, need: Need, at: At) -> Row {
    Row {
        method,
        path,
        need,
        at,
        again: Again::No,
    }
}

macro_rules! table {
    ($($method:ident $path:literal $need:ident $(($atom:ident))? $at:ident $(, $again:expr)?;)*) => {
        /// Every operation.
        pub const ALL: &[Row] = &[$({
            let row = row(
                stringify!($method),
                $path,
                Need::$need $((ConsoleAtom::$atom))?,
                At::$at,
            );
            $(let row = row.again($again);)?
            row
        },)*];
    };
}

const CREATE: Again = Again::Where(Reauth::KeyCreate);
const ROTATE: Again = Again::Where(Reauth::KeyRotate);
const DELETE: Again = Again::Where(Reauth::UserDelete);

table! {
    // How people come in, and what is their own.
    POST "/api/v1/setup" Nothing Oneself;
    POST "/api/v1/session" Nothing Oneself;
    DELETE "/api/v1/session" Person Oneself;
    POST "/api/v1/session/step-up" Person Oneself;
    POST "/api/v1/invitations/accept" Nothing Oneself;
    GET "/api/v1/me" Anyone Oneself;
    PATCH "/api/v1/me" Person Oneself;
    POST "/api/v1/me/password" Person Oneself;
    POST "/api/v1/me/totp" Person Oneself, Again::Always;
    DELETE "/api/v1/me/totp" Person Oneself, Again::Always;
    POST "/api/v1/me/totp/confirm" Person Oneself;
    GET "/api/v1/me/passkeys" Person Oneself;
    DELETE "/api/v1/me/passkeys/{passkey}" Person Oneself, Again::Always;
    GET "/api/v1/me/sessions" Person Oneself;
    DELETE "/api/v1/me/sessions" Person Oneself;

    // Operators and tokens.
    GET "/api/v1/operators" See Reach;
    POST "/api/v1/operators" Do(UserCreate) Named;
    GET "/api/v1/operators/{operator}" See Operator;
    PATCH "/api/v1/operators/{operator}" See Operator;
    DELETE "/api/v1/operators/{operator}" Do(UserDelete) Operator, Again::Always;
    POST "/api/v1/operators/{operator}/invite" Do(UserCreate) Operator;
    POST "/api/v1/operators/{operator}/password" Do(UserEdit) Operator, Again::Always;
    POST "/api/v1/operators/{operator}/disable" Do(UserDisable) Operator;
    POST "/api/v1/operators/{operator}/enable" Do(UserDisable) Operator;
    DELETE "/api/v1/operators/{operator}/totp" Do(UserEdit) Operator, Again::Always;
    DELETE "/api/v1/operators/{operator}/sessions" Do(UserDisable) Operator;
    GET "/api/v1/tokens" Anyone Reach;
    POST "/api/v1/tokens" Anyone Oneself, Again::Always;
    DELETE "/api/v1/tokens/{token}" Anyone Operator;

    // The server.
    GET "/api/v1/status" See Deployment;
    GET "/api/v1/openapi.json" Anyone Oneself;
    GET "/api/v1/requests/{id}/explain" See Deployment;

    // Accounts and what is in them.
    GET "/api/v1/tenants" See Reach;
    POST "/api/v1/tenants" Do(TenantCreate) Named;
    GET "/api/v1/tenants/{tenant}" See PartOfTenant;
    PATCH "/api/v1/tenants/{tenant}" Do(TenantSettings) Tenant;
    DELETE "/api/v1/tenants/{tenant}" Do(TenantCreate) AboveTenant, DELETE;
    PUT "/api/v1/tenants/{tenant}/limits" Do(TenantSettings) AboveTenant;
    POST "/api/v1/tenants/{tenant}/transfer" Do(RoleAssign) Tenant;
    GET "/api/v1/tenants/{tenant}/permissions" See Tenant;
    PUT "/api/v1/tenants/{tenant}/permissions" Do(AclEdit) Tenant;
    DELETE "/api/v1/tenants/{tenant}/permissions" Do(AclEdit) Tenant;
    POST "/api/v1/tenants/{tenant}/permissions/preview" See Tenant;
    GET "/api/v1/tenants/{tenant}/roles" See Tenant;
    POST "/api/v1/tenants/{tenant}/roles" Do(RoleEdit) Tenant;
    GET "/api/v1/tenants/{tenant}/roles/{role}" See Tenant;
    PUT "/api/v1/tenants/{tenant}/roles/{role}" Do(RoleEdit) Tenant;
    DELETE "/api/v1/tenants/{tenant}/roles/{role}" Do(RoleEdit) Tenant;
    GET "/api/v1/tenants/{tenant}/role-matrix" See Tenant;
    // Each user, and each key, is judged by himself.
    POST "/api/v1/tenants/{tenant}/bulk/users" See PartOfTenant, DELETE;
    POST "/api/v1/tenants/{tenant}/bulk/keys" See PartOfTenant, DELETE;
    POST "/api/v1/tenants/{tenant}/export" Do(TenantSettings) Tenant, Again::Always;
    POST "/api/v1/tenant-files/plan" Do(TenantCreate) Deployment;
    POST "/api/v1/tenant-files/apply" Do(TenantCreate) Deployment, Again::Always;
    GET "/api/v1/tenants/{tenant}/domains" See Tenant;
    POST "/api/v1/tenants/{tenant}/domains" Do(TenantSettings) AboveTenant;
    DELETE "/api/v1/tenants/{tenant}/domains/{domain}" Do(TenantSettings) AboveTenant;
    GET "/api/v1/tenants/{tenant}/alias" See Tenant;
    PUT "/api/v1/tenants/{tenant}/alias" Do(TenantSettings) Tenant;
    DELETE "/api/v1/tenants/{tenant}/alias" Do(TenantSettings) Tenant;
    GET "/api/v1/tenants/{tenant}/users" See PartOfTenant;
    POST "/api/v1/tenants/{tenant}/users" Do(UserCreate) Tenant;
    GET "/api/v1/tenants/{tenant}/users/{user}" See User;
    PATCH "/api/v1/tenants/{tenant}/users/{user}" Do(UserEdit) User;
    DELETE "/api/v1/tenants/{tenant}/users/{user}" Do(UserDelete) User, DELETE;
    PUT "/api/v1/tenants/{tenant}/users/{user}/details" Do(UserEdit) User;
    PUT "/api/v1/tenants/{tenant}/users/{user}/role" Do(RoleAssign) User;
    POST "/api/v1/tenants/{tenant}/users/{user}/disable" Do(UserDisable) User;
    POST "/api/v1/tenants/{tenant}/users/{user}/enable" Do(UserDisable) User;
    GET "/api/v1/tenants/{tenant}/users/{user}/sub-users" See User;
    POST "/api/v1/tenants/{tenant}/users/{user}/sub-users" Do(UserCreate) User;
    GET "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}" See User;
    PATCH "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}" Do(UserEdit) User;
    DELETE "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}" Do(UserDelete) User;
    POST "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/disable" Do(UserDisable) User;
    POST "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/enable" Do(UserDisable) User;
    GET "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/keys" See User;
    POST "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/keys" Do(KeyCreate) User, CREATE;
    GET "/api/v1/tenants/{tenant}/keys" See PartOfTenant;
    GET "/api/v1/tenants/{tenant}/keys/{key}" See Key;
    GET "/api/v1/tenants/{tenant}/users/{user}/keys" See User;
    POST "/api/v1/tenants/{tenant}/users/{user}/keys" Do(KeyCreate) User, CREATE;
    GET "/api/v1/tenants/{tenant}/users/{user}/keys/{key}" See User;
    DELETE "/api/v1/tenants/{tenant}/users/{user}/keys/{key}" Do(KeyDelete) User;
    PUT "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/rights" Do(KeyCreate) User, CREATE;
    POST "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/rotate" Do(KeyCreate) User, ROTATE;
    POST "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/disable" Do(KeyDelete) User;
    POST "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/enable" Do(KeyDelete) User;
    POST "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/reveal" Do(KeyReveal) User, Again::PersonAlone;
    GET "/api/v1/tenants/{tenant}/buckets" See PartOfTenant;
    POST "/api/v1/tenants/{tenant}/buckets" Do(BucketCreate) Bucket;
    GET "/api/v1/tenants/{tenant}/buckets/{bucket}" See Bucket;
    DELETE "/api/v1/tenants/{tenant}/buckets/{bucket}" Do(BucketDelete) Bucket;
    // They name members: who sees some of those alone sees none of these.
    GET "/api/v1/tenants/{tenant}/buckets/{bucket}/permissions" See Tenant;
    PUT "/api/v1/tenants/{tenant}/buckets/{bucket}/permissions" Do(AclEdit) Tenant;
    DELETE "/api/v1/tenants/{tenant}/buckets/{bucket}/permissions" Do(AclEdit) Tenant;
    POST "/api/v1/tenants/{tenant}/buckets/{bucket}/permissions/preview" See Tenant;
    GET "/api/v1/tenants/{tenant}/buckets/{bucket}/public" See Bucket;
    PUT "/api/v1/tenants/{tenant}/buckets/{bucket}/public" Do(AclEdit) Bucket;
    DELETE "/api/v1/tenants/{tenant}/buckets/{bucket}/public" Do(AclEdit) Bucket;

    // What was done, and who has what.
    GET "/api/v1/access-review" Do(AuditRead) Reach;
    GET "/api/v1/audit" Do(AuditRead) Reach;
    GET "/api/v1/audit/verify" Do(AuditRead) Deployment;
    GET "/api/v1/audit/export" Do(AuditExport) Reach;
    GET "/api/v1/audit/head" Do(AuditRead) Deployment;
    POST "/api/v1/audit/compare" Do(AuditRead) Deployment;

    // Keeping the server. A backup holds everything that there is.
    GET "/api/v1/jobs" See Reach;
    GET "/api/v1/jobs/{job}" See Reach;
    GET "/api/v1/master-key" See Deployment;
    POST "/api/v1/master-key/rotate" Do(TenantSettings) Deployment, Again::Always;
    POST "/api/v1/backups" Do(TenantSettings) Deployment, Again::Always;

    // The object node. What was deleted has keys, which are data.
    GET "/api/v1/node" See Deployment;
    GET "/api/v1/node/usage" Do(UsageRead) Deployment;
    POST "/api/v1/node/tasks" Do(TenantSettings) Deployment;
    PUT "/api/v1/node/mode" Do(TenantSettings) Deployment, Again::Always;
    GET "/api/v1/tenants/{tenant}/buckets/{bucket}/deleted" Do(BucketConfig) Bucket;
    POST "/api/v1/tenants/{tenant}/buckets/{bucket}/deleted" Do(BucketConfig) Bucket;

    // What was used, and its bounds.
    GET "/api/v1/usage" Do(UsageRead) Named;
    GET "/api/v1/usage/export" Do(UsageRead) Named;
    GET "/api/v1/usage/quotas" See Named;
    PUT "/api/v1/usage/quotas" Do(TenantSettings) Named;
    GET "/api/v1/usage/rates" See Named;
    PUT "/api/v1/usage/rates" Do(TenantSettings) Named;
    GET "/api/v1/usage/periods" Do(UsageRead) Deployment;
    GET "/api/v1/usage/periods/{period}" Do(UsageRead) Deployment;
    POST "/api/v1/usage/periods/{period}/close" Do(TenantSettings) Deployment;
    POST "/api/v1/usage/periods/{period}/corrections" Do(TenantSettings) Deployment;
    GET "/api/v1/usage/keys/{key}/last-used" See Reach;

    // Policies and modules.
    GET "/api/v1/policies" See Named;
    GET "/api/v1/policies/document" See Named;
    PUT "/api/v1/policies/document" Do(AclEdit) Named;
    DELETE "/api/v1/policies/document" Do(AclEdit) Named;
    GET "/api/v1/modules" See Named;
    POST "/api/v1/modules" Do(PolicyUpload) Named;
    GET "/api/v1/modules/{module}" See Reach;
    GET "/api/v1/modules/{module}/trials" See Named;
    GET "/api/v1/modules/{module}/history" See Named;
    POST "/api/v1/modules/{module}/test" Do(PolicyUpload) Named;
    POST "/api/v1/modules/{module}/activate" Do(PolicyActivate) Named;
    POST "/api/v1/modules/{module}/rollback" Do(PolicyActivate) Named;
    POST "/api/v1/modules/{module}/deactivate" Do(PolicyActivate) Named;
    POST "/api/v1/modules/{module}/shadow" Do(PolicyActivate) Named;
    POST "/api/v1/modules/{module}/shadow/stop" Do(PolicyActivate) Named;
    POST "/api/v1/modules/{module}/canary" Do(PolicyActivate) Named;
    POST "/api/v1/modules/{module}/canary/stop" Do(PolicyActivate) Named;
    POST "/api/v1/modules/{module}/canary/promote" Do(PolicyActivate) Named;
    POST "/api/v1/modules/{module}/approve" Do(PolicyActivate) Named;
    POST "/api/v1/modules/{module}/reject" Do(PolicyActivate) Named;
    POST "/api/v1/tools/simulate" See Deployment;
    POST "/api/v1/tools/enumerate" See Deployment;
    POST "/api/v1/tools/who-can" See Deployment;
    POST "/api/v1/tools/right-size" See Deployment;
    POST "/api/v1/tools/diff" See Deployment;
    POST "/api/v1/tools/replay" See Deployment;
}

/// The line of an operation. HEAD is answered where GET is.
pub fn of(method: &str, path: &str) -> Option<&'static Row> {
    let method = if method == "HEAD" { "GET" } else { method };
    ALL.iter()
        .find(|row| row.method == method && row.path == path)
}
