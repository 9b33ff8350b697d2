"""Access control lists of objects, in the profile `s3`: who owns what he writes, and whom he lets at it."""

from support import DEV, anonymous, client_of, refused, run

SUITE = DEV["suite"]


def of(who):
    return client_of("s3", SUITE[who]["access_key_id"], SUITE[who]["secret_access_key"])


main, alt, other, nobody = of("main"), of("alt"), of("tenant"), anonymous()
MAIN, ALT, OTHER = (SUITE[who]["user_id"] for who in ("main", "alt", "tenant"))
GROUPS = "http://acs.amazonaws.com/groups/global/"
NUMBER = [0]


def bucket(**made):
    NUMBER[0] += 1
    name = f"object-lists-{NUMBER[0]}"
    main.create_bucket(Bucket=name, **made)
    return name


def lines(s3, name, key, **which):
    told = s3.get_object_acl(Bucket=name, Key=key, **which)
    grantee = lambda it: it["Grantee"].get("ID") or it["Grantee"]["URI"].removeprefix(GROUPS)
    return told["Owner"]["ID"], sorted((grantee(it), it["Permission"]) for it in told["Grants"])


def reads(s3, name, key, **which):
    return s3.get_object(Bucket=name, Key=key, **which)["Body"].read() == b"x"


def case_a_new_object_is_its_writers_alone():
    name = bucket()
    main.put_object(Bucket=name, Key="k", Body=b"x")
    assert lines(main, name, "k") == (MAIN, [(MAIN, "FULL_CONTROL")])
    for s3 in (alt, other, nobody):
        refused("AccessDenied", 403, s3.get_object, Bucket=name, Key="k")
        refused("AccessDenied", 403, s3.get_object_acl, Bucket=name, Key="k")
        refused("AccessDenied", 403, s3.put_object_acl, Bucket=name, Key="k", ACL="public-read")
    refused("NoSuchKey", 404, main.get_object_acl, Bucket=name, Key="none")
    refused("NoSuchKey", 404, main.put_object_acl, Bucket=name, Key="none", ACL="private")


def case_each_named_list_lets_in_whom_it_says():
    name = bucket()
    wanted = {
        "private": (set(), []),
        "public-read": ({alt, other, nobody}, [("AllUsers", "READ")]),
        "public-read-write": ({alt, other, nobody}, [("AllUsers", "READ"), ("AllUsers", "WRITE")]),
        "authenticated-read": ({alt, other}, [("AuthenticatedUsers", "READ")]),
        "bucket-owner-read": (set(), []),
        "bucket-owner-full-control": (set(), []),
    }
    for acl, (readers, more) in wanted.items():
        main.put_object(Bucket=name, Key=acl, Body=b"x", ACL=acl)
        main.put_object(Bucket=name, Key="later", Body=b"x")
        main.put_object_acl(Bucket=name, Key="later", ACL=acl)
        main.copy_object(Bucket=name, Key="copied", CopySource=f"{name}/later", ACL=acl)
        upload = main.create_multipart_upload(Bucket=name, Key="parts", ACL=acl)["UploadId"]
        part = main.upload_part(Bucket=name, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        main.complete_multipart_upload(Bucket=name, Key="parts", UploadId=upload, MultipartUpload=parts)
        for key in (acl, "later", "copied", "parts"):
            assert lines(main, name, key) == (MAIN, sorted([(MAIN, "FULL_CONTROL"), *more])), (acl, key, lines(main, name, key))
            for s3 in (alt, other, nobody):
                if s3 in readers:
                    assert reads(s3, name, key)
                    s3.head_object(Bucket=name, Key=key)
                else:
                    refused("AccessDenied", 403, s3.get_object, Bucket=name, Key=key)
                # To read is not to write, nor to list, nor to see the list.
                refused("AccessDenied", 403, s3.put_object, Bucket=name, Key=key, Body=b"y")
                refused("AccessDenied", 403, s3.delete_object, Bucket=name, Key=key)
                refused("AccessDenied", 403, s3.get_object_acl, Bucket=name, Key=key)
    # A copy is made with a list of its own, not with its source's.
    main.put_object_acl(Bucket=name, Key="later", ACL="public-read")
    main.copy_object(Bucket=name, Key="copied", CopySource=f"{name}/later")
    refused("AccessDenied", 403, nobody.get_object, Bucket=name, Key="copied")
    # What is written anew has a list of its own.
    main.put_object(Bucket=name, Key="later", Body=b"x")
    refused("AccessDenied", 403, nobody.get_object, Bucket=name, Key="later")


def case_each_permission_gives_its_own_and_no_other():
    name = bucket()
    main.put_object(Bucket=name, Key="k", Body=b"x")
    own = {"Grantee": {"ID": MAIN, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    calls = {
        "READ": lambda: reads(alt, name, "k"),
        "READ_ACP": lambda: lines(alt, name, "k"),
        "WRITE_ACP": lambda: alt.put_object_acl(Bucket=name, Key="k", GrantFullControl=f"id={MAIN}", GrantWriteACP=f"id={ALT}"),
    }
    for permission in [*calls, "FULL_CONTROL", "WRITE"]:
        line = {"Grantee": {"ID": ALT, "Type": "CanonicalUser"}, "Permission": permission}
        policy = {"Owner": {"ID": MAIN}, "Grants": [own, line]}
        main.put_object_acl(Bucket=name, Key="k", AccessControlPolicy=policy)
        for other_permission, call in calls.items():
            if permission in (other_permission, "FULL_CONTROL"):
                call()
                main.put_object_acl(Bucket=name, Key="k", AccessControlPolicy=policy)
            else:
                refused("AccessDenied", 403, call)
        refused("AccessDenied", 403, other.get_object, Bucket=name, Key="k")
    # The owner cannot be made another, and he gets at the list whatever is in it.
    refused("AccessDenied", 403, main.put_object_acl, Bucket=name, Key="k", AccessControlPolicy={"Owner": {"ID": ALT}, "Grants": [own]})
    refused("InvalidArgument", 400, main.put_object_acl, Bucket=name, Key="k", GrantRead="id=0000000000000001")
    refused("UnresolvableGrantByEmailAddress", 400, main.put_object, Bucket=name, Key="k", Body=b"x", GrantRead="emailAddress=none@suite.example")
    main.put_object(Bucket=name, Key="k", Body=b"x", GrantRead=f'emailAddress="{SUITE["tenant"]["email"]}"')
    assert reads(other, name, "k") and lines(main, name, "k") == (MAIN, [(OTHER, "READ")])


def case_who_writes_to_the_bucket_of_another_owns_what_he_writes():
    name = bucket(ACL="public-read-write")
    alt.put_object(Bucket=name, Key="k", Body=b"x")
    assert lines(alt, name, "k") == (ALT, [(ALT, "FULL_CONTROL")])
    assert reads(alt, name, "k")
    refused("AccessDenied", 403, other.get_object, Bucket=name, Key="k")
    alt.put_object_acl(Bucket=name, Key="k", ACL="public-read")
    assert reads(other, name, "k") and reads(nobody, name, "k")
    for acl, permission in [("bucket-owner-read", "READ"), ("bucket-owner-full-control", "FULL_CONTROL")]:
        alt.put_object(Bucket=name, Key=acl, Body=b"x", ACL=acl)
        assert lines(alt, name, acl) == (ALT, sorted([(ALT, "FULL_CONTROL"), (MAIN, permission)])), lines(alt, name, acl)
    # A right to write to the bucket is none to the lists of what is in it.
    main.put_object(Bucket=name, Key="mine", Body=b"x")
    refused("AccessDenied", 403, alt.put_object_acl, Bucket=name, Key="mine", ACL="public-read")
    refused("AccessDenied", 403, nobody.put_object_acl, Bucket=name, Key="mine", ACL="public-read")
    # What nobody has signed belongs to the bucket's owner.
    nobody.put_object(Bucket=name, Key="n", Body=b"x")
    assert lines(main, name, "n") == (MAIN, [(MAIN, "FULL_CONTROL")])
    # Where the bucket's owner is preferred, the writer can make it his.
    preferred = bucket(ACL="public-read-write", ObjectOwnership="BucketOwnerPreferred")
    alt.put_object(Bucket=preferred, Key="k", Body=b"x", ACL="bucket-owner-full-control")
    assert lines(main, preferred, "k") == (MAIN, [(MAIN, "FULL_CONTROL")])
    refused("AccessDenied", 403, alt.get_object, Bucket=preferred, Key="k")


def case_an_upload_belongs_to_whom_its_object_will():
    def told(s3, name, key, upload):
        parts = s3.list_parts(Bucket=name, Key=key, UploadId=upload)
        uploads = s3.list_multipart_uploads(Bucket=name, Prefix=key)["Uploads"]
        assert [it["UploadId"] for it in uploads] == [upload], uploads
        for who in ("Initiator", "Owner"):
            assert uploads[0][who] == parts[who], (uploads, parts)
        return parts["Initiator"], parts["Owner"]

    def begins(s3, name, key, **more):
        return s3.create_multipart_upload(Bucket=name, Key=key, **more)["UploadId"]

    person = lambda who: {"ID": SUITE[who]["user_id"], "DisplayName": SUITE[who]["display_name"]}
    name = bucket(ACL="public-read-write")
    assert told(main, name, "mine", begins(main, name, "mine")) == (person("main"), person("main"))
    upload = begins(alt, name, "his")
    for s3 in (main, alt):
        assert told(s3, name, "his", upload) == (person("alt"), person("alt"))
    part = alt.upload_part(Bucket=name, Key="his", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    alt.complete_multipart_upload(Bucket=name, Key="his", UploadId=upload, MultipartUpload=parts)
    assert lines(alt, name, "his") == (ALT, [(ALT, "FULL_CONTROL")])
    # Who gives his object up says so when he begins.
    preferred = bucket(ACL="public-read-write", ObjectOwnership="BucketOwnerPreferred")
    upload = begins(alt, preferred, "given", ACL="bucket-owner-full-control")
    assert told(main, preferred, "given", upload) == (person("alt"), person("main"))
    assert told(main, preferred, "kept", begins(alt, preferred, "kept")) == (person("alt"), person("alt"))
    # Where lists have no effect, everything is the bucket's owner's.
    rule = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    upload = begins(alt, preferred, "before")
    main.put_bucket_acl(Bucket=preferred, ACL="private")
    main.put_bucket_ownership_controls(Bucket=preferred, OwnershipControls=rule)
    assert told(main, preferred, "before", upload) == (person("alt"), person("main"))


def case_who_may_list_is_told_what_is_not_there():
    name = bucket(ACL="public-read")
    main.put_object(Bucket=name, Key="k", Body=b"x")
    refused("AccessDenied", 403, nobody.get_object, Bucket=name, Key="k")
    refused("NoSuchKey", 404, nobody.get_object, Bucket=name, Key="none")
    main.put_bucket_acl(Bucket=name, ACL="private")
    refused("AccessDenied", 403, nobody.get_object, Bucket=name, Key="none")


def case_versions_have_lists_of_their_own():
    name = bucket()
    main.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    first = main.put_object(Bucket=name, Key="k", Body=b"x", ACL="public-read")["VersionId"]
    second = main.put_object(Bucket=name, Key="k", Body=b"x")["VersionId"]
    assert reads(nobody, name, "k", VersionId=first)
    refused("AccessDenied", 403, nobody.get_object, Bucket=name, Key="k")
    refused("AccessDenied", 403, nobody.get_object, Bucket=name, Key="k", VersionId=second)
    main.put_object_acl(Bucket=name, Key="k", VersionId=second, ACL="public-read")
    main.put_object_acl(Bucket=name, Key="k", VersionId=first, ACL="private")
    assert reads(nobody, name, "k")
    refused("AccessDenied", 403, nobody.get_object, Bucket=name, Key="k", VersionId=first)
    assert lines(main, name, "k", VersionId=first) == (MAIN, [(MAIN, "FULL_CONTROL")])


def case_what_is_blocked_or_enforced_opens_nothing():
    name = bucket()
    main.put_object(Bucket=name, Key="k", Body=b"x", ACL="public-read")
    main.put_object(Bucket=name, Key="alt", Body=b"x", GrantRead=f"id={ALT}")
    block = lambda **what: main.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=what)
    block(IgnorePublicAcls=True)
    refused("AccessDenied", 403, nobody.get_object, Bucket=name, Key="k")
    refused("AccessDenied", 403, other.get_object, Bucket=name, Key="k")
    assert reads(alt, name, "alt")
    block(BlockPublicAcls=True)
    assert reads(nobody, name, "k")
    refused("AccessDenied", 403, main.put_object, Bucket=name, Key="new", Body=b"x", ACL="public-read")
    refused("AccessDenied", 403, main.put_object_acl, Bucket=name, Key="alt", ACL="authenticated-read")
    main.put_object(Bucket=name, Key="new", Body=b"x", ACL="private")
    main.delete_public_access_block(Bucket=name)
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    main.put_bucket_ownership_controls(Bucket=name, OwnershipControls=enforced)
    for s3, key in [(nobody, "k"), (alt, "alt")]:
        refused("AccessDenied", 403, s3.get_object, Bucket=name, Key=key)
    for acl in ("public-read", "private"):
        refused("AccessControlListNotSupported", 400, main.put_object, Bucket=name, Key="new", Body=b"x", ACL=acl)
        refused("AccessControlListNotSupported", 400, main.put_object_acl, Bucket=name, Key="k", ACL=acl)
    main.put_object(Bucket=name, Key="new", Body=b"x", ACL="bucket-owner-full-control")
    assert lines(main, name, "k") == (MAIN, [(MAIN, "FULL_CONTROL")])
    # The lists were kept, and have their effect again.
    main.delete_bucket_ownership_controls(Bucket=name)
    assert reads(nobody, name, "k") and reads(alt, name, "alt")


run()
