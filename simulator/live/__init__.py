"""The live stack: a gateway, an upstream that hosts the reference model in real time, and a ledger (docs/live.md)."""
