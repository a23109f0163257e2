"""Azure Functions host for one machine, around Microsoft's own Python worker library.

In Azure, a host written in .NET receives requests and events and hands them to a Python worker. The worker part is the
published package `azure-functions-runtime`, and it runs here unchanged: it indexes the app, converts every trigger and
response, and calls the functions. This package is the other half: routes, the Event Hubs listener with its
checkpoints, timers, retry policies, time limits and the settings around them.

What differs from Azure, besides scale:

- HTTP, Event Hubs and timer triggers and the HTTP output are supported; any other binding is refused by name.
- Function keys are not asked for and CORS is not applied, as in Core Tools without its CORS option; no home page.
- Timers keep no state across restarts, so they are never past due, and each of several hosts runs them.
- A function over its time limit has failed; the worker is not restarted, so other invocations live on.
- Connections are connection strings; identity-based ones need Azure.

settings, hostjson, timespan        configuration
protos, worker, manifest            indexing and calling the app
invocations, retry                  running functions
routes, edge, setcookie             HTTP
eventhubs, partition, eventdata     Event Hubs triggers
timers, schedule                    timer triggers
server, command, logs               in a process, on the command line
"""

from local.host.manifest import CannotIndex, Function
from local.host.server import FunctionsHost, index_app

__all__ = ["CannotIndex", "Function", "FunctionsHost", "index_app"]
