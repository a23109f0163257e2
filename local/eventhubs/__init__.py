"""An Event Hubs endpoint for one machine: AMQP 1.0 over plain TCP, for the unmodified `azure-eventhub` clients.

    codec, performatives, messages            bytes to values and back
    connection, session, links                the protocol's layers
    addresses, nodes, access                  what a link is for; `$cbs`, `$management`, shared access signatures
    namespace, positions, partitioning        hubs, who may read where, where a reader starts, where a key lands
    log, journal, storage                     what a partition keeps, on disk too
    faults                                    what can go wrong on demand
    server, command                           in a process, on the command line

It shows that a client speaks the protocol, not how Azure behaves under load: it has no tiers, and throttles only when
asked to. Not here: WebSockets, reading tokens of an identity provider (one is accepted as it is, or not at all),
unsettled deliveries to readers, idempotent and publisher endpoints, capture, schema registry. Everything is refused
that a client must not believe in.
"""
