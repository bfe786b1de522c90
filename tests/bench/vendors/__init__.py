"""The yardstick of runtimes: each vendor's task as one writes it by hand with its SDK."""
