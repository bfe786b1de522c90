"""Tools that MCP servers offer: asked for once per run, called like any other tool.

Only the modules that talk to servers (`connection`, `calling`, `listing` and what they use)
import the SDK; what workers and checks need before that stays quick to import.

Source: MCP 2026-07-28, mcp SDK 2.3.
"""
