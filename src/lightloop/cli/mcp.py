"""`lightloop mcp`: the analog tools for any agent."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command, which stands without a group."""
    app.command("mcp")(mcp)


def mcp() -> None:
    """Serve the analog tools to an agent over the Model Context Protocol, on standard input and output."""
    from lightloop.mcp.service import serve

    serve()
