"""Where the seconds go: `make bench`, or `python -m benchmarks epochs` for one part."""
