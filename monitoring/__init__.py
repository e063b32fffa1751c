"""Watching the running system: Prometheus, Alertmanager, and Grafana's dashboards with the code that makes them."""
