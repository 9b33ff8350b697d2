"""What is configured of buckets: CORS with preflights, lifecycles, encryption at rest by the store's keys and by a customer's."""

import base64
import hashlib
import urllib.request

from support import BUCKET, CA, DEV, client, refused, run

import ssl

s3 = client("full")
URL = DEV["s3"].rstrip("/")
KEY = b"k" * 32
CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY.decode()}
OTHER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "o" * 32}


def asked(url, method="GET", **headers):
    """Status and headers, as a browser sees them."""
    request = urllib.request.Request(url, method=method, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        answer = urllib.request.urlopen(request, context=ssl.create_default_context(cafile=CA))
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.headers


def case_pages_of_other_origins_are_told_what_they_may_read():
    refused("NoSuchCORSConfiguration", 404, s3.get_bucket_cors, Bucket=BUCKET)
    rules = [
        {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://*.example"], "AllowedHeaders": ["x-amz-*"],
         "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60},
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]},
    ]
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"] == rules
    s3.put_object(Bucket=BUCKET, Key="settings/cors", Body=b"x")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "settings/cors"})
    status, headers = asked(url, Origin="https://a.example")
    assert (status, headers["access-control-allow-origin"]) == (200, "https://a.example"), headers
    assert headers["access-control-expose-headers"] == "ETag" and "Origin" in headers["vary"], headers
    assert asked(url, Origin="https://b.test")[1]["access-control-allow-origin"] == "*"
    assert asked(url)[1]["access-control-allow-origin"] is None
    # A refusal can be read, too.
    missing = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "settings/never"})
    status, headers = asked(missing, Origin="https://a.example")
    assert (status, headers["access-control-allow-origin"]) == (404, "https://a.example"), headers
    s3.delete_bucket_cors(Bucket=BUCKET)
    refused("NoSuchCORSConfiguration", 404, s3.get_bucket_cors, Bucket=BUCKET)
    assert asked(url, Origin="https://a.example")[1]["access-control-allow-origin"] is None


def case_lifecycles_are_kept_as_they_came():
    refused("NoSuchLifecycleConfiguration", 404, s3.get_bucket_lifecycle_configuration, Bucket=BUCKET)
    rules = [
        {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}},
        {"ID": "b", "Status": "Disabled", "Filter": {"And": {"Prefix": "p", "Tags": [{"Key": "k", "Value": "v"}]}},
         "NoncurrentVersionExpiration": {"NoncurrentDays": 2, "NewerNoncurrentVersions": 1}},
        {"ID": "c", "Status": "Enabled", "Prefix": "", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"] == rules
    put = s3.put_object(Bucket=BUCKET, Key="logs/1", Body=b"x")
    assert 'rule-id="a"' in put["Expiration"], put
    assert "Expiration" not in s3.put_object(Bucket=BUCKET, Key="other", Body=b"x")
    bad = [{"ID": "a", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 0}}]
    refused("InvalidArgument", 400, s3.put_bucket_lifecycle_configuration, Bucket=BUCKET, LifecycleConfiguration={"Rules": bad})
    moves = [{"Status": "Enabled", "Filter": {}, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}]
    refused("NotImplemented", 501, s3.put_bucket_lifecycle_configuration, Bucket=BUCKET, LifecycleConfiguration={"Rules": moves})
    s3.delete_bucket_lifecycle(Bucket=BUCKET)
    refused("NoSuchLifecycleConfiguration", 404, s3.get_bucket_lifecycle_configuration, Bucket=BUCKET)


def case_the_store_encrypts_where_it_is_asked():
    put = s3.put_object(Bucket=BUCKET, Key="settings/sse", Body=b"secret" * 20000, ServerSideEncryption="AES256")
    assert put["ServerSideEncryption"] == "AES256", put
    got = s3.get_object(Bucket=BUCKET, Key="settings/sse", Range="bytes=65530-65545")
    assert got["Body"].read() == (b"secret" * 20000)[65530:65546] and got["ServerSideEncryption"] == "AES256"
    refused("NotImplemented", 501, s3.put_object, Bucket=BUCKET, Key="settings/kms", Body=b"x", ServerSideEncryption="aws:kms")
    refused("ServerSideEncryptionConfigurationNotFoundError", 404, s3.get_bucket_encryption, Bucket=BUCKET)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.put_object(Bucket=BUCKET, Key="settings/default", Body=b"x")["ServerSideEncryption"] == "AES256"
    s3.delete_bucket_encryption(Bucket=BUCKET)
    assert "ServerSideEncryption" not in s3.put_object(Bucket=BUCKET, Key="settings/default", Body=b"x")


def case_a_customers_key_is_asked_for():
    body = bytes(range(256)) * 1000
    put = s3.put_object(Bucket=BUCKET, Key="settings/customer", Body=body, **CUSTOMER)
    md5 = base64.b64encode(hashlib.md5(KEY).digest()).decode()
    assert (put["SSECustomerAlgorithm"], put["SSECustomerKeyMD5"]) == ("AES256", md5), put
    assert s3.get_object(Bucket=BUCKET, Key="settings/customer", **CUSTOMER)["Body"].read() == body
    refused("InvalidRequest", 400, s3.get_object, Bucket=BUCKET, Key="settings/customer")
    refused("InvalidRequest", 400, s3.get_object, Bucket=BUCKET, Key="settings/customer", **OTHER)
    source = {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": KEY.decode()}
    s3.copy_object(Bucket=BUCKET, Key="settings/plain", CopySource=f"{BUCKET}/settings/customer", **source)
    assert s3.get_object(Bucket=BUCKET, Key="settings/plain")["Body"].read() == body
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="settings/parts", **CUSTOMER)["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="settings/parts", UploadId=upload, PartNumber=1, Body=body, **CUSTOMER)
    refused("InvalidRequest", 400, s3.upload_part, Bucket=BUCKET, Key="settings/parts", UploadId=upload, PartNumber=2, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    finish = lambda **key: s3.complete_multipart_upload(
        Bucket=BUCKET, Key="settings/parts", UploadId=upload, MultipartUpload=parts, **key)
    refused("InvalidRequest", 400, finish)
    refused("InvalidRequest", 400, finish, **OTHER)
    done = finish(**CUSTOMER)
    told = done["ResponseMetadata"]["HTTPHeaders"]
    assert told["x-amz-server-side-encryption-customer-key-md5"] == md5, told
    refused("InvalidRequest", 400, finish, **OTHER)
    assert s3.get_object(Bucket=BUCKET, Key="settings/parts", **CUSTOMER)["Body"].read() == body


run()
