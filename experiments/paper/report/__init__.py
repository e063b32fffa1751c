"""The paper's tables and figures as a page, as files and in words."""
