"""What each level may do, as an SDK sees it; and two users who have a bucket of the same name."""

from support import BUCKET, client, refused, run

full, both, reader, writer = (client(level) for level in ("full", "read-write", "read", "write"))
other = client("full", user="backups")
full.put_object(Bucket=BUCKET, Key="levels/there", Body=b"there")
THERE = {"Bucket": BUCKET, "Key": "levels/there"}


def case_a_read_key_reads_and_does_not_write():
    assert reader.get_object(**THERE)["Body"].read() == b"there"
    reader.head_object(**THERE)
    reader.list_objects_v2(Bucket=BUCKET, Prefix="levels/")
    refused("AccessDenied", 403, reader.put_object, Bucket=BUCKET, Key="levels/no", Body=b"x")
    refused("AccessDenied", 403, reader.delete_object, **THERE)
    refused("AccessDenied", 403, reader.copy_object, Bucket=BUCKET, Key="levels/no", CopySource=THERE)
    refused("AccessDenied", 403, reader.create_multipart_upload, Bucket=BUCKET, Key="levels/no")
    refused("AccessDenied", 403, reader.create_bucket, Bucket="made-by-a-reader")
    refused("AccessDenied", 403, reader.delete_bucket, Bucket=BUCKET)
    refused("NoSuchKey", 404, reader.get_object, Bucket=BUCKET, Key="levels/no")


def case_a_write_key_writes_and_does_not_read():
    writer.put_object(Bucket=BUCKET, Key="levels/written", Body=b"written")
    refused("AccessDenied", 403, writer.get_object, Bucket=BUCKET, Key="levels/written")
    refused("AccessDenied", 403, writer.get_object, **THERE)
    refused("AccessDenied", 403, writer.list_objects_v2, Bucket=BUCKET)
    refused("AccessDenied", 403, writer.delete_object, **THERE)
    refused("AccessDenied", 403, writer.copy_object, Bucket=BUCKET, Key="levels/no", CopySource=THERE)
    refused("BucketAlreadyOwnedByYou", 409, writer.create_bucket, Bucket=BUCKET)
    refused("AccessDenied", 403, writer.create_bucket, Bucket="made-by-a-writer")
    assert both.get_object(Bucket=BUCKET, Key="levels/written")["Body"].read() == b"written"


def case_a_write_key_sees_its_own_and_nothing_else():
    answer = writer.put_object(Bucket=BUCKET, Key="levels/own", Body=b"own")
    assert writer.head_object(Bucket=BUCKET, Key="levels/own")["ETag"] == answer["ETag"]
    refused("404", 404, writer.head_object, **THERE)
    full.put_object(Bucket=BUCKET, Key="levels/own", Body=b"by another")
    refused("404", 404, writer.head_object, Bucket=BUCKET, Key="levels/own")


def case_a_write_key_uploads_in_parts():
    at = {"Bucket": BUCKET, "Key": "levels/parts"}
    upload = writer.create_multipart_upload(**at)["UploadId"]
    part = writer.upload_part(**at, UploadId=upload, PartNumber=1, Body=b"x")
    assert len(writer.list_parts(**at, UploadId=upload)["Parts"]) == 1
    done = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    writer.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=done)
    upload = writer.create_multipart_upload(**at)["UploadId"]
    writer.abort_multipart_upload(**at, UploadId=upload)
    foreign = full.create_multipart_upload(**at)["UploadId"]
    for call in [writer.list_parts, writer.abort_multipart_upload]:
        refused("AccessDenied", 403, call, **at, UploadId=foreign)
    refused("AccessDenied", 403, writer.upload_part, **at, UploadId=foreign, PartNumber=1, Body=b"x")


def case_deleting_many_is_decided_key_by_key():
    for key in ["levels/d1", "levels/d2"]:
        full.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    wanted = {"Objects": [{"Key": "levels/d1"}, {"Key": "levels/d2"}]}
    for who in [reader, writer]:
        answer = who.delete_objects(Bucket=BUCKET, Delete=wanted)
        assert {e["Code"] for e in answer["Errors"]} == {"AccessDenied"} and len(answer["Errors"]) == 2, answer
    assert len(both.delete_objects(Bucket=BUCKET, Delete=wanted)["Deleted"]) == 2


def case_a_read_write_key_manages_nothing():
    both.put_object(Bucket=BUCKET, Key="levels/rw", Body=b"x")
    both.copy_object(Bucket=BUCKET, Key="levels/rw-copy", CopySource={"Bucket": BUCKET, "Key": "levels/rw"})
    both.delete_object(Bucket=BUCKET, Key="levels/rw")
    refused("AccessDenied", 403, both.create_bucket, Bucket="made-by-read-write")
    refused("AccessDenied", 403, both.delete_bucket, Bucket=BUCKET)


def case_two_users_two_namespaces():
    other.put_object(Bucket=BUCKET, Key="levels/theirs", Body=b"theirs")
    full.put_object(Bucket=BUCKET, Key="levels/ours", Body=b"ours")
    refused("NoSuchKey", 404, full.get_object, Bucket=BUCKET, Key="levels/theirs")
    refused("NoSuchKey", 404, other.get_object, Bucket=BUCKET, Key="levels/ours")
    full.create_bucket(Bucket="ours-alone")
    refused("NoSuchBucket", 404, other.list_objects_v2, Bucket="ours-alone")
    refused("NoSuchBucket", 404, other.delete_bucket, Bucket="ours-alone")
    refused("NoSuchBucket", 404, other.copy_object, Bucket=BUCKET, Key="x", CopySource={"Bucket": "ours-alone", "Key": "x"})
    other.create_bucket(Bucket="ours-alone")
    other.delete_bucket(Bucket="ours-alone")
    full.delete_bucket(Bucket="ours-alone")
    assert [b["Name"] for b in other.list_buckets()["Buckets"]] == [BUCKET]


def case_everybody_lists_the_buckets_they_may_see():
    for who in [full, both, reader, writer]:
        assert [b["Name"] for b in who.list_buckets()["Buckets"]] == [BUCKET]


def case_a_refused_upload_is_an_error_and_not_a_reset():
    big = b"x" * (30 * 1024 * 1024)
    for who in [reader, client("read", request_checksum_calculation="when_required"),
                client("read", s3={"payload_signing_enabled": True})]:
        refused("AccessDenied", 403, who.put_object, Bucket=BUCKET, Key="levels/big", Body=big)
    refused("NoSuchBucket", 404, full.put_object, Bucket="never-was", Key="x", Body=big)


run()
