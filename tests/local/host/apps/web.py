"""HTTP functions that show what they were given, and answer in every way."""

import asyncio
import json
import time

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
entered = asyncio.Queue[str]()
leave = asyncio.Event()


@app.route("echo/{name}/{number:int?}", methods=["GET", "POST"])
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with what arrived."""
    seen = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "query": dict(req.params),
        "route": dict(req.route_params),
        "body": req.get_body().hex(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.route("echo/{name}", methods=["DELETE"])
async def remove(req: func.HttpRequest) -> func.HttpResponse:
    """Another method of the same path."""
    return func.HttpResponse(f"removed {req.route_params['name']}")


@app.route("answer", auth_level=func.AuthLevel.ANONYMOUS)
async def answer(req: func.HttpRequest) -> func.HttpResponse:
    """A status, headers, two cookies and bytes."""
    response = func.HttpResponse(bytes(range(256)), status_code=418, mimetype="application/octet-stream")
    response.headers["X-Answer"] = req.method
    response.headers.add("Set-Cookie", "a=1; Max-Age=60; Path=/; HttpOnly; SameSite=Lax")
    response.headers.add("Set-Cookie", "b=2; Domain=example.com; Secure; Expires=Wed, 21 Oct 2026 07:28:00 GMT")
    return response


@app.route("text")
def text(req: func.HttpRequest) -> str:
    """A plain text, from a function without async."""
    return f"text by {req.method}"


@app.route("fail")
async def fail(req: func.HttpRequest) -> func.HttpResponse:
    """Raise."""
    raise LookupError(f"no luck with {len(req.url)} characters")


@app.route("wait")
async def wait(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Say who is in, and stay until told to leave."""
    entered.put_nowait(context.invocation_id)
    await leave.wait()
    return func.HttpResponse(context.function_name + req.method)


@app.route("sleep")
def sleep(req: func.HttpRequest) -> str:
    """Block a thread for a second."""
    time.sleep(1)
    return f"slept by {req.method}"
