//! What holds of the directory whatever is asked of it, in whatever order, by whom ever: random commands, and after each of them
//! every invariant. That a check bites is shown on rows that were changed behind the directory's back.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use postern_config::decisions::Atom;
use postern_config::directory::{
    AccessKeyId, AccountAcl, Actor, Command, CommandError, ConsoleAtom, ContainerAcl, Description,
    Directory, DirectoryOptions, Held, Keeps, KeyRights, KeyState, Level, Name, NamespaceId,
    NewSubUser, NewUser, Outcome, Permissions, Profile, PublicAccess, Role, RoleAtoms, RoleId,
    RoleText, RootKeys, State, SubUserId, TenantId, TenantLimits, User, UserDetails, UserId,
    UserKind, UserStatus, Vault, Who,
};
use postern_config::engine::{EmbeddedEngine, Engine, Op, Revision};
use postern_config::{Clock, Entropy, Secret, UnixMillis, UnixSeconds};
use proptest::prelude::*;
use s3_protocol::BucketId;

/// A command in the making: what, by whom, and three numbers that pick what it is about.
#[derive(Clone, Copy, Debug)]
struct Wish {
    what: u8,
    by: u8,
    picks: [u8; 3],
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let wish = (0..WISHES, any::<u8>(), any::<[u8; 3]>());
    let wish = wish.prop_map(|(what, by, picks)| Wish { what, by, picks });
    prop::collection::vec(wish, 10..60)
}

/// How many kinds of wishes there are: the arms of [`World::command`].
const WISHES: u8 = 40;

/// What has been made so far, whether or not it is still there.
#[derive(Default)]
struct Known {
    tenants: Vec<TenantId>,
    users: Vec<UserId>,
    sub_users: Vec<SubUserId>,
    roles: Vec<RoleId>,
    keys: Vec<AccessKeyId>,
    buckets: Vec<BucketId>,
    secrets: Vec<String>,
}

struct World {
    engine: EmbeddedEngine,
    directory: Directory,
    known: Known,
}

fn pick<T: Copy>(from: &[T], number: u8) -> Option<T> {
    let place = usize::from(number).checked_rem(from.len())?;
    from.get(place).copied()
}

fn name(number: u8) -> Name {
    // Few names, in two spellings: that two of them meet is the point.
    let text = ["ann", "Ann", "ben", "BEN", "cy", "Cy"][usize::from(number % 6)];
    text.parse().unwrap()
}

fn level(number: u8) -> Level {
    Level::ALL[usize::from(number % 4)]
}

fn permissions(number: u8) -> Permissions {
    Permissions {
        read: number & 1 != 0,
        write: number & 2 != 0,
    }
}

fn details(number: u8) -> UserDetails {
    let addresses = ["ann@a.example", "ANN@A.example", "ben@a.example"];
    let email = addresses.get(usize::from(number % 4));
    UserDetails {
        email: email.map(|text| text.parse().unwrap()),
        ..UserDetails::default()
    }
}

fn atoms(number: u8) -> RoleAtoms {
    let data = Atom::ALL.iter().enumerate();
    let data =
        data.filter(|(place, _)| number.is_multiple_of(u8::try_from(place % 3 + 1).unwrap()));
    let console = [ConsoleAtom::RoleAssign, ConsoleAtom::RoleEdit];
    RoleAtoms {
        data: data.map(|(_, atom)| *atom).collect(),
        console: console.into_iter().take(usize::from(number % 3)).collect(),
    }
}

impl World {
    async fn new() -> Self {
        let engine = EmbeddedEngine::in_memory().unwrap();
        Self {
            directory: open(&engine).await,
            engine,
            known: Known::default(),
        }
    }

    fn actor(&self, by: u8) -> Actor {
        let state = self.directory.state();
        // Half of all commands are the platform's, or nothing would ever be made.
        let key = pick(&self.known.keys, by / 2).filter(|_| by % 2 == 1);
        match key.and_then(|id| state.key(&id)) {
            Some(key) => Actor {
                who: Who::Key {
                    tenant: key.tenant,
                    user: key.user,
                    key: key.id,
                },
                address: None,
                request: None,
            },
            None => Actor::system(),
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "a table: one arm for each kind of wish"
    )]
    fn command(&self, wish: Wish) -> Option<Command> {
        let [a, b, c] = wish.picks;
        let known = &self.known;
        let (tenant, user) = (pick(&known.tenants, a), pick(&known.users, a));
        let (sub, key) = (pick(&known.sub_users, a), pick(&known.keys, a));
        let (bucket, role) = (pick(&known.buckets, a), pick(&known.roles, a));
        let some_role = match b % 7 {
            0 => Role::Owner,
            1 => Role::Admin,
            2 => Role::Contributor,
            3 => Role::Reader,
            4 => Role::Member,
            _ => pick(&known.roles, c).map_or(Role::Reader, Role::Custom),
        };
        let text = || RoleText {
            name: name(b),
            description: Description::default(),
            atoms: atoms(c),
        };
        Some(match wish.what {
            0 | 1 => Command::CreateTenant {
                name: name(a),
                profile: Profile::ALL[usize::from(b % 6)],
                parent: pick(&known.tenants, c).filter(|_| c % 4 == 0),
            },
            2 => Command::SuspendTenant(tenant?),
            3 => Command::MakeTenantReadOnly(tenant?),
            4 | 5 => Command::ResumeTenant(tenant?),
            6 => Command::DeleteTenant(tenant.filter(|_| b < 32)?),
            7 => Command::RenameTenant(tenant?, name(b)),
            8 => Command::SetTenantLimits(
                tenant?,
                TenantLimits {
                    users: (b % 4 == 0).then_some(3),
                    keys: (c % 4 == 0).then_some(4),
                },
            ),
            9..=12 => Command::CreateUser(NewUser {
                role: (c % 3 != 0).then_some(some_role),
                details: details(c),
                kind: [UserKind::Human, UserKind::Service, UserKind::Root][usize::from(c % 3)],
                ..NewUser::new(tenant?, name(b), UserKind::Human)
            }),
            13 => Command::DisableUser(user?),
            14 => Command::EnableUser(user?),
            15 => Command::DeleteUser(user.filter(|_| b < 64)?),
            16 => Command::RenameUser(user?, name(b)),
            17 => Command::SetUserDetails(user?, details(b)),
            18 | 19 => Command::SetUserRole(user?, some_role),
            20 => Command::TransferOwnership {
                tenant: tenant?,
                to: pick(&known.users, b)?,
            },
            21 => Command::CreateRole {
                tenant: tenant?,
                role: text(),
            },
            22 => Command::ChangeRole(role?, text()),
            23 => Command::DeleteRole(role?),
            24 | 25 => Command::CreateSubUser(NewSubUser {
                user: user?,
                name: name(b),
                level: level(c),
                description: Description::default(),
            }),
            26 => Command::SetSubUserLevel(sub?, level(b)),
            27 => Command::DisableSubUser(sub?),
            28 => Command::EnableSubUser(sub?),
            29 => Command::DeleteSubUser(sub.filter(|_| b < 64)?),
            30 | 31 => Command::CreateKey {
                user: user?,
                rights: KeyRights::of_level(level(b)),
            },
            32 => Command::CreateSubUserKey {
                sub_user: sub?,
                rights: KeyRights::of_level(level(b)),
            },
            33 => Command::RotateKey {
                key: key?,
                grace_seconds: u32::from(b % 2) * 60,
            },
            34 => Command::SetKeyRights(key?, KeyRights::of_level(level(b))),
            35 => Command::DeleteKey(key?),
            36 => {
                let owner = user?;
                let state = self.directory.state();
                let record = state.user(owner)?;
                Command::BeginBucket {
                    namespace: if c % 4 == 0 {
                        NamespaceId::Global
                    } else {
                        record.namespace(state.tenant(record.tenant)?.profile)
                    },
                    name: format!("bucket-{}", b % 2).parse().unwrap(),
                    owner,
                    keeps: Keeps::Nothing,
                }
            }
            37 => match b % 3 {
                0 => Command::ActivateBucket(bucket?),
                1 => Command::CloseBucket(bucket?),
                _ => Command::RemoveBucket(bucket?),
            },
            38 => {
                let each = pick(&known.users, b).map(|user| (user, permissions(c)));
                let each: BTreeMap<_, _> = each.into_iter().collect();
                Command::SetAccountAcl(
                    tenant?,
                    match c % 3 {
                        0 => None,
                        1 => Some(AccountAcl::Global(permissions(b))),
                        _ => Some(AccountAcl::PerUser(each)),
                    },
                )
            }
            _ => match c % 3 {
                0 => Command::SetPublicAccess(bucket?, Some(PublicAccess::everything())),
                1 => Command::SetContainerAcl(bucket?, None),
                _ => Command::SetContainerAcl(
                    bucket?,
                    Some(ContainerAcl::PerUser(BTreeMap::from([(
                        pick(&known.users, b)?,
                        permissions(b),
                    )]))),
                ),
            },
        })
    }

    async fn grant(&mut self, wish: &Wish) -> Result<(), String> {
        let Some(command) = self.command(*wish) else {
            return Ok(());
        };
        let actor = self.actor(wish.by);
        let told = format!("{command:?} by {:?}", actor.who);
        let before = self.directory.state();
        let audits = audits(&self.directory).await;
        let shrinks = shrinks(&command);
        let creates = matches!(
            command,
            Command::CreateKey { .. } | Command::CreateSubUserKey { .. }
        );
        let answer = self.directory.apply(command, actor.clone()).await;
        let after = self.directory.state();
        if answer.is_err() && after.revision() != before.revision() {
            return Err(format!("{told} was refused and changed something"));
        }
        let written = audits_after(&self.directory, audits).await;
        // I11. What a deletion leaves is swept by the server, with records of its own.
        let is_swept = |action: &&String| action.rsplit('.').next() == Some("sweep");
        let by_command = written.iter().filter(|action| !is_swept(action));
        if by_command.count() != usize::from(answer.is_ok()) {
            return Err(format!("I11: {told} wrote {written:?}"));
        }
        match answer.map(|applied| applied.outcome) {
            Ok(Outcome::Tenant { tenant, root }) => {
                self.known.tenants.push(tenant);
                self.known.users.push(root);
            }
            Ok(Outcome::User(id)) => self.known.users.push(id),
            Ok(Outcome::SubUser(id)) => self.known.sub_users.push(id),
            Ok(Outcome::Role(id)) => self.known.roles.push(id),
            Ok(Outcome::Bucket(id)) => self.known.buckets.push(id),
            Ok(Outcome::Key { key, secret }) => {
                self.known.keys.push(key);
                let text = secret.lend(|it| String::from_utf8(it.to_vec()).unwrap());
                self.known.secrets.push(text);
                // A key that takes another's place has what that had, whatever has shrunk above it since.
                if creates {
                    made(&after, &actor, &key).map_err(|why| format!("{why}: {told}"))?;
                }
            }
            Ok(_)
            | Err(
                CommandError::Refused(_)
                | CommandError::NotFound { .. }
                | CommandError::Taken { .. },
            ) => {}
            Err(other) => return Err(format!("{told}: {other}")),
        }
        if !shrinks {
            keeps_its_key(&before, &after).map_err(|why| format!("{why}: {told}"))?;
        }
        check(&after).map_err(|why| format!("{why}, after {told}"))
    }
}

/// Whether the command takes a root's key away with all that is his.
fn shrinks(command: &Command) -> bool {
    matches!(command, Command::DeleteTenant(_))
}

async fn open(engine: &EmbeddedEngine) -> Directory {
    Directory::open(DirectoryOptions {
        engine: Arc::new(engine.clone()),
        vault: Vault::new(&Secret::new(vec![7; 32])).unwrap(),
        clock: Clock::new(|| UnixMillis(1_700_000_000_000)),
        entropy: Entropy::system(),
    })
    .await
    .unwrap()
}

async fn audits(directory: &Directory) -> u64 {
    let found = directory.audit_search(1, |_| true).await.unwrap();
    found.first().map_or(0, |record| record.sequence)
}

async fn audits_after(directory: &Directory, sequence: u64) -> Vec<String> {
    let page = directory.audit_page(sequence, 1_000).await.unwrap();
    page.into_iter().map(|record| record.action).collect()
}

/// Every invariant of a state.
fn check(state: &State) -> Result<(), String> {
    for tenant in state.tenants() {
        let users: Vec<&Arc<User>> = state.users(tenant.id).collect();
        one_owner(&users).map_err(|why| format!("I1: {why} in {}", tenant.name))?;
        unique(&users).map_err(|why| format!("I10: {why} in {}", tenant.name))?;
        permissions_are_of_members(state, tenant.id).map_err(|why| format!("I3: {why}"))?;
        if tenant.parent.is_some_and(|parent| {
            let above = state.tenant(parent);
            above.is_none_or(|above| above.parent.is_some())
        }) {
            return Err(format!("{} stands below nothing, or too deep", tenant.name));
        }
        let counted = Held {
            users: users.len(),
            keys: users.iter().map(|it| state.keys(it.id).count()).sum(),
            buckets: state
                .every_bucket()
                .filter(|it| it.tenant == tenant.id)
                .count(),
        };
        let (held, walked) = (state.held(tenant.id), state.buckets_in(tenant).count());
        if held != counted || walked != counted.buckets {
            return Err(format!(
                "{} holds {counted:?}, and says {held:?} and {walked}",
                tenant.name
            ));
        }
        for user in users {
            if user.kind == UserKind::Root && tenant.profile.root_keys() == RootKeys::Single {
                one_key(state, user.id).map_err(|why| format!("I2: {why}"))?;
            }
            keys_are_the_users(state, user)?;
            if let Role::Custom(id) = user.role
                && state.role(id).is_none_or(|role| role.tenant != tenant.id)
            {
                return Err(format!("{} has a role that is not there", user.name));
            }
        }
    }
    Ok(())
}

/// I1: one owner, always active; nobody else has his role.
fn one_owner(users: &[&Arc<User>]) -> Result<(), String> {
    let roots = users.iter().filter(|user| user.kind == UserKind::Root);
    let owners = users.iter().filter(|user| user.role == Role::Owner);
    let [root] = roots.collect::<Vec<_>>()[..] else {
        return Err("not one root".to_owned());
    };
    if root.status != UserStatus::Active {
        return Err("the root is not active".to_owned());
    }
    match owners.collect::<Vec<_>>()[..] {
        [owner] if owner.id == root.id => Ok(()),
        _ => Err("the owner's role is not the root's alone".to_owned()),
    }
}

/// I2: of a root with one key there is at most one that counts, and it is Full.
fn one_key(state: &State, root: UserId) -> Result<(), String> {
    let live = state
        .keys(root)
        .filter(|key| !matches!(key.state, KeyState::Rotating { .. }));
    let live: Vec<_> = live.collect();
    if live.len() > 1 || live.iter().any(|key| key.rights.level != Level::Full) {
        return Err(format!("the root has {} keys, or a lesser one", live.len()));
    }
    Ok(())
}

/// I2: such a root that has a key has one from then on.
fn keeps_its_key(before: &State, after: &State) -> Result<(), String> {
    for tenant in after.tenants() {
        let single = tenant.profile.root_keys() == RootKeys::Single;
        let count = |state: &State| {
            let root = state.root(tenant.id)?;
            Some(state.keys(root.id).count())
        };
        if single && count(before).unwrap_or(0) > 0 && count(after) == Some(0) {
            return Err("I2: the root has lost its key".to_owned());
        }
    }
    Ok(())
}

/// I3: permissions are of one kind by type; they name users of the account who were there, where the profile has any.
fn permissions_are_of_members(state: &State, tenant: TenantId) -> Result<(), String> {
    let account = state.tenant(tenant).unwrap();
    let of_buckets = state
        .users(tenant)
        .map(|user| user.namespace(account.profile))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .flat_map(|namespace| state.buckets_of(namespace, tenant))
        .filter_map(|bucket| bucket.acl.as_ref());
    let mut named: Vec<UserId> = of_buckets.flat_map(ContainerAcl::users).collect();
    named.extend(account.acl.iter().flat_map(AccountAcl::users));
    let strange = |id: &UserId| state.user(*id).is_some_and(|user| user.tenant != tenant);
    if named.iter().any(strange) {
        return Err("permissions name a user of another account".to_owned());
    }
    if account.acl.is_some() && !account.profile.has_permissions() {
        return Err("permissions where the profile has none".to_owned());
    }
    Ok(())
}

/// I5, I7: a key is of an account, a user and perhaps a sub-user who fit, looks for buckets in their namespace, and works only if
/// all of them do.
fn keys_are_the_users(state: &State, user: &User) -> Result<(), String> {
    for key in state.keys(user.id) {
        let Some(caller) = state.caller(&key.id) else {
            return Err(format!("I5: {} is nobody's", key.id));
        };
        let profile = caller.tenant.profile;
        if caller.namespace() != user.namespace(profile) || caller.tenant.id != user.tenant {
            return Err(format!("I5: {} looks elsewhere", key.id));
        }
        let below = caller.sub_user.is_none_or(|sub_user| {
            sub_user.user == user.id && sub_user.status == UserStatus::Active
        });
        let all = user.status == UserStatus::Active && below;
        if caller.works_at(UnixSeconds(1)) && !all {
            return Err(format!("I7: {} works", key.id));
        }
    }
    Ok(())
}

/// I10: names and addresses, without regard to case.
fn unique(users: &[&Arc<User>]) -> Result<(), String> {
    let names: BTreeSet<String> = users
        .iter()
        .map(|user| user.name.as_str().to_lowercase())
        .collect();
    let addresses = users.iter().filter_map(|user| user.details.email.as_ref());
    let addresses: Vec<String> = addresses.map(|it| it.as_str().to_lowercase()).collect();
    let distinct: BTreeSet<&String> = addresses.iter().collect();
    if names.len() != users.len() || distinct.len() != addresses.len() {
        return Err("two users have one name or address".to_owned());
    }
    Ok(())
}

/// I4: each bucket is found under its name in its namespace, and it alone.
fn buckets_have_their_names(state: &State, known: &[BucketId]) -> Result<(), String> {
    for id in known {
        if let Some(bucket) = state.bucket_by_id(*id) {
            let found = state.bucket(bucket.namespace, &bucket.name);
            if found.map(|found| found.id) != Some(*id) {
                return Err(format!("I4: {} is another bucket's name", bucket.name));
            }
        }
    }
    Ok(())
}

/// I6: what was just made is no more than what stands above it, and than its maker.
fn made(state: &State, actor: &Actor, id: &AccessKeyId) -> Result<(), String> {
    let caller = state.caller(id).ok_or("I6: the key is nobody's")?;
    let level = caller.key.rights.level;
    let above = caller.sub_user.map(|sub_user| sub_user.level);
    let fits_role = state.role_atoms(caller.user.role).hold(level);
    if above.is_some_and(|above| !level.is_within(above)) || !fits_role {
        return Err(format!(
            "I6: a key of {level} is more than what stands above"
        ));
    }
    if let Who::Key { key, .. } = &actor.who
        && let Some(maker) = state.key(key)
        && !level.is_within(maker.rights.level)
    {
        return Err(format!(
            "I6: a key of {level} by one of {}",
            maker.rights.level
        ));
    }
    Ok(())
}

/// Everything that a state holds, as text.
fn shown(state: &State) -> String {
    let mut text = String::new();
    for tenant in state.tenants() {
        text += &format!("{tenant:?}\n");
        for user in state.users(tenant.id) {
            text += &format!("{user:?}\n");
            for sub_user in state.sub_users(user.id) {
                text += &format!("{sub_user:?}\n");
            }
            for key in state.keys(user.id) {
                text += &format!("{key:?}\n");
            }
            for bucket in state.buckets_of(user.namespace(tenant.profile), tenant.id) {
                text += &format!("{bucket:?}\n");
            }
        }
        for role in state.roles(tenant.id) {
            text += &format!("{role:?}\n");
        }
        for child in state.children(tenant.id) {
            text += &format!("child {}\n", child.id);
        }
    }
    text
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_the_invariants_hold(wishes in wishes()) {
        let outcome: Result<(), String> = runtime().block_on(async {
            let mut world = World::new().await;
            for wish in &wishes {
                world.grant(wish).await?;
                buckets_have_their_names(&world.directory.state(), &world.known.buckets)?;
            }
            // I8: nothing that is kept in the open holds a secret.
            let records = world.directory.audit_page(0, 1_000).await.unwrap();
            let open_text = format!("{records:?}{}", shown(&world.directory.state()));
            if world.known.secrets.iter().any(|secret| open_text.contains(secret.as_str())) {
                return Err("I8: a secret is shown".to_owned());
            }
            world.directory.verify_audit().await.map_err(|fault| format!("I11: {fault}"))?;
            // I12: what is decided on is what is stored, and nothing that only memory knows.
            let again = open(&world.engine).await;
            let (before, after) = (shown(&world.directory.state()), shown(&again.state()));
            if before != after {
                return Err(format!("I12: opened again it is another:\n{before}\n{after}"));
            }
            Ok(())
        });
        prop_assert_eq!(outcome, Ok(()));
    }

    /// I7: enabling gives back, byte for byte, what disabling found.
    #[test]
    fn disabling_and_enabling_leave_everything_as_it_was(wishes in wishes(), which in any::<u8>()) {
        let outcome: Result<(), String> = runtime().block_on(async {
            let mut world = World::new().await;
            for wish in &wishes {
                world.grant(wish).await?;
            }
            let state = world.directory.state();
            let active = |id: &UserId| state.user(*id).is_some_and(|user| {
                user.status == UserStatus::Active && user.kind != UserKind::Root
            });
            let active: Vec<UserId> = world.known.users.iter().copied().filter(active).collect();
            let Some(user) = pick(&active, which) else {
                return Ok(());
            };
            for command in [Command::DisableUser(user), Command::EnableUser(user)] {
                world.directory.apply(command, Actor::system()).await.map_err(|e| e.to_string())?;
            }
            let after = world.directory.state();
            let plain = |state: &State| {
                let user = User::clone(state.user(user).unwrap());
                let user = User { revision: Revision::default(), ..user };
                let keys: Vec<_> = state.keys(user.id).cloned().collect();
                let below: Vec<_> = state.sub_users(user.id).cloned().collect();
                format!("{user:?}{keys:?}{below:?}")
            };
            if plain(&state) == plain(&after) { Ok(()) } else { Err("I7: it is another".to_owned()) }
        });
        prop_assert_eq!(outcome, Ok(()));
    }

    /// I9: a layer that is added allows nothing that was not allowed without it.
    #[test]
    fn a_layer_never_widens(numbers in any::<[u8; 4]>()) {
        let role = atoms(numbers[0]);
        let of = |level: Level| level.atoms().iter().copied().collect::<BTreeSet<Atom>>();
        let layers = [of(level(numbers[1])), of(level(numbers[2])), role.data.clone()];
        let mut allowed: BTreeSet<Atom> = Atom::ALL.iter().copied().collect();
        for layer in &layers {
            let narrower: BTreeSet<Atom> = allowed.intersection(layer).copied().collect();
            prop_assert!(narrower.is_subset(&allowed) && narrower.is_subset(layer));
            allowed = narrower;
        }
        // Who gives a role gives nothing that he lacks.
        let held = atoms(numbers[3]);
        prop_assert_eq!(role.are_within(&held), role.data.is_subset(&held.data) && role.console.is_subset(&held.console));
    }
}

/// A world with an account of this profile, a user `ann`, and a key of his.
async fn furnished(profile: Profile) -> (World, TenantId, UserId) {
    let world = World::new().await;
    let create = Command::CreateTenant {
        name: name(0),
        profile,
        parent: None,
    };
    let ask = |command| world.directory.apply(command, Actor::system());
    let Outcome::Tenant { tenant, root } = ask(create).await.unwrap().outcome else {
        panic!()
    };
    for user in ["ann", "ben"] {
        let mut new = NewUser::new(tenant, user.parse().unwrap(), UserKind::Service);
        new.details.email = Some(format!("{user}@a.example").parse().unwrap());
        ask(Command::CreateUser(new)).await.unwrap();
    }
    let rights = KeyRights::of_level(Level::Full);
    ask(Command::CreateKey { user: root, rights })
        .await
        .unwrap();
    check(&world.directory.state()).unwrap();
    (world, tenant, root)
}

/// What the checks say when the rows of one kind have been changed behind the directory's back.
async fn complaint(
    world: &World,
    kind: &str,
    change: impl Fn(&mut serde_json::Map<String, serde_json::Value>) -> bool,
) -> String {
    let now = world.engine.now().await.unwrap();
    let page = world
        .engine
        .page("dir/".to_owned(), now, None, 1_000)
        .await
        .unwrap();
    let mut changed = 0;
    for row in page.rows {
        if row.key.split('/').nth(2) != Some(kind) {
            continue;
        }
        let mut value: serde_json::Value = serde_json::from_slice(&row.value).unwrap();
        if change(value.as_object_mut().unwrap()) {
            changed += 1;
            let op = Op::Put(row.key, serde_json::to_vec(&value).unwrap());
            world.engine.txn(Vec::new(), vec![op]).await.unwrap();
        }
    }
    assert!(changed > 0, "nothing was changed");
    let state = open(&world.engine).await.state();
    check(&state).unwrap_err()
}

#[expect(
    clippy::too_many_lines,
    reason = "one row that is changed after the other"
)]
#[tokio::test]
async fn each_check_bites() {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let (world, ..) = furnished(Profile::E3Root).await;
    let why = complaint(&world, "user", |user| {
        let root = text(&user["kind"]) == "root";
        if root {
            user["status"] = "disabled".into();
        }
        root
    })
    .await;
    assert!(why.starts_with("I1"), "{why}");

    let (world, ..) = furnished(Profile::Datastream).await;
    let why = complaint(&world, "user", |user| {
        let ann = text(&user["name"]) == "ann";
        if ann {
            user["role"] = "owner".into();
        }
        ann
    })
    .await;
    assert!(why.starts_with("I1"), "{why}");

    let (world, ..) = furnished(Profile::E3Root).await;
    let why = complaint(&world, "key", |key| {
        key["rights"]["level"] = "read".into();
        true
    })
    .await;
    assert!(why.starts_with("I2"), "{why}");

    let (world, ..) = furnished(Profile::E3Root).await;
    let why = complaint(&world, "account", |account| {
        account.insert("acl".into(), serde_json::json!({ "per-user": {} }));
        true
    })
    .await;
    assert!(why.starts_with("I3"), "{why}");

    let (world, ..) = furnished(Profile::E3Root).await;
    let why = complaint(&world, "key", |key| {
        key.insert("sub_user".into(), 999.into());
        true
    })
    .await;
    assert!(why.starts_with("I5"), "{why}");

    let (world, ..) = furnished(Profile::Datastream).await;
    let why = complaint(&world, "user", |user| {
        let ben = text(&user["name"]) == "ben";
        if ben {
            user["details"]["email"] = "ANN@a.example".into();
        }
        ben
    })
    .await;
    assert!(why.starts_with("I10"), "{why}");

    // I6 and I4 are asked of what was just made: a maker of less, a name that is another's.
    let (world, tenant, root) = furnished(Profile::E3Primary).await;
    let ask = |command| world.directory.apply(command, Actor::system());
    let key = async |level| {
        let rights = KeyRights::of_level(level);
        let create = Command::CreateKey { user: root, rights };
        match ask(create).await.unwrap().outcome {
            Outcome::Key { key, .. } => key,
            other => panic!("{other:?}"),
        }
    };
    let (narrow, wide) = (key(Level::Read).await, key(Level::Full).await);
    let maker = Actor {
        who: Who::Key {
            tenant,
            user: root,
            key: narrow,
        },
        address: None,
        request: None,
    };
    let why = made(&world.directory.state(), &maker, &wide).unwrap_err();
    assert!(why.starts_with("I6"), "{why}");
    let wider = made(&world.directory.state(), &Actor::system(), &wide);
    assert_eq!(wider, Ok(()));
}
