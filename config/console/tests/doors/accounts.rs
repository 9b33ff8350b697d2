//! An account's settings on the console's pages: limits, hosts, and whom it belongs to.

use postern_config::directory::{
    Actor, Command, NewUser, OperatorScope, Outcome, Profile, Role, UserDetails, UserId, UserKind,
};
use serde_json::json;

use super::house::{Answer, House};

/// An account, and a browser in which an owner of the deployment has signed in.
async fn account(profile: Profile) -> (House, String) {
    let house = House::new().await;
    house.tenant("acme", profile, None).await;
    let cookie = signed_in(&house, "boss@pages.example", Role::Owner).await;
    (house, cookie)
}

async fn signed_in(house: &House, email: &str, role: Role) -> String {
    let all = OperatorScope::Deployment;
    house.operator_who_signs_in(email, role, all).await;
    house.sign_in_browser(email).await
}

async fn open(house: &House, cookie: &str, path: &str) -> Answer {
    house.browse(("GET", path), cookie, None).await
}

async fn send(house: &House, cookie: &str, path: &str, form: &str) -> Answer {
    house.browse(("POST", path), cookie, Some(form)).await
}

async fn person(house: &House, name: &str, kind: UserKind) -> UserId {
    let acme = house.directory.state();
    let acme = acme.tenant_named(&"acme".parse().unwrap()).unwrap().id;
    let new = NewUser {
        details: UserDetails {
            email: (kind == UserKind::Human)
                .then(|| format!("{name}@acme.example").parse().unwrap()),
            ..UserDetails::default()
        },
        ..NewUser::new(acme, name.parse().unwrap(), kind)
    };
    match house.apply(Command::CreateUser(new), Actor::system()).await {
        Outcome::User(id) => id,
        other => panic!("{other:?}"),
    }
}

/// 004-26: whom an account belongs to is changed by an owner alone, who types what it is called; the rule of one owner holds.
#[tokio::test]
async fn an_account_is_handed_over_by_an_owner_who_types_its_name() {
    let (house, boss) = account(Profile::Datastream).await;
    let path = "/accounts/acme/settings/transfer";
    let settings = "/accounts/acme/settings";
    person(&house, "robot", UserKind::Service).await;
    let page = open(&house, &boss, path).await;
    assert!(page.text.contains("Nobody can take it"), "{}", page.text);
    let ann = person(&house, "ann", UserKind::Human).await;
    let page = open(&house, &boss, path).await.text;
    assert!(page.contains("<option value=\"ann\">"), "{page}");
    assert!(!page.contains("<option value=\"robot\">"), "{page}");
    assert!(page.contains("postern tenant transfer acme"), "{page}");

    let admin = signed_in(&house, "admin@pages.example", Role::Admin).await;
    assert!(!open(&house, &admin, settings).await.text.contains(path));
    let page = open(&house, &admin, path).await.text;
    assert!(
        page.contains("Only an owner") && !page.contains("name=\"to\""),
        "{page}"
    );
    let refused = send(&house, &admin, path, "to=ann&confirm=acme").await;
    assert_eq!(refused.status, 403, "{}", refused.text);

    assert!(open(&house, &boss, settings).await.text.contains(path));
    let nobody = send(&house, &boss, path, "to=&confirm=acme").await;
    assert!(nobody.status == 422 && nobody.text.contains("to-wrong"));
    let another = send(&house, &boss, path, "to=ann&confirm=acm").await;
    assert_eq!(another.status, 409);
    assert!(
        another.text.contains("nothing was changed"),
        "{}",
        another.text
    );
    assert!(
        another.text.contains("value=\"ann\" selected"),
        "{}",
        another.text
    );
    let robot = send(&house, &boss, path, "to=robot&confirm=acme").await;
    assert_eq!(robot.status, 409, "{}", robot.text);
    let state = house.directory.state();
    let acme = state.user(ann).unwrap().tenant;
    assert_ne!(state.root(acme).unwrap().id, ann);

    let done = send(&house, &boss, path, "to=ann&confirm=acme").await;
    assert_eq!(done.headers["location"], settings, "{}", done.text);
    let state = house.directory.state();
    assert_eq!(state.root(acme).unwrap().id, ann);
    let owners = state.users(acme).filter(|it| it.role == Role::Owner);
    assert_eq!(owners.count(), 1);
}

#[tokio::test]
async fn where_the_owner_stays_nobody_is_offered_his_place() {
    let (house, boss) = account(Profile::E3Primary).await;
    let path = "/accounts/acme/settings/transfer";
    let settings = open(&house, &boss, "/accounts/acme/settings").await;
    assert!(!settings.text.contains(path));
    let page = open(&house, &boss, path).await.text;
    assert!(page.contains("its owner stays"), "{page}");
}

/// What a form was shown with, once it was sent for the first time.
async fn shown(house: &House, cookie: &str, path: &str, form: &str) -> (String, String) {
    let page = send(house, cookie, path, form).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let seen = page.text.split_once("name=\"seen\" value=\"").unwrap().1;
    let seen = seen.split_once('"').unwrap().0.to_owned();
    (seen, page.text)
}

/// Sends a form, and sends it again with what it was shown with.
async fn send_seen(house: &House, cookie: &str, path: &str, form: &str) -> Answer {
    let (seen, _) = shown(house, cookie, path, form).await;
    send(house, cookie, path, &format!("{form}&seen={seen}")).await
}

/// Nothing is saved that was not shown, nor what somebody else has changed since.
#[tokio::test]
async fn settings_are_saved_once_what_changes_was_shown() {
    let (house, boss) = account(Profile::E3Root).await;
    let path = "/accounts/acme/settings/edit";
    let form = "name=acme&description=%3Cb%3Ehi&status=read-only&write_deletes=no&block_public=on";
    let (seen, page) = shown(&house, &boss, path, form).await;
    for line in [
        "<del>Description: –</del>",
        "<ins>Description: &#60;b&#62;hi</ins>",
        "<del>Status: Active</del>",
        "<ins>Status: Read-only</ins>",
        "<ins>Block public access, whatever buckets say: Yes</ins>",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert!(!page.contains("<del>Name"), "{page}");
    let now = || {
        let state = house.directory.state();
        let acme = state.tenant_named(&"acme".parse().unwrap()).unwrap();
        (
            acme.description.to_string(),
            acme.block_public,
            acme.revision,
        )
    };
    let before = now();
    assert_eq!((before.0.as_str(), before.1), ("", false));

    // Another text than was shown is shown first; so is the same after somebody else's change.
    let other = form.replace("hi", "ho");
    let again = send(&house, &boss, path, &format!("{other}&seen={seen}")).await;
    assert_eq!((again.status.as_u16(), now()), (200, before));
    let patch = json!({ "description": "theirs" });
    let root = House::root();
    let patch = house.ask(&root, ("PATCH", "/api/v1/tenants/acme"), Some(patch));
    patch.await.is(200);
    let between = now();
    let again = send(&house, &boss, path, &format!("{form}&seen={seen}")).await;
    assert!(
        again.text.contains("<del>Description: theirs</del>"),
        "{}",
        again.text
    );
    assert_eq!(now(), between);

    let done = send_seen(&house, &boss, path, form).await;
    assert_eq!(
        done.headers["location"], "/accounts/acme/settings",
        "{}",
        done.text
    );
    let after = now();
    assert_eq!((after.0.as_str(), after.1), ("<b>hi", true));
    // What is refused of one field keeps the others as they are.
    house.tenant("other", Profile::E3Root, None).await;
    let taken = "name=other&description=new&status=active&write_deletes=no";
    let taken = send_seen(&house, &boss, path, taken).await;
    assert_eq!((taken.status.as_u16(), now()), (409, after.clone()));
    assert!(taken.text.contains("is taken"), "{}", taken.text);
    // Where nothing changes, there is nothing to show.
    let done = send(&house, &boss, path, form).await;
    assert_eq!((done.status.as_u16(), now()), (303, after));
}

#[tokio::test]
async fn limits_are_set_lifted_and_what_is_none_is_said_beside_the_field() {
    let (house, boss) = account(Profile::E3Root).await;
    let path = "/accounts/acme/settings/limits";
    let wrong = send(&house, &boss, path, "users=many&keys=").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("users-wrong"), "{}", wrong.text);
    let done = send_seen(&house, &boss, path, "users=3&keys=10").await;
    assert_eq!(done.status, 303, "{}", done.text);
    let page = open(&house, &boss, "/accounts/acme/settings").await.text;
    assert!(
        page.contains("1 of 3") && page.contains("0 of 10"),
        "{page}"
    );
    let page = open(&house, &boss, path).await.text;
    assert!(
        page.contains("value=\"3\"") && page.contains("value=\"10\""),
        "{page}"
    );
    send_seen(&house, &boss, path, "users=&keys=10").await;
    let page = open(&house, &boss, "/accounts/acme/settings").await.text;
    assert!(
        page.contains("No bound") && page.contains("0 of 10"),
        "{page}"
    );
}

#[tokio::test]
async fn domains_come_and_go_by_name_and_an_alias_is_one() {
    let (house, boss) = account(Profile::Datastream).await;
    let list = "/accounts/acme/settings/domains";
    let new = "/accounts/acme/settings/domains/new";
    let page = open(&house, &boss, list).await.text;
    assert!(page.contains("No domain of its own"), "{page}");
    let wrong = send(&house, &boss, new, "domain=not+a+host").await;
    assert!(wrong.status == 422 && wrong.text.contains("domain-wrong"));
    let done = send(&house, &boss, new, "domain=s3.acme.example").await;
    assert_eq!(done.headers["location"], list, "{}", done.text);
    let page = open(&house, &boss, list).await.text;
    assert!(page.contains("s3.acme.example"), "{page}");
    house.tenant("other", Profile::Datastream, None).await;
    let taken = "/accounts/other/settings/domains/new";
    let taken = send(&house, &boss, taken, "domain=s3.acme.example").await;
    assert_eq!(taken.status, 409, "{}", taken.text);
    let remove = "/accounts/acme/settings/domains/s3.acme.example/remove";
    let foreign = "/accounts/other/settings/domains/s3.acme.example/remove";
    assert_eq!(open(&house, &boss, foreign).await.status, 404);
    let another = send(&house, &boss, remove, "confirm=s3").await;
    assert_eq!(another.status, 409);
    send(&house, &boss, remove, "confirm=s3.acme.example").await;
    let page = open(&house, &boss, list).await.text;
    assert!(page.contains("No domain of its own"), "{page}");
}

#[tokio::test]
async fn an_alias_is_given_and_taken_away() {
    let (house, boss) = account(Profile::E3Primary).await;
    person(&house, "web", UserKind::Service).await;
    let path = "/accounts/acme/settings/alias";
    let nobody = send(&house, &boss, path, "user=&alias=files").await;
    assert!(nobody.status == 422 && nobody.text.contains("user-wrong"));
    let wrong = send(&house, &boss, path, "user=web&alias=Not+one").await;
    assert!(wrong.status == 422 && wrong.text.contains("alias-wrong"));
    let done = send(&house, &boss, path, "user=web&alias=files").await;
    assert_eq!(done.status, 303, "{}", done.text);
    let page = open(&house, &boss, path).await.text;
    assert!(page.contains("web (files)"), "{page}");
    let taken = send(&house, &boss, path, "user=root&alias=files").await;
    assert_eq!(taken.status, 409, "{}", taken.text);
    send(&house, &boss, path, "user=web&alias=").await;
    let page = open(&house, &boss, path).await.text;
    assert!(!page.contains("web (files)"), "{page}");
    // Where hosts find buckets without one, there is no way to it.
    for (name, profile, has_one) in [
        ("plain", Profile::S3, false),
        ("shared", Profile::E3Root, true),
    ] {
        house.tenant(name, profile, None).await;
        let settings = open(&house, &boss, &format!("/accounts/{name}/settings")).await;
        let link = format!("/accounts/{name}/settings/alias");
        assert_eq!(settings.text.contains(&link), has_one, "{name}");
    }
}

/// Of many, the first are offered and the others are typed: nobody is out of reach.
#[tokio::test]
async fn where_a_list_would_be_too_long_a_name_is_typed() {
    let (house, boss) = account(Profile::Vpsa).await;
    let (bucket, permissions) = (
        "/accounts/acme/buckets/new",
        "/accounts/acme/permissions/save",
    );
    // With the root they are 500.
    for number in 1..500 {
        person(&house, &format!("user-{number:03}"), UserKind::Service).await;
    }
    let page = open(&house, &boss, bucket).await.text;
    assert!(page.contains("<select id=\"owner\""), "{page}");
    person(&house, "user-last", UserKind::Service).await;
    let page = open(&house, &boss, bucket).await.text;
    assert!(!page.contains("<select id=\"owner\""), "{page}");
    assert!(page.contains("There are more than can be listed"), "{page}");
    assert!(page.contains("<option value=\"user-001\">"), "{page}");
    assert!(!page.contains("user-last"), "{page}");
    let done = send(&house, &boss, bucket, "name=site&owner=user-last").await;
    assert_eq!(done.status, 303, "{}", done.text);
    let wrong = send(&house, &boss, bucket, "name=other&owner=user-lost").await;
    assert_eq!(wrong.status, 404, "{}", wrong.text);
    assert!(wrong.text.contains("value=\"other\"") && wrong.text.contains("value=\"user-lost\""));
    let page = send(
        &house,
        &boss,
        permissions,
        "kind=per-user&do=add&add=user-last",
    )
    .await;
    assert!(
        page.text.contains("name=\"user\" value=\"user-last\""),
        "{}",
        page.text
    );
}
