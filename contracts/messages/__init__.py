"""Every message and record that crosses a process boundary, and how it is read."""
