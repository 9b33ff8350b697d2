"""Lists as boto3 asks for them: both versions, prefix, delimiter, pages, encoding."""

from support import BUCKET, client, refused, run

s3 = client("full")
KEYS = [f"list/{d}/{n:03}" for d in ["a", "b", "c"] for n in range(11)] + ["list/top", "list/x y+z", "list/ä"]
for key in KEYS:
    s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
KEYS.sort(key=str.encode)


def pages(operation, **more):
    found, prefixes, count = [], [], 0
    for page in s3.get_paginator(operation).paginate(Bucket=BUCKET, **more):
        found += [o["Key"] for o in page.get("Contents", [])]
        prefixes += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        count += 1
    return found, prefixes, count


def case_all_keys_in_byte_order_whatever_the_page():
    for operation in ["list_objects", "list_objects_v2"]:
        for size in [1, 2, 7, 36, 1000]:
            found, _, _ = pages(operation, Prefix="list/", PaginationConfig={"PageSize": size})
            assert found == KEYS, (operation, size, found)


def case_a_delimiter_rolls_up():
    for operation in ["list_objects", "list_objects_v2"]:
        for size in [1, 2, 1000]:
            found, prefixes, _ = pages(operation, Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": size})
            assert prefixes == ["list/a/", "list/b/", "list/c/"], (operation, size, prefixes)
            assert found == ["list/top", "list/x y+z", "list/ä"], (operation, size, found)


def case_start_after_and_marker():
    answer = s3.list_objects_v2(Bucket=BUCKET, Prefix="list/a/", StartAfter="list/a/008")
    assert [o["Key"] for o in answer["Contents"]] == ["list/a/009", "list/a/010"], answer
    answer = s3.list_objects(Bucket=BUCKET, Prefix="list/a/", Marker="list/a/008")
    assert [o["Key"] for o in answer["Contents"]] == ["list/a/009", "list/a/010"], answer


def case_what_a_page_says():
    answer = s3.list_objects_v2(Bucket=BUCKET, Prefix="list/a/", MaxKeys=3)
    assert (answer["KeyCount"], answer["MaxKeys"], answer["IsTruncated"]) == (3, 3, True), answer
    assert answer["Name"] == BUCKET and answer["Prefix"] == "list/a/"
    entry = answer["Contents"][0]
    assert entry["Size"] == len("list/a/000") and entry["StorageClass"] == "STANDARD", entry
    assert "Owner" not in entry, entry
    assert "Owner" in s3.list_objects_v2(Bucket=BUCKET, MaxKeys=1, FetchOwner=True)["Contents"][0]


def case_no_keys_at_all():
    answer = s3.list_objects_v2(Bucket=BUCKET, Prefix="list/", MaxKeys=0)
    assert (answer["KeyCount"], answer["IsTruncated"]) == (0, False), answer
    answer = s3.list_objects_v2(Bucket=BUCKET, Prefix="nothing/")
    assert answer["KeyCount"] == 0 and "Contents" not in answer, answer


def case_a_token_that_is_not_ours():
    refused("InvalidArgument", 400, s3.list_objects_v2, Bucket=BUCKET, ContinuationToken="not a token")
    refused("InvalidArgument", 400, s3.list_objects_v2, Bucket=BUCKET, MaxKeys=-1)


run()
