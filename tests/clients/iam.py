"""IAM and STS, as an SDK sees them: users, keys and policies of an account, and temporary credentials."""

import json

from support import BUCKET, DEV, client, client_of, refused, run

KEYS = {(key["user"], key["level"]): (key["access_key_id"], key["secret_access_key"]) for key in DEV["keys"]}
ROOT, PHOTOS = KEYS["root", "full"], KEYS["photos", "full"]
iam, sts = client_of("iam", *ROOT), client_of("sts", *ROOT)


def made(name):
    """A new user with a key."""
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def case_a_user_is_made_found_listed_and_removed():
    # 000-22, 001-12: users come and go by an API; 001-19: each has a name of his own.
    user = iam.create_user(UserName="ada", Path="/")["User"]
    account = sts.get_caller_identity()["Account"]
    assert user["Arn"] == f"arn:aws:iam::{account}:user/ada" and user["UserName"] == "ada", user
    assert iam.get_user(UserName="ADA")["User"]["UserId"] == user["UserId"]
    refused("EntityAlreadyExists", 409, iam.create_user, UserName="Ada")
    refused("ValidationError", 400, iam.create_user, UserName="ada lovelace"[:3] + "!")
    names = [it["UserName"] for it in iam.list_users()["Users"]]
    assert names == ["ada", "backups", "photos"], names
    assert iam.create_user(UserName="path", Path="/a/b/")["User"]["Path"] == "/a/b/"
    iam.delete_user(UserName="path")
    iam.delete_user(UserName="ada")
    refused("NoSuchEntity", 404, iam.get_user, UserName="ada")
    refused("NoSuchEntity", 404, iam.delete_user, UserName="ada")


def case_lists_come_in_pages():
    for number in range(5):
        iam.create_user(UserName=f"page-{number}")
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 2}))
    names = [it["UserName"] for page in pages for it in page["Users"]]
    assert len(pages) == 4 and names == sorted(names) and len(names) == 7, names
    for number in range(5):
        iam.delete_user(UserName=f"page-{number}")


def case_a_key_works_is_stopped_and_goes():
    # 000-39, 001-37, 004-25: from the next request.
    id, secret = made("grace")
    s3 = client_of("s3", id, secret)
    s3.create_bucket(Bucket="graces")
    s3.put_object(Bucket="graces", Key="a", Body=b"a")
    iam.update_access_key(UserName="grace", AccessKeyId=id, Status="Inactive")
    refused("InvalidAccessKeyId", 403, s3.get_object, Bucket="graces", Key="a")
    listed = iam.list_access_keys(UserName="grace")["AccessKeyMetadata"]
    assert [(it["AccessKeyId"], it["Status"]) for it in listed] == [(id, "Inactive")], listed
    iam.update_access_key(UserName="grace", AccessKeyId=id, Status="Active")
    assert s3.get_object(Bucket="graces", Key="a")["Body"].read() == b"a"
    refused("DeleteConflict", 409, iam.delete_user, UserName="grace")
    refused("NoSuchEntity", 404, iam.delete_access_key, UserName="photos", AccessKeyId=id)
    iam.delete_access_key(UserName="grace", AccessKeyId=id)
    refused("InvalidAccessKeyId", 403, s3.get_object, Bucket="graces", Key="a")


def case_when_a_key_was_last_used_is_known():
    id, secret = made("edith")
    never = iam.get_access_key_last_used(AccessKeyId=id)
    assert never["UserName"] == "edith" and "LastUsedDate" not in never["AccessKeyLastUsed"], never
    client_of("s3", id, secret).list_buckets()
    used = iam.get_access_key_last_used(AccessKeyId=id)["AccessKeyLastUsed"]
    assert used["ServiceName"] == "s3" and used["Region"] == "local" and used["LastUsedDate"], used
    refused("NoSuchEntity", 404, iam.get_access_key_last_used, AccessKeyId="PK" + "A" * 18)


def case_a_policy_narrows_its_user():
    id, secret = made("linus")
    s3 = client_of("s3", id, secret)
    s3.create_bucket(Bucket="kernel")
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:PutObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::kernel", "arn:aws:s3:::kernel/*"]}],
    }
    iam.put_user_policy(UserName="linus", PolicyName="put-only", PolicyDocument=json.dumps(document))
    s3.put_object(Bucket="kernel", Key="a", Body=b"a")
    refused("AccessDenied", 403, s3.get_object, Bucket="kernel", Key="a")
    assert iam.get_user_policy(UserName="linus", PolicyName="put-only")["PolicyDocument"] == document
    assert iam.list_user_policies(UserName="linus")["PolicyNames"] == ["put-only"]
    refused("MalformedPolicyDocument", 400, iam.put_user_policy, UserName="linus", PolicyName="x", PolicyDocument="{}")
    iam.delete_user_policy(UserName="linus", PolicyName="put-only")
    refused("NoSuchEntity", 404, iam.get_user_policy, UserName="linus", PolicyName="put-only")
    assert s3.get_object(Bucket="kernel", Key="a")["Body"].read() == b"a"


def case_users_ask_about_themselves_and_change_nothing():
    # 001-05: a user has several keys; 002-12: no level makes an administrator.
    own, who = client_of("iam", *PHOTOS), client_of("sts", *PHOTOS)
    assert who.get_caller_identity()["Arn"].endswith(":user/photos")
    assert own.get_user()["User"]["UserName"] == "photos"
    assert own.get_user(UserName="photos")["User"]["UserName"] == "photos"
    assert len(own.list_access_keys()["AccessKeyMetadata"]) == 4
    for call, arguments in [
        (own.get_user, {"UserName": "backups"}),
        (own.get_user, {"UserName": "nobody"}),
        (own.list_users, {}),
        (own.create_user, {"UserName": "mine"}),
        (own.create_access_key, {}),
        (own.list_access_keys, {"UserName": "backups"}),
        (own.update_access_key, {"AccessKeyId": PHOTOS[0], "Status": "Inactive"}),
        (own.delete_user, {"UserName": "backups"}),
        (own.put_user_policy, {"UserName": "photos", "PolicyName": "p", "PolicyDocument": "{}"}),
    ]:
        refused("AccessDenied", 403, call, **arguments)


def case_temporary_credentials_do_what_their_key_does():
    given = client_of("sts", *KEYS["photos", "read"]).get_session_token(DurationSeconds=900)["Credentials"]
    session = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    s3, full = client_of("s3", *session), client("full", user="photos")
    full.put_object(Bucket=BUCKET, Key="sessions/a", Body=b"a")
    assert s3.get_object(Bucket=BUCKET, Key="sessions/a")["Body"].read() == b"a"
    refused("AccessDenied", 403, s3.put_object, Bucket=BUCKET, Key="sessions/b", Body=b"b")
    assert client_of("sts", *session).get_caller_identity()["Arn"].endswith(":user/photos")
    refused("AccessDenied", 403, client_of("sts", *session).get_session_token)
    # Neither half works without the other.
    refused("InvalidAccessKeyId", 403, client_of("s3", *session[:2]).list_buckets)
    refused("InvalidToken", 400, client_of("s3", *PHOTOS, session[2]).list_buckets)
    bent = session[2][:-5] + ("A" if session[2][-5] != "A" else "B") + session[2][-4:]
    refused("InvalidToken", 400, client_of("s3", *session[:2], bent).list_buckets)
    refused("SignatureDoesNotMatch", 403, client_of("s3", session[0], "x" * 40, session[2]).list_buckets)
    refused("ValidationError", 400, sts.get_session_token, DurationSeconds=129_601)


def case_temporary_credentials_end_with_their_key():
    id, secret = made("alan")
    given = client_of("sts", id, secret).get_session_token()["Credentials"]
    s3 = client_of("s3", given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    s3.list_buckets()
    url = s3.generate_presigned_url("list_buckets")
    iam.update_access_key(UserName="alan", AccessKeyId=id, Status="Inactive")
    refused("InvalidAccessKeyId", 403, s3.list_buckets)
    import ssl
    import urllib.error
    import urllib.request
    from support import CA

    try:
        urllib.request.urlopen(url, context=ssl.create_default_context(cafile=CA))
    except urllib.error.HTTPError as error:
        assert error.code == 403, error
    else:
        raise AssertionError("a presigned URL of a session outlived its key")
    iam.update_access_key(UserName="alan", AccessKeyId=id, Status="Active")
    s3.list_buckets()
    urllib.request.urlopen(url, context=ssl.create_default_context(cafile=CA))


def allow(*actions, resource="*", effect="Allow"):
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(*principals, **more):
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def given(credentials):
    return credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]


def case_a_user_gets_another_name_and_path():
    made("mary")
    before = iam.get_user(UserName="mary")["User"]
    iam.update_user(UserName="mary", NewUserName="marie", NewPath="/science/physics/")
    refused("NoSuchEntity", 404, iam.get_user, UserName="mary")
    after = iam.get_user(UserName="marie")["User"]
    assert after["UserId"] == before["UserId"] and after["Arn"].endswith(":user/science/physics/marie"), after
    below = lambda prefix: [it["UserName"] for it in iam.list_users(PathPrefix=prefix)["Users"]]
    assert below("/science/") == ["marie"] and below("/arts/") == [] and "marie" in below("/")
    refused("EntityAlreadyExists", 409, iam.update_user, UserName="marie", NewUserName="Photos")
    refused("ValidationError", 400, iam.update_user, UserName="marie", NewPath="science")


def case_a_group_gives_its_members_its_policies():
    id, secret = made("edsger")
    s3 = client_of("s3", id, secret)
    s3.create_bucket(Bucket="graphs")
    s3.put_object(Bucket="graphs", Key="a", Body=b"a")
    group = iam.create_group(GroupName="readers", Path="/staff/")["Group"]
    assert group["Arn"].endswith(":group/staff/readers"), group
    refused("EntityAlreadyExists", 409, iam.create_group, GroupName="Readers")
    iam.put_group_policy(GroupName="readers", PolicyName="reads", PolicyDocument=allow("s3:Get*", "s3:List*"))
    s3.put_object(Bucket="graphs", Key="b", Body=b"b")
    iam.add_user_to_group(GroupName="readers", UserName="edsger")
    iam.add_user_to_group(GroupName="readers", UserName="edsger")
    # From the next request: what narrows him is the group's.
    assert s3.get_object(Bucket="graphs", Key="a")["Body"].read() == b"a"
    refused("AccessDenied", 403, s3.put_object, Bucket="graphs", Key="c", Body=b"c")
    assert [it["UserName"] for it in iam.get_group(GroupName="readers")["Users"]] == ["edsger"]
    assert [it["GroupName"] for it in iam.list_groups_for_user(UserName="edsger")["Groups"]] == ["readers"]
    # What he has himself is allowed beside it; what one of them denies is denied.
    iam.put_user_policy(UserName="edsger", PolicyName="writes", PolicyDocument=allow("s3:PutObject"))
    s3.put_object(Bucket="graphs", Key="c", Body=b"c")
    iam.put_group_policy(GroupName="readers", PolicyName="no-c", PolicyDocument=allow("s3:*", resource="arn:aws:s3:::graphs/c", effect="Deny"))
    refused("AccessDenied", 403, s3.put_object, Bucket="graphs", Key="c", Body=b"c")
    assert iam.list_group_policies(GroupName="readers")["PolicyNames"] == ["no-c", "reads"]
    iam.update_group(GroupName="readers", NewGroupName="lectors", NewPath="/")
    refused("NoSuchEntity", 404, iam.get_group, GroupName="readers")
    refused("AccessDenied", 403, s3.put_object, Bucket="graphs", Key="c", Body=b"c")
    refused("DeleteConflict", 409, iam.delete_group, GroupName="lectors")
    refused("DeleteConflict", 409, iam.delete_user, UserName="edsger")
    iam.remove_user_from_group(GroupName="lectors", UserName="edsger")
    refused("NoSuchEntity", 404, iam.remove_user_from_group, GroupName="lectors", UserName="edsger")
    s3.put_object(Bucket="graphs", Key="c", Body=b"c")
    refused("DeleteConflict", 409, iam.delete_group, GroupName="lectors")
    for name in ["reads", "no-c"]:
        iam.delete_group_policy(GroupName="lectors", PolicyName=name)
    iam.delete_group(GroupName="lectors")
    assert iam.list_groups()["Groups"] == []


def case_a_managed_policy_judges_by_its_default_version():
    id, secret = made("barbara")
    s3 = client_of("s3", id, secret)
    s3.create_bucket(Bucket="types")
    s3.put_object(Bucket="types", Key="a", Body=b"a")
    policy = iam.create_policy(PolicyName="work", Path="/p/", Description="of a day", PolicyDocument=allow("s3:GetObject"))["Policy"]
    arn = policy["Arn"]
    assert arn.endswith(":policy/p/work") and policy["DefaultVersionId"] == "v1" and policy["AttachmentCount"] == 0, policy
    refused("EntityAlreadyExists", 409, iam.create_policy, PolicyName="Work", PolicyDocument=allow("s3:GetObject"))
    refused("MalformedPolicyDocument", 400, iam.create_policy, PolicyName="bad", PolicyDocument="{}")
    refused("NoSuchEntity", 404, iam.attach_user_policy, UserName="barbara", PolicyArn=arn.replace("/p/", "/q/"))
    iam.attach_user_policy(UserName="barbara", PolicyArn=arn)
    assert s3.get_object(Bucket="types", Key="a")["Body"].read() == b"a"
    refused("AccessDenied", 403, s3.put_object, Bucket="types", Key="b", Body=b"b")
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("s3:PutObject"))
    refused("AccessDenied", 403, s3.put_object, Bucket="types", Key="b", Body=b"b")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    s3.put_object(Bucket="types", Key="b", Body=b"b")
    refused("AccessDenied", 403, s3.get_object, Bucket="types", Key="a")
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == json.loads(allow("s3:GetObject"))
    for number in range(3, 6):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("s3:*"), SetAsDefault=number == 5)
    refused("LimitExceeded", 409, iam.create_policy_version, PolicyArn=arn, PolicyDocument=allow("s3:*"))
    s3.get_object(Bucket="types", Key="a")
    refused("DeleteConflict", 409, iam.delete_policy_version, PolicyArn=arn, VersionId="v5")
    pages = iam.get_paginator("list_policy_versions").paginate(PolicyArn=arn, PaginationConfig={"PageSize": 2})
    versions = [it["VersionId"] for page in pages for it in page["Versions"]]
    assert versions == ["v1", "v2", "v3", "v4", "v5"], versions
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [it["UserName"] for it in entities["PolicyUsers"]] == ["barbara"] and entities["PolicyRoles"] == [], entities
    refused("DeleteConflict", 409, iam.delete_policy, PolicyArn=arn)
    refused("DeleteConflict", 409, iam.delete_user, UserName="barbara")
    iam.detach_user_policy(UserName="barbara", PolicyArn=arn)
    refused("NoSuchEntity", 404, iam.detach_user_policy, UserName="barbara", PolicyArn=arn)
    refused("DeleteConflict", 409, iam.delete_policy, PolicyArn=arn)
    for number in range(1, 5):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    iam.delete_policy(PolicyArn=arn)
    refused("NoSuchEntity", 404, iam.get_policy, PolicyArn=arn)
    refused("LimitExceeded", 409, iam.create_policy, PolicyName="long", PolicyDocument=allow("s3:GetObject", resource=[f"arn:aws:s3:::b{number:0200}" for number in range(30)]))


def case_the_policies_of_everyone_are_attached_by_their_known_names():
    id, secret = made("john")
    s3 = client_of("s3", id, secret)
    s3.create_bucket(Bucket="machines")
    arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.attach_user_policy(UserName="john", PolicyArn=arn)
    attached = iam.list_attached_user_policies(UserName="john")["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyArn": arn}], attached
    s3.list_objects_v2(Bucket="machines")
    refused("AccessDenied", 403, s3.put_object, Bucket="machines", Key="a", Body=b"a")
    iam.attach_user_policy(UserName="john", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    s3.put_object(Bucket="machines", Key="a", Body=b"a")
    names = [it["PolicyName"] for it in iam.list_policies(Scope="AWS")["Policies"]]
    assert "AdministratorAccess" in names and names == sorted(names), names
    assert iam.list_policies(Scope="Local")["Policies"] == []
    assert len(iam.list_policies(OnlyAttached=True)["Policies"]) == 2
    refused("AccessDenied", 403, iam.delete_policy, PolicyArn=arn)
    refused("NoSuchEntity", 404, iam.attach_user_policy, UserName="john", PolicyArn="arn:aws:iam::aws:policy/None")
    for name in ["AmazonS3ReadOnlyAccess", "AmazonS3FullAccess"]:
        iam.detach_user_policy(UserName="john", PolicyArn=f"arn:aws:iam::aws:policy/{name}")


def case_a_role_narrows_whoever_assumes_it():
    id, secret = made("alonzo")
    s3 = client_of("s3", id, secret)
    s3.create_bucket(Bucket="lambda")
    s3.put_object(Bucket="lambda", Key="in/a", Body=b"a")
    user = iam.get_user(UserName="alonzo")["User"]["Arn"]
    own = client_of("sts", id, secret)
    role = iam.create_role(RoleName="reader", Path="/jobs/", Description="reads", AssumeRolePolicyDocument=trust(user))["Role"]
    assert role["Arn"].endswith(":role/jobs/reader") and role["MaxSessionDuration"] == 3600, role
    assert role["AssumeRolePolicyDocument"] == json.loads(trust(user)), role
    refused("EntityAlreadyExists", 409, iam.create_role, RoleName="Reader", AssumeRolePolicyDocument=trust(user))
    for wrong in ["{}", allow("s3:*"), trust(user, Resource="*"), trust("ada"), trust(user, Action="s3:GetObject")]:
        refused("MalformedPolicyDocument", 400, iam.create_role, RoleName="bad", AssumeRolePolicyDocument=wrong)
    assume = lambda sts=own, **more: sts.assume_role(**{"RoleArn": role["Arn"], "RoleSessionName": "nightly", **more})
    session = assume()
    assert session["AssumedRoleUser"]["Arn"].endswith(":assumed-role/reader/nightly"), session
    narrowed = client_of("s3", *given(session["Credentials"]))
    # A role without documents may do nothing.
    refused("AccessDenied", 403, narrowed.get_object, Bucket="lambda", Key="in/a")
    iam.put_role_policy(RoleName="reader", PolicyName="reads", PolicyDocument=allow("s3:GetObject", resource="arn:aws:s3:::lambda/*"))
    assert narrowed.get_object(Bucket="lambda", Key="in/a")["Body"].read() == b"a"
    refused("AccessDenied", 403, narrowed.put_object, Bucket="lambda", Key="in/b", Body=b"b")
    who = client_of("sts", *given(session["Credentials"])).get_caller_identity()
    assert who["Arn"] == session["AssumedRoleUser"]["Arn"] and who["UserId"] == session["AssumedRoleUser"]["AssumedRoleId"], who
    # The policy of a session narrows the role, and never widens it.
    small = assume(Policy=allow("s3:*", resource="arn:aws:s3:::lambda/out/*"))["Credentials"]
    refused("AccessDenied", 403, client_of("s3", *given(small)).get_object, Bucket="lambda", Key="in/a")
    refused("AccessDenied", 403, client_of("s3", *given(small)).put_object, Bucket="lambda", Key="out/a", Body=b"a")
    wide = assume(Policy=allow("s3:*"))["Credentials"]
    assert client_of("s3", *given(wide)).get_object(Bucket="lambda", Key="in/a")["Body"].read() == b"a"
    refused("AccessDenied", 403, client_of("s3", *given(wide)).put_object, Bucket="lambda", Key="in/a", Body=b"a")
    # Who it is not for learns nothing of it.
    refused("AccessDenied", 403, assume, client_of("sts", *PHOTOS))
    refused("AccessDenied", 403, assume, RoleArn=role["Arn"].replace("/jobs/", "/"))
    refused("AccessDenied", 403, assume, RoleArn=role["Arn"].replace("reader", "none"))
    refused("AccessDenied", 403, assume, client_of("sts", *given(wide)))
    refused("AccessDenied", 403, client_of("iam", *given(wide)).list_roles)
    refused("MalformedPolicyDocument", 400, assume, Policy="{}")
    refused("ValidationError", 400, assume, DurationSeconds=3601)
    refused("ValidationError", 400, assume, RoleSessionName="a b")
    iam.update_role(RoleName="reader", Description="more", MaxSessionDuration=7200)
    assume(DurationSeconds=7200)
    # From the next request: another document, another trust, no role.
    url = narrowed.generate_presigned_url("get_object", Params={"Bucket": "lambda", "Key": "in/a"})
    iam.update_assume_role_policy(RoleName="reader", PolicyDocument=trust(user, Effect="Deny"))
    refused("AccessDenied", 403, assume)
    narrowed.get_object(Bucket="lambda", Key="in/a")
    refused("DeleteConflict", 409, iam.delete_role, RoleName="reader")
    iam.delete_role_policy(RoleName="reader", PolicyName="reads")
    refused("AccessDenied", 403, narrowed.get_object, Bucket="lambda", Key="in/a")
    iam.delete_role(RoleName="reader")
    iam.create_role(RoleName="reader", Path="/jobs/", AssumeRolePolicyDocument=trust(user))
    iam.put_role_policy(RoleName="reader", PolicyName="all", PolicyDocument=allow("s3:*"))
    # One of the same name is another.
    refused("InvalidAccessKeyId", 403, narrowed.get_object, Bucket="lambda", Key="in/a")
    import ssl
    import urllib.error
    import urllib.request
    from support import CA

    try:
        urllib.request.urlopen(url, context=ssl.create_default_context(cafile=CA))
    except urllib.error.HTTPError as error:
        assert error.code == 403, error
    else:
        raise AssertionError("a presigned URL outlived its role")


def case_a_session_of_a_role_ends_with_the_key_that_assumed_it():
    id, secret = made("haskell")
    s3 = client_of("s3", id, secret)
    s3.create_bucket(Bucket="currying")
    account = sts.get_caller_identity()["Account"]
    # Who is of the account, where nothing narrows him.
    role = iam.create_role(RoleName="anyone", AssumeRolePolicyDocument=trust(account))["Role"]
    iam.attach_role_policy(RoleName="anyone", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    attached = iam.list_attached_role_policies(RoleName="anyone")["AttachedPolicies"]
    assert [it["PolicyName"] for it in attached] == ["AmazonS3FullAccess"], attached
    assume = lambda: client_of("sts", id, secret).assume_role(RoleArn=role["Arn"], RoleSessionName="s1")
    session = client_of("s3", *given(assume()["Credentials"]))
    session.put_object(Bucket="currying", Key="a", Body=b"a")
    # Whom policies narrow needs one that lets him have it.
    iam.put_user_policy(UserName="haskell", PolicyName="p", PolicyDocument=allow("s3:GetObject"))
    refused("AccessDenied", 403, assume)
    iam.put_user_policy(UserName="haskell", PolicyName="p", PolicyDocument=allow("sts:AssumeRole", resource=role["Arn"]))
    assume()
    iam.delete_user_policy(UserName="haskell", PolicyName="p")
    iam.update_access_key(UserName="haskell", AccessKeyId=id, Status="Inactive")
    refused("InvalidAccessKeyId", 403, session.get_object, Bucket="currying", Key="a")
    iam.update_access_key(UserName="haskell", AccessKeyId=id, Status="Active")
    session.get_object(Bucket="currying", Key="a")
    assert [it["RoleName"] for it in iam.list_roles()["Roles"]][:1] == ["anyone"]


def case_what_users_do_not_have_is_an_empty_list():
    assert iam.list_groups_for_user(UserName="photos")["Groups"] == []
    assert iam.list_attached_user_policies(UserName="photos")["AttachedPolicies"] == []
    assert iam.list_mfa_devices(UserName="photos")["MFADevices"] == []
    refused("NoSuchEntity", 404, iam.list_groups_for_user, UserName="nobody")
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["Users"] >= 2 and summary["GroupsQuota"] == 300, summary


def case_strangers_are_told_nothing():
    refused("InvalidClientTokenId", 403, client_of("iam", "PK" + "A" * 18, "x" * 40).list_users)
    refused("SignatureDoesNotMatch", 403, client_of("iam", ROOT[0], "x" * 40).list_users)
    refused("InvalidAction", 400, iam.list_server_certificates)
    refused("ValidationError", 400, iam.create_user, UserName="x", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")


run()
