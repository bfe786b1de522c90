"""Sessions of runtimes that work by themselves: started, watched, stopped."""
