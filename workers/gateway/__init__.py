"""The process that outsiders reach: metrics for Prometheus, health for whoever keeps it alive."""
