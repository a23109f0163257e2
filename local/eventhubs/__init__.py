"""An Event Hubs endpoint for one machine: AMQP 1.0 over plain TCP, for the unmodified `azure-eventhub` clients.

    codec, performatives, messages            bytes to values and back
    connection, session, links                the protocol's layers
    addresses, nodes, access                  what a link is for; `$cbs`, `$management`, shared access signatures
    namespace, positions, partitioning        hubs, who may read where, where a reader starts, where a key lands
    log, journal, storage                     what a partition keeps, on disk too
    server, command                           in a process, on the command line

It shows that a client speaks the protocol, not how Azure behaves under load: it never throttles and has no tiers. Not
here: TLS, WebSockets, tokens of an identity provider (only shared access signatures), unsettled deliveries to readers,
idempotent and publisher endpoints, capture, schema registry. Everything is refused that a client must not believe in.
"""
