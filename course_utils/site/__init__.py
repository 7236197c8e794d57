"""Builds pages to be read without a network: the public site, a run's report, a sweep's comparison. One theme for all."""
