"""What is measured of a device's last hours: a file a statistic, found by the registry."""
