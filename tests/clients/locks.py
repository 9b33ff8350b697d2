"""Object lock: configuration, default retention, retention in both modes, legal hold; tags of objects and buckets; attributes."""

import datetime

from support import BUCKET, client, refused, run

s3 = client("full")
SOON = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(hours=1)


def locked(name, **rule):
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    if rule:
        configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": rule}}
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=configuration)
    return name


def case_a_bucket_is_made_with_object_lock_or_gets_it_later():
    name = locked("locks-made")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    refused("InvalidBucketState", 409, s3.put_bucket_versioning, Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    refused("ObjectLockConfigurationNotFoundError", 404, s3.get_object_lock_configuration, Bucket=BUCKET)
    configuration = {"ObjectLockEnabled": "Enabled"}
    refused("InvalidBucketState", 409, s3.put_object_lock_configuration, Bucket=BUCKET, ObjectLockConfiguration=configuration)


def case_a_default_retention_locks_what_comes():
    name = locked("locks-default", Mode="GOVERNANCE", Days=1)
    version = s3.put_object(Bucket=name, Key="k", Body=b"x")["VersionId"]
    head = s3.head_object(Bucket=name, Key="k")
    assert head["ObjectLockMode"] == "GOVERNANCE", head
    refused("AccessDenied", 403, s3.delete_object, Bucket=name, Key="k", VersionId=version)
    # This key has not the flag that lets it pass over a retention.
    refused("AccessDenied", 403, s3.delete_object, Bucket=name, Key="k", VersionId=version, BypassGovernanceRetention=True)
    assert s3.delete_object(Bucket=name, Key="k")["DeleteMarker"] is True


def case_a_retention_is_set_lengthened_and_not_shortened():
    name = locked("locks-retention")
    version = s3.put_object(Bucket=name, Key="k", Body=b"x")["VersionId"]
    refused("NoSuchObjectLockConfiguration", 404, s3.get_object_retention, Bucket=name, Key="k")
    set_to = lambda mode, until: s3.put_object_retention(  # noqa: E731
        Bucket=name, Key="k", VersionId=version, Retention={"Mode": mode, "RetainUntilDate": until}
    )
    set_to("COMPLIANCE", SOON)
    assert s3.get_object_retention(Bucket=name, Key="k")["Retention"] == {"Mode": "COMPLIANCE", "RetainUntilDate": SOON}
    set_to("COMPLIANCE", SOON + datetime.timedelta(hours=1))
    refused("AccessDenied", 403, set_to, "COMPLIANCE", SOON)
    refused("AccessDenied", 403, set_to, "GOVERNANCE", SOON + datetime.timedelta(hours=2))
    refused("AccessDenied", 403, s3.delete_object, Bucket=name, Key="k", VersionId=version)


def case_a_legal_hold_holds_until_it_is_taken_back():
    name = locked("locks-hold")
    version = s3.put_object(Bucket=name, Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON")["VersionId"]
    assert s3.get_object_legal_hold(Bucket=name, Key="k")["LegalHold"]["Status"] == "ON"
    refused("AccessDenied", 403, s3.delete_object, Bucket=name, Key="k", VersionId=version)
    s3.put_object_legal_hold(Bucket=name, Key="k", LegalHold={"Status": "OFF"})
    s3.delete_object(Bucket=name, Key="k", VersionId=version)


def case_locks_need_a_bucket_that_has_them():
    s3.put_object(Bucket=BUCKET, Key="locks/free", Body=b"x")
    refused("InvalidRequest", 400, s3.put_object, Bucket=BUCKET, Key="locks/free", Body=b"x",
            ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=SOON)
    refused("InvalidRequest", 400, s3.put_object_legal_hold, Bucket=BUCKET, Key="locks/free", LegalHold={"Status": "ON"})
    refused("InvalidRequest", 400, s3.get_object_retention, Bucket=BUCKET, Key="locks/free")


def case_tags_of_objects():
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    s3.put_object(Bucket=BUCKET, Key="locks/tags", Body=b"x", Tagging="a=1&b=")
    assert s3.get_object_tagging(Bucket=BUCKET, Key="locks/tags")["TagSet"] == tags
    other = [{"Key": "c", "Value": "3"}]
    s3.put_object_tagging(Bucket=BUCKET, Key="locks/tags", Tagging={"TagSet": other})
    assert s3.get_object_tagging(Bucket=BUCKET, Key="locks/tags")["TagSet"] == other
    assert s3.get_object(Bucket=BUCKET, Key="locks/tags")["TagCount"] == 1
    s3.copy_object(Bucket=BUCKET, Key="locks/copy", CopySource={"Bucket": BUCKET, "Key": "locks/tags"})
    assert s3.get_object_tagging(Bucket=BUCKET, Key="locks/copy")["TagSet"] == other
    s3.delete_object_tagging(Bucket=BUCKET, Key="locks/tags")
    assert s3.get_object_tagging(Bucket=BUCKET, Key="locks/tags")["TagSet"] == []
    refused("NoSuchKey", 404, s3.get_object_tagging, Bucket=BUCKET, Key="locks/never")
    many = [{"Key": str(n), "Value": ""} for n in range(11)]
    refused("InvalidTag", 400, s3.put_object_tagging, Bucket=BUCKET, Key="locks/tags", Tagging={"TagSet": many})


def case_tags_of_buckets():
    refused("NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=BUCKET)
    tags = [{"Key": "team", "Value": "a b"}]
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=BUCKET)
    refused("NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=BUCKET)


def case_attributes():
    put = s3.put_object(Bucket=BUCKET, Key="locks/whole", Body=b"12345", ChecksumAlgorithm="SHA256")
    wanted = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    got = s3.get_object_attributes(Bucket=BUCKET, Key="locks/whole", ObjectAttributes=wanted)
    assert (got["ETag"], got["ObjectSize"], got["StorageClass"]) == (put["ETag"].strip('"'), 5, "STANDARD"), got
    assert got["Checksum"]["ChecksumSHA256"] == put["ChecksumSHA256"] and "ObjectParts" not in got, got
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="locks/parts", ChecksumAlgorithm="SHA256")["UploadId"]
    parts = []
    for number, body in ((1, b"a" * 5 * 1024 * 1024), (2, b"b")):
        part = s3.upload_part(Bucket=BUCKET, Key="locks/parts", UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    done = s3.complete_multipart_upload(Bucket=BUCKET, Key="locks/parts", UploadId=upload, MultipartUpload={"Parts": parts})
    got = s3.get_object_attributes(Bucket=BUCKET, Key="locks/parts", ObjectAttributes=wanted, MaxParts=1)
    assert got["Checksum"] == {"ChecksumSHA256": done["ChecksumSHA256"], "ChecksumType": "COMPOSITE"}, got
    shown = got["ObjectParts"]
    assert (shown["TotalPartsCount"], shown["IsTruncated"], shown["Parts"][0]["Size"]) == (2, True, 5 * 1024 * 1024), got
    rest = s3.get_object_attributes(Bucket=BUCKET, Key="locks/parts", ObjectAttributes=wanted, PartNumberMarker=1)
    assert [part["PartNumber"] for part in rest["ObjectParts"]["Parts"]] == [2], rest


def case_what_no_bucket_has_is_said_plainly():
    assert s3.get_bucket_request_payment(Bucket=BUCKET)["Payer"] == "BucketOwner"
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=BUCKET)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=BUCKET)
    controls = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}], controls
    refused("NoSuchWebsiteConfiguration", 404, s3.get_bucket_website, Bucket=BUCKET)
    refused("ReplicationConfigurationNotFoundError", 404, s3.get_bucket_replication, Bucket=BUCKET)


run()
