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


def case_what_users_do_not_have_is_an_empty_list():
    assert iam.list_groups_for_user(UserName="photos")["Groups"] == []
    assert iam.list_attached_user_policies(UserName="photos")["AttachedPolicies"] == []
    assert iam.list_mfa_devices(UserName="photos")["MFADevices"] == []
    refused("NoSuchEntity", 404, iam.list_groups_for_user, UserName="nobody")


def case_strangers_are_told_nothing():
    refused("InvalidClientTokenId", 403, client_of("iam", "PK" + "A" * 18, "x" * 40).list_users)
    refused("SignatureDoesNotMatch", 403, client_of("iam", ROOT[0], "x" * 40).list_users)
    refused("InvalidAction", 400, iam.create_group, GroupName="none")
    refused("ValidationError", 400, iam.create_user, UserName="x", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")


run()
