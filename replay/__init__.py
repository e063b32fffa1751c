"""Recordings, attacks and the pace at which they are streamed."""
