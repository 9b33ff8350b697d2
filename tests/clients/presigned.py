"""URLs and forms that boto3 signs and somebody else uses, without any credential: urllib and hand-made multipart."""

import ssl
import urllib.error
import urllib.parse
import urllib.request
import uuid

from support import BUCKET, CA, DEV, client, run

s3 = client("full", signature_version="s3v4")
TRUST = ssl.create_default_context(cafile=CA)


def ask(method, url, body=None, headers=None):
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, context=TRUST, timeout=60) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def url(operation, expires=600, signer=s3, **parameters):
    return signer.generate_presigned_url(operation, Params={"Bucket": BUCKET, **parameters}, ExpiresIn=expires)


def case_get():
    s3.put_object(Bucket=BUCKET, Key="presigned/ä +", Body=b"there")
    status, body, _ = ask("GET", url("get_object", Key="presigned/ä +"))
    assert (status, body) == (200, b"there"), (status, body)
    status, body, headers = ask("GET", url("get_object", Key="presigned/ä +", ResponseContentType="image/png"))
    assert headers["Content-Type"] == "image/png", headers


def case_put():
    status, body, _ = ask("PUT", url("put_object", Key="presigned/put"), b"by a stranger")
    assert status == 200, (status, body)
    assert s3.get_object(Bucket=BUCKET, Key="presigned/put")["Body"].read() == b"by a stranger"


def case_a_browser_may_add_a_content_type():
    status, body, _ = ask("PUT", url("put_object", Key="presigned/typed"), b"x", {"Content-Type": "text/x-own"})
    assert status == 200, (status, body)


def case_the_method_the_key_and_the_query_are_signed():
    s3.put_object(Bucket=BUCKET, Key="presigned/bound", Body=b"there")
    good = url("get_object", Key="presigned/bound")
    for method, spoiled in [("DELETE", good), ("PUT", good), ("GET", good.replace("bound", "other")),
                            ("GET", good + "&acl"), ("GET", good + "&versionId=null"),
                            ("GET", good + "&response-content-type=text/html"),
                            ("GET", good.replace("X-Amz-Expires=600", "X-Amz-Expires=6000"))]:
        status, body, _ = ask(method, spoiled, b"" if method == "PUT" else None)
        assert status == 403 and b"SignatureDoesNotMatch" in body, (method, spoiled, status, body)
    assert s3.get_object(Bucket=BUCKET, Key="presigned/bound")["Body"].read() == b"there"


def case_an_unsigned_header_that_matters_is_refused():
    s3.put_object(Bucket=BUCKET, Key="presigned/victim", Body=b"secret")
    status, body, _ = ask("PUT", url("put_object", Key="presigned/confused"), b"",
                          {"x-amz-copy-source": f"/{BUCKET}/presigned/victim"})
    assert status in (400, 403), (status, body)
    status, _, _ = ask("GET", url("get_object", Key="presigned/confused"))
    assert status == 404, status


def case_the_rights_are_those_of_the_key_that_signed():
    s3.put_object(Bucket=BUCKET, Key="presigned/rights", Body=b"x")
    writer, reader = (client(level, signature_version="s3v4") for level in ("write", "read"))
    status, body, _ = ask("GET", url("get_object", signer=writer, Key="presigned/rights"))
    assert status == 403 and b"AccessDenied" in body, (status, body)
    status, body, _ = ask("PUT", url("put_object", signer=reader, Key="presigned/rights"), b"y")
    assert status == 403 and b"AccessDenied" in body, (status, body)
    assert ask("GET", url("get_object", signer=reader, Key="presigned/rights"))[:2] == (200, b"x")


def case_seven_days_and_no_more():
    s3.put_object(Bucket=BUCKET, Key="presigned/days", Body=b"x")
    assert ask("GET", url("get_object", expires=604800, Key="presigned/days"))[0] == 200
    status, body, _ = ask("GET", url("get_object", expires=604801, Key="presigned/days"))
    assert status == 403 and b"AccessDenied" in body, (status, body)


def form(fields, file, name="own name.txt"):
    border = uuid.uuid4().hex
    body = b""
    for key, value in fields.items():
        body += f'--{border}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
    body += (f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
             "Content-Type: text/plain\r\n\r\n").encode() + file + f"\r\n--{border}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={border}"}


def post(key, file=b"from a form", change=None, conditions=None, extra=None, signer=s3, expires=600):
    made = signer.generate_presigned_post(BUCKET, key, Fields=extra, Conditions=list(conditions or []),
                                         ExpiresIn=expires)
    fields = {**made["fields"], **(change or {})}
    body, headers = form(fields, file)
    return ask("POST", made["url"], body, headers)


def case_a_form():
    status, body, _ = post("presigned/form")
    assert status == 204, (status, body)
    assert s3.get_object(Bucket=BUCKET, Key="presigned/form")["Body"].read() == b"from a form"


def case_the_name_of_the_file():
    status, body, _ = post("presigned/form/${filename}")
    assert status == 204, (status, body)
    assert s3.get_object(Bucket=BUCKET, Key="presigned/form/own name.txt")["Body"].read() == b"from a form"


def case_the_status_that_is_asked():
    extra, conditions = {"success_action_status": "201"}, [{"success_action_status": "201"}]
    status, body, _ = post("presigned/form-201", extra=extra, conditions=conditions)
    assert status == 201 and b"<Key>presigned/form-201</Key>" in body, (status, body)


def case_the_length_that_the_policy_allows():
    conditions = [["content-length-range", 1, 10]]
    status, body, _ = post("presigned/long", file=b"x" * 11, conditions=conditions)
    assert status == 400 and b"EntityTooLarge" in body, (status, body)
    status, body, _ = post("presigned/short", file=b"", conditions=conditions)
    assert status == 400 and b"EntityTooSmall" in body, (status, body)
    assert post("presigned/fits", file=b"x" * 10, conditions=conditions)[0] == 204
    for key in ["presigned/long", "presigned/short"]:
        assert ask("GET", url("get_object", Key=key))[0] == 404, key


def case_what_the_policy_does_not_say():
    for change in [{"key": "presigned/elsewhere"}, {"acl": "public-read"}, {"x-amz-meta-extra": "1"},
                   {"Content-Type": "text/html"}]:
        status, body, _ = post("presigned/bound-form", change=change)
        assert status == 403 and b"AccessDenied" in body, (change, status, body)
    status, body, _ = post("presigned/bound-form", change={"bucket": "another"})
    assert status in (400, 403), (status, body)
    for key in ["presigned/bound-form", "presigned/elsewhere"]:
        assert ask("GET", url("get_object", Key=key))[0] == 404, key


def case_a_form_with_a_wrong_signature():
    status, body, _ = post("presigned/forged", change={"x-amz-signature": "0" * 64})
    assert status == 403 and b"SignatureDoesNotMatch" in body, (status, body)
    status, body, _ = post("presigned/forged", change={"policy": "e30="})
    assert status in (400, 403), (status, body)
    assert ask("GET", url("get_object", Key="presigned/forged"))[0] == 404


def case_a_form_by_a_key_that_may_not_write():
    status, body, _ = post("presigned/by-reader", signer=client("read", signature_version="s3v4"))
    assert status == 403 and b"AccessDenied" in body, (status, body)
    assert post("presigned/by-writer", signer=client("write", signature_version="s3v4"))[0] == 204


def case_a_form_that_has_expired():
    status, body, _ = post("presigned/late", expires=-60)
    assert status == 403 and b"AccessDenied" in body, (status, body)


def case_a_form_that_is_not_a_form():
    target = f"{DEV['s3'].rstrip('/')}/{BUCKET}"
    for body, kind in [(b"", "multipart/form-data; boundary=x"), (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
                       (b"a=b", "multipart/form-data"), (b"--x--\r\n", "multipart/form-data; boundary=x")]:
        status, answer, headers = ask("POST", target, body, {"Content-Type": kind})
        assert 400 <= status < 500 and b"<Code>" in answer, (body, status, answer)


run()
