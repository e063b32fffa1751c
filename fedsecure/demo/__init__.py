"""The demo: starts everything, watches it as a console would, and judges whether it did what it promises."""
