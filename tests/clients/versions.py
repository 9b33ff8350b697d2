"""Versions as boto3 knows them: enabling, reading, deleting and listing them, markers, null versions, copies and uploads."""

from support import client, refused, run

s3 = client("full")


def bucket(name, *states):
    s3.create_bucket(Bucket=name)
    for state in states:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": state})
    return name


def put(name, key, body):
    return s3.put_object(Bucket=name, Key=key, Body=body).get("VersionId")


def listed(name, **more):
    page = s3.list_object_versions(Bucket=name, **more)
    versions = [(v["Key"], v["VersionId"], v["IsLatest"]) for v in page.get("Versions", [])]
    markers = [(m["Key"], m["VersionId"], m["IsLatest"]) for m in page.get("DeleteMarkers", [])]
    return versions, markers


def case_the_state_is_told():
    name = bucket("versions-state")
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)
    for state in ("Enabled", "Suspended", "Enabled"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": state})
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == state
    refused("MalformedXML", 400, s3.put_bucket_versioning, Bucket=name, VersioningConfiguration={"Status": "On"})


def case_each_write_is_a_version_and_each_is_read_by_name():
    name = bucket("versions-read", "Enabled")
    first, second = put(name, "k", b"one"), put(name, "k", b"second")
    assert first and second and first != second
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"second"
    got = s3.get_object(Bucket=name, Key="k", VersionId=first)
    assert (got["Body"].read(), got["VersionId"]) == (b"one", first)
    assert s3.head_object(Bucket=name, Key="k", VersionId=first)["ContentLength"] == 3
    assert listed(name) == ([("k", second, True), ("k", first, False)], [])
    refused("NoSuchVersion", 404, s3.get_object, Bucket=name, Key="k", VersionId="0" * 32)
    refused("InvalidArgument", 400, s3.get_object, Bucket=name, Key="k", VersionId="nonsense")


def case_a_deletion_leaves_a_marker_that_can_be_taken_away():
    name = bucket("versions-marker", "Enabled")
    version = put(name, "k", b"kept")
    gone = s3.delete_object(Bucket=name, Key="k")
    assert gone["DeleteMarker"] is True and gone["VersionId"] != version
    answer = refused("NoSuchKey", 404, s3.get_object, Bucket=name, Key="k")
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true" and headers["x-amz-version-id"] == gone["VersionId"]
    assert "Contents" not in s3.list_objects_v2(Bucket=name)
    assert listed(name) == ([("k", version, False)], [("k", gone["VersionId"], True)])
    marker = refused("MethodNotAllowed", 405, s3.get_object, Bucket=name, Key="k", VersionId=gone["VersionId"])
    assert marker["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket=name)
    back = s3.delete_object(Bucket=name, Key="k", VersionId=gone["VersionId"])
    assert back["DeleteMarker"] is True and back["VersionId"] == gone["VersionId"]
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"kept"
    s3.delete_object(Bucket=name, Key="k", VersionId=version)
    s3.delete_bucket(Bucket=name)


def case_null_versions_come_and_go():
    name = bucket("versions-null")
    assert put(name, "k", b"before") is None
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    version = put(name, "k", b"version")
    assert s3.get_object(Bucket=name, Key="k", VersionId="null")["Body"].read() == b"before"
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    assert put(name, "k", b"null again") is None
    assert listed(name) == ([("k", "null", True), ("k", version, False)], [])
    gone = s3.delete_object(Bucket=name, Key="k")
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, "null")
    assert listed(name) == ([("k", version, False)], [("k", "null", True)])
    s3.delete_object(Bucket=name, Key="k", VersionId="null")
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"version"


def case_pages_go_on_after_a_version():
    name = bucket("versions-pages", "Enabled")
    expected = []
    for key in ("a", "b/1", "b/2", "c"):
        expected += [(key, put(name, key, str(n).encode())) for n in range(3)][::-1]
    for size in (1, 2, 5, 1000):
        got, more = [], {}
        while True:
            page = s3.list_object_versions(Bucket=name, MaxKeys=size, **more)
            got += [(v["Key"], v["VersionId"]) for v in page.get("Versions", [])]
            if not page["IsTruncated"]:
                break
            more = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        assert got == expected, size
    rolled = s3.list_object_versions(Bucket=name, Delimiter="/")
    assert [p["Prefix"] for p in rolled["CommonPrefixes"]] == ["b/"]
    assert {v["Key"] for v in rolled["Versions"]} == {"a", "c"}


def case_versions_are_copied_and_completed():
    name = bucket("versions-copy", "Enabled")
    first = put(name, "k", b"first")
    put(name, "k", b"second")
    source = {"Bucket": name, "Key": "k", "VersionId": first}
    copied = s3.copy_object(Bucket=name, Key="k", CopySource=source)
    assert copied["CopySourceVersionId"] == first and copied["VersionId"] != first
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"first"
    upload = s3.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=name, Key="k", UploadId=upload, PartNumber=1, Body=b"parts")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = s3.complete_multipart_upload(Bucket=name, Key="k", UploadId=upload, MultipartUpload=parts)
    assert done["VersionId"]
    assert len(listed(name)[0]) == 4


def case_many_are_deleted_at_once():
    name = bucket("versions-many", "Enabled")
    versions = [put(name, "k", b"x") for _ in range(5)]
    objects = [{"Key": "k", "VersionId": v} for v in versions] + [{"Key": "k"}]
    done = s3.delete_objects(Bucket=name, Delete={"Objects": objects})["Deleted"]
    assert [d.get("VersionId") for d in done[:5]] == versions
    assert done[5]["DeleteMarker"] is True and done[5]["DeleteMarkerVersionId"]
    again = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k", "VersionId": done[5]["DeleteMarkerVersionId"]}]})
    assert again["Deleted"][0]["DeleteMarker"] is True
    s3.delete_bucket(Bucket=name)


run()
