"""Requests that the CloudEvents SDK makes, as JSON lines: {"name": …, "headers": {…}, "body": "the body in base64"}.

    make_cloud_events.py
"""

import base64
import json
from datetime import datetime, timedelta, timezone

from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

ATTRIBUTES = {
    "specversion": "1.0",
    "type": "com.example.ticket.decided",
    "source": "https://desk.example/tickets",
    "subject": "工单 7",
    "time": datetime(2026, 1, 31, 8, tzinfo=timezone(timedelta(hours=8))),
}
DATA = {"ticket": "7", "decision": "publish", "who": "李"}


def show(name, made):
    body = base64.b64encode(made.body).decode()
    print(json.dumps({"name": name, "headers": made.headers, "body": body}))


def event(number, data, **more):
    return CloudEvent({**ATTRIBUTES, "id": f"decision-{number}", **more}, data)


show("structured", to_structured_event(event(1, DATA)))
show("binary", to_binary_event(event(2, DATA, datacontenttype="application/json")))
show("binary again in structured mode", to_structured_event(event(2, DATA)))
show("an extension", to_structured_event(event(3, DATA, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")))
show("bytes in structured mode", to_structured_event(event(4, b"\xff\x00")))
show("text in binary mode", to_binary_event(event(5, "yes", datacontenttype="text/plain")))
show("no data", to_binary_event(event(6, None)))
show("no media type", to_binary_event(event(7, DATA)))
