"""Judges and oracles behind one protocol."""
