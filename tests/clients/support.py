"""What the scripts share: the gate that `POSTERN_DEV` names, boto3 clients for its keys, and a runner.

Each function of a script whose name begins with `case_` is a case. All of them run; the script fails if one did.
"""

import inspect
import json
import os
import sys
import traceback

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

DEV = json.load(open(os.environ["POSTERN_DEV"]))
USER = os.environ["POSTERN_USER"]
BUCKET = next(key["bucket"] for key in DEV["keys"] if key["user"] == USER)
CA = os.environ["AWS_CA_BUNDLE"]


def client(level, user=None, **settings):
    """A client of S3 that signs with the key of that level."""
    key = next(k for k in DEV["keys"] if k["user"] == (user or USER) and k["level"] == level)
    return client_of("s3", key["access_key_id"], key["secret_access_key"], **settings)


def anonymous():
    """A client of S3 that signs nothing."""
    config = Config(signature_version=botocore.UNSIGNED, s3={"addressing_style": "path"})
    return boto3.client("s3", endpoint_url=DEV["s3"].rstrip("/"), region_name=DEV["region"], verify=CA, config=config)


def client_of(service, access_key_id, secret_access_key, token=None, **settings):
    """A client of any service that signs with these credentials."""
    s3 = settings.pop("s3", {})
    settings.setdefault("retries", {"max_attempts": 1, "mode": "standard"})
    settings.setdefault("read_timeout", 60)
    return boto3.client(
        service,
        endpoint_url=DEV["s3"].rstrip("/"),
        region_name=DEV["region"],
        verify=CA,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        aws_session_token=token,
        config=Config(s3={"addressing_style": "path", **s3}, **settings),
    )


def refused(code, status, call, *args, **kwargs):
    """The call is refused with this code and status; answers the whole response."""
    try:
        call(*args, **kwargs)
    except ClientError as error:
        got = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert got == (code, status), f"wanted {(code, status)}, got {got}: {error}"
        if not code.isdigit():
            assert error.response["ResponseMetadata"].get("RequestId"), "no request id"
        return error.response
    raise AssertionError(f"wanted {code}, but it was allowed")


def run():
    """Runs the cases of the calling script."""
    cases = inspect.stack()[1].frame.f_globals
    cases = {name: case for name, case in cases.items() if name.startswith("case_")}
    failed = []
    for name, case in cases.items():
        try:
            case()
            print(f"ok      {name}")
        except Exception:  # noqa: BLE001 - whatever it is, the next case runs too
            failed.append(name)
            print(f"FAILED  {name}\n{traceback.format_exc()}")
    print(f"boto3 {boto3.__version__}, botocore {botocore.__version__}: {len(cases) - len(failed)} of {len(cases)}")
    sys.exit(1 if failed else 0)
