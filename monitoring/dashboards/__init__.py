"""Grafana's dashboards from code: `python -m monitoring.dashboards` writes monitoring/grafana/dashboards anew."""
