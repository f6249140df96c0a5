"""An OpenAI-compatible chat server that plays a script.

Each request of ``POST /v1/chat/completions`` is answered by the script's next step: a function call
``("call", name, arguments)`` or a text ``("say", text)``. ``between`` maps a step's index to something
that is done after the request came in and before it is answered.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ModelServer:
    def __init__(self, script, between=None):
        self.script = list(script)
        self.between = dict(between or {})
        self.requests = []
        self.failures = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def base_url(self):
        return "http://127.0.0.1:%d/v1" % self._server.server_address[1]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def tool_results(self):
        """What the functions answered, as the model was told at its last request."""
        messages = self.requests[-1]["messages"] if self.requests else []
        return [message["content"] for message in messages if message.get("role") == "tool"]

    def _answer(self, body):
        with self._lock:
            index = len(self.requests)
            self.requests.append(body)
        if index in self.between:
            try:
                self.between[index]()
            except Exception as error:  # told to the test, which expects none
                self.failures.append(repr(error))
        step = self.script[index] if index < len(self.script) else ("say", "TERMINATE")
        if step[0] == "say":
            message, reason = {"role": "assistant", "content": step[1]}, "stop"
        else:
            call = {
                "id": "call_%d" % index,
                "type": "function",
                "function": {"name": step[1], "arguments": json.dumps(step[2])},
            }
            message, reason = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
        return {
            "id": "chatcmpl-%d" % index,
            "object": "chat.completion",
            "created": 0,
            "model": body.get("model", "gpt-4o-mini"),
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }

    def _handler(outer):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not self.path.endswith("/chat/completions"):
                    return self._send(404, {"error": {"message": "no such path"}})
                self._send(200, outer._answer(body))

            def _send(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        return Handler


TRIAGE = [
    ("call", "list_github_issues", {"state": "open"}),
    ("call", "create_github_issue", {"title": "Fix the title typo", "body": "The landing page says tilte."}),
    ("say", "TERMINATE"),
]
