"""An Event Hubs endpoint for one machine: AMQP 1.0 over plain TCP, for the unmodified `azure-eventhub` clients.

codec, performatives, messages    bytes to values and back
connection, session, links        the protocol's three layers
nodes, access                     `$cbs`, `$management`, shared access signatures
namespace, log, journal           hubs, their partitions, what they keep and where
positions, partitioning           where a reader starts, where a key lands
server, command                   in a process, on the command line
"""
