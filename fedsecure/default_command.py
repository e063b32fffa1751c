"""A group of commands whose first one need not be said."""

from __future__ import annotations

from typing import Any

import typer.core


class DefaultCommandGroup(typer.core.TyperGroup):
    """Takes what names none of its commands as a call of the first one: `fedsecure models 3fa8` is `fedsecure models show 3fa8`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the first command's name before arguments that begin with none. Help is the group's own."""
        asks_for_help = bool(args) and args[0] in self.get_help_option_names(ctx)
        if not asks_for_help and (not args or args[0] not in self.commands):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)
