"""Receives OTLP/HTTP with the messages of OpenTelemetry's own package for Python.

Prints its port, then writes each record that comes as a line of JSON to the file that is named. What
is not as the specification or the semantic conventions want it is written as {"fault": ...}. With
`--names FILE`, prints the attributes in that file of JSON that nobody knows.
"""

import ast
import gzip
import http.server
import json
import pathlib
import sys

import opentelemetry.semconv as semconv
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.semconv.schemas import Schemas


def conventions():
    """Names of attributes, and beginnings of names, that are not deprecated."""
    names, prefixes = set(), set()
    for folder in map(pathlib.Path, semconv.__path__):
        for file in [*folder.glob("attributes/*.py"), *folder.glob("_incubating/attributes/*.py")]:
            body = ast.parse(file.read_text()).body
            for this, after in zip(body, body[1:] + [None]):
                if not (isinstance(this, ast.AnnAssign) and isinstance(this.value, ast.Constant)):
                    continue
                doc = after.value.value if isinstance(after, ast.Expr) else ""
                # "Deprecated in favor of stable ..." is a name that has become stable.
                if not doc.strip().startswith("Deprecated:"):
                    template = this.target.id.endswith("_TEMPLATE")
                    (prefixes if template else names).add(this.value.value)
    assert len(names) > 500, "the semantic conventions are not where they were"
    return names, tuple(prefix + "." for prefix in prefixes)


NAMES, PREFIXES = conventions()
SCHEMAS = {schema.value for schema in Schemas}


def is_known(key):
    return key.startswith(("signal_trace.",) + PREFIXES) or key in NAMES


def value(any_value):
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(inner) for inner in any_value.array_value.values]
    return getattr(any_value, kind)


def attributes(of):
    result = {}
    for pair in of:
        if pair.key in result:
            fault(f"{pair.key} is set twice")
        if not is_known(pair.key):
            fault(f"{pair.key} is no attribute of the semantic conventions")
        result[pair.key] = value(pair.value)
    return result


def fault(text):
    write({"fault": text})


def write(record):
    OUT.write(json.dumps(record) + "\n")
    OUT.flush()


def of_span(span):
    if len(span.trace_id) != 16 or len(span.span_id) != 8:
        fault(f"ids of {span.name} are not 16 and 8 bytes")
    if not any(span.trace_id) or not any(span.span_id):
        fault(f"an id of {span.name} is zero")
    if not 0 < span.start_time_unix_nano <= span.end_time_unix_nano:
        fault(f"the times of {span.name} are out of order")
    return {
        "span": span.name,
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "start": str(span.start_time_unix_nano),
        "end": str(span.end_time_unix_nano),
        "status": span.status.code,
        "message": span.status.message,
        "attributes": attributes(span.attributes),
        "events": [
            {"name": event.name, "time": str(event.time_unix_nano)} | attributes(event.attributes)
            for event in span.events
        ],
        "links": [link.trace_id.hex() for link in span.links],
    }


def of_log(record):
    return {
        "log": record.event_name,
        "trace_id": record.trace_id.hex(),
        "span_id": record.span_id.hex(),
        "time": str(record.time_unix_nano),
        "severity": record.severity_number,
        "body": value(record.body),
        "attributes": attributes(record.attributes),
    }


def take(groups, scopes_of, records_of, convert):
    for group in groups:
        resource = attributes(group.resource.attributes)
        for scope in scopes_of(group):
            if scope.schema_url and scope.schema_url not in SCHEMAS:
                fault(f"{scope.schema_url} is no version of the semantic conventions")
            for record in records_of(scope):
                MessageToDict(record)
                write(convert(record) | {"resource": resource, "scope": scope.scope.name})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        if self.headers["content-type"] != "application/x-protobuf":
            fault(f"the content type is {self.headers['content-type']}")
        if self.path == "/v1/traces":
            request = ExportTraceServiceRequest.FromString(body)
            take(request.resource_spans, lambda it: it.scope_spans, lambda it: it.spans, of_span)
        elif self.path == "/v1/logs":
            request = ExportLogsServiceRequest.FromString(body)
            take(request.resource_logs, lambda it: it.scope_logs, lambda it: it.log_records, of_log)
        else:
            fault(f"nothing is at {self.path}")
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def names_in(tree):
    """The names of all attributes in JSON, however deep."""
    if isinstance(tree, dict):
        yield from tree.get("attributes", {})
        tree = tree.values()
    elif not isinstance(tree, list):
        return
    for inner in tree:
        yield from names_in(inner)


if sys.argv[1] == "--names":
    names = set(names_in(json.loads(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"))))
    assert names, "there are no attributes in it"
    print(*sorted(name for name in names if not is_known(name)), sep="\n", end="")
    sys.exit()
OUT = open(sys.argv[1], "a", encoding="utf-8")
# One thread for each connection; a record is written in one go.
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
