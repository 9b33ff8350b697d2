"""Multipart uploads as boto3 makes them: 100 MiB by the transfer manager, and each call by hand."""

import hashlib
import os
import random
import tempfile

from boto3.s3.transfer import TransferConfig

from support import BUCKET, client, refused, run

s3 = client("full")
MIB = 1024 * 1024


def case_a_hundred_mebibytes_go_up_and_come_back():
    size = 100 * MIB
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "source"), os.path.join(folder, "target")
        block = random.Random(7).randbytes(MIB)
        with open(source, "wb") as file:
            for n in range(size // MIB):
                file.write(n.to_bytes(4, "big") + block[4:])
        settings = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB, max_concurrency=4)
        s3.upload_file(source, BUCKET, "multipart/big", Config=settings)
        head = s3.head_object(Bucket=BUCKET, Key="multipart/big")
        assert head["ContentLength"] == size
        assert head["ETag"].strip('"').endswith("-13"), head["ETag"]
        s3.download_file(BUCKET, "multipart/big", target, Config=settings)
        digest = lambda path: hashlib.file_digest(open(path, "rb"), "sha256").hexdigest()
        assert digest(source) == digest(target)
        part = s3.get_object(Bucket=BUCKET, Key="multipart/big", PartNumber=13)
        assert part["PartsCount"] == 13, part
        assert part["ContentLength"] == 4 * MIB
        # A range across the border of two parts.
        at = 8 * MIB - 3
        got = s3.get_object(Bucket=BUCKET, Key="multipart/big", Range=f"bytes={at}-{at + 9}")["Body"].read()
        with open(source, "rb") as file:
            file.seek(at)
            assert got == file.read(10)


def begin(key, **more):
    return s3.create_multipart_upload(Bucket=BUCKET, Key=key, **more)["UploadId"]


def part(key, upload, number, body):
    answer = s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=body)
    return {"PartNumber": number, "ETag": answer["ETag"]}


def finish(key, upload, parts, **more):
    return s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, **more)


def case_by_hand():
    key = "multipart/hand"
    upload = begin(key, ContentType="text/plain", Metadata={"a": "b"})
    one, two = b"1" * (5 * MIB), b"2" * 10
    part(key, upload, 2, b"overwritten")
    parts = [part(key, upload, 1, one), part(key, upload, 2, two)]
    listed = s3.list_parts(Bucket=BUCKET, Key=key, UploadId=upload)
    assert [(p["PartNumber"], p["Size"]) for p in listed["Parts"]] == [(1, len(one)), (2, len(two))], listed
    uploads = s3.list_multipart_uploads(Bucket=BUCKET, Prefix="multipart/")["Uploads"]
    assert upload in [u["UploadId"] for u in uploads], uploads
    refused("NoSuchKey", 404, s3.get_object, Bucket=BUCKET, Key=key)
    answer = finish(key, upload, parts)
    wanted = hashlib.md5(hashlib.md5(one).digest() + hashlib.md5(two).digest()).hexdigest() + "-2"
    assert answer["ETag"] == f'"{wanted}"', answer
    assert finish(key, upload, parts)["ETag"] == answer["ETag"], "asked again, it answers the same"
    got = s3.get_object(Bucket=BUCKET, Key=key)
    assert got["Body"].read() == one + two
    assert (got["ContentType"], got["Metadata"]) == ("text/plain", {"a": "b"})


def case_faults_of_complete():
    key = "multipart/faults"
    upload = begin(key)
    small, last = part(key, upload, 1, b"small"), part(key, upload, 2, b"last")
    refused("EntityTooSmall", 400, finish, key, upload, [small, last])
    refused("InvalidPartOrder", 400, finish, key, upload, [last, small])
    refused("InvalidPart", 400, finish, key, upload, [small, {"PartNumber": 3, "ETag": small["ETag"]}])
    refused("InvalidPart", 400, finish, key, upload, [{"PartNumber": 1, "ETag": last["ETag"]}])
    refused("NoSuchUpload", 404, finish, key, "0" * 32, [small])
    refused("NoSuchUpload", 404, finish, "multipart/another-key", upload, [small])
    finish(key, upload, [last])
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"last", "a part that is not listed is not there"


def case_abort():
    key = "multipart/aborted"
    upload = begin(key)
    one = part(key, upload, 1, b"x")
    s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload)
    refused("NoSuchUpload", 404, part, key, upload, 1, b"x")
    refused("NoSuchUpload", 404, finish, key, upload, [one])
    refused("NoSuchUpload", 404, s3.list_parts, Bucket=BUCKET, Key=key, UploadId=upload)
    refused("NoSuchKey", 404, s3.get_object, Bucket=BUCKET, Key=key)


def case_parts_copied_from_an_object():
    source = bytes(range(256)) * (24 * 1024)
    s3.put_object(Bucket=BUCKET, Key="multipart/source", Body=source)
    key = "multipart/of-copies"
    upload = begin(key)
    origin = {"Bucket": BUCKET, "Key": "multipart/source"}
    at = {"Bucket": BUCKET, "Key": key, "UploadId": upload}
    one = s3.upload_part_copy(**at, PartNumber=1, CopySource=origin)["CopyPartResult"]
    two = s3.upload_part_copy(**at, PartNumber=2, CopySource=origin, CopySourceRange="bytes=10-19")["CopyPartResult"]
    refused("InvalidRange", 416, s3.upload_part_copy, **at, PartNumber=3, CopySource=origin,
            CopySourceRange=f"bytes=0-{len(source)}")
    finish(key, upload, [{"PartNumber": 1, "ETag": one["ETag"]}, {"PartNumber": 2, "ETag": two["ETag"]}])
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == source + source[10:20]


def case_part_numbers_have_bounds():
    upload = begin("multipart/bounds")
    for number in [0, 10_001]:
        refused("InvalidArgument", 400, part, "multipart/bounds", upload, number, b"x")
    part("multipart/bounds", upload, 10_000, b"x")


def case_a_condition_on_complete():
    key = "multipart/condition"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"there")
    upload = begin(key)
    one = part(key, upload, 1, b"x")
    refused("PreconditionFailed", 412, finish, key, upload, [one], IfNoneMatch="*")
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"there"


run()
