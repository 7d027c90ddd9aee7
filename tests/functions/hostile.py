"""Programs that mean ill, each by the name that it is started with. What they come to know, they answer to the first event."""

import ctypes
import http.client
import json
import os
import signal
import socket
import sys
import threading
import time

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
LIBC = ctypes.CDLL(None, use_errno=True)


def ask(method, path, body=None, headers={}):
    connection = http.client.HTTPConnection(API)
    connection.request(method, "/2018-06-01/runtime/" + path, body, headers, encode_chunked="Transfer-Encoding" in headers)
    response = connection.getresponse()
    return response, response.read()


def next_event():
    response, body = ask("GET", "invocation/next")
    return response.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(body)


def answer(identifier, result):
    return ask("POST", f"invocation/{identifier}/response", json.dumps(result))[0].status


def serve(work):
    """Answers each event with what comes of it."""
    while True:
        identifier, event = next_event()
        answer(identifier, work(event))


def fork_bomb():
    while True:
        try:
            os.fork()
        except OSError:
            signal.pause()


def listener():
    server = socket.create_server(("0.0.0.0", 8080))
    while True:
        server.accept()


def stubborn():
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            pass
    serve(lambda event: "here")


def log_flood():
    line = b"x" * 65535 + b"\n"

    def work(event):
        while True:
            os.write(1, line)
            os.write(2, line)

    serve(work)


def file_flood():
    def work(event):
        held = []
        try:
            while True:
                held.append(open("/dev/null"))
        except OSError as error:
            return [len(held), error.errno]
        finally:
            for file in held:
                file.close()

    serve(work)


def daemon():
    def work(event):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(100000)
            os._exit(0)
        os.wait()
        return "left one behind"

    serve(work)


def api_flood():
    """Everything that a client may do wrong, then the right thing."""
    identifier, _ = next_event()
    statuses = {}

    def raw(name, data):
        with socket.create_connection(API.split(":"), timeout=5) as connection:
            try:
                connection.sendall(data)
                statuses[name] = connection.recv(64).decode("latin-1")
            except OSError as error:
                statuses[name] = type(error).__name__

    raw("garbage", bytes(range(256)) * 16)
    raw("header", b"GET / HTTP/1.1\r\nx: " + b"y" * (1 << 20) + b"\r\n\r\n")
    raw("headers", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100000 + b"\r\n")
    raw("length", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n")
    raw("both", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    statuses["wrong id"] = ask("POST", "invocation/other/response", "1")[0].status
    statuses["no event left"] = ask("GET", "invocation/next")[0].status
    statuses["method"] = ask("DELETE", "invocation/next")[0].status
    statuses["path"] = ask("GET", "../../../etc/passwd")[0].status
    for number in range(2000):
        ask("POST", f"invocation/{number}/error", "{}")
    # Connections that begin a request and never end it.
    waiting = [socket.create_connection(API.split(":")) for _ in range(50)]
    for connection in waiting:
        connection.sendall(b"GET /2018-06-01/runtime/inv")
    answer(identifier, statuses)
    serve(lambda event: "goes on")


def large_body():
    identifier, _ = next_event()

    def pieces():
        for _ in range(1024):
            yield b"x" * (1 << 20)

    try:
        ask("POST", f"invocation/{identifier}/response", pieces(), {"Transfer-Encoding": "chunked"})
    except OSError:
        pass
    serve(lambda event: "goes on")


def slow_bodies():
    identifier, _ = next_event()
    head = f"POST /2018-06-01/runtime/invocation/{identifier}/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    held = [socket.create_connection(API.split(":")) for _ in range(100)]
    while True:
        for connection in held:
            try:
                connection.sendall(head.encode())
            except OSError:
                pass
        head = "x"
        time.sleep(0.2)


def kills_all():
    def work(event):
        # Whoever sends it is left alone, so that somebody else has to.
        if os.fork() == 0:
            os.kill(-1, signal.SIGKILL)
            os._exit(0)
        time.sleep(100000)

    serve(work)


def fills_temporary():
    def work(event):
        written = 0
        try:
            with open("/tmp/large", "wb", buffering=0) as file:
                while True:
                    written += file.write(b"x" * (1 << 20))
        except OSError as error:
            return [written, error.errno]

    serve(work)


def call(name, *arguments):
    """A function of the C library that says -1 when it fails."""

    def made():
        if getattr(LIBC, name)(*arguments) == -1:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    return made


def reaches(address, family=socket.AF_INET):
    def made():
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(3)
            connection.connect(address)

    return made


def writes(path):
    return lambda: open(path, "w").write("1")


def reads(path):
    return lambda: open(path, "rb").read(1)


def escapes():
    def work(event):
        # Whether or not that may be asked for, it has no effect: the answer below shows it.
        try:
            os.kill(1, signal.SIGKILL)
        except OSError:
            pass
        attempts = {
            "mount": call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
            "remount": call("mount", None, b"/", None, 0x20 | 0x1000, None),
            "unmount": call("umount2", b"/proc", 2),
            "chroot": lambda: os.chroot("/tmp"),
            "unshare": call("unshare", 0x10000000),
            "trace process 1": call("ptrace", 16, 1, None, None),
            "become root": lambda: os.setuid(0),
            "another group": lambda: os.setgroups([0]),
            "host name": call("sethostname", b"mine", 4),
            "device": lambda: os.mknod("/tmp/device", 0o20666, os.makedev(1, 1)),
            "clock": lambda: time.clock_settime(time.CLOCK_REALTIME, 0),
            "core pattern": writes("/proc/sys/kernel/core_pattern"),
            "panic": writes("/proc/sysrq-trigger"),
            "ip forwarding": writes("/proc/sys/net/ipv4/ip_forward"),
            "kernel memory": reads("/proc/kcore"),
            "memory of process 1": reads("/proc/1/mem"),
            "environment of process 1": reads("/proc/1/environ"),
            "root of process 1": lambda: os.listdir("/proc/1/root"),
            "files of process 1": lambda: os.listdir("/proc/1/fd"),
            "root": writes("/mine"),
            "password file": writes("/etc/passwd"),
            "end the tool": lambda: os.kill(event["tool"], signal.SIGKILL),
            "server on the host": reaches(("127.0.0.1", event["port"])),
            "metadata": reaches(("169.254.169.254", 80)),
            "name server": reaches(("1.1.1.1", 53)),
            "socket on the host": reaches("\0" + event["socket"], socket.AF_UNIX),
            "virtual machine": lambda: socket.socket(40, socket.SOCK_STREAM),
            "packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
            "keys": call("syscall", 250, 3, 0, 0, 0, 0),
            "host file": reads(event["file"]),
        }
        done = []
        for name, attempt in attempts.items():
            try:
                attempt()
                done.append(name)
            except OSError:
                pass
        return done

    serve(work)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
