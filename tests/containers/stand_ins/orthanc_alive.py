"""Succeeds when Orthanc answers, if only by asking who calls."""

from http.client import HTTPConnection

connection = HTTPConnection("127.0.0.1", 8042, timeout=4)
connection.request("GET", "/system")
raise SystemExit(connection.getresponse().status not in {200, 401})
