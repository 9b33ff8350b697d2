"""The profile `s3`: who may do what with whose buckets, as on AWS. Identity policies give, accounts keep apart, both sides agree."""

import json

from support import DEV, anonymous, client_of, refused, run

SUITE = DEV["suite"]


def of(service, who):
    return client_of(service, SUITE[who]["access_key_id"], SUITE[who]["secret_access_key"])


main, alt, other = of("s3", "main"), of("s3", "alt"), of("s3", "tenant")
root, iam, sts = of("s3", "iam_root"), of("iam", "iam_root"), of("sts", "iam_root")
far_root, far_iam = of("s3", "iam_alt_root"), of("iam", "iam_alt_root")
NUMBER = [0]


def bucket(s3):
    NUMBER[0] += 1
    name = f"accounts-{NUMBER[0]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a", Body=b"a")
    return name


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions, resource="*", effect="Allow", **more):
    return {"Effect": effect, "Action": actions, "Resource": resource, **more}


def user(iam, name, policy=None):
    """A new user of an account, as its ARN, and a client of his."""
    arn = iam.create_user(UserName=name, Path="/t/")["User"]["Arn"]
    if policy:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return arn, (key["AccessKeyId"], key["SecretAccessKey"])


def reads(s3, name):
    return s3.get_object(Bucket=name, Key="a")["Body"].read() == b"a"


def case_whoever_has_but_his_own_has_nothing_of_others():
    mine, his = bucket(main), bucket(alt)
    for s3, name in [(alt, mine), (main, his), (other, mine)]:
        refused("AccessDenied", 403, s3.get_object, Bucket=name, Key="a")
        refused("AccessDenied", 403, s3.list_objects_v2, Bucket=name)
        refused("AccessDenied", 403, s3.put_object, Bucket=name, Key="b", Body=b"b")
        refused("AccessDenied", 403, s3.delete_bucket, Bucket=name)
    refused("BucketAlreadyExists", 409, alt.create_bucket, Bucket=mine)
    names = lambda s3: [it["Name"] for it in s3.list_buckets()["Buckets"]]
    assert mine in names(main) and his not in names(main) and his in names(alt)
    assert reads(main, mine) and reads(alt, his)


def case_an_identity_policy_gives_within_the_account():
    name = bucket(main)
    admin = of("iam", "iam")
    whom = SUITE["alt"]["user_id"]
    for action, call in [
        ("s3:GetObject", lambda: reads(alt, name)),
        ("s3:PutObject", lambda: alt.put_object(Bucket=name, Key="b", Body=b"b")),
        ("s3:ListBucket", lambda: alt.list_objects_v2(Bucket=name)),
    ]:
        refused("AccessDenied", 403, call)
        admin.put_user_policy(UserName=whom, PolicyName="p", PolicyDocument=document(allow(action)))
        call()
        deny = document(allow(action), allow(action, effect="Deny"))
        admin.put_user_policy(UserName=whom, PolicyName="p", PolicyDocument=deny)
        refused("AccessDenied", 403, call)
    own = bucket(alt)
    admin.put_user_policy(UserName=whom, PolicyName="p", PolicyDocument=document(allow("s3:GetObject", effect="Deny")))
    refused("AccessDenied", 403, alt.get_object, Bucket=own, Key="a")
    admin.delete_user_policy(UserName=whom, PolicyName="p")
    assert reads(alt, own)


def case_a_user_of_iam_has_what_policies_give_and_nothing_else():
    name = bucket(root)
    arn, key = user(iam, "ann")
    s3 = client_of("s3", *key)
    refused("AccessDenied", 403, s3.list_buckets)
    refused("AccessDenied", 403, s3.create_bucket, Bucket="accounts-anns")
    refused("AccessDenied", 403, s3.get_object, Bucket=name, Key="a")
    # Within an account the policy of the bucket is enough.
    root.put_bucket_policy(Bucket=name, Policy=document(allow("s3:GetObject", f"arn:aws:s3:::{name}/*", Principal={"AWS": arn})))
    assert reads(s3, name)
    refused("AccessDenied", 403, s3.put_object, Bucket=name, Key="b", Body=b"b")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document(allow(["s3:CreateBucket", "s3:PutObject", "s3:ListAllMyBuckets"])))
    s3.put_object(Bucket=name, Key="b", Body=b"b")
    s3.create_bucket(Bucket="accounts-anns")
    # What she makes is her account's.
    assert "accounts-anns" in [it["Name"] for it in root.list_buckets()["Buckets"]]
    refused("AccessDenied", 403, s3.delete_bucket, Bucket="accounts-anns")
    root.delete_bucket(Bucket="accounts-anns")
    # A policy of IAM's own actions makes her an administrator of just these.
    own = client_of("iam", *key)
    refused("AccessDenied", 403, own.list_users)
    iam.put_user_policy(UserName="ann", PolicyName="q", PolicyDocument=document(allow("iam:List*"), allow("iam:GetUser", arn.replace("/t/ann", "/t/*"))))
    assert "ann" in [it["UserName"] for it in own.list_users()["Users"]]
    assert own.get_user(UserName="ann")["User"]["Arn"] == arn
    refused("AccessDenied", 403, own.create_user, UserName="eve")
    refused("AccessDenied", 403, own.put_user_policy, UserName="ann", PolicyName="r", PolicyDocument=document(allow("*")))
    # Whoever may do everything to users does nothing to the root, who is none.
    iam.put_user_policy(UserName="ann", PolicyName="q", PolicyDocument=document(allow("iam:*")))
    roots = {"UserName": "root", "AccessKeyId": SUITE["iam_root"]["access_key_id"]}
    refused("NoSuchEntity", 404, own.update_access_key, **roots, Status="Inactive")
    refused("NoSuchEntity", 404, own.delete_access_key, **roots)
    refused("NoSuchEntity", 404, own.get_user, UserName="root")
    refused("NoSuchEntity", 404, own.put_user_policy, UserName="root", PolicyName="r", PolicyDocument=document(allow("*", effect="Deny")))
    assert iam.list_access_keys()["AccessKeyMetadata"][0]["Status"] == "Active"


def case_across_accounts_both_sides_must_agree():
    name = bucket(root)
    arn, key = user(far_iam, "bob", document(allow("s3:*")))
    s3 = client_of("s3", *key)
    refused("AccessDenied", 403, s3.get_object, Bucket=name, Key="a")
    account = arn.split(":")[4]
    for principal in [arn, f"arn:aws:iam::{account}:root", account, "*"]:
        root.put_bucket_policy(Bucket=name, Policy=document(allow("s3:GetObject", f"arn:aws:s3:::{name}/*", Principal={"AWS": principal})))
        assert reads(s3, name), principal
        refused("AccessDenied", 403, s3.put_object, Bucket=name, Key="b", Body=b"b")
        far_iam.delete_user_policy(UserName="bob", PolicyName="p")
        refused("AccessDenied", 403, s3.get_object, Bucket=name, Key="a")
        far_iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=document(allow("s3:*")))
    # The root of the other account speaks for all of it.
    assert reads(far_root, name)
    root.put_bucket_policy(Bucket=name, Policy=document(allow("s3:GetObject", f"arn:aws:s3:::{name}/*", Principal={"AWS": SUITE["iam_root"]["user_id"]})))
    refused("AccessDenied", 403, far_root.get_object, Bucket=name, Key="a")
    refused("AccessDenied", 403, s3.get_object, Bucket=name, Key="a")


def case_a_role_is_assumed_across_accounts_where_both_sides_agree():
    name = bucket(root)
    arn, key = user(far_iam, "carol")
    who = client_of("sts", *key)
    trust = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}]})
    role = iam.create_role(RoleName="guest", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    refused("AccessDenied", 403, who.assume_role, RoleArn=role, RoleSessionName="s1")
    far_iam.put_user_policy(UserName="carol", PolicyName="p", PolicyDocument=document(allow("sts:AssumeRole", role)))
    given = who.assume_role(RoleArn=role, RoleSessionName="s1")["Credentials"]
    session = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    s3 = client_of("s3", *session)
    refused("AccessDenied", 403, s3.get_object, Bucket=name, Key="a")
    iam.put_role_policy(RoleName="guest", PolicyName="p", PolicyDocument=document(allow(["s3:GetObject", "s3:CreateBucket", "iam:GetRole"])))
    assert reads(s3, name)
    s3.create_bucket(Bucket="accounts-guests")
    assert "accounts-guests" in [it["Name"] for it in root.list_buckets()["Buckets"]]
    assert client_of("iam", *session).get_role(RoleName="guest")["Role"]["Arn"] == role
    refused("AccessDenied", 403, client_of("iam", *session).list_roles)
    # The bucket of a third: its policy must name the role's account, or the role.
    theirs = bucket(far_root)
    refused("AccessDenied", 403, s3.get_object, Bucket=theirs, Key="a")
    for principal in [role, SUITE["iam_root"]["user_id"], f"arn:aws:sts::{role.split(':')[4]}:assumed-role/guest/s1"]:
        far_root.put_bucket_policy(Bucket=theirs, Policy=document(allow("s3:GetObject", f"arn:aws:s3:::{theirs}/*", Principal={"AWS": principal})))
        assert reads(s3, theirs), principal
    far_root.put_bucket_policy(Bucket=theirs, Policy=document(allow("s3:GetObject", f"arn:aws:s3:::{theirs}/*", Principal={"AWS": role + "s"})))
    refused("AccessDenied", 403, s3.get_object, Bucket=theirs, Key="a")


def case_arns_without_the_number_of_an_account_are_of_the_account():
    admin, whom = of("iam", "iam"), SUITE["alt"]["user_id"]
    trust = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam:::user/{whom}"}, "Action": "sts:AssumeRole"}]})
    role = admin.create_role(RoleName="plain", AssumeRolePolicyDocument=trust)["Role"]
    assert role["Arn"] == "arn:aws:iam:::role/plain", role
    of("sts", "alt").assume_role(RoleArn=role["Arn"], RoleSessionName="s1")
    refused("AccessDenied", 403, of("sts", "main").assume_role, RoleArn=role["Arn"], RoleSessionName="s1")
    # A user of the same name elsewhere is another.
    far_iam.create_user(UserName=whom)
    key = far_iam.create_access_key(UserName=whom)["AccessKey"]
    far_iam.put_user_policy(UserName=whom, PolicyName="p", PolicyDocument=document(allow("*")))
    name = bucket(main)
    main.put_bucket_policy(Bucket=name, Policy=document(allow("s3:GetObject", f"arn:aws:s3:::{name}/*", Principal={"AWS": f"arn:aws:iam:::user/{whom}"})))
    assert reads(alt, name)
    stranger = client_of("s3", key["AccessKeyId"], key["SecretAccessKey"])
    refused("AccessDenied", 403, stranger.get_object, Bucket=name, Key="a")


GROUPS = "http://acs.amazonaws.com/groups/global/"


def case_a_list_gives_each_permission_and_no_other():
    name, whom = bucket(main), SUITE["alt"]["user_id"]
    told = main.get_bucket_acl(Bucket=name)
    own = {"Grantee": {"ID": SUITE["main"]["user_id"], "DisplayName": "main", "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    assert told["Owner"]["ID"] == SUITE["main"]["user_id"] and told["Grants"] == [own], told
    calls = {
        "READ": lambda: alt.list_objects_v2(Bucket=name),
        "WRITE": lambda: alt.put_object(Bucket=name, Key="w", Body=b"w"),
        "READ_ACP": lambda: alt.get_bucket_acl(Bucket=name),
        "WRITE_ACP": lambda: alt.put_bucket_acl(Bucket=name, GrantWriteACP=f"id={whom}", GrantFullControl=f"id={own['Grantee']['ID']}"),
    }
    for permission in [*calls, "FULL_CONTROL"]:
        line = {"Grantee": {"ID": whom, "Type": "CanonicalUser"}, "Permission": permission}
        main.put_bucket_acl(Bucket=name, AccessControlPolicy={"Owner": told["Owner"], "Grants": [own, line]})
        for other_permission, call in calls.items():
            if permission in (other_permission, "FULL_CONTROL"):
                call()
                main.put_bucket_acl(Bucket=name, AccessControlPolicy={"Owner": told["Owner"], "Grants": [own, line]})
            else:
                refused("AccessDenied", 403, call)
        refused("AccessDenied", 403, other.list_objects_v2, Bucket=name)
    main.put_bucket_acl(Bucket=name, GrantRead=f'emailAddress="{SUITE["alt"]["email"]}"')
    alt.list_objects_v2(Bucket=name)
    refused("UnresolvableGrantByEmailAddress", 400, main.put_bucket_acl, Bucket=name, GrantRead="emailAddress=none@suite.example")
    refused("InvalidArgument", 400, main.put_bucket_acl, Bucket=name, GrantRead="id=0000000000000001")
    main.put_bucket_acl(Bucket=name, ACL="private")
    refused("AccessDenied", 403, alt.list_objects_v2, Bucket=name)


def case_lists_open_to_everyone_or_to_all_who_sign_until_that_is_blocked():
    nobody, name = anonymous(), bucket(main)
    refused("AccessDenied", 403, nobody.list_objects_v2, Bucket=name)
    main.put_bucket_acl(Bucket=name, ACL="authenticated-read")
    refused("AccessDenied", 403, nobody.list_objects_v2, Bucket=name)
    other.list_objects_v2(Bucket=name)
    main.put_bucket_acl(Bucket=name, ACL="public-read-write")
    uris = [(it["Grantee"].get("URI"), it["Permission"]) for it in main.get_bucket_acl(Bucket=name)["Grants"]]
    assert (GROUPS + "AllUsers", "READ") in uris and (GROUPS + "AllUsers", "WRITE") in uris, uris
    nobody.list_objects_v2(Bucket=name)
    nobody.put_object(Bucket=name, Key="n", Body=b"n")
    # Who lists does not read.
    refused("AccessDenied", 403, nobody.get_object, Bucket=name, Key="a")
    assert main.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"] is True
    refused("NoSuchPublicAccessBlockConfiguration", 404, main.get_public_access_block, Bucket=name)
    block = lambda **what: main.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=what)
    block(IgnorePublicAcls=True)
    refused("AccessDenied", 403, nobody.list_objects_v2, Bucket=name)
    refused("AccessDenied", 403, other.list_objects_v2, Bucket=name)
    block(BlockPublicAcls=True)
    nobody.list_objects_v2(Bucket=name)
    refused("AccessDenied", 403, main.put_bucket_acl, Bucket=name, ACL="public-read")
    main.put_bucket_acl(Bucket=name, ACL="private")
    block(BlockPublicPolicy=True)
    open_to_all = document(allow("s3:GetObject", f"arn:aws:s3:::{name}/*", Principal="*"))
    refused("AccessDenied", 403, main.put_bucket_policy, Bucket=name, Policy=open_to_all)
    main.delete_public_access_block(Bucket=name)
    main.put_bucket_policy(Bucket=name, Policy=open_to_all)
    assert reads(nobody, name) and reads(other, name)
    block(RestrictPublicBuckets=True)
    refused("AccessDenied", 403, nobody.get_object, Bucket=name, Key="a")
    refused("AccessDenied", 403, other.get_object, Bucket=name, Key="a")
    assert reads(alt, name)


def case_an_owner_who_enforces_has_no_lists():
    name = "accounts-enforced"
    refused("InvalidBucketAclWithObjectOwnership", 400, main.create_bucket, Bucket=name, ACL="public-read", ObjectOwnership="BucketOwnerEnforced")
    main.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced")
    for acl in ("public-read", "private"):
        refused("AccessControlListNotSupported", 400, main.put_bucket_acl, Bucket=name, ACL=acl)
    main.delete_bucket_ownership_controls(Bucket=name)
    refused("OwnershipControlsNotFoundError", 404, main.get_bucket_ownership_controls, Bucket=name)
    main.put_bucket_acl(Bucket=name, ACL="public-read")
    rule = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    refused("InvalidBucketAclWithObjectOwnership", 400, main.put_bucket_ownership_controls, Bucket=name, OwnershipControls=rule)
    main.put_bucket_acl(Bucket=name, ACL="private")
    main.put_bucket_ownership_controls(Bucket=name, OwnershipControls=rule)
    assert main.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"] == rule
    made = "accounts-public"
    main.create_bucket(Bucket=made, ACL="public-read")
    anonymous().list_objects_v2(Bucket=made)


run()
