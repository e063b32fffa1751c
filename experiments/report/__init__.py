"""What the studies' reports share: tables, one page, files of numbers, colours."""
