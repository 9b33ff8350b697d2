"""Checksums as boto3 sends them: by default, each algorithm by name, wrong ones, and what is answered."""

import base64
import hashlib
import zlib

from botocore.exceptions import ClientError

from support import BUCKET, client, refused, run

s3 = client("full")
BODY = b"The quick brown fox jumps over the lazy dog"
NAMES = ["CRC32", "SHA1", "SHA256"]
try:
    import awscrt  # noqa: F401 - the algorithms that botocore leaves to it

    NAMES += ["CRC32C", "CRC64NVME"]
except ImportError:
    pass


def of(name, body):
    if name == "CRC32":
        return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    if name in ("SHA1", "SHA256"):
        return base64.b64encode(hashlib.new(name.lower(), body).digest()).decode()
    return {"CRC32C": "ImIEBA==", "CRC64NVME": None}[name] if body == BODY else None


def case_by_default_a_crc_goes_with_the_upload_and_comes_back():
    put = s3.put_object(Bucket=BUCKET, Key="checksums/default", Body=BODY)
    assert put["ChecksumCRC32"] == of("CRC32", BODY), put
    got = s3.get_object(Bucket=BUCKET, Key="checksums/default", ChecksumMode="ENABLED")
    assert got["ChecksumCRC32"] == of("CRC32", BODY), got
    assert got["ChecksumType"] == "FULL_OBJECT", got
    assert got["Body"].read() == BODY


def case_no_checksum_is_answered_unasked():
    s3.put_object(Bucket=BUCKET, Key="checksums/unasked", Body=BODY)
    quiet = client("full", response_checksum_validation="when_required")
    got = quiet.get_object(Bucket=BUCKET, Key="checksums/unasked")
    assert not [name for name in got if name.startswith("Checksum")], got
    head = quiet.head_object(Bucket=BUCKET, Key="checksums/unasked", ChecksumMode="ENABLED")
    assert head["ChecksumCRC32"] == of("CRC32", BODY), head


def case_each_algorithm():
    for name in NAMES:
        key = f"checksums/{name}"
        put = s3.put_object(Bucket=BUCKET, Key=key, Body=BODY, ChecksumAlgorithm=name)
        got = s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
        assert got["Body"].read() == BODY
        assert got[f"Checksum{name}"] == put[f"Checksum{name}"], name
        if of(name, BODY):
            assert put[f"Checksum{name}"] == of(name, BODY), name
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["Contents"][0]
        assert name in listed["ChecksumAlgorithm"], listed


def case_without_any_checksum_the_gate_makes_its_own():
    bare = client("full", request_checksum_calculation="when_required")
    bare.put_object(Bucket=BUCKET, Key="checksums/none", Body=BODY)
    head = s3.head_object(Bucket=BUCKET, Key="checksums/none", ChecksumMode="ENABLED")
    assert "ChecksumCRC64NVME" in head, head


def case_a_wrong_value_stores_nothing():
    for name in ["CRC32", "SHA1", "SHA256"]:
        wrong = of(name, b"another body")
        refused("BadDigest", 400, s3.put_object, Bucket=BUCKET, Key="checksums/wrong", Body=BODY,
                **{f"Checksum{name}": wrong})
    refused("BadDigest", 400, s3.put_object, Bucket=BUCKET, Key="checksums/wrong", Body=BODY,
            ContentMD5=base64.b64encode(hashlib.md5(b"another").digest()).decode())
    refused("InvalidDigest", 400, s3.put_object, Bucket=BUCKET, Key="checksums/wrong", Body=BODY, ContentMD5="short")
    refused("NoSuchKey", 404, s3.get_object, Bucket=BUCKET, Key="checksums/wrong")


def case_a_part_of_an_object_has_no_checksum():
    s3.put_object(Bucket=BUCKET, Key="checksums/range", Body=BODY)
    quiet = client("full", response_checksum_validation="when_required")
    got = quiet.get_object(Bucket=BUCKET, Key="checksums/range", Range="bytes=0-3", ChecksumMode="ENABLED")
    assert not [name for name in got if name.startswith("Checksum")], got


def case_multipart_composite_and_full():
    body = b"p" * (5 * 1024 * 1024)
    key = "checksums/multipart"
    for algorithm, kind in [("SHA256", "COMPOSITE"), ("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT")]:
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key, ChecksumAlgorithm=algorithm, ChecksumType=kind)
        assert upload["ChecksumAlgorithm"] == algorithm
        at = {"Bucket": BUCKET, "Key": key, "UploadId": upload["UploadId"]}
        parts = []
        for number, piece in [(1, body), (2, b"tail")]:
            part = s3.upload_part(**at, PartNumber=number, Body=piece, ChecksumAlgorithm=algorithm)
            parts.append({"PartNumber": number, "ETag": part["ETag"], f"Checksum{algorithm}": part[f"Checksum{algorithm}"]})
        done = s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
        if kind == "FULL_OBJECT":
            assert done[f"Checksum{algorithm}"] == of(algorithm, body + b"tail"), done
        else:
            assert done[f"Checksum{algorithm}"].endswith("-2"), done
        assert done["ChecksumType"] == kind, done
        head = s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
        assert head[f"Checksum{algorithm}"] == done[f"Checksum{algorithm}"], head
        got = s3.get_object(Bucket=BUCKET, Key=key)
        assert got["Body"].read() == body + b"tail"


def case_deleting_many_needs_a_checksum_and_any_will_do():
    for n in range(2):
        s3.put_object(Bucket=BUCKET, Key=f"checksums/many/{n}", Body=b"x")
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "checksums/many/0"}]}, ChecksumAlgorithm="CRC32")
    assert len(answer["Deleted"]) == 1, answer
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "checksums/many/1"}]}, ChecksumAlgorithm="SHA256")
    assert len(answer["Deleted"]) == 1, answer


def case_a_stream_of_unknown_length():
    class Stream:
        """No length, no seeking: botocore has to send chunks with a trailer, or refuse by itself."""

        def __init__(self, left):
            self.left = left

        def read(self, size=-1):
            size = min(self.left, size if size >= 0 else self.left)
            self.left -= size
            return b"s" * size

    try:
        s3.upload_fileobj(Stream(20 * 1024 * 1024 + 1), BUCKET, "checksums/stream")
    except ClientError:
        raise
    head = s3.head_object(Bucket=BUCKET, Key="checksums/stream")
    assert head["ContentLength"] == 20 * 1024 * 1024 + 1, head


run()
