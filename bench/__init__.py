"""Measurements that are read, not asserted: how time and memory grow."""
