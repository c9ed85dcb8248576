"""Actions of Oncue in Python. Copy this file beside your program; it needs Python 3.8 and nothing else.

    from oncue_plugin import Fatal, Retry, action, run

    @action
    def shout(params, call):
        if not params["text"]:
            raise Fatal("empty", "there is nothing to shout")
        return {"text": params["text"].upper()}

    run()

A function gets its parameters as they are written in the rule, and the Call. It gives its outputs: a dict that is JSON and
has at most 64 KiB, or None for none. It runs in a thread of its own, so several run at the same time, up to what
plugin.yaml says as `calls`; write `calls: 1` for code that cannot bear that.

A program may raise events by itself, from a thread of its own: threading.Thread(target=watch, daemon=True).start() before
run(), and in watch() emit("ticket-17", "TicketClosed", {"ticket": 17}, keys={"ticket": "17"}). It returns when the event is
stored.

What is printed goes to the log of Oncue: standard output belongs to the protocol, and print() does not reach it.
The protocol is described in docs/plugin-protocol.md.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

__all__ = ["Call", "Fatal", "Retry", "Unknown", "action", "emit", "run"]

PROTOCOL = 1


class Failed(Exception):
    """Why an action failed: a word for machines, and a sentence for people. Raise one of the three below."""

    kind = "unknown"

    def __init__(self, code, message, after=None):
        super().__init__(message)
        self.code, self.message, self.after = code, message, after


class Retry(Failed):
    """It did not take effect, and another attempt may succeed; not before `after` seconds, when that is given."""

    kind = "retry"


class Fatal(Failed):
    """No attempt can succeed."""

    kind = "fatal"


class Unknown(Failed):
    """It may have taken effect. Every exception that is none of these three counts so."""

    kind = "unknown"


class Call:
    """One attempt of a step.

    key      equal for all attempts of one step: hand it on as the idempotency key of what is called
    attempt  which one, from 1
    event    id, type, subappid, file_id and the like of the event that started the run
    app      {"subappid": ..., "name": ...} of the application that the step acts for, or None
    run, rule, step    what the call belongs to
    """

    def __init__(self, line, output):
        self._id, self._action, self._params = line["id"], line["action"], line["params"]
        self._until = time.monotonic() + line["deadline_ms"] / 1000
        self._cancelled = threading.Event()
        self._output = output
        self.key, self.attempt = line["key"], line["attempt"]
        self.run, self.rule, self.step = line["run"], line["rule"], line["step"]
        self.event, self.app = line["event"], line["app"]

    @property
    def cancelled(self):
        """Whether nobody waits for the outputs any more. Return soon then: a call that goes on ends the program."""
        return self._cancelled.is_set()

    def remaining(self):
        """The seconds until the outputs are of no more use: a time-out for whatever is called."""
        return max(0.001, self._until - time.monotonic())

    def sleep(self, seconds):
        """Waits, but no longer than the call has; whether it is cancelled or over now."""
        return self._cancelled.wait(min(seconds, self.remaining())) or time.monotonic() >= self._until

    def log(self, message, level="info"):
        """Writes to the log of Oncue, beside the run. Levels: trace, debug, info, warn, error."""
        self._output.write({"type": "log", "level": level, "message": str(message), "id": self._id})


class _Output:
    """Standard output, one whole line at a time."""

    def __init__(self):
        self._lock = threading.Lock()
        self._file = os.fdopen(os.dup(1), "wb")
        # What is printed here, or by programs that are started from here, is for people.
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def write(self, line):
        # A lone surrogate, as in some names of files, is no text that JSON could hold.
        text = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        data = text.encode("utf-8", "replace") + b"\n"
        with self._lock:
            self._file.write(data)
            self._file.flush()


_actions = {}
_events = {}
_greeted = threading.Event()
_output = None


def emit(id, type, body=None, keys=None, subappid=None):
    """Raises an event, and returns its id in Oncue once it and the runs that it starts are stored.

    `id` names what happened: a second event of the same id is the same event, so it is safe to raise one again when the
    program was ended meanwhile. While Oncue cannot store it, this tries again. Fatal: it cannot be stored at all.
    """
    _greeted.wait()
    pause = 1
    while True:
        event = {"type": type, "body": body, "keys": keys or {}, "subappid": subappid}
        answered = _events[id] = SimpleQueue()
        _output.write({"type": "event", "id": id, "event": event})
        answer = answered.get()
        if answer["type"] == "ack":
            return answer["event"]
        error = answer["error"]
        if error["class"] == "fatal":
            raise Fatal(error["code"], error["message"])
        time.sleep(max(pause, error.get("after_ms", 0) / 1000))
        pause = min(2 * pause, 60)


def action(function=None, *, name=None):
    """Makes a function an action, which has its name unless another is given: @action or @action(name="...")."""

    def register(function):
        _actions[name or function.__name__] = function
        return function

    return register(function) if function else register


def run():
    """Serves calls until Oncue wants no more, and returns then."""
    # It ends with its input. A manager of services tells a whole service to end, and Oncue lets calls finish first.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    global _output
    output, calls, pool = _Output(), {}, None
    _output = output
    for line in map(json.loads, sys.stdin.buffer):
        kind = line["type"]
        if kind == "hello":
            pool = ThreadPoolExecutor(line["calls"])
            # Where Oncue does not speak this version, it says so and ends the program.
            output.write({"type": "hello", "protocol": PROTOCOL, "actions": list(_actions)})
            _greeted.set()
        elif kind == "call":
            call = calls[line["id"]] = Call(line, output)
            pool.submit(_serve, call, calls, output)
        elif kind == "cancel" and line["id"] in calls:
            calls[line["id"]]._cancelled.set()
        elif kind in ("ack", "refused") and line["id"] in _events:
            _events.pop(line["id"]).put(line)
        elif kind == "stop":
            break
    if pool:
        pool.shutdown()


def _serve(call, calls, output):
    try:
        outputs = _actions[call._action](call._params, call)
        result = {"outputs": {} if outputs is None else outputs}
    except Failed as failed:
        error = {"class": failed.kind, "code": failed.code, "message": failed.message}
        if failed.after is not None:
            error["after_ms"] = int(failed.after * 1000)
        result = {"error": error}
    except BaseException as failed:
        traceback.print_exc()
        result = {"error": {"class": "unknown", "code": type(failed).__name__, "message": str(failed)}}
    calls.pop(call._id, None)
    line = {"type": "result", "id": call._id}
    try:
        output.write({**line, **result})
    except (TypeError, ValueError) as failed:
        message = "the outputs are no JSON: %s" % failed
        output.write({**line, "error": {"class": "fatal", "code": "outputs", "message": message}})
