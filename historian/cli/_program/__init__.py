"""What ``historian run`` does: a program runs as Python would run it, while named functions are timed."""
