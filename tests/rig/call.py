"""Makes one AWS call with boto3: a JSON request on standard input, a JSON answer on standard output.

The request has endpoint, region, credentials (key, secret, token), service, operation (boto3's name) and parameters. The
answer is {"result": …}, or {"error": code} when the service refused. A value {"base64": …} stands for bytes.
"""

import base64
import json
import sys

import boto3
import botocore.config
import botocore.exceptions


def decoded(value):
    """The value with each {"base64": …} turned into bytes."""
    if isinstance(value, dict):
        if set(value) == {"base64"}:
            return base64.b64decode(value["base64"])
        return {key: decoded(item) for key, item in value.items()}
    return [decoded(item) for item in value] if isinstance(value, list) else value


request = json.load(sys.stdin)
key, secret, token = request["credentials"]
client = boto3.client(
    request["service"],
    endpoint_url=request["endpoint"],
    region_name=request["region"],
    aws_access_key_id=key,
    aws_secret_access_key=secret,
    aws_session_token=token,
    config=botocore.config.Config(retries={"total_max_attempts": 1}),
)
try:
    result = getattr(client, request["operation"])(**decoded(request["parameters"]))
    result.pop("ResponseMetadata", None)
    answer = {"result": result}
except botocore.exceptions.ClientError as refusal:
    answer = {"error": refusal.response["Error"]["Code"]}


def encoded(value):
    """What JSON does not know: a stream as its text, everything else as Python shows it."""
    return value.read().decode() if hasattr(value, "read") else str(value)


json.dump(answer, sys.stdout, default=encoded)
