//! Sub-users, roles, permissions, public containers and accounts that share a namespace, with real requests: the directory is
//! changed while the gate stands still, by the commands that the admin side gives.

use std::collections::BTreeMap;

use postern_config::directory::{
    AccountAcl, Command, ContainerAcl, Level, NewUser, Outcome, Permissions, Profile, PublicAccess,
    Role, UserKind,
};
use tests::call::{self, Call};
use tests::gate::{Gate, Key};
use tests::house::{House, name};
use tests::wire::Answer;

fn put(gate: &Gate, key: &Key, path: &str) -> Answer {
    Call::put(&format!("/demo-bucket/{path}"), path.as_bytes()).send(gate, key)
}

fn get(gate: &Gate, key: &Key, path: &str) -> Answer {
    Call::get(&format!("/demo-bucket/{path}")).send(gate, key)
}

/// 000-06, 000-15, 000-16, 002-15: a sub-user's key reaches its user's buckets alone, at most at the sub-user's level.
#[test]
fn a_sub_user_is_bounded_by_his_level_whatever_his_key_says() {
    let house = House::new("e3-primary");
    let (reader, writer, wide) = {
        let office = house.office();
        let reader = office.sub_user("photos", "cdn", Level::Read);
        let writer = office.sub_user("photos", "scanner", Level::Write);
        // His level falls after the key was made: the key says Full still.
        let fallen = office.sub_user("photos", "fallen", Level::Full);
        let wide = office.sub_key(fallen, Level::Full);
        office.ask(Command::SetSubUserLevel(fallen, Level::Read));
        (
            office.sub_key(reader, Level::Read),
            office.sub_key(writer, Level::Write),
            wide,
        )
    };
    let gate = house.gate();
    let full = gate.key("photos", "full");
    put(&gate, full, "a").expect(200);
    for key in [&reader, &wide] {
        assert_eq!(get(&gate, key, "a").expect(200).body, b"a");
        Call::get("/demo-bucket?list-type=2")
            .send(&gate, key)
            .expect(200);
        put(&gate, key, "b").expect_error(403, "AccessDenied");
        Call::delete("/demo-bucket/a")
            .send(&gate, key)
            .expect_error(403, "AccessDenied");
        Call::get("/demo-bucket?policy")
            .send(&gate, key)
            .expect_error(403, "AccessDenied");
    }
    // Whoever asks why is told the layer that refused.
    let refused = put(&gate, &wide, "b");
    let explained = gate.postern_ok(&["explain", refused.request_id()]);
    for wanted in ["sub-user", "user/photos/fallen"] {
        assert!(explained.contains(wanted), "{explained}");
    }
    put(&gate, &writer, "up").expect(200);
    get(&gate, &writer, "up").expect_error(403, "AccessDenied");
    Call::get("/demo-bucket?list-type=2")
        .send(&gate, &writer)
        .expect_error(403, "AccessDenied");
    // The other user's bucket of the same name is another bucket, and his own buckets are not there.
    Call::put("/only-backups", b"")
        .send(&gate, gate.key("backups", "full"))
        .expect(200);
    Call::get("/only-backups?list-type=2")
        .send(&gate, &wide)
        .expect_error(404, "NoSuchBucket");
    let listed = Call::get("/").send(&gate, &reader).expect(200).text();
    assert!(listed.contains("demo-bucket") && !listed.contains("only-backups"));
}

/// 1.2 of the model: what a sub-user wrote is his own by whatever key, and no other's below the same user.
#[test]
fn own_is_what_the_same_sub_user_has_written() {
    let house = House::new("e3-primary");
    let (first, second, stranger) = {
        let office = house.office();
        let scanner = office.sub_user("photos", "scanner", Level::Write);
        let other = office.sub_user("photos", "other", Level::Write);
        (
            office.sub_key(scanner, Level::Write),
            office.sub_key(scanner, Level::Write),
            office.sub_key(other, Level::Write),
        )
    };
    let gate = house.gate();
    put(&gate, &first, "up").expect(200);
    let head = |key: &Key| Call::head("/demo-bucket/up").send(&gate, key).status;
    assert_eq!(
        (head(&first), head(&second), head(&stranger)),
        (200, 200, 404)
    );
    assert_eq!(head(gate.key("photos", "write")), 404);
}

/// I7, 004-25: disabling stops signed requests and presigned URLs that were made before, and enabling gives all back.
/// 004-34.
#[test]
fn who_is_disabled_is_as_unknown_as_a_key_that_never_was() {
    let house = House::new("e3-primary");
    let (sub, key) = {
        let office = house.office();
        let sub = office.sub_user("photos", "cdn", Level::Read);
        (sub, office.sub_key(sub, Level::Read))
    };
    let gate = house.gate();
    put(&gate, gate.key("photos", "full"), "a").expect(200);
    let host = gate.host().to_owned();
    let url = Call::get("/demo-bucket/a").presign(&call::signer(&gate, &key), &host, "3600");
    let fetch = |gate: &Gate| {
        Call::get(&url)
            .host(&host)
            .with_unsigned("x-test", "presigned")
            .anonymous(&host)
            .send(gate)
    };
    get(&gate, &key, "a").expect(200);
    fetch(&gate).expect(200);
    assert!(gate.stop().success());
    house.office().ask(Command::DisableSubUser(sub));
    let gate = house.gate();
    get(&gate, &key, "a").expect_error(403, "InvalidAccessKeyId");
    fetch(&gate).expect_error(403, "InvalidAccessKeyId");
    assert!(gate.stop().success());
    house.office().ask(Command::EnableSubUser(sub));
    let gate = house.gate();
    get(&gate, &key, "a").expect(200);
    fetch(&gate).expect(200);
}

/// 002-13, 002-14: a bucket policy narrows a sub-user whom it names, and what names his user means him as well.
#[test]
fn policies_name_a_sub_user_by_his_arn_and_by_his_users() {
    let house = House::new("sobject");
    let (arn, ci, cdn) = {
        let office = house.office();
        let ci = office.sub_user("photos", "ci", Level::ReadWrite);
        let cdn = office.sub_user("photos", "cdn", Level::ReadWrite);
        let account = format!("{:012}", office.tenant().get());
        (
            format!("arn:aws:iam::{account}:user/photos"),
            office.sub_key(ci, Level::ReadWrite),
            office.sub_key(cdn, Level::ReadWrite),
        )
    };
    let gate = house.gate();
    let full = gate.key("backups", "full");
    put(&gate, full, "a").expect(200);
    let deny = |arn: &str| {
        let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Principal": { "AWS": arn }, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::demo-bucket/*",
        }]});
        Call::put("/demo-bucket?policy", policy.to_string().as_bytes())
            .send(&gate, full)
            .expect(204);
    };
    deny(&format!("{arn}/ci"));
    get(&gate, &ci, "a").expect_error(403, "AccessDenied");
    get(&gate, &cdn, "a").expect(200);
    get(&gate, gate.key("photos", "full"), "a").expect(200);
    deny(&arn);
    for key in [&ci, &cdn, gate.key("photos", "full")] {
        get(&gate, key, "a").expect_error(403, "AccessDenied");
    }
    get(&gate, full, "a").expect(200);
}

/// 004-19, 004-20, 004-21: a role is a ceiling, whatever the keys say.
#[test]
fn a_role_bounds_keys_of_every_level() {
    let house = House::new("datastream");
    let (reader, contributor, fallen) = {
        let office = house.office();
        let (_, reader) = office.member("rex", Role::Reader);
        let (_, contributor) = office.member("con", Role::Contributor);
        let (user, fallen) = office.member("fay", Role::Admin);
        office.ask(Command::SetUserRole(user, Role::Reader));
        (reader, contributor, fallen)
    };
    let gate = house.gate();
    let admin = gate.key("photos", "full");
    put(&gate, admin, "a").expect(200);
    for key in [&reader, &fallen] {
        get(&gate, key, "a").expect(200);
        put(&gate, key, "b").expect_error(403, "AccessDenied");
    }
    put(&gate, &contributor, "b").expect(200);
    Call::delete("/demo-bucket/b")
        .send(&gate, &contributor)
        .expect(204);
    Call::put("/another", b"")
        .send(&gate, &contributor)
        .expect_error(403, "AccessDenied");
    Call::put("/another", b"").send(&gate, admin).expect(200);
    Call::get("/demo-bucket?policy")
        .send(&gate, &contributor)
        .expect_error(403, "AccessDenied");
}

/// 003-02, 003-03, 003-04, 003-05: permissions bind members and not admins; without any, members list, make and remove containers.
#[test]
fn permissions_bind_members_and_not_admins() {
    let house = House::new("vpsa");
    let (ann, ben, admin) = {
        let office = house.office();
        let (_, admin) = office.member("ada", Role::Admin);
        let (ann, ann_key) = office.member("ann", Role::Member);
        let (_, ben) = office.member("ben", Role::Member);
        let gives = Permissions::READ;
        office.ask(Command::SetContainerAcl(
            office.demo_bucket(),
            Some(ContainerAcl::PerUser(BTreeMap::from([(ann, gives)]))),
        ));
        (ann_key, ben, admin)
    };
    let gate = house.gate();
    put(&gate, &admin, "a").expect(200);
    // 003-05.
    Call::put("/bens", b"").send(&gate, &ben).expect(200);
    Call::put("/bens/x", b"x").send(&gate, &ben).expect(200);
    Call::get("/bens/x").send(&gate, &ann).expect(200);
    // 003-04, 003-15: per user, whoever is not named has nothing.
    get(&gate, &ann, "a").expect(200);
    Call::get("/demo-bucket?list-type=2")
        .send(&gate, &ann)
        .expect(200);
    put(&gate, &ann, "b").expect_error(403, "AccessDenied");
    get(&gate, &ben, "a").expect_error(403, "AccessDenied");
    Call::delete("/demo-bucket/a")
        .send(&gate, &ben)
        .expect_error(403, "AccessDenied");
    assert!(gate.stop().success());
    {
        let office = house.office();
        let members = AccountAcl::Global(Permissions::READ);
        office.ask(Command::SetAccountAcl(office.tenant(), Some(members)));
    }
    let gate = house.gate();
    Call::get("/").send(&gate, &ann).expect(200);
    Call::put("/anns", b"")
        .send(&gate, &ann)
        .expect_error(403, "AccessDenied");
    Call::put("/adas", b"").send(&gate, &admin).expect(200);
    assert!(gate.stop().success());
    {
        let office = house.office();
        let nobody = AccountAcl::PerUser(BTreeMap::new());
        office.ask(Command::SetAccountAcl(office.tenant(), Some(nobody)));
    }
    let gate = house.gate();
    Call::get("/")
        .send(&gate, &ann)
        .expect_error(403, "AccessDenied");
    Call::get("/").send(&gate, &admin).expect(200);
    put(&gate, &admin, "c").expect(200);
}

/// 003-17: what is public is listed and read by everyone whom a referrer sent, never written, and not at all where it is blocked.
#[test]
fn a_public_container_is_read_by_everyone_and_written_by_nobody_else() {
    let house = House::new("vpsa");
    let stranger = {
        let office = house.office();
        let create = Command::CreateTenant {
            name: name("elsewhere"),
            profile: Profile::E3Root,
            parent: None,
        };
        let Outcome::Tenant { tenant, .. } = office.ask(create) else {
            panic!()
        };
        let new = NewUser::new(tenant, name("eve"), UserKind::Service);
        let Outcome::User(eve) = office.ask(Command::CreateUser(new)) else {
            panic!()
        };
        let access = PublicAccess {
            list: false,
            read: true,
            referrers: vec!["https://good.example".parse().unwrap()],
        };
        office.ask(Command::SetPublicAccess(office.demo_bucket(), Some(access)));
        office.key(eve, Level::Full)
    };
    let gate = house.gate();
    put(&gate, gate.key("photos", "full"), "a").expect(200);
    let host = |gate: &Gate| {
        let port = gate.address().port();
        format!("demo-bucket--demo.public.localhost:{port}")
    };
    let ask = |gate: &Gate, method: &str, path: &str, from: &str| {
        Call::new(method, path)
            .body(b"")
            .host(&host(gate))
            .with("referer", from)
            .anonymous(&host(gate))
            .send(gate)
    };
    let (good, bad) = (
        "https://good.example/page",
        "https://good.example.evil.org/",
    );
    assert_eq!(ask(&gate, "GET", "/a", good).expect(200).body, b"a");
    ask(&gate, "GET", "/a", bad).expect_error(403, "AccessDenied");
    ask(&gate, "GET", "/?list-type=2", good).expect_error(403, "AccessDenied");
    ask(&gate, "PUT", "/b", good).expect_error(403, "AccessDenied");
    assert!(gate.stop().success());
    {
        let office = house.office();
        let everything = Some(PublicAccess::everything());
        office.ask(Command::SetPublicAccess(office.demo_bucket(), everything));
    }
    let gate = house.gate();
    ask(&gate, "GET", "/a", bad).expect(200);
    ask(&gate, "GET", "/?list-type=2", bad).expect(200);
    for (method, path) in [
        ("PUT", "/b"),
        ("DELETE", "/a"),
        ("GET", "/?policy"),
        ("GET", "/?versions"),
    ] {
        ask(&gate, method, path, bad).expect_error(403, "AccessDenied");
    }
    // A signed stranger gets what everyone gets, under the limits of his key.
    let signed = |method: &str, path: &str| {
        let call = Call::new(method, path).body(b"").host(&host(&gate));
        call.send(&gate, &stranger)
    };
    signed("GET", "/a").expect(200);
    assert_ne!(signed("PUT", "/b").status, 200);
    assert_ne!(signed("GET", "/a?tagging").status, 200);
    assert!(gate.stop().success());
    {
        let office = house.office();
        office.ask(Command::BlockPublic(office.tenant()));
    }
    let gate = house.gate();
    ask(&gate, "GET", "/a", bad).expect_error(403, "AccessDenied");
    get(&gate, gate.key("photos", "read"), "a").expect(200);
    assert!(gate.stop().success());
    {
        let office = house.office();
        office.ask(Command::UnblockPublic(office.tenant()));
        // 003-14: the row of all users opens reading as well.
        office.ask(Command::SetPublicAccess(office.demo_bucket(), None));
        let acl = ContainerAcl::Global {
            all_users: Permissions::ALL,
            members: Permissions::NONE,
        };
        office.ask(Command::SetContainerAcl(office.demo_bucket(), Some(acl)));
    }
    let gate = house.gate();
    ask(&gate, "GET", "/a", bad).expect(200);
    ask(&gate, "PUT", "/b", bad).expect_error(403, "AccessDenied");
    assert!(gate.stop().success());
    {
        let office = house.office();
        office.ask(Command::SuspendTenant(office.tenant()));
    }
    let gate = house.gate();
    assert_ne!(ask(&gate, "GET", "/a", bad).status, 200);
}

/// An account that is held to reading reads, whoever asks; what is there is not lost.
#[test]
fn an_account_that_is_read_only_reads() {
    let house = House::new("e3-root");
    let gate = house.gate();
    let full = gate.key("photos", "full").clone();
    put(&gate, &full, "a").expect(200);
    assert!(gate.stop().success());
    {
        let office = house.office();
        office.ask(Command::MakeTenantReadOnly(office.tenant()));
    }
    let gate = Gate::start_in(house.folder(), &[], &[]);
    get(&gate, &full, "a").expect(200);
    Call::get("/").send(&gate, &full).expect(200);
    for refused in [
        put(&gate, &full, "b"),
        Call::delete("/demo-bucket/a").send(&gate, &full),
        Call::put("/another", b"").send(&gate, &full),
        Call::delete("/demo-bucket").send(&gate, &full),
    ] {
        refused.expect_error(403, "AccessDenied");
    }
}

/// In the deployment's namespace every account has its own buckets, and sees no others.
#[test]
fn accounts_of_the_profile_s3_own_their_buckets_alone() {
    let house = House::new("s3");
    let (eve, nina) = {
        let office = house.office();
        let (tenant, root) = office.account("elsewhere", Profile::S3, None);
        let nina = office.service(tenant, "nina");
        (
            office.key(root, Level::Full),
            office.key(nina, Level::ReadWrite),
        )
    };
    let gate = house.gate();
    let full = gate.key("photos", "full");
    put(&gate, full, "a").expect(200);
    for key in [&eve, &nina] {
        for answer in [
            get(&gate, key, "a"),
            put(&gate, key, "b"),
            Call::get("/demo-bucket?list-type=2").send(&gate, key),
            Call::delete("/demo-bucket/a").send(&gate, key),
        ] {
            answer.expect_error(403, "AccessDenied");
        }
        let listed = Call::get("/").send(&gate, key).expect(200).text();
        assert!(!listed.contains("demo-bucket"), "{listed}");
        Call::get("/never-was/x")
            .send(&gate, key)
            .expect_error(404, "NoSuchBucket");
    }
    Call::delete("/demo-bucket")
        .send(&gate, &eve)
        .expect_error(403, "AccessDenied");
    Call::put("/demo-bucket", b"")
        .send(&gate, &eve)
        .expect_error(409, "BucketAlreadyExists");
    // Made again as it is, it is hers still.
    for _ in 0..2 {
        Call::put("/eves", b"").send(&gate, &eve).expect(200);
    }
    let copy = Call::put("/eves/stolen", b"")
        .with("x-amz-copy-source", "/demo-bucket/a")
        .send(&gate, &eve);
    copy.expect_error(403, "AccessDenied");
    let listed = Call::get("/").send(&gate, &eve).expect(200).text();
    assert!(listed.contains("eves") && !listed.contains("demo-bucket"));
    // A user of the same account shares them.
    Call::put("/eves/x", b"x").send(&gate, &nina).expect(200);
    // A policy of the bucket lets another account in: it is a grant here.
    let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::demo-bucket/*",
    }]});
    Call::put("/demo-bucket?policy", policy.to_string().as_bytes())
        .send(&gate, full)
        .expect(204);
    get(&gate, &eve, "a").expect(200);
    put(&gate, &eve, "b").expect_error(403, "AccessDenied");
}

/// A guard that denies all reads below `secret/`.
const NO_SECRETS: &str = r#"(module
  (import "postern" "starts_with" (func $starts_with (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "secret/")
  (func (export "decide") (result i32)
    (if (i32.eqz (call $starts_with (i32.const 0) (i32.const 0) (i32.const 7)))
      (then (return (i32.const 0))))
    (i32.const 2))
  (@custom "postern.policy" "{\"abi\":\"postern:policy/1\",\"name\":\"no-secrets\",\"version\":\"1.0.0\",\"attributes\":[\"postern:Key\"]}"))"#;

/// A reseller's module guards the accounts below it from the next request on, and nobody else; it gives the reseller nothing.
#[test]
fn a_resellers_module_guards_its_customers_alone() {
    let house = House::new("e3-root");
    let (customer, reseller) = {
        let office = house.office();
        let (above, its_root) = office.account("reseller", Profile::E3Root, None);
        let (_, root) = office.account("customer", Profile::E3Root, Some(above));
        (
            office.key(root, Level::Full),
            office.key(its_root, Level::Full),
        )
    };
    let gate = house.gate();
    let others = gate.key("photos", "full");
    Call::put("/customers", b"")
        .send(&gate, &customer)
        .expect(200);
    Call::put("/resellers", b"")
        .send(&gate, &reseller)
        .expect(200);
    let write = |bucket: &str, key: &Key| {
        let path = format!("/{bucket}/secret/a");
        Call::put(&path, b"x").send(&gate, key).expect(200);
    };
    let read = |bucket: &str, key: &Key| Call::get(&format!("/{bucket}/secret/a")).send(&gate, key);
    write("customers", &customer);
    write("resellers", &reseller);
    write("demo-bucket", others);
    read("customers", &customer).expect(200);

    let path = tests::clients::file(gate.dir(), "guard.wat", NO_SECRETS.as_bytes());
    let of = ["--tenant", "reseller"];
    let push = ["--quiet", "module", "push", &path, "--name", "no-secrets"];
    let digest = gate.postern_ok(&[&push[..], &of].concat());
    let activate = ["module", "activate", "no-secrets", digest.trim()];
    gate.postern_ok(&[&activate[..], &of].concat());
    for (bucket, key) in [("customers", &customer), ("resellers", &reseller)] {
        read(bucket, key).expect_error(403, "AccessDenied");
    }
    read("demo-bucket", others).expect(200);
    read("customers", &reseller).expect_error(404, "NoSuchBucket");
}
