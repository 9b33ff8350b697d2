"""A key that may send ten requests a second, and a client that asks faster and tries again."""

from support import BUCKET, client, run


def case_sixty_objects_are_written_and_read_in_spite_of_a_rate():
    s3 = client("full", retries={"max_attempts": 10, "mode": "standard"})
    for number in range(30):
        s3.put_object(Bucket=BUCKET, Key=f"rate/{number}", Body=b"x")
    for number in range(30):
        assert s3.get_object(Bucket=BUCKET, Key=f"rate/{number}")["Body"].read() == b"x"


run()
