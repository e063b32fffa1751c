"""Keys of a type that nobody of ours gives them: deleted where they are written, for what they should hold is made again."""

from __future__ import annotations

from typing import Final

OF_TYPE: Final = """
local function of_type(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then redis.call('DEL', key) end
end
"""
"""The head of a Lua script: `of_type(KEYS[1], 'hash')` before the script reads or writes that key."""


def is_wrong_type(error: object) -> bool:
    """Return whether Redis refused a command because the key is of another type."""
    return isinstance(error, Exception) and str(error).startswith("WRONGTYPE")
