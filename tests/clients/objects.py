"""Objects as boto3 writes and reads them: put, get, head, list, copy, delete, ranges, metadata, conditions."""

import datetime

from botocore.exceptions import ClientError

from support import BUCKET, client, refused, run

s3 = client("full")


def put(key, body=b"hello", **more):
    return s3.put_object(Bucket=BUCKET, Key=key, Body=body, **more)


def read(key, **more):
    return s3.get_object(Bucket=BUCKET, Key=key, **more)["Body"].read()


def case_what_is_put_is_got():
    answer = put("objects/one", b"hello", ContentType="text/plain", Metadata={"colour": "blue"})
    assert answer["ETag"] == '"5d41402abc4b2a76b9719d911017c592"', answer["ETag"]
    got = s3.get_object(Bucket=BUCKET, Key="objects/one")
    assert got["Body"].read() == b"hello"
    assert got["ContentType"] == "text/plain"
    assert got["Metadata"] == {"colour": "blue"}
    assert got["ContentLength"] == 5
    assert got["AcceptRanges"] == "bytes"
    age = datetime.datetime.now(datetime.timezone.utc) - got["LastModified"]
    assert abs(age) < datetime.timedelta(minutes=2), age


def case_head_says_what_get_says():
    put("objects/head", b"x" * 1000, CacheControl="max-age=60", ContentDisposition="inline",
        ContentLanguage="en", ContentEncoding="gzip")
    head = s3.head_object(Bucket=BUCKET, Key="objects/head")
    got = s3.get_object(Bucket=BUCKET, Key="objects/head")
    for name in ["ContentLength", "ETag", "CacheControl", "ContentDisposition", "ContentLanguage",
                 "ContentEncoding", "LastModified", "ContentType"]:
        assert head[name] == got[name], name
    assert head["ContentEncoding"] == "gzip", head["ContentEncoding"]


def case_an_empty_object_is_an_object():
    put("objects/empty", b"")
    assert read("objects/empty") == b""
    refused("InvalidRange", 416, s3.get_object, Bucket=BUCKET, Key="objects/empty", Range="bytes=0-0")


def case_ranges():
    put("objects/ranges", bytes(range(256)))
    for asked, wanted in [("bytes=0-9", bytes(range(10))), ("bytes=250-", bytes(range(250, 256))),
                          ("bytes=-6", bytes(range(250, 256))), ("bytes=0-9999", bytes(range(256)))]:
        answer = s3.get_object(Bucket=BUCKET, Key="objects/ranges", Range=asked)
        assert answer["Body"].read() == wanted, asked
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206, asked
    answer = s3.get_object(Bucket=BUCKET, Key="objects/ranges", Range="bytes=3-4")
    assert answer["ContentRange"] == "bytes 3-4/256", answer["ContentRange"]
    refused("InvalidRange", 416, s3.get_object, Bucket=BUCKET, Key="objects/ranges", Range="bytes=256-")


def case_overrides_of_the_answer():
    put("objects/override", b"x")
    got = s3.get_object(Bucket=BUCKET, Key="objects/override", ResponseContentType="image/png",
                        ResponseContentDisposition="attachment", ResponseCacheControl="no-store")
    assert got["ContentType"] == "image/png"
    assert got["ContentDisposition"] == "attachment"
    assert got["CacheControl"] == "no-store"


def case_conditional_reads():
    put("objects/conditions", b"x")
    head = s3.head_object(Bucket=BUCKET, Key="objects/conditions")
    tag, when = head["ETag"], head["LastModified"]
    hour = datetime.timedelta(hours=1)
    at = {"Bucket": BUCKET, "Key": "objects/conditions"}
    s3.get_object(**at, IfMatch=tag)
    s3.get_object(**at, IfNoneMatch='"another"')
    s3.get_object(**at, IfModifiedSince=when - hour)
    s3.get_object(**at, IfUnmodifiedSince=when + hour)
    refused("PreconditionFailed", 412, s3.get_object, **at, IfMatch='"another"')
    refused("304", 304, s3.get_object, **at, IfNoneMatch=tag)
    refused("304", 304, s3.get_object, **at, IfModifiedSince=when + hour)
    refused("PreconditionFailed", 412, s3.get_object, **at, IfUnmodifiedSince=when - hour)


def case_conditional_writes():
    at = {"Bucket": BUCKET, "Key": "objects/conditional-put"}
    s3.put_object(**at, Body=b"first", IfNoneMatch="*")
    refused("PreconditionFailed", 412, s3.put_object, **at, Body=b"second", IfNoneMatch="*")
    assert read("objects/conditional-put") == b"first"
    tag = s3.head_object(**at)["ETag"]
    refused("PreconditionFailed", 412, s3.put_object, **at, Body=b"second", IfMatch='"0123"')
    s3.put_object(**at, Body=b"second", IfMatch=tag)
    assert read("objects/conditional-put") == b"second"
    refused("NoSuchKey", 404, s3.put_object, Bucket=BUCKET, Key="objects/not-there", Body=b"x", IfMatch=tag)


def case_a_missing_key():
    refused("NoSuchKey", 404, s3.get_object, Bucket=BUCKET, Key="objects/missing")
    refused("404", 404, s3.head_object, Bucket=BUCKET, Key="objects/missing")
    refused("NoSuchBucket", 404, s3.get_object, Bucket="no-such-bucket", Key="x")


def case_delete_is_idempotent():
    put("objects/deleted")
    for _ in range(2):
        answer = s3.delete_object(Bucket=BUCKET, Key="objects/deleted")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused("NoSuchKey", 404, s3.get_object, Bucket=BUCKET, Key="objects/deleted")


def case_many_are_deleted_at_once():
    keys = [f"objects/many/{n} +%&<>{n}" for n in range(20)]
    for key in keys:
        put(key)
    wanted = [{"Key": key} for key in keys] + [{"Key": "objects/many/never-was"}]
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": wanted})
    assert {d["Key"] for d in answer["Deleted"]} == {w["Key"] for w in wanted}, answer
    assert "Errors" not in answer, answer
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="objects/many/")["KeyCount"] == 0
    put("objects/many/quiet")
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "objects/many/quiet"}], "Quiet": True})
    assert "Deleted" not in answer, answer


def case_copies():
    put("objects/source +ä", b"source", ContentType="text/plain", Metadata={"a": "1"})
    source = {"Bucket": BUCKET, "Key": "objects/source +ä"}
    s3.copy_object(Bucket=BUCKET, Key="objects/copy", CopySource=source)
    got = s3.get_object(Bucket=BUCKET, Key="objects/copy")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"source", "text/plain", {"a": "1"})
    s3.copy_object(Bucket=BUCKET, Key="objects/copy", CopySource=source, MetadataDirective="REPLACE",
                   ContentType="text/html", Metadata={"b": "2"})
    got = s3.get_object(Bucket=BUCKET, Key="objects/copy")
    assert (got["ContentType"], got["Metadata"]) == ("text/html", {"b": "2"})
    # A copy onto itself changes something or is refused.
    refused("InvalidRequest", 400, s3.copy_object, Bucket=BUCKET, Key=source["Key"], CopySource=source)
    s3.copy_object(Bucket=BUCKET, Key=source["Key"], CopySource=source, MetadataDirective="REPLACE", Metadata={"c": "3"})
    assert s3.head_object(**source)["Metadata"] == {"c": "3"}
    missing = {"Bucket": BUCKET, "Key": "objects/never-was"}
    refused("NoSuchKey", 404, s3.copy_object, Bucket=BUCKET, Key="objects/copy", CopySource=missing)
    tag = s3.head_object(**source)["ETag"]
    refused("PreconditionFailed", 412, s3.copy_object, Bucket=BUCKET, Key="objects/copy", CopySource=source,
            CopySourceIfNoneMatch=tag)


def case_metadata_keeps_its_bytes_and_its_limit():
    put("objects/metadata", b"", Metadata={"x": "y" * 2000})
    refused("MetadataTooLarge", 400, put, "objects/metadata-2", b"", Metadata={"x": "y" * 2100})
    refused("NoSuchKey", 404, s3.get_object, Bucket=BUCKET, Key="objects/metadata-2")


def case_keys_are_bytes():
    for key in [".", "..", "a//b", "/", "a/../b", "\u0001", "x" * 1024, "ä ö+%2F&=?#~", "a\\b", "emoji 🚪", "."]:
        put(key, key.encode())
        assert read(key) == key.encode(), key
        s3.head_object(Bucket=BUCKET, Key=key)
    listed = {o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET, EncodingType="url")["Contents"]}
    for key in [".", "..", "a//b", "/", "\u0001", "x" * 1024, "ä ö+%2F&=?#~"]:
        s3.delete_object(Bucket=BUCKET, Key=key)
    assert len(listed) >= 9, listed
    refused("KeyTooLongError", 400, put, "x" * 1025)


def case_buckets():
    s3.head_bucket(Bucket=BUCKET)
    assert BUCKET in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    refused("404", 404, s3.head_bucket, Bucket="no-such-bucket")
    s3.create_bucket(Bucket="made-by-boto3")
    refused("BucketAlreadyOwnedByYou", 409, s3.create_bucket, Bucket="made-by-boto3")
    s3.get_bucket_location(Bucket="made-by-boto3")
    s3.put_object(Bucket="made-by-boto3", Key="x", Body=b"x")
    refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket="made-by-boto3")
    s3.delete_object(Bucket="made-by-boto3", Key="x")
    s3.delete_bucket(Bucket="made-by-boto3")
    refused("NoSuchBucket", 404, s3.list_objects_v2, Bucket="made-by-boto3")
    assert "made-by-boto3" not in [b["Name"] for b in s3.list_buckets()["Buckets"]]


def case_what_is_not_built_says_so():
    refused("NotImplemented", 501, s3.get_bucket_analytics_configuration, Bucket=BUCKET, Id="x")
    refused("NotImplemented", 501, s3.put_bucket_website, Bucket=BUCKET,
            WebsiteConfiguration={"IndexDocument": {"Suffix": "i"}})
    refused("NotImplemented", 501, s3.get_object_torrent, Bucket=BUCKET, Key="x")


def case_the_wrong_secret_is_a_wrong_signature():
    import boto3
    from support import CA, DEV
    bad = boto3.client("s3", endpoint_url=DEV["s3"].rstrip("/"), region_name=DEV["region"], verify=CA,
                       aws_access_key_id=DEV["keys"][0]["access_key_id"], aws_secret_access_key="wrong")
    refused("SignatureDoesNotMatch", 403, bad.list_buckets)
    nobody = boto3.client("s3", endpoint_url=DEV["s3"].rstrip("/"), region_name=DEV["region"], verify=CA,
                          aws_access_key_id="AKXNOBODYNOBODY00000", aws_secret_access_key="wrong")
    refused("InvalidAccessKeyId", 403, nobody.list_buckets)


def case_a_wrong_region_is_named():
    import boto3
    from support import CA, DEV
    key = DEV["keys"][0]
    far = boto3.client("s3", endpoint_url=DEV["s3"].rstrip("/"), region_name="mars-north-1", verify=CA,
                       aws_access_key_id=key["access_key_id"], aws_secret_access_key=key["secret_access_key"])
    try:
        far.list_buckets()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AuthorizationHeaderMalformed", error
        assert error.response["Error"]["Region"] == DEV["region"], error.response
    else:
        raise AssertionError("a scope of another region was accepted")


run()
