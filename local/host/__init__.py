"""Azure Functions host for one machine, around Microsoft's own Python worker library.

In Azure, a host written in .NET receives requests and events and hands them to a Python worker. The worker part is the
published package `azure-functions-runtime`, and it runs here unchanged: it indexes the app, converts every trigger and
response, and calls the functions. This package is the other half: routes, the Event Hubs listener with its
checkpoints, timers, retry policies, time limits and the settings around them.

What it does not do: no other triggers or bindings than HTTP, Event Hubs and timers in and HTTP out; function keys are
not asked for (as in Core Tools); a timer's schedule is not kept across restarts, and each host of several runs it.
"""

from local.host.manifest import CannotIndex, Function
from local.host.server import FunctionsHost, index_app

__all__ = ["CannotIndex", "Function", "FunctionsHost", "index_app"]
