"""What functions do, by the name of the case in the event: each is tried in AWS's emulator and under `check --run`."""

import os
import signal
import sys
import time


class Refused(Exception):
    """An error of the function's own."""


def handler(event, context):
    return CASES[event["case"]](event, context)


def raises(event, context):
    raise Refused("not today, Zoë")


def raises_deeply(event, context):
    def inner(depth):
        return inner(depth - 1) if depth else 1 / 0

    return inner(3)


def dies(event, context):
    os.kill(os.getpid(), signal.SIGKILL)


def prints(event, context):
    for number in range(20000):
        print("line", number, "x" * 80)
    sys.stderr.write("the last word\n")
    return "printed"


def tells_its_context(event, context):
    return {
        "name": context.function_name,
        "version": context.function_version,
        "arn_ends": context.invoked_function_arn.rsplit(":", 1)[-1],
        "has_group": bool(context.log_group_name),
        "has_stream": bool(context.log_stream_name),
        "memory": int(context.memory_limit_in_mb) > 0,
        "id_length": len(context.aws_request_id),
        "has_time": 0 < context.get_remaining_time_in_millis() <= 5000,
    }


SET_BY_LAMBDA = [
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "LANG",
    "LD_LIBRARY_PATH",
    "PATH",
    "TZ",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
]

CASES = {
    "echo": lambda event, context: event["value"],
    "nothing": lambda event, context: None,
    "unicode": lambda event, context: {"ключ": "☃ \U0001f600 \x00 \x7f", "quote": "\"\\\n"},
    "six_megabytes": lambda event, context: "x" * (6 * 1024 * 1024 - 2),
    "more_than_six_megabytes": lambda event, context: "x" * (6 * 1024 * 1024 + 99),
    "no_json": lambda event, context: object(),
    "not_a_number": lambda event, context: float("nan"),
    "raises": raises,
    "raises_deeply": raises_deeply,
    "exits": lambda event, context: sys.exit(0),
    "exits_with_status": lambda event, context: sys.exit(7),
    "exits_at_once": lambda event, context: os._exit(3),
    "dies": dies,
    "sleeps": lambda event, context: time.sleep(60),
    "prints": prints,
    "context": tells_its_context,
    "environment": lambda event, context: [name for name in SET_BY_LAMBDA if os.environ.get(name)],
    "values": lambda event, context: {name: os.environ.get(name) for name in event["names"]},
    "temporary": lambda event, context: open("/tmp/file", "w").write("seven"),
}
