"""Servers that stand in for services we cannot reach in a test. Each is a process of its own."""
