"""Seeded disasters over an accelerated stream with attacks: whatever happens, verdicts and rounds are those of a quiet day."""
