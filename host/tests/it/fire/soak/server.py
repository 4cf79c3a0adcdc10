"""An MCP server over stdio that does what calls ask for, and writes down the token of each call that reaches it.

Argument: the file for the tokens, a line each. Processes of several gateways add to the same one.
"""
import json, os, sys, threading

record = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
lock = threading.Lock()
version = 0


def send(message):
    with lock:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def raw(text):
    with lock:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def call(id, arguments):
    global version
    os.write(record, b"%d\n" % arguments["token"])
    how = arguments.get("how")
    done = {"content": [{"type": "text", "text": "done"}], "isError": False}
    if how == "die":
        os._exit(3)
    if how == "hang":
        return
    if how == "other_id":
        send({"id": "nobody's", "result": done})
        return
    if how == "nonsense":
        raw('{"jsonrpc": "2.0", "id": %s, "result": {]' % json.dumps(id))
        return
    if how == "babble":
        raw("what is this?")
    if how == "twice":
        send({"id": id, "result": done})
    if how == "flood":
        for nth in range(200):
            send({"method": "notifications/message", "params": {"level": "info", "data": nth}})
    if how == "fail":
        done["isError"] = True
    if how == "error":
        send({"id": id, "error": {"code": -32000, "message": "it was told to"}})
        return
    if how == "change":
        version += 1
        send({"method": "notifications/tools/list_changed"})
    send({"id": id, "result": done})


def answer(message):
    id, method, params = message["id"], message["method"], message.get("params", {})
    schema = {"type": "object"}
    if method == "initialize":
        result = {"protocolVersion": params["protocolVersion"], "serverInfo": {"name": "odd", "version": "1"},
                  "capabilities": {"tools": {"listChanged": True}, "resources": {}, "prompts": {}, "logging": {}}}
    elif method == "tools/list":
        moody = {"name": "moody", "inputSchema": schema, "description": "mood %d" % (version % 2)}
        result = {"tools": [{"name": "do", "inputSchema": schema}, moody]}
    elif method == "resources/list":
        result = {"resources": [{"uri": "odd://one", "name": "one"}]}
    elif method == "resources/templates/list":
        result = {"resourceTemplates": []}
    elif method == "prompts/list":
        result = {"prompts": [{"name": "one"}]}
    elif method == "tools/call":
        return call(id, params["arguments"])
    elif method == "ping":
        result = {}
    else:
        return send({"id": id, "error": {"code": -32601, "message": "no such method"}})
    send({"id": id, "result": result})


for line in sys.stdin:
    message = json.loads(line)
    if "method" in message and "id" in message:
        answer(message)
