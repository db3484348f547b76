"""Speed against other ways to the same numbers. Nothing here is asserted: times belong to a machine."""
