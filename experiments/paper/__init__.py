"""The paper's tables and figures on detection, each beside the honest one."""
