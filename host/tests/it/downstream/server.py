"""An MCP server over stdio for tests: odd where servers are odd, and able to misbehave.

Argument: legacy, modern, or fragile (legacy, and dies of what it does not know); then, if wanted, "listed" and the name
of one more tool that is offered, and "described" and what is said of the tool "echo".
"""
import json, os, subprocess, sys, threading

MODERN = "modern" in sys.argv[1:]
write_lock = threading.Lock()
waiting = {}  # id of a request of ours, or ("cancel", id) -> [event, value]
redefined = {}  # name of a tool -> what is different about its definition
tools = ["steps", "die", "wait", "hang", "ask", "ask_twice_open", "echo", "environment", "spawn",
         "other/echo", "e*", "e cho", "echo\x1b"]

if "listed" in sys.argv:
    tools.append(sys.argv[sys.argv.index("listed") + 1])
if "described" in sys.argv:
    redefined["echo"] = {"description": sys.argv[sys.argv.index("described") + 1]}


def send(message):
    with write_lock:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def wait_for(key):
    with write_lock:
        slot = waiting.setdefault(key, [threading.Event(), None])
    slot[0].wait()
    return slot[1]


def arrive(key, value):
    with write_lock:
        slot = waiting.setdefault(key, [threading.Event(), None])
    slot[1] = value
    slot[0].set()


def text(value):
    return {"content": [{"type": "text", "text": value}]}


def elicit(id):
    send({"id": f"ask-{id}", "method": "elicitation/create",
          "params": {"message": "name?", "requestedSchema": {"type": "object", "x-odd": 1}, "oddity": id}})
    return wait_for(f"ask-{id}")


def call(id, params):
    name, arguments = params["name"], params.get("arguments", {})
    meta = params.get("_meta", {})
    if name == "steps":
        for step in range(arguments["steps"]):
            if "progressToken" in meta:
                send({"method": "notifications/progress",
                      "params": {"progressToken": meta["progressToken"], "progress": step, "oddity": [step]}})
        return {"content": [{"type": "hologram", "data": [1.0, None]}, {"type": "resource_link", "uri": "a:b"}],
                "structuredContent": {"big": 18446744073709551615, "null": None}, "oddity": {"deep": [id]}}
    if name == "die":
        os._exit(3)
    if name == "wait":
        send({"method": "notifications/message", "params": {"level": "info", "data": "waiting"}})
        wait_for(("cancel", id))
        return text("was told")
    if name == "hang":
        send({"method": "notifications/message", "params": {"level": "info", "data": "hanging"}})
        threading.Event().wait()
    if name == "ask" and MODERN:
        answers = params.get("inputResponses")
        if answers is None:
            return {"resultType": "input_required", "requestState": "opaque", "inputRequests": {"who": {
                "method": "elicitation/create",
                "params": {"mode": "form", "message": "name?", "requestedSchema": {"type": "object"}, "oddity": 7}}}}
        return {"resultType": "complete", **text("answered"), "seen": {"answers": answers, "state": params.get("requestState")}}
    if name == "ask":
        return {**text("answered"), "seen": elicit(id)}
    if name == "job":
        return {"resultType": "task", "taskId": "theirs", "status": "working"}
    if name in ("grow", "redefine"):
        return text("done")
    if name == "echo":
        return {**text("echo"), "received": params}
    if name == "spawn":
        script = f"import socket, time; s = socket.create_connection(('127.0.0.1', {arguments['port']})); time.sleep(999)"
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.DEVNULL)
        return text("spawned")
    if name == "noise":
        for line in arguments["lines"]:
            with write_lock:
                print(line, flush=True)
        return text("done")
    if name == "raw":
        send({"id": id, **arguments["answer"]})
        return None
    if name == "twice":
        send({"id": id, "result": text("first")})
        return text("second")
    if name == "other_id":
        send({"id": id + 1000 if isinstance(id, int) else f"{id}0", "result": text("for nobody")})
        return None
    if name == "flood":
        # Written as they are, because making a million of them takes longer than reading them.
        line = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}) + "\n"
        many = min(arguments["number"], 1000)
        with write_lock:
            for _ in range(arguments["number"] // many):
                sys.stdout.write(line * many)
            sys.stdout.flush()
        return text("done")
    if name == "unreadable":
        before, huge, after = arguments["answer"].replace("ID", json.dumps(id)).partition("HUGE")
        with write_lock:
            sys.stdout.write(before)
            for _ in range(arguments.get("mib", 0) if huge else 0):
                sys.stdout.write("x" * 2**20)
            sys.stdout.write(after + "\n")
            sys.stdout.flush()
        return None
    if name == "ask_unreadably":
        with write_lock:
            sys.stdout.write('{"jsonrpc": "2.0", "method": "roots/list", "params": ' + "[" * 10000 + ', "id": "odd"}\n')
            sys.stdout.write('{"jsonrpc": "2.0", "params": ' + "[" * 1000 + "]" * 1000 + ', "method": "roots/list", "id": "odd"}\n')
            sys.stdout.flush()
        return {**text("answered"), "seen": wait_for("odd")}
    if name == "environment":
        return {**text("environment"), "names": sorted(os.environ), "given": os.environ.get("GIVEN")}
    return {"isError": True, **text("no such tool")}


def answer(message):
    id, method, params = message["id"], message["method"], message.get("params", {})
    info = {"capabilities": {"tools": {"listChanged": True}, "logging": {}, "experimental": {"oddity": {}}, "odd": 1},
            "instructions": "be odd"}
    server = {"name": "oddity", "version": "1", "oddity": True}
    if "job" in tools:
        info["capabilities"]["extensions"] = {"io.modelcontextprotocol/tasks": {}}
    if method == "initialize" and not MODERN:
        result = {"protocolVersion": params["protocolVersion"], "serverInfo": server, **info}
    elif method == "server/discover" and MODERN:
        result = {"resultType": "complete", "supportedVersions": ["2026-07-28"], "ttlMs": 0, "cacheScope": "private", **info,
                  "_meta": {"io.modelcontextprotocol/serverInfo": server}}
    elif "fragile" in sys.argv and method == "server/discover":
        os._exit(1)
    elif method == "subscriptions/listen" and MODERN:
        send({"method": "notifications/subscriptions/acknowledged",
              "params": {"notifications": params["notifications"], "_meta": {"io.modelcontextprotocol/subscriptionId": id}}})
        return
    elif method == "tools/list":
        at = int(params.get("cursor", 0))
        result = {"tools": [{"name": name, "inputSchema": {"type": "object"}, "oddity": {"at": at},
                             "annotations": {"readOnlyHint": name == "echo"}, **redefined.get(name, {})}
                            for name in tools[at:at + 3]]}
        if at + 3 < len(tools):
            result["nextCursor"] = str(at + 3)
    elif method == "tools/call":
        if params["name"] == "grow":
            tools.append(params["arguments"]["name"])
            send({"method": "notifications/tools/list_changed"})
        if params["name"] == "redefine":
            redefined[params["arguments"]["tool"]] = params["arguments"]["with"]
            send({"method": "notifications/tools/list_changed"})
        result = call(id, params)
        if result is None:
            return
    elif method == "odd/error":
        send({"id": id, "error": {"code": -32099, "message": "odd", "data": {"oddity": 1}}})
        return
    elif method in ("tasks/get", "tasks/cancel") and "job" in tools:
        result = {"resultType": "complete", "taskId": params["taskId"], "status": "working"}
    elif method == "prompts/list":
        result = {"prompts": [{"name": "p"}]}
    else:
        send({"id": id, "error": {"code": -32601, "message": "no such method"}})
        return
    send({"id": id, "result": result})


print("a line for the log", file=sys.stderr)
print("this line is no JSON", flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if "method" not in message:
        arrive(message["id"], {key: message[key] for key in ("result", "error") if key in message})
    elif message["method"] == "notifications/cancelled":
        arrive(("cancel", message["params"]["requestId"]), True)
    elif "id" in message:
        threading.Thread(target=answer, args=(message,), daemon=True).start()
