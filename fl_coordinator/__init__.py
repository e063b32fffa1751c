"""Federated rounds with devices that stand as benign: select, collect, screen, aggregate, publish."""
