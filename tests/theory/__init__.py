"""Queueing theory against the engines: closed formulas, scenario files that they describe, intervals over seeds."""
