"""An MCP server for tests that says what its cases say, byte for byte, and mirrors what it is asked.

Arguments: legacy or modern; stdio or http; a folder of cases. Over HTTP its first line is its port.
"""
import json, pathlib, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODERN, HTTP, FOLDER = sys.argv[1] == "modern", sys.argv[2] == "http", pathlib.Path(sys.argv[3])
STATE = "opaque \u2603 \x00\n\U0001d11e"
decoder = json.JSONDecoder()
INSTRUCTIONS = json.dumps("Be odd. \U0001d52c\n\x00")
SERVER = '{"name": "oddity", "version": "1", "oddity": true}'
CAPABILITIES = ('{"tools": {}, "prompts": {}, "resources": {}, "completions": {}, "logging": {}, '
                '"experimental": {"oddity": {"deep": [1e30, null]}}, "odd": [{"a": 18446744073709551615}]}')


def skip(text, at):
    while text[at] in " \t\r\n,:":
        at += 1
    return at


def members(text):
    """The members of a JSON object, each value as the text that it is."""
    found, at = {}, skip(text, text.index("{") + 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        start = skip(text, at)
        _, at = decoder.raw_decode(text, start)
        found[key] = text[start:at]
        at = skip(text, at)
    return found


def about(method, params):
    """What a request is about."""
    ref = params.get("ref", {})
    names = [params.get("name"), params.get("uri"), ref.get("name"), ref.get("uri")]
    return (method, *[name for name in names if isinstance(name, str)])


def cases():
    """What is answered to what, and the tools, both as text."""
    answers, tools = {}, []
    for path in sorted(FOLDER.glob("*.json")):
        # White space between tokens is all that is lost: a line is a message.
        case = members(path.read_text(encoding="utf-8").replace("\n", " "))
        if case.get("era") == '"modern"' and not MODERN:
            continue
        tool = {"method": "tools/call", "params": {"name": path.stem}}
        ask = json.loads(case.get("ask", json.dumps(tool)))
        if "result" in case or "error" in case:
            answers[about(ask["method"], ask["params"])] = {key: case[key] for key in ("result", "error") if key in case}
        if ask["method"] == "tools/call":
            tools.append(case.get("tool", json.dumps({"name": path.stem, "inputSchema": {"type": "object"}})))
    tools += [json.dumps({"name": name, "inputSchema": {"type": "object"}}) for name in ("mirror", "steps", "asking")]
    return answers, tools


ANSWERS, TOOLS = cases()


def modern(result):
    """Says of a result what one must say since 2026-07-28."""
    return '{"resultType": "complete", "ttlMs": 0, "cacheScope": "private", ' + result[1:] if MODERN else result


def respond(method, params, raw, send):
    """Sends what comes before the answer, and returns the answer: its one member, as text."""
    name = params.get("name", params.get("uri"))
    if method == "initialize" and not MODERN:
        return {"result": f'{{"protocolVersion": "2025-11-25", "capabilities": {CAPABILITIES}, "serverInfo": {SERVER}, '
                          f'"instructions": {INSTRUCTIONS}}}'}
    if method == "server/discover" and MODERN:
        meta = f'"instructions": {INSTRUCTIONS}, "_meta": {{"io.modelcontextprotocol/serverInfo": {SERVER}}}'
        return {"result": modern(f'{{"supportedVersions": ["2026-07-28"], "capabilities": {CAPABILITIES}, {meta}}}')}
    if method == "tools/list":
        return {"result": modern('{"tools": [' + ", ".join(TOOLS) + "]}")}
    if name == "steps":
        return steps(params, send)
    if name == "asking" and method == "tools/call" and "inputResponses" not in params:
        asks = '"inputRequests": {"odd": {"method": "hologram/beam", "params": {}}}'
        return {"result": f'{{"resultType": "input_required", {asks}, "requestState": {json.dumps(STATE)}}}'}
    if name in ("mirror", "mirror:it", "asking"):
        return {"result": f'{{"content": [], "messages": [], "contents": [], "received": {raw}}}'}
    return ANSWERS.get(about(method, params)) or {"error": '{"code": -32601, "message": "there is no such thing"}'}


def steps(params, send):
    """Tells of each step by progress, then by a log message where asked for, and then answers."""
    token, call = json.dumps(params["_meta"]["progressToken"]), params["arguments"]["call"]
    for step in range(1, params["arguments"]["steps"] + 1):
        send(f'{{"jsonrpc": "2.0", "method": "notifications/progress", "params": '
             f'{{"progressToken": {token}, "progress": {step}}}}}')
        if params["arguments"].get("logs"):
            send(f'{{"jsonrpc": "2.0", "method": "notifications/message", "params": '
                 f'{{"level": "info", "data": {{"call": {call}, "step": {step}}}}}}}')
    return {"result": f'{{"content": [], "call": {call}}}'}


def take(text, send):
    """Answers one message, if it is a request."""
    parts = members(text)
    if "method" not in parts or "id" not in parts:
        return
    raw = parts.get("params", "{}")
    answer = respond(json.loads(parts["method"]), json.loads(raw), raw, send)
    for key, value in answer.items():
        send(f'{{"jsonrpc": "2.0", "id": {parts["id"]}, "{key}": {value}}}')


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        text = self.rfile.read(int(self.headers["content-length"])).decode()
        message, sent = json.loads(text), []
        method, params = message.get("method"), message.get("params", {})
        if params.get("name") == "steps":
            self.begin(200, "text/event-stream", connection="close")
            return take(text, lambda one: self.event(one))
        take(text, sent.append)
        if not sent:
            return self.whole(202, "")
        if method == "server/discover" and not MODERN:
            return self.whole(400, sent[0])
        # Both ways of answering are legal; which, depends on what is asked.
        if len(str(params.get("name", params.get("uri", "")))) % 2:
            self.begin(200, "text/event-stream", connection="close")
            return self.event(sent[0])
        self.whole(200, sent[0])

    def whole(self, status, text):
        body = text.encode()
        self.begin(status, "application/json", content_length=str(len(body)))
        self.wfile.write(body)

    def begin(self, status, kind, **headers):
        self.send_response(status)
        self.send_header("content-type", kind)
        if not MODERN:
            self.send_header("mcp-session-id", "the-session")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def event(self, message):
        self.wfile.write(f"data: {message}\n\n".encode())

    def do_GET(self):
        self.whole(405, "")

    do_DELETE = do_GET

    def log_message(self, *_):
        pass


def serve_stdio():
    lock = threading.Lock()

    def send(line):
        with lock:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    for line in sys.stdin:
        threading.Thread(target=take, args=(line, send), daemon=True).start()


def serve_http():
    # Many calls come at once, each over a connection of its own.
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    # Whoever started it holds its input, and ends it by letting go.
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


serve_http() if HTTP else serve_stdio()
