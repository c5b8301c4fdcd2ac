"""Pictures of the studies of ASAP."""
