"""Targets that TVM generates code for. Nothing else imports it."""
